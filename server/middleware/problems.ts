import { Problem, type ProblemDocument, problems } from '../../protocol/problems.ts';
import type { Services } from '../context.ts';
import type { ApiResponse, ErrorMiddleware } from './exchange.ts';

/** The one place where errors become HTTP (RFC 9457). */
export function answerProblems(services: Services): ErrorMiddleware {
  return (error: unknown, _request, response, _next) => {
    const problem = toProblem(error);
    const { exchange } = response.locals;
    exchange.problem = problem.code;
    if (problem.code === 'internal-error') {
      services.diagnostics.error({ request: exchange.id, err: problem.cause }, 'request failed');
    }
    if (response.headersSent) response.destroy();
    else sendProblem(problem, response);
  };
}

/** Anything thrown, as a problem; what nobody foresaw is `internal-error` and keeps its detail to itself. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  // express's, while it decodes a path's parameters.
  if (error instanceof URIError) {
    return new Problem('invalid-request', 'The path is not properly percent-encoded.', {}, error);
  }
  return new Problem(
    'internal-error',
    'The server failed, and its diagnostics say why under the request id; ask whoever runs it.',
    {},
    error,
  );
}

/** The document of a problem, for requests that express never saw too. */
export function problemDocument(problem: Problem, request: string): ProblemDocument {
  const [status, title] = problems[problem.code];
  return {
    ...problem.extensions,
    type: `urn:latchkey:problem:${problem.code}`,
    title,
    status,
    code: problem.code,
    detail: problem.message,
    request,
  };
}

function sendProblem(problem: Problem, response: ApiResponse): void {
  const document = problemDocument(problem, response.locals.exchange.id);
  const bytes = Buffer.from(JSON.stringify(document));
  response.writeHead(document.status, {
    ...response.locals.exchange.headers,
    'Content-Type': 'application/problem+json',
    'Content-Length': bytes.length,
    'Cache-Control': 'no-store',
    ...headers(problem),
  });
  response.end(bytes);
}

function headers({ code, extensions }: Problem): Record<string, string> {
  const { retryAfter, allow } = extensions;
  return {
    ...(typeof retryAfter === 'number' && { 'Retry-After': String(retryAfter) }),
    ...(Array.isArray(allow) && { Allow: allow.join(', ') }),
    // RFC 9110 §11.6.1 wants a challenge in every 401; none is registered for TLS client certificates.
    ...(problems[code][0] === 401 && { 'WWW-Authenticate': 'ClientCertificate' }),
  };
}

import type { IncomingMessage } from 'node:http';
import { LONGEST_LINE } from '../../protocol/api/import.ts';
import { readLines } from '../../protocol/lines.ts';
import { Problem } from '../../protocol/problems.ts';
import { type AnyOperation, NDJSON, noBody } from '../operation.ts';
import { liftDeadline } from '../sockets.ts';
import type { Middleware } from './exchange.ts';

/** The most bytes of a request body: 64 receipts of 768 bytes fit. */
export const LARGEST_BODY = 65_536;

const jsonType = /^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i;
/** Refuses bytes that are not UTF-8, where express.json() would put U+FFFD in their place. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the JSON body of an operation that takes one, and refuses a body where none is taken. */
export function readBody(operation: AnyOperation): Middleware {
  if (operation.body === noBody) {
    return (request, _response, next) => {
      if (!hasBody(request)) return next();
      next(
        new Problem('invalid-request', `${operation.method.toUpperCase()} ${operation.path} takes no body.`),
      );
    };
  }
  if (operation.takes === NDJSON) return readLater;
  return async (request, _response, next) => {
    const { 'content-type': type = '', 'content-encoding': encoding } = request.headers;
    if (!hasBody(request) || !jsonType.test(type)) {
      throw new Problem('unsupported-media-type', 'Send a body of Content-Type application/json, in UTF-8.');
    }
    // Without decompression, a body cannot be larger than it looks.
    if (encoding !== undefined) {
      throw new Problem('unsupported-media-type', 'Send the body without Content-Encoding.');
    }
    request.body = parse(await readAll(request));
    next();
  };
}

const ndjsonType = /^application\/x-ndjson(?:\s*;\s*charset="?utf-8"?)?\s*$/i;

/** The handler reads the body while it answers, for as long as both sides go on. */
const readLater: Middleware = (request, response, next) => {
  const { 'content-type': type = '', 'content-encoding': encoding } = request.headers;
  if (!hasBody(request) || !ndjsonType.test(type) || encoding !== undefined) {
    throw new Problem(
      'unsupported-media-type',
      `Send a body of Content-Type ${NDJSON}, in UTF-8, a value a line.`,
    );
  }
  liftDeadline(request, response);
  // Where the handler stops early, the connection is still to carry its answers.
  const lines = readLines(request.iterator({ destroyOnReturn: false }), LONGEST_LINE);
  request.body = lines;
  // What is sent on behind the last answer is passed over: else nobody would see that the client has gone.
  response.once('finish', () => {
    lines.return(undefined).then(
      () => request.resume(),
      () => {},
    );
  });
  next();
};

/** True where the request carries a body (RFC 9112 §6). */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function readAll(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= LARGEST_BODY) chunks.push(chunk);
    });
    request.on('end', () => {
      // Only now, since a client that is still sending would not hear it.
      if (length <= LARGEST_BODY) resolve(Buffer.concat(chunks));
      else
        reject(
          new Problem('payload-too-large', `A body has at most ${LARGEST_BODY} bytes; send less at a time.`),
        );
    });
    request.on('error', (cause) => {
      reject(new Problem('invalid-request', 'The body ended before its length; send it again.', {}, cause));
    });
  });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new Problem('invalid-request', 'The body is not JSON in UTF-8.', {}, cause);
  }
}

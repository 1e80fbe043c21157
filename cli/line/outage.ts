import { asFailure } from '../failure.ts';

/** No outage: the server, or what stands in its place, is not what it should be. */
const wrong: ReadonlySet<string> = new Set(['server-untrusted', 'name-wrong', 'server-certificate-time']);

/**
 * Whether there is no server now: it refuses connections, is silent, or fails (5xx). A refusal is none,
 * nor is an answer of another kind than ours, unless it says 5xx, as proxies do.
 */
export function isOutage(error: unknown): boolean {
  const { exit, code, details } = asFailure(error);
  if (exit !== 'network' || wrong.has(code)) return false;
  return code !== 'answer-unknown' || Number(details['status']) >= 500;
}

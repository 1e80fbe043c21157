import type { ProblemCode } from '../protocol/problems.ts';

export const VERSIONS =
  'Server and latchkey may be of different versions: compare `latchkey --version` with `latchkey whoami`.';
const ENROL = 'With the code, run: latchkey enroll';

/**
 * What each refusal of the server's tells the user to do, in commands: the server's own words cannot
 * know them. Null where those words say all that there is to do.
 */
export const advice: Readonly<Record<ProblemCode, string | null>> = {
  'invalid-request': 'Correct what was given: `latchkey help VERB` says what each takes.',
  'invalid-message': null,
  'idempotency-key-required': VERSIONS,
  'not-found':
    'Check what was typed: `list` of events, unlocks, modules or principals shows what you may see.',
  'method-not-allowed': VERSIONS,
  'not-acceptable': VERSIONS,
  'payload-too-large': VERSIONS,
  'unsupported-media-type': VERSIONS,
  'idempotency-key-reused': 'Run the command again: each run takes a fresh one.',
  'rate-limited': null,
  'certificate-required': ENROL,
  'certificate-untrusted': ENROL,
  'certificate-expired': 'Run: latchkey renew',
  'certificate-revoked': ENROL,
  'certificate-renewed':
    'This home is a copy of another, or an old one restored. With a new code, run: latchkey enroll',
  'principal-disabled': null,
  'renewal-refused': ENROL,
  forbidden: 'Ask for what policy permits, or talk to an officer.',
  'code-unknown': null,
  'code-used': null,
  'code-withdrawn': null,
  'code-expired': null,
  'key-unsuitable': null,
  'principal-exists': 'Who that is: latchkey principals list',
  'last-officer': 'A new one: latchkey invite NAME --role officer',
  'module-unknown': 'At a station: latchkey provision',
  'module-exists':
    'Put it aside and tell an officer. If it is genuine: where the old key still works, an officer unlocks it with ' +
    '--scope reset; else latchkey modules retire HWID --why "…", then provision it again.',
  'module-unconfirmed': 'At a station: latchkey provision',
  'module-inactive':
    'On the line, put it aside. Why it is so: latchkey events list --hwid HWID, for officers.',
  'module-flagged': null,
  'module-in-use': null,
  'order-exists': 'What it is: latchkey orders show NAME',
  'order-unknown': 'Which there are: latchkey orders list',
  'order-closed': 'An officer opens it again: latchkey orders reopen NAME --why REASON',
  'order-not-yours': 'Those that were: latchkey orders list --station NAME',
  'order-full': 'An officer raises it: latchkey orders change NAME --quantity N --why REASON',
  'order-mismatch': 'Whose it is: latchkey modules show HWID',
  'unlock-state': null,
  'challenge-mismatch': null,
  'challenge-spent': null,
  'manifest-behind': null,
  'replacements-exhausted': null,
  'password-unknown': null,
  'receipt-unknown': null,
  'range-not-satisfiable': 'Its log may have been cut: latchkey log verify',
  'log-unavailable': 'Try again then; whoever runs the server sees why with latchkey-server doctor.',
  'shutting-down': 'Run the command again in a moment.',
  'internal-error': 'Tell them the request id REQUEST.',
};

/** @param request the id under which the server's diagnostics tell of the request */
export function adviceOn(code: string, request: string | undefined): string | undefined {
  if (!isKnown(code)) return VERSIONS;
  return advice[code]?.replace('REQUEST', request ?? 'none');
}

/** A newer server may have newer codes. */
function isKnown(code: string): code is ProblemCode {
  return Object.hasOwn(advice, code);
}

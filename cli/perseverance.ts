import type { Cli } from './context.ts';
import { formatDuration } from './duration.ts';
import type { Failure } from './failure.ts';

/** Milliseconds before the next attempt, as long as none gets any further. */
const PAUSES = [250, 1000, 3000, 10_000, 30_000];
/** Where the server asks for patience: what is let through again after less is used up at once. */
const LIMITED = [5000, 10_000, 30_000];
/** What passes, or what the next attempt mends: it may begin with a look at the certificate. */
const passing: ReadonlySet<string> = new Set([
  ...['connection-broken', 'connection-failed', 'server-refused', 'server-silent', 'server-unreachable'],
  ...['answers-ended', 'log-unavailable', 'shutting-down', 'rate-limited', 'certificate-expired'],
]);

/** What is needed of the command. */
export type Persevering = Pick<Cli, 'signal' | 'delay'> & { readonly out: Pick<Cli['out'], 'warn'> };

/**
 * Attempts a long work until it is whole, each time from where the one before got to.
 * @param attempt gives why it ended early; undefined once all is done
 * @param done how far it is, which only grows
 * @throws Failure where waiting cannot help, or no attempt gets any further
 */
export async function persevere(
  { signal, delay, out }: Persevering,
  attempt: () => Promise<Failure | undefined>,
  done: () => number,
): Promise<void> {
  for (let failed = 0; ; failed += 1) {
    const before = done();
    const failure = await attempt();
    if (failure === undefined) return;
    signal.throwIfAborted();
    if (done() > before) failed = 0;
    const pause = failure.code === 'rate-limited' ? LIMITED[failed] : PAUSES[failed];
    if (!passing.has(failure.code) || pause === undefined) throw failure;
    out.warn(`${failure.message} Going on in ${formatDuration(Math.ceil(pause / 1000))}.`);
    await delay(pause, signal);
  }
}

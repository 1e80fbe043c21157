import { setTimeout as sleep } from 'node:timers/promises';
import type { Keyring } from './keyring.ts';
import { resealAll } from './reseal.ts';
import type { OpenServices } from './services.ts';

/** How often it looks whether a key was rotated, in milliseconds. */
const INTERVAL = 5000;
/** Between two pages of rows: at idle the next one follows at once, under load only after a while. */
const BREATH = 20;
const LONGEST_BREATH = 500;
/** What was sealed under the older data key before the change is committed by then, or never. */
const DRAINED = 600_000;

/**
 * Takes up what was rotated, replaces a data key that is nearly used up, seals anew what older ones sealed,
 * and ends those; until `stopping` fires. A pass that fails is made again.
 */
export async function keepSealed(services: OpenServices, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    try {
      await keepOnce(services, breathing(services, stopping), stopping);
    } catch (error) {
      services.diagnostics.error({ err: error }, 'data keys could not be looked after; they will be');
    }
    await sleep(INTERVAL, undefined, { signal: stopping }).catch(() => {});
  }
}

/** @param pause between two pages */
export async function keepOnce(
  services: OpenServices,
  pause: () => Promise<void>,
  stopping: AbortSignal,
): Promise<void> {
  const { sealer: keyring, clock, diagnostics } = services;
  await keyring.tend();
  if (keyring.older.length === 0) return;
  const { older } = keyring;
  const drained = clock().getTime() - keyring.newest.since.getTime() >= DRAINED;
  const whole = await resealAll({ ...services, keyring, pause, stopping });
  if (!whole || !drained || !isSame(keyring, older)) return;
  await keyring.remove(older);
  diagnostics.info({ keys: older }, 'nothing is sealed under these data keys any more: they have ended');
}

/** Nobody has rotated since the pass began. */
function isSame({ older }: Keyring, before: readonly string[]): boolean {
  return older.join() === before.join();
}

/** Waits for a moment in which nothing was committed, but not for ever. */
function breathing({ log }: OpenServices, signal: AbortSignal): () => Promise<void> {
  return async () => {
    let isBusy = false;
    const off = log.onCommit(() => {
      isBusy = true;
    });
    const rest = (milliseconds: number) => sleep(milliseconds, undefined, { signal }).catch(() => {});
    await rest(BREATH);
    off();
    if (isBusy) await rest(LONGEST_BREATH);
  };
}

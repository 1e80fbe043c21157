import { rootsPresent } from '../../keys/places.ts';
import { SERVER } from '../../protocol/events.ts';
import type { Config } from '../config.ts';
import type { Services } from '../context.ts';
import { sweep } from '../decisions/sweep.ts';
import { addGauges } from '../gauges.ts';
import { holdDataDir } from '../holder.ts';
import { keepSealed } from '../keep.ts';
import { type Running, startListeners } from '../listeners.ts';
import { allOperations } from '../operations.ts';
import { type Ambient, openServices, requireDatabase } from '../services.ts';

/** Milliseconds that requests under way may take once the server stops. */
const GRACE = 10_000;
/** How often unlocks that nobody looks at are moved to where time has put them, in milliseconds. */
const SWEEP = 30_000;

/**
 * Runs the server until `stopping` fires, then lets what is under way finish.
 * @throws NotInitialized, DataDirInUse, KeyFault, LogDamaged, PolicyError; the system's error where a
 * port is taken
 */
export async function start(config: Config, ambient: Ambient, stopping: AbortSignal): Promise<void> {
  requireDatabase(config);
  const release = holdDataDir(config);
  try {
    await serve(config, ambient, stopping);
  } finally {
    release();
  }
}

async function serve(config: Config, ambient: Ambient, stopping: AbortSignal): Promise<void> {
  const services = await openServices(config, ambient);
  const { diagnostics, commit, version } = services;
  let running: Running | undefined;
  let keeping: Promise<void> | undefined;
  try {
    running = await startListeners(services, allOperations(version));
    addGauges(running, services);
    await commit(SERVER, (tx) => tx.append({ type: 'server.started', by: SERVER, version }));
    const { api, ops } = running;
    diagnostics.info({ version, iss: config.iss, origin: config.api.origin, api, ops }, 'listening');
    if (rootsPresent(config)) {
      diagnostics.warn({ roots: config.roots }, 'root private keys are here: take them offline');
    }
    keeping = keepSealed(services, stopping);
    const sweeping = setInterval(() => sweepOnce(services), SWEEP);
    await fired(stopping);
    clearInterval(sweeping);
    diagnostics.info('stopping');
  } finally {
    await running?.stop(GRACE);
    await keeping;
    await services.close();
    diagnostics.info('stopped');
  }
}

async function sweepOnce(services: Services): Promise<void> {
  try {
    await sweep(services);
  } catch (error) {
    services.diagnostics.error({ err: error }, 'lapsed unlocks could not be settled; they will be');
  }
}

function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

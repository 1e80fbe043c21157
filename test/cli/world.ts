import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ModuleOptions, type RunningModule, startModule } from '../../module/simulator/start.ts';
import type { Role } from '../../protocol/api/principals.ts';
import { done } from '../fixture/client.ts';
import { startServer, type TestServer } from '../fixture/server.ts';
import { type Laptop, laptop } from './laptop.ts';

/** A real server, people and stations with homes of their own, simulated modules on pseudo-terminals. */
export interface World {
  readonly server: TestServer;
  /** Somebody new, enrolled by code through the CLI. Stations are given the order A-7731. */
  enrolled(name: string, ...roles: Role[]): Promise<Laptop>;
  module(hwid: string, imei?: string, more?: Partial<ModuleOptions>): Promise<RunningModule>;
  stop(): Promise<void>;
}

export async function startWorld(overrides: Record<string, unknown> = {}): Promise<World> {
  const server = await startServer(overrides);
  const officer = await server.client('officer');
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-world-'));
  const laptops: Laptop[] = [];
  const modules: RunningModule[] = [];
  const post = async (path: string, body: unknown) =>
    (await done(officer.post(path, body, { 'Idempotency-Key': randomUUID() }))).json;
  const stations: string[] = [];
  const giveOrder = async (station: string) => {
    stations.push(station);
    const order = { quantity: 1000, stations };
    if (stations.length === 1) await post('/v1/orders', { name: 'A-7731', ...order });
    else await post('/v1/orders/A-7731/change', { ...order, why: 'another station' });
  };
  return {
    server,
    async enrolled(name, ...roles) {
      const kind = roles.includes('station') ? 'station' : 'person';
      await post('/v1/principals', { name, kind, roles });
      if (kind === 'station') await giveOrder(name);
      const { code } = await post('/v1/enrolments', { principal: name });
      const one = laptop();
      laptops.push(one);
      const ran = await one.latchkey('enroll', String(code));
      if (ran.exit !== 0) throw new Error(ran.stderr);
      return one;
    },
    async module(hwid, imei = '490154203237518', more = {}) {
      const roots = server.keys.keys.roots;
      const started = await startModule({ dir: join(dir, hwid), hwid, imei, roots, ...more });
      let stopped: Promise<void> | undefined;
      const stop = () => {
        stopped ??= started.stop();
        return stopped;
      };
      const module = { ...started, stop };
      modules.push(module);
      return module;
    },
    async stop() {
      for (const module of modules) await module.stop();
      for (const one of laptops) one.remove();
      await server.stop();
      rmSync(dir, { recursive: true });
    },
  };
}

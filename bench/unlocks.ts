import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { provision } from '../test/e2e/ledger.ts';
import { type Client, done } from '../test/fixture/client.ts';
import { Deployment } from '../test/fixture/deployment.ts';
import type { Device } from '../test/fixture/device.ts';
import { cpuSeconds } from './process.ts';
import { median, type Row } from './row.ts';
import { type SignatureCost, signatureCpu } from './signatures.ts';

const ENGINEERS = 8;
const ROUNDS = 3;
/** Made before and after each round. */
const SIGNATURES = 300;

/**
 * What an unlock costs the server: create and token over kept-alive mutual TLS, Cedar on, every commit
 * synced, in the environment of its unit. Each module is unlocked once; registering them is not counted.
 * @param count unlocks in each round
 */
export async function unlocks(count: number, signature: SignatureCost): Promise<Row[]> {
  const { deployment, code } = await Deployment.make();
  const server = await deployment.start(['env', ...unitEnvironment()]);
  try {
    const officer = await deployment.redeem(code);
    const station = await deployment.enrol(officer, 'line-1', 'station', 'station');
    const engineers: Client[] = [];
    for (let place = 0; place < ENGINEERS; place += 1) {
      engineers.push(await deployment.enrol(officer, `engineer-${place}`, 'person', 'engineer'));
    }
    // Round 0 is for V8, which goes on compiling for as long.
    const devices = await inTurn(ENGINEERS, count * (ROUNDS + 1), () => provision(station));
    const attempts = await Promise.all(devices.map(prepare));
    await run(engineers, attempts.splice(0, count));
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      rounds.push(await measure(server.child.pid, engineers, attempts.splice(0, count)));
    }
    return rows(rounds, signature);
  } finally {
    server.child.kill('SIGTERM');
    await server.gone;
    deployment.remove();
  }
}

/** As the shipped unit sets it: `NAME=value` each. */
function unitEnvironment(): string[] {
  const unit = readFileSync(new URL('../../deploy/latchkey-server.service', import.meta.url), 'utf8');
  return [...unit.matchAll(/^Environment=(.*)$/gm)].map(([, setting = '']) => setting);
}

interface Round {
  /** CPU milliseconds per unlock, and per signature: the mean of just before and just after. */
  readonly cpu: number;
  readonly signature: number;
  readonly perSecond: number;
  /** Milliseconds, medians. */
  readonly create: number;
  readonly token: number;
}

/** Other work on the machine makes both costs dearer, so they are taken next to each other. */
async function measure(
  pid: number | undefined,
  engineers: readonly Client[],
  attempts: readonly Attempt[],
): Promise<Round> {
  const count = attempts.length;
  const earlier = await signatureCpu(SIGNATURES, availableParallelism());
  const before = cpuSeconds(pid);
  const start = performance.now();
  const waits = await run(engineers, attempts);
  const perSecond = (count * 1000) / (performance.now() - start);
  const cpu = ((cpuSeconds(pid) - before) * 1000) / count;
  const later = await signatureCpu(SIGNATURES, availableParallelism());
  const signature = (earlier + later) / 2;
  return { cpu, signature, perSecond, create: median(waits.create), token: median(waits.token) };
}

/** All of one round: that with the median ratio. */
function rows(rounds: readonly Round[], signature: SignatureCost): Row[] {
  const ratio = median(rounds.map((round) => round.cpu / round.signature));
  const shown = rounds.find((round) => round.cpu / round.signature === ratio);
  if (shown === undefined) throw new Error('nothing was measured');
  const { perSecond } = shown;
  return [
    {
      name: `server CPU per whole unlock, median of ${rounds.length} rounds`,
      value: shown.cpu,
      unit: 'ms',
      beside: { name: 'CPU per signature meanwhile', value: shown.signature },
      most: 1.8,
    },
    {
      name: `whole unlocks, ${ENGINEERS} clients on this machine too`,
      value: perSecond,
      unit: '/s',
      beside: { name: 'one-thread signatures', value: signature.perSecondOneThread },
    },
    {
      name: '',
      value: perSecond,
      unit: '/s',
      beside: { name: 'all-core signatures', value: signature.perSecondAllCores },
    },
    { name: 'request answered after, median', value: shown.create, unit: 'ms' },
    { name: 'token answered after, median', value: shown.token, unit: 'ms' },
  ];
}

interface Attempt {
  readonly hwid: string;
  readonly challenge: string;
}

/** A module with the challenge that it answers the token request with: made before anything is timed. */
async function prepare(device: Device): Promise<Attempt> {
  return { hwid: device.hwid, challenge: await device.challenge({ for: 900 }) };
}

async function run(engineers: readonly Client[], attempts: readonly Attempt[]) {
  const waits = { create: [] as number[], token: [] as number[] };
  const todo = attempts.values();
  const work = async (engineer: Client) => {
    for (const { hwid, challenge } of todo) {
      const wanted = { hwid, scope: 'console', seconds: 900, reason: 'bench' };
      const started = performance.now();
      const created = await done(engineer.post('/v1/unlocks', wanted, { 'Idempotency-Key': randomUUID() }));
      waits.create.push(performance.now() - started);
      const { unlock } = created.json as { unlock: { id: string } };
      const asked = performance.now();
      await done(engineer.post(`/v1/unlocks/${unlock.id}/token`, { challenge }));
      waits.token.push(performance.now() - asked);
    }
  };
  await Promise.all(engineers.map(work));
  return waits;
}

/** Runs `make` so many times, a few at once. */
async function inTurn<T>(atOnce: number, count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  const places = Array.from({ length: count }).keys();
  const work = async () => {
    for (const _ of places) made.push(await make());
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return made;
}

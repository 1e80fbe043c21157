import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { run } from '../../cli/program.ts';
import type { Caller } from '../../server/context.ts';
import { cancelUnlock } from '../../server/decisions/cancel.ts';
import type { Device } from '../fixture/device.ts';
import { principal, provisioned, requested } from '../fixture/unlocks.ts';
import { fails, ok } from './answers.ts';
import { issueCertificates, type Laptop, laptop } from './laptop.ts';
import { meddled, rewriteLeaf } from './meddling.ts';
import { scriptedServer } from './scripted-server.ts';
import { startWorld, type World } from './world.ts';

/** What happened, for who wants to see it. */

let world: World;
let engineer: Laptop;
let auditor: Laptop;
let alice: Caller;
let device: Device;
let id: string;

before(async () => {
  world = await startWorld();
  const { services } = world.server;
  engineer = await world.enrolled('alice', 'engineer');
  auditor = await world.enrolled('carol', 'auditor');
  alice = { ...(await principal(services, ['engineer'], 'alice-2')), name: 'alice' };
  device = await provisioned(services, await principal(services, ['station'], 'line-1'));
  id = await requested(services, alice, device, { reason: 'drops off the bus', ticket: 'SUP-1' });
});
after(() => world.stop());

interface Listed {
  readonly index: number;
  readonly event: { readonly type: string; readonly at: string; readonly by: string };
}
const list = async (who: Laptop, ...more: string[]): Promise<Listed[]> =>
  (await ok(who.latchkey('events', 'list', '--json', ...more))).items;
const typesOf = (items: readonly Listed[]) => items.map(({ event }) => event.type);

test('an engineer sees their own events, an auditor all', async () => {
  assert.deepEqual(typesOf(await list(engineer, '--unlock', id)), ['unlock.requested']);
  const [all, mine] = [await list(auditor, '--limit', '500'), await list(engineer, '--limit', '500')];
  assert.equal(all.length, (all[0]?.index ?? 0) + 1);
  assert.ok(mine.length < all.length);
  assert.ok(mine.every(({ event }) => event.by === 'alice'));
});

test('events are found by type, module, unlock, person and time', async () => {
  const all = await list(auditor, '--limit', '500', '--oldest');
  const expect = (kept: (one: Listed) => boolean) => all.filter(kept).map(({ index }) => index);
  const found = async (...filter: string[]) =>
    (await list(auditor, '--limit', '500', '--oldest', ...filter)).map(({ index }) => index);
  assert.deepEqual(
    await found('--type', 'module.registered'),
    expect(({ event }) => event.type === 'module.registered'),
  );
  assert.deepEqual(
    await found('--by', 'line-1'),
    expect(({ event }) => event.by === 'line-1'),
  );
  assert.deepEqual(
    await found('--hwid', device.hwid),
    expect(({ event }) => 'hwid' in event),
  );
  const at = all.at(-1)?.event.at ?? '';
  assert.deepEqual(
    await found('--from', at),
    expect(({ event }) => event.at >= at),
  );
  assert.deepEqual(
    await found('--to', at),
    expect(({ event }) => event.at < at),
  );
});

test('a line says when, who, what and on what; a list that was cut says so', async () => {
  const { stdout } = await engineer.latchkey('events', 'list', '--unlock', id);
  const line =
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d+ {2}alice +asked for console of \S+ for 30 min: “drops off the bus” \(SUP-1\) {2}\[(\S+)\]\n$/;
  assert.equal(line.exec(stdout)?.[1], id);
  const cut = await auditor.latchkey('events', 'list', '--limit', '2');
  assert.match(cut.stdout.split('\n')[2] ?? '', /more/);
});

test('an event of a type that this version does not know is shown as it is', async () => {
  const server = await scriptedServer();
  const bench = laptop();
  const now = new Date();
  await issueCertificates(server, () => ({ from: now, to: new Date(now.getTime() + 3_600_000) }));
  const event = {
    type: 'module.painted',
    at: '2026-03-01T08:00:00.000Z',
    by: 'alice',
    colour: 'red\u001b[2J',
  };
  server.routes.set('GET /v1/events', () => ({ body: { items: [{ index: 7, event }], next: null } }));
  await ok(bench.latchkey('enroll', server.code(), '--json'));
  const { stdout } = await bench.latchkey('events', 'list');
  assert.match(stdout, / 7 {2}alice +module\.painted \{"colour":"red/);
  assert.equal(stdout.includes('\u001b'), false);
  bench.remove();
  await server.close();
});

test('one event is shown with the proof that the log, which this home follows, holds it', async () => {
  const [item] = await list(engineer, '--unlock', id);
  const index = String(item?.index);
  const shown = await ok(engineer.latchkey('events', 'show', index, '--json'));
  assert.deepEqual([shown.event.reason, shown.size > shown.index], ['drops off the bus', true]);
  const { server } = world;
  const leaf = Buffer.from(JSON.stringify({ ...item?.event, by: 'alice', reason: 'nothing much' }));
  await meddled(
    server,
    () => rewriteLeaf(server, Number(index), leaf),
    async () => {
      await fails(engineer.latchkey('events', 'show', index, '--json'), 6, 'event-unproved');
    },
  );
  await fails(engineer.latchkey('events', 'show', '0', '--json'), 3, 'not-found');
});

test('a watch shows what happens as it happens, one line of JSON each; Ctrl-C ends it well', async () => {
  const { services } = world.server;
  const [item] = await list(engineer, '--unlock', id);
  const watching = start(
    engineer,
    'events',
    'watch',
    '--json',
    '--unlock',
    id,
    '--after',
    String(item?.index),
  );
  await cancelUnlock(services, alice, id);
  const line = JSON.parse(await watching.line());
  assert.deepEqual([line.event.type, line.event.state], ['unlock.cancelled', 'cancelled']);
  watching.stop();
  assert.equal(await watching.exit, 0);
});

test('a watch bears with a server that is away', async () => {
  const server = await scriptedServer();
  const bench = laptop();
  const now = new Date();
  await issueCertificates(server, () => ({ from: now, to: new Date(now.getTime() + 3_600_000) }));
  await ok(bench.latchkey('enroll', server.code(), '--json'));
  const event = { type: 'server.started', at: '2026-03-01T08:00:00.000Z', by: '@server', version: '2' };
  let asked = 0;
  let release = () => {};
  const ended = new Promise<void>((resolve) => {
    release = resolve;
  });
  server.routes.set('GET /v1/events', async () => {
    asked += 1;
    if (asked < 7) return 'hang-up';
    if (asked === 7) return { body: { items: [{ index: 0, event }], next: null } };
    await ended;
    return 'hang-up';
  });
  const watching = start(bench, 'events', 'watch', '--json', '--after', '0');
  assert.equal(JSON.parse(await watching.line()).event.version, '2');
  watching.stop();
  assert.equal(await watching.exit, 0);
  release();
  bench.remove();
  await server.close();
});

/** Runs a command that does not end by itself. */
function start({ dir }: Laptop, ...args: string[]) {
  const interrupt = new AbortController();
  const stdout = new PassThrough();
  const exit = run(args, {
    home: dir,
    streams: { stdin: new PassThrough(), stdout, stderr: new PassThrough().resume() },
    clock: () => new Date(),
    uuid: randomUUID,
    delay: async (_, signal) => signal.throwIfAborted(),
    signal: interrupt.signal,
    version: '0.0.0',
    desk: { platform: 'linux', path: [], wayland: false, x11: false, remote: false },
  });
  return {
    exit,
    line: () => new Promise<string>((resolve) => stdout.once('data', (chunk) => resolve(String(chunk)))),
    stop: () => interrupt.abort(),
  };
}

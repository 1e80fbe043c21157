import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../protocol/problems.ts';
import type { Caller, Services } from '../../../server/context.ts';
import { bundleUnlock } from '../../../server/decisions/bundle.ts';
import { cancelUnlock } from '../../../server/decisions/cancel.ts';
import { proveEvent, searchEvents } from '../../../server/decisions/events.ts';
import { listUnlocks, lookAtUnlock } from '../../../server/decisions/look.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { startServer, type TestServer } from '../../fixture/server.ts';
import { principal, provisioned, requested, uploaded } from '../../fixture/unlocks.ts';

let server: TestServer;
let services: Services;
let station: Caller;
const people: Record<string, Caller> = {};

before(async () => {
  server = await startServer();
  services = server.services;
  station = await principal(services, ['station'], 'line-1');
  for (const role of ['engineer', 'approver', 'auditor', 'officer'] as const) {
    people[role] = await principal(services, [role], `an-${role}`);
  }
  people['owner'] = await principal(services, ['engineer'], 'alice');
  people['station'] = station;
});
after(() => server.stop());

function who(name: string): Caller {
  const caller = people[name];
  assert.ok(caller);
  return caller;
}

const never = () => new AbortController().signal;

async function sees(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    assert.ok(error instanceof Problem && error.code === 'not-found', String(error));
    return false;
  }
}

describe('who sees an unlock, its bundle, its events (DESIGN §6)', () => {
  /** In this order: the unlock itself, its bundle and its events. */
  const table = {
    owner: [true, true],
    engineer: [false, false],
    station: [false, false],
    approver: [true, false],
    auditor: [true, true],
    officer: [true, true],
  };
  for (const [name, [unlock, events]] of Object.entries(table)) {
    test(`${name}: the unlock ${unlock ? 'yes' : 'no'}, events and bundle ${events ? 'yes' : 'no'}`, async () => {
      const device = await provisioned(services, station);
      const id = await requested(services, who('owner'), device);
      const { log } = await issueToken(services, who('owner'), id, await device.challenge());
      await uploaded(services, who('owner'), device.receipt('opened', id));
      assert.ok(log);
      const { index } = log;
      const caller = who(name);
      assert.equal(await sees(() => lookAtUnlock(services, caller, id, { wait: 0 }, never)), unlock);
      assert.equal(await sees(() => bundleUnlock(services, caller, id)), events);
      assert.equal(await sees(() => proveEvent(services, caller, index)), events);
      const listed = await listUnlocks(services, caller, { limit: 500 });
      assert.equal(
        listed.items.some((one) => one.id === id),
        unlock,
      );
      const query = { limit: 500, order: 'oldest', wait: 0, unlock: id } as const;
      const found = await searchEvents(services, caller, query, never);
      assert.equal(found.items.length, events ? 3 : 0);
    });
  }

  test('a receipt that somebody else uploaded is the requester’s to see too', async () => {
    const device = await provisioned(services, station);
    const id = await requested(services, who('owner'), device);
    await issueToken(services, who('owner'), id, await device.challenge());
    await uploaded(services, who('engineer'), device.receipt('opened', id));
    const query = { limit: 9, order: 'newest', wait: 0, unlock: id, type: 'receipt.accepted' } as const;
    for (const name of ['owner', 'engineer']) {
      assert.equal((await searchEvents(services, who(name), query, never)).items.length, 1, name);
    }
  });

  test('one may not list others’ unlocks by naming them', async () => {
    const device = await provisioned(services, station);
    await requested(services, who('owner'), device);
    const listed = await listUnlocks(services, who('engineer'), { limit: 50, requester: 'alice' });
    assert.deepEqual(listed.items, []);
  });
});

describe('long polls (DESIGN §6)', () => {
  test('one that waits for another state answers as soon as the commit is through', async () => {
    const device = await provisioned(services, station);
    const id = await requested(services, who('owner'), device);
    const query = { wait: 60, while: 'ready' } as const;
    const waiting = lookAtUnlock(services, who('owner'), id, query, never);
    await issueToken(services, who('owner'), id, await device.challenge());
    assert.equal((await waiting).state, 'issued');
  });

  test('one whose state is another already answers at once', async () => {
    const device = await provisioned(services, station);
    const id = await requested(services, who('owner'), device);
    await cancelUnlock(services, who('owner'), id);
    const { state } = await lookAtUnlock(services, who('owner'), id, { wait: 60, while: 'ready' }, never);
    assert.equal(state, 'cancelled');
  });

  test('one ends with the state unchanged when its time is over, and when the server stops', async () => {
    const device = await provisioned(services, station);
    const id = await requested(services, who('owner'), device);
    const timed = await lookAtUnlock(services, who('owner'), id, { wait: 1, while: 'ready' }, never);
    assert.equal(timed.state, 'ready');
    const stopping = new AbortController();
    const waiting = lookAtUnlock(
      services,
      who('owner'),
      id,
      { wait: 60, while: 'ready' },
      () => stopping.signal,
    );
    stopping.abort();
    assert.equal((await waiting).state, 'ready');
  });

  test('events are awaited behind a cursor', async () => {
    const device = await provisioned(services, station);
    const query = { limit: 9, order: 'oldest', hwid: device.hwid } as const;
    const before = await searchEvents(services, who('auditor'), { ...query, wait: 0 }, never);
    const after = String(before.items.at(-1)?.index);
    const waiting = searchEvents(services, who('auditor'), { ...query, after, wait: 60 }, never);
    const id = await requested(services, who('owner'), device);
    const { items } = await waiting;
    assert.deepEqual(
      items.map(({ event }) => [event.type, Reflect.get(event, 'unlock')]),
      [['unlock.requested', id]],
    );
  });
});

test('events are searched newest first as well, page by page', async () => {
  const device = await provisioned(services, station);
  const query = { order: 'newest', wait: 0, hwid: device.hwid } as const;
  const page = await searchEvents(services, who('auditor'), { ...query, limit: 2 }, never);
  const rest = await searchEvents(
    services,
    who('auditor'),
    { ...query, limit: 2, after: page.next ?? '' },
    never,
  );
  assert.deepEqual(
    [...page.items, ...rest.items].map(({ event }) => event.type),
    ['module.confirmed', 'receipt.accepted', 'module.registered'],
  );
  assert.equal(rest.next, null);
});

test('a cursor that is not one is refused', async () => {
  const query = { limit: 2, order: 'oldest', wait: 0, after: 'x' } as const;
  await assert.rejects(
    searchEvents(services, who('auditor'), query, never),
    (error) => error instanceof Problem && error.code === 'invalid-request',
  );
});

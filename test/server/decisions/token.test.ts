import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { NewEvent } from '../../../protocol/events.ts';
import { decodePayload, openEnvelope } from '../../../protocol/jws.ts';
import { type UnlockToken, unlockToken } from '../../../protocol/messages.ts';
import { Problem, type ProblemCode } from '../../../protocol/problems.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { clear, resetSeq, resume, suspend, tend } from '../../../server/decisions/tend.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { Device } from '../../fixture/device.ts';
import { startScene } from '../../fixture/scene.ts';
import { startServer } from '../../fixture/server.ts';
import { principal, provisioned, requested, uploaded } from '../../fixture/unlocks.ts';

const { server, services, alice, bob, station, olga } = await startScene();
after(() => server.stop());

/** A confirmed module and alice's ready unlock of it. */
async function ready() {
  const device = await provisioned(services, station);
  return { device, id: await requested(services, alice, device) };
}

function claimsOf(jws: string): UnlockToken {
  return decodePayload(unlockToken, openEnvelope(unlockToken, jws).payload);
}

/** Asserts the refusal, and which events were written by it. */
async function refused(code: ProblemCode, events: NewEvent['type'][], call: () => Promise<unknown>) {
  const written: NewEvent[] = [];
  const stop = services.log.onCommit((added) => written.push(...added));
  try {
    await assert.rejects(call(), (error) => {
      assert.ok(error instanceof Problem, String(error));
      assert.equal(error.code, code, error.message);
      return true;
    });
  } finally {
    stop();
  }
  assert.deepEqual(
    written.map(({ type }) => type),
    events,
  );
}

describe('the newest challenge sent again (DESIGN §6)', () => {
  test('gets the stored token, and nothing is written', async () => {
    const { device, id } = await ready();
    const challenge = await device.challenge();
    const first = await issueToken(services, alice, id, challenge);
    const again = await issueToken(services, alice, id, challenge);
    assert.equal(again.token, first.token);
    assert.equal(again.log, null);
    assert.equal(again.unlock.tokens, 1);
  });

  test('gets it also after the receipts, before nonce and seq are looked at', async () => {
    const { device, id } = await ready();
    const challenge = await device.challenge();
    const { token } = await issueToken(services, alice, id, challenge);
    await uploaded(services, alice, device.receipt('opened', id));
    await uploaded(services, alice, device.receipt('closed', id));
    assert.equal((await issueToken(services, alice, id, challenge)).token, token);
  });

  test('gets nothing while the module is suspended', async () => {
    const { device, id } = await ready();
    const challenge = await device.challenge();
    await issueToken(services, alice, id, challenge);
    await tend(services, olga, device.hwid, suspend, 'stolen');
    await refused('module-inactive', [], () => issueToken(services, alice, id, challenge));
    await tend(services, olga, device.hwid, resume, 'found');
    assert.equal((await issueToken(services, alice, id, challenge)).log, null);
  });

  test('is refused to another unlock of the same module: the nonce is spent', async () => {
    const { device, id } = await ready();
    const challenge = await device.challenge();
    await issueToken(services, alice, id, challenge);
    await uploaded(services, alice, device.receipt('closed', id));
    const next = await requested(services, alice, device);
    await refused('challenge-spent', ['token.refused'], () => issueToken(services, alice, next, challenge));
  });

  test('is refused once a newer challenge replaced its token', async () => {
    const { device, id } = await ready();
    const old = await device.challenge();
    await issueToken(services, alice, id, old);
    await issueToken(services, alice, id, await device.challenge());
    await refused('challenge-spent', ['token.refused'], () => issueToken(services, alice, id, old));
  });
});

describe('whose word a challenge is (DESIGN §4)', () => {
  test('one that another key signed is refused, on record', async () => {
    const { device, id } = await ready();
    const impostor = new Device(device.hwid);
    const forged = await impostor.challenge();
    await refused('invalid-message', ['token.refused'], () => issueToken(services, alice, id, forged));
  });

  test('another module’s is refused', async () => {
    const { id } = await ready();
    const other = await provisioned(services, station);
    const theirs = await other.challenge();
    await refused('invalid-message', ['token.refused'], () => issueToken(services, alice, id, theirs));
  });

  test('another’s unlock is not there for an engineer', async () => {
    const { device, id } = await ready();
    const challenge = await device.challenge();
    await refused('not-found', [], () => issueToken(services, bob, id, challenge));
  });

  test('an auditor who sees it is told whose it must be', async () => {
    const { device, id } = await ready();
    const auditor = await principal(services, ['auditor'], 'audrey');
    const challenge = await device.challenge();
    await refused('forbidden', [], () => issueToken(services, auditor, id, challenge));
  });
});

describe('replacement (DESIGN §6)', () => {
  test('a later challenge replaces the token while issued, at most 3 times, each an event', async () => {
    const { device, id } = await ready();
    const tokens: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const { token, unlock, log } = await issueToken(services, alice, id, await device.challenge());
      assert.equal(unlock.tokens, turn + 1);
      assert.ok(log);
      tokens.push(token);
    }
    assert.equal(new Set(tokens).size, 4);
    const fifth = await device.challenge();
    await refused('replacements-exhausted', ['token.refused'], () => issueToken(services, alice, id, fifth));
    const { items } = await services.reader.search({ unlock: id, type: 'unlock.issued', limit: 10 });
    const replaces = items.map(({ event }) => event.type === 'unlock.issued' && event.replaces !== null);
    assert.deepEqual(replaces, [false, true, true, true]);
  });

  test('a challenge whose `last` is this unlock replaces nothing: the token was accepted', async () => {
    const { device, id } = await ready();
    await issueToken(services, alice, id, await device.challenge());
    device.last = id;
    const challenge = await device.challenge();
    await refused('unlock-state', [], () => issueToken(services, alice, id, challenge));
  });
});

describe('one issued or open unlock per module (DESIGN §6)', () => {
  test('a second one is told who holds it, until the receipt that closes', async () => {
    const { device, id } = await ready();
    await issueToken(services, alice, id, await device.challenge());
    device.last = id;
    await uploaded(services, alice, device.receipt('opened', id));
    const bobs = await requested(services, bob, device);
    const challenge = await device.challenge();
    await refused('module-in-use', [], () => issueToken(services, bob, bobs, challenge));
    await uploaded(services, bob, device.receipt('closed', id));
    assert.equal((await issueToken(services, bob, bobs, challenge)).unlock.state, 'issued');
  });

  test('a later challenge whose `last` is not the holder proves that it was never opened', async () => {
    const { device, id } = await ready();
    await issueToken(services, alice, id, await device.challenge());
    const bobs = await requested(services, bob, device);
    await issueToken(services, bob, bobs, await device.challenge());
    assert.equal(await stateOf(id), 'expired');
    const { items } = await services.reader.search({ unlock: id, type: 'unlock.expired', limit: 10 });
    assert.equal(items.length, 1);
  });

  test('a holder whose time is over is unaccounted, and gives way', async () => {
    const own = await startServer();
    try {
      const carol = await principal(own.services, ['engineer'], 'carol');
      const line = await principal(own.services, ['station'], 'line-2');
      const device = await provisioned(own.services, line);
      const first = await requested(own.services, carol, device);
      await issueToken(own.services, carol, first, await device.challenge());
      device.last = first;
      own.clock.advance((600 + 900) * 1000);
      const second = await requested(own.services, carol, device);
      await issueToken(own.services, carol, second, await device.challenge());
      const row = await own.services.read
        .selectFrom('unlocks')
        .select('state')
        .where('id', '=', first)
        .execute();
      assert.deepEqual(row, [{ state: 'unaccounted' }]);
    } finally {
      await own.stop();
    }
  });
});

describe('seq (DESIGN §4)', () => {
  test('one not above the highest granted is refused with an alarm, until an officer resets it', async () => {
    const { device, id } = await ready();
    await issueToken(services, alice, id, await device.challenge({ seq: 50 }));
    await uploaded(services, alice, device.receipt('closed', id, { seq: 51 }));
    const next = await requested(services, alice, device);
    const rolledBack = await device.challenge({ seq: 50 });
    await refused('challenge-spent', ['module.rolled-back'], () =>
      issueToken(services, alice, next, rolledBack),
    );
    await tend(services, olga, device.hwid, resetSeq, 'flash was exchanged');
    assert.ok((await issueToken(services, alice, next, rolledBack)).log);
  });
});

describe('`last` (DESIGN §4)', () => {
  const foreign = '01900000-0000-7000-8000-00000000f00d';

  test('a token that this server never issued: an alarm, and nothing until an officer clears it', async () => {
    const { device, id } = await ready();
    device.last = foreign;
    const telling = await device.challenge();
    await refused('module-flagged', ['module.foreign-token'], () => issueToken(services, alice, id, telling));
    const later = await device.challenge();
    await refused('module-flagged', [], () => issueToken(services, alice, id, later));
    await tend(services, olga, device.hwid, clear, 'key rotated');
    const { token } = await issueToken(services, alice, id, await device.challenge());
    assert.equal(claimsOf(token).jti, id);
  });

  test('another foreign token after that is another alarm', async () => {
    const { device, id } = await ready();
    device.last = foreign;
    const first = await device.challenge();
    await refused('module-flagged', ['module.foreign-token'], () => issueToken(services, alice, id, first));
    await tend(services, olga, device.hwid, clear, 'key rotated');
    device.last = '01900000-0000-7000-8000-00000000beef';
    const second = await device.challenge();
    await refused('module-flagged', ['module.foreign-token'], () => issueToken(services, alice, id, second));
  });

  test('another module’s unlock is not known to this one', async () => {
    const { device, id } = await ready();
    const elsewhere = await ready();
    await issueToken(services, alice, elsewhere.id, await elsewhere.device.challenge());
    device.last = elsewhere.id;
    const challenge = await device.challenge();
    await refused('module-flagged', ['module.foreign-token'], () =>
      issueToken(services, alice, id, challenge),
    );
  });
});

describe('key manifests (DESIGN §6)', () => {
  test('a manifest that this server does not know names no live key: it is handed the newest', async () => {
    const { device, id } = await ready();
    const challenge = await device.challenge({ keys: 0 });
    await assert.rejects(issueToken(services, alice, id, challenge), (error) => {
      assert.ok(error instanceof Problem && error.code === 'manifest-behind');
      assert.deepEqual(error.extensions, { manifests: services.keys.manifests.map(({ jws }) => jws) });
      return true;
    });
    assert.equal(await stateOf(id), 'ready');
  });
});

describe('passwords in tokens (DESIGN §6)', () => {
  test('none while the version in force is a secret; a fresh one once it was revealed, replacements too', async () => {
    const { device, id } = await ready();
    const first = await issueToken(services, alice, id, await device.challenge());
    assert.equal(claimsOf(first.token).pw, undefined);
    assert.equal((await revealPassword(services, alice, id)).ver, 1);
    const second = await issueToken(services, alice, id, await device.challenge());
    assert.equal(claimsOf(second.token).pw?.ver, 2);
    const third = await issueToken(services, alice, id, await device.challenge());
    assert.equal(claimsOf(third.token).pw?.ver, 3);
    assert.equal((await revealPassword(services, alice, id)).ver, 3);
  });

  test('a module without one gets one, above what was sent', async () => {
    const { device, id } = await ready();
    const { token } = await issueToken(services, alice, id, await device.challenge({ pwv: 0 }));
    assert.equal(claimsOf(token).pw?.ver, 2);
  });

  test('a version that this server does not hold is replaced by one above it', async () => {
    const { device, id } = await ready();
    const { token } = await issueToken(services, alice, id, await device.challenge({ pwv: 40 }));
    assert.equal(claimsOf(token).pw?.ver, 41);
  });

  test('the module’s word with the highest seq says what is in force', async () => {
    const { device, id } = await ready();
    device.seq = 20;
    await issueToken(services, alice, id, await device.challenge({ pwv: 1 }));
    await uploaded(services, alice, device.receipt('opened', id, { pwv: 5, seq: 30 }));
    assert.equal(await pwvOf(device), 5);
    await uploaded(services, alice, device.receipt('closed', id, { pwv: 2, seq: 25 }));
    assert.equal(await pwvOf(device), 5);
  });
});

async function stateOf(id: string) {
  const row = await services.read
    .selectFrom('unlocks')
    .select('state')
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.state;
}

async function pwvOf({ hwid }: Device) {
  const row = await services.read
    .selectFrom('modules')
    .select('pwv')
    .where('hwid', '=', hwid)
    .executeTakeFirst();
  return row?.pwv;
}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../protocol/problems.ts';
import type { Caller, Services } from '../../../server/context.ts';
import { cancelUnlock } from '../../../server/decisions/cancel.ts';
import { lookAtUnlock } from '../../../server/decisions/look.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { defaultPolicyFile, parsePolicy } from '../../../server/policy-file.ts';
import type { Device } from '../../fixture/device.ts';
import { startServer, type TestServer } from '../../fixture/server.ts';
import { principal, provisioned, requested, uploaded } from '../../fixture/unlocks.ts';

/** DESIGN section 6, "An unlock": every state by every verb, over the real store and log. */

/** Unlocks of 77 seconds need one approval. */
const policy = `${readFileSync(defaultPolicyFile, 'utf8')}
@need("one approval")
forbid (principal, action == Action::"issue", resource)
when { context.seconds == 77 && context.approvals < 1 };
`;

let server: TestServer;
let services: Services;
let alice: Caller;
let station: Caller;

before(async () => {
  server = await startServer();
  services = { ...server.services, policy: parsePolicy(policy, 'approvals.cedar') };
  alice = await principal(services, ['engineer'], 'alice');
  station = await principal(services, ['station'], 'line-1');
});
after(() => server.stop());

interface Subject {
  readonly device: Device;
  readonly id: string;
}

type State = 'waiting' | 'ready' | 'issued' | 'open' | 'closed' | 'cancelled' | 'expired' | 'unaccounted';

/** How an unlock comes to be in each state. */
const ways: Record<State, () => Promise<Subject>> = {
  waiting: async () => {
    const device = await provisioned(services, station);
    return { device, id: await requested(services, alice, device, { seconds: 77 }) };
  },
  ready: async () => {
    const device = await provisioned(services, station);
    return { device, id: await requested(services, alice, device) };
  },
  issued: () =>
    then('ready', async ({ device, id }) => issueToken(services, alice, id, await device.challenge())),
  open: () => then('issued', ({ device, id }) => uploaded(services, alice, device.receipt('opened', id))),
  closed: () => then('open', ({ device, id }) => uploaded(services, alice, device.receipt('closed', id))),
  cancelled: () => then('ready', ({ id }) => cancelUnlock(services, alice, id)),
  expired: () => then('issued', ({ device, id }) => uploaded(services, alice, device.receipt('refused', id))),
  unaccounted: () => then('issued', async () => server.clock.advance((600 + 900) * 1000)),
};
async function then(state: State, act: (subject: Subject) => Promise<unknown>): Promise<Subject> {
  const subject = await ways[state]();
  await act(subject);
  return subject;
}

/** What each verb does: the state after it, or the code of its refusal. */
const verbs = {
  cancel: ({ id }: Subject) => cancelUnlock(services, alice, id),
  token: async ({ device, id }: Subject) => issueToken(services, alice, id, await device.challenge()),
  reveal: ({ id }: Subject) => revealPassword(services, alice, id),
  opened: ({ device, id }: Subject) => uploaded(services, alice, device.receipt('opened', id)),
  closed: ({ device, id }: Subject) => uploaded(services, alice, device.receipt('closed', id)),
  refused: ({ device, id }: Subject) => uploaded(services, alice, device.receipt('refused', id)),
  deadline: async () => server.clock.advance(services.config.unlockDeadline * 1000),
};
type Verb = keyof typeof verbs;

const stays = 'unlock-state';
const table: Record<State, Partial<Record<Verb, string>>> = {
  waiting: { cancel: 'cancelled', token: 'forbidden', reveal: stays, deadline: 'expired' },
  ready: { cancel: 'cancelled', token: 'issued', reveal: stays, deadline: 'expired' },
  issued: {
    cancel: stays,
    token: 'issued',
    reveal: 'issued',
    opened: 'open',
    closed: 'closed',
    refused: 'expired',
    deadline: 'unaccounted',
  },
  open: {
    cancel: stays,
    token: stays,
    reveal: 'open',
    opened: 'open',
    closed: 'closed',
    refused: 'open',
    deadline: 'unaccounted',
  },
  closed: {
    cancel: stays,
    token: stays,
    reveal: stays,
    opened: 'closed',
    closed: 'closed',
    refused: 'closed',
    deadline: 'closed',
  },
  cancelled: { cancel: 'cancelled', token: stays, reveal: stays, deadline: 'cancelled' },
  expired: {
    cancel: stays,
    token: stays,
    reveal: stays,
    opened: 'expired',
    closed: 'expired',
    refused: 'expired',
    deadline: 'expired',
  },
  unaccounted: {
    cancel: stays,
    token: stays,
    reveal: stays,
    opened: 'unaccounted',
    closed: 'closed',
    refused: 'expired',
    deadline: 'unaccounted',
  },
};

for (const [state, row] of Object.entries(table) as [State, Partial<Record<Verb, string>>][]) {
  describe(`an unlock that is ${state} (DESIGN §6)`, () => {
    for (const [verb, expected] of Object.entries(row) as [Verb, string][]) {
      const refusal = expected === stays || expected === 'forbidden';
      test(`${verb}: ${refusal ? `refused, ${expected}` : expected}`, async () => {
        const subject = await ways[state]();
        assert.equal(await stateOf(subject), state);
        const code = await codeOf(() => verbs[verb](subject));
        assert.equal(code, refusal ? expected : undefined);
        assert.equal(await stateOf(subject), refusal ? state : expected);
      });
    }
  });
}

async function stateOf({ id }: Subject): Promise<string> {
  return (await lookAtUnlock(services, alice, id, { wait: 0 }, () => new AbortController().signal)).state;
}

async function codeOf(call: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}

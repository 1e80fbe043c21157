import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAnswer } from '../../../protocol/at/answer.ts';
import { formatCommand } from '../../../protocol/at/command.ts';
import type { Challenge } from '../../../protocol/messages.ts';
import { Bench } from '../bench.ts';
import { otherNonce } from '../issuer.ts';
import type { MakeModule } from '../under-test.ts';

/** A module in some state, and the newest challenge that it has made there. */
interface Scene {
  readonly bench: Bench;
  asked?: Challenge;
}

/** The states of section 6.1; where a module may be challenged, with a live challenge and without one. */
const states = {
  async unprovisioned(make) {
    const bench = await Bench.open(make);
    await bench.give('keys', await bench.issuer.manifest({ ver: 1 }));
    return { bench };
  },
  locked: async (make) => ({ bench: await Bench.provisioned(make) }),
  async challenged(make) {
    const bench = await Bench.provisioned(make);
    return { bench, asked: await bench.challenge() };
  },
  open: async (make) => ({ bench: (await Bench.opened(make, 'console', 300)).bench }),
  async 'open and challenged'(make) {
    const { bench } = await Bench.opened(make, 'console', 300);
    return { bench, asked: await bench.challenge() };
  },
} satisfies Record<string, (make: MakeModule) => Promise<Scene>>;

/** Whatever may happen to a module. @returns the answer's kind, or its code */
const happenings: Readonly<Record<string, (scene: Scene) => Promise<string>>> = {
  async challenge(scene) {
    await scene.bench.module.advance(2);
    const answer = await say(scene, 'AT+QLATCH="challenge","console",900');
    if (answer === 'challenge') scene.asked = await scene.bench.challenge();
    return answer;
  },
  async token(scene) {
    return unlock(scene, await scene.bench.issuer.token(scene.asked ?? nobodyAsked()));
  },
  async 'token for another module'(scene) {
    const asked = scene.asked ?? nobodyAsked();
    return unlock(scene, await scene.bench.issuer.token(asked, { sub: 'LTE4-OTHER' }));
  },
  async reset(scene) {
    await scene.bench.module.advance(2);
    const answer = await say(scene, 'AT+QLATCH="challenge","reset",60');
    if (answer !== 'challenge') return answer;
    const asked = await scene.bench.challenge('reset', 60);
    return unlock(scene, await scene.bench.issuer.token(asked));
  },
  async 'newer keys'(scene) {
    await scene.bench.upload(await scene.bench.issuer.manifest({ ver: 2 }));
    return say(scene, 'AT+QLATCH="keys"');
  },
  async bundle(scene) {
    await scene.bench.upload(await scene.bench.issuer.bundle());
    return say(scene, 'AT+QLATCH="provision"');
  },
  lock: (scene) => say(scene, 'AT+QLATCH="lock"'),
  'time passes': ({ bench }) => nothing(bench.module.advance(300)),
  'service ends': ({ bench }) => nothing(bench.module.endService()),
  reboot: ({ bench }) => nothing(bench.module.reboot()),
  stop: ({ bench }) => nothing(bench.module.restart()),
};

/**
 * For each happening, in each of the states: the answer, the state afterwards, the receipts that it left, and
 * whether the nonce of the newest challenge lives.
 */
const table: Readonly<Record<string, readonly string[]>> = {
  challenge: [
    '911 → unprovisioned',
    'challenge → locked, lives',
    'challenge → locked, lives',
    'challenge → open, lives',
    'challenge → open, lives',
  ],
  token: [
    '911 → unprovisioned',
    '904 → locked',
    'open → open, opened, dies',
    '904 → open',
    'open → open, closed/replaced opened, dies',
  ],
  'token for another module': [
    '911 → unprovisioned',
    '904 → locked',
    '903 → locked, refused/module, dies',
    '904 → open',
    '903 → open, refused/module, dies',
  ],
  reset: [
    '911 → unprovisioned',
    'open → unprovisioned, opened closed/stop',
    'open → unprovisioned, opened closed/stop',
    'open → unprovisioned, closed/replaced opened closed/stop',
    'open → unprovisioned, closed/replaced opened closed/stop',
  ],
  'newer keys': [
    'keys → unprovisioned',
    'keys → locked',
    'keys → locked, dies',
    'keys → open',
    'keys → open, dies',
  ],
  bundle: [
    'provisioned → locked, provisioned',
    '909 → locked',
    '909 → locked, lives',
    '909 → open',
    '909 → open, lives',
  ],
  lock: [
    'ok → unprovisioned',
    'ok → locked',
    'ok → locked, lives',
    'locked → locked, closed/lock',
    'locked → locked, closed/lock, lives',
  ],
  'time passes': [
    '→ unprovisioned',
    '→ locked',
    '→ locked, lives',
    '→ locked, closed/timeout',
    '→ locked, closed/timeout, lives',
  ],
  'service ends': [
    '→ unprovisioned',
    '→ locked',
    '→ locked, lives',
    '→ locked, closed/service',
    '→ locked, closed/service, lives',
  ],
  reboot: [
    '→ unprovisioned',
    '→ locked',
    '→ locked, dies',
    '→ locked, closed/reboot',
    '→ locked, closed/reboot, dies',
  ],
  stop: [
    '→ unprovisioned',
    '→ locked',
    '→ locked, dies',
    '→ locked, closed/stop',
    '→ locked, closed/stop, dies',
  ],
};

/** Every transition of the state machine. */
export function transitions(make: MakeModule): void {
  for (const [happening, act] of Object.entries(happenings)) {
    for (const [place, [state, reach]] of Object.entries(states).entries()) {
      const expected = table[happening]?.[place];
      test(`${state}, ${happening}: ${expected} (protocol.md section 6)`, async () => {
        const scene: Scene = await reach(make);
        const before = await scene.bench.history();
        const answer = await act(scene);
        await scene.bench.identity();
        const after = (await scene.bench.state()).state;
        assert.equal(scene.bench.module.running(), after === 'open' ? 'console' : undefined);
        const receipts = (await scene.bench.history()).slice(before.length).trim();
        const found = [`${answer} → ${after}`.trim(), receipts, await nonce(scene, after)];
        assert.equal(found.filter((word) => word !== '').join(', '), expected);
      });
    }
  }
}

/** Whether the token for the newest challenge would open; it is tried. */
async function nonce(scene: Scene, state: string): Promise<string> {
  if (scene.asked === undefined || state === 'unprovisioned') return '';
  return (await unlock(scene, await scene.bench.issuer.token(scene.asked))) === 'open' ? 'lives' : 'dies';
}

async function unlock(scene: Scene, token: string): Promise<string> {
  await scene.bench.upload(token);
  return say(scene, formatCommand({ verb: 'unlock' }));
}

/** The kind of the first line of an answer, or the code of a refusal. */
async function say({ bench }: Scene, line: string): Promise<string> {
  const [first = ''] = await bench.module.send(line);
  const answer = parseAnswer(first);
  return answer.kind === 'cme' ? String(answer.code) : answer.kind;
}

async function nothing(act: Promise<void>): Promise<string> {
  await act;
  return '';
}

/** What a token might answer that no challenge of this module asked for. */
function nobodyAsked(): Challenge {
  const sub = 'LTE4-00A1B2C3D4E5';
  return { sub, nonce: otherNonce(), seq: 1, scope: 'console', for: 300, keys: 1, pwv: 0, fw: 'none' };
}

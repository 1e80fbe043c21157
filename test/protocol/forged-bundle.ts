import { approvalDigest } from '../../protocol/approval.ts';
import { encodeBase64url } from '../../protocol/base64url.ts';
import { logOrigin, signCheckpoint } from '../../protocol/checkpoint.ts';
import { encodeEvent, type LogEvent } from '../../protocol/events.ts';
import { Frontier } from '../../protocol/frontier.ts';
import { keyObject } from '../../protocol/jwk.ts';
import { signMessage } from '../../protocol/jws.ts';
import { type Hashes, inclusionProof, leafHash, nodeHash } from '../../protocol/merkle.ts';
import {
  AUDIENCE,
  type Challenge,
  type Receipt,
  type UnlockToken,
  unlockToken,
} from '../../protocol/messages.ts';
import { noteVerifier } from '../../protocol/note.ts';
import { encodeUnlockBundle, type UnlockBundle } from '../../protocol/unlock-bundle.ts';
import { Device } from '../fixture/device.ts';
import type { TestKeys } from '../fixture/keys.ts';
import { digest } from '../fixture/unlocks.ts';

export const ID = '0198a1b2-0000-7000-8000-00000000000a';

type Proven = UnlockBundle['events'][number];

/** What a lying server, or a lying module, does otherwise. */
export interface Lies {
  readonly challenge?: Partial<Challenge>;
  readonly token?: Partial<UnlockToken>;
  readonly receipt?: Partial<Receipt>;
  /** By type: members that replace those of the log's event. */
  readonly events?: Partial<Record<LogEvent['type'], Record<string, unknown>>>;
  /** Events put in, left out, put elsewhere. */
  readonly story?: (events: readonly LogEvent[]) => readonly LogEvent[];
  /** What is done to the bundle when it is made. */
  readonly bundle?: (bundle: UnlockBundle, aside: Proven) => UnlockBundle;
}

/**
 * The file of an unlock whose signatures, proofs and checkpoint all hold, made with the server's own
 * keys: only what it says can be wrong.
 */
export async function forgedBundle({ keys }: TestKeys, lies: Lies = {}): Promise<Uint8Array> {
  const device = new Device();
  const challenge = await device.challenge(lies.challenge);
  const token = await signToken({ keys }, device, claimsOf(challenge), lies);
  const receipt = await device.receipt('closed', ID, { elapsed: 60, ...lies.receipt });
  const honest = story(device, { challenge, token, receipt }).map((event) => ({
    ...event,
    ...lies.events?.[event.type],
  })) as LogEvent[];
  const { x, y } = device.key;
  const { checkpoint, events, aside } = await logged({ keys }, lies.story?.(honest) ?? honest);
  const bundle: UnlockBundle = {
    ...{ latchkey: 'unlock-bundle/1', unlock: ID, device: { kty: 'EC', crv: 'P-256', x, y } },
    ...{ grants: [{ challenge, token }], receipts: [receipt] },
    ...{ events, checkpoint },
    manifests: keys.manifests.map(({ jws }) => jws),
  };
  return encodeUnlockBundle(lies.bundle?.(bundle, aside) ?? bundle);
}

async function signToken(
  { keys }: Pick<TestKeys, 'keys'>,
  { hwid }: Device,
  asked: Challenge,
  { token }: Lies,
): Promise<string> {
  const [issuer] = keys.issuers;
  if (issuer === undefined) throw new Error('no issuer key');
  const { nonce, scope } = asked;
  const claims = {
    ...{ iss: keys.iss, aud: AUDIENCE, sub: hwid, nonce, jti: ID, iat: 1_800_000_000, exp: 1_800_000_600 },
    ...{ scope, for: 900, by: 'alice' },
  };
  return signMessage(unlockToken, { ...claims, ...token }, issuer);
}

interface Messages {
  readonly challenge: string;
  readonly token: string;
  readonly receipt: string;
}

/** The events that an honest server would have of these messages. */
function story({ hwid, dkt }: Device, { challenge, token, receipt }: Messages): LogEvent[] {
  const at = '2027-01-15T08:00:00.000Z';
  const asked = { scope: 'console', seconds: 1800, reason: 'modem does not register', ticket: null } as const;
  const dig = approvalDigest({ id: ID, requester: 'alice', hwid, ...asked });
  const granted = claimsOf<UnlockToken>(token);
  const said = claimsOf<Receipt>(receipt);
  const { nonce, seq } = claimsOf<Challenge>(challenge);
  const kid = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
  return [
    {
      ...{
        type: 'module.registered',
        at,
        by: 'line-1',
        hwid,
        imei: null,
        order: null,
        dkt,
        state: 'registered',
      },
      ...{ jti: ID.replace('a', 'b'), ver: 1, dig: digest('bundle') },
    },
    { type: 'unlock.requested', at, by: 'alice', unlock: ID, hwid, ...asked, dig, state: 'ready' },
    {
      ...{ type: 'unlock.issued', at, by: 'alice', unlock: ID, hwid, scope: 'console', state: 'issued' },
      ...{
        for: granted.for,
        exp: granted.exp,
        nonce,
        seq,
        challenge: digest(challenge),
        token: digest(token),
      },
      ...{ kid, pw: granted.pw?.ver ?? null, replaces: null },
    },
    { type: 'password.revealed', at, by: 'alice', unlock: ID, hwid, ver: 1 },
    {
      ...{
        type: 'receipt.accepted',
        at,
        by: 'alice',
        hwid,
        jti: said.jti,
        event: said.event,
        state: 'closed',
      },
      ...{ why: said.why ?? null, elapsed: said.elapsed, seq: said.seq, pwv: said.pwv, dig: digest(receipt) },
    },
  ];
}

/** A log of these events, with a leaf of no meaning on either side. */
async function logged({ keys }: Pick<TestKeys, 'keys'>, events: readonly LogEvent[]) {
  const aside = Buffer.from('{}');
  const leaves = [aside, ...events.map(encodeEvent), aside];
  const hashes: Hashes = (level, index) =>
    level === 0
      ? leafHash(leaves[index] ?? aside)
      : nodeHash(hashes(level - 1, index * 2), hashes(level - 1, index * 2 + 1));
  const frontier = new Frontier();
  for (const leaf of leaves) frontier.append(leafHash(leaf));
  const signer = { ...noteVerifier(logOrigin(keys.iss), keyObject(keys.log.jwk)), sign: keys.log.sign };
  const [, ...proven] = leaves.map((leaf, index) => ({
    index,
    leaf: encodeBase64url(leaf),
    proof: inclusionProof(index, leaves.length, hashes).map(encodeBase64url),
  }));
  return {
    checkpoint: await signCheckpoint(leaves.length, frontier.root(), signer),
    events: proven.slice(0, -1),
    aside: proven.at(-1) as Proven,
  };
}

function claimsOf<T = Challenge>(jws: string): T {
  return JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());
}

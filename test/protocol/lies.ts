import { decodeBase64url, encodeBase64url } from '../../protocol/base64url.ts';
import type { LogEvent } from '../../protocol/events.ts';
import { thumbprint } from '../../protocol/jwk.ts';
import type { UnlockBundle } from '../../protocol/unlock-bundle.ts';
import { type Lies, ID as OWN } from './forged-bundle.ts';

const OTHER = 'x'.repeat(42).concat('A');
const ID = '0198a1b2-0000-7000-8000-00000000000f';
const noPoint = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } as const;

/** Bundles that lie in one thing each, and how the finding begins that must say so. */
export const lies: Record<string, readonly [Lies, finding: string]> = {
  'a proof that is cut': [
    { bundle: withEvent(1, ({ proof, ...event }) => ({ ...event, proof: proof.slice(1) })) },
    'inclusion events[1]: is not event 2',
  ],
  'a leaf that was changed': [
    { bundle: withEvent(3, ({ leaf, ...event }) => ({ ...event, leaf: nextVersion(leaf) })) },
    'inclusion events[3]: is not event 4',
  ],
  'an event twice': [
    {
      bundle: (bundle) => ({
        ...bundle,
        events: bundle.events.flatMap((event, at) => (at === 3 ? [event, event] : event)),
      }),
    },
    'event events[4]: does not follow',
  ],
  'a leaf that is no event': [
    { bundle: (bundle, aside) => ({ ...bundle, events: [...bundle.events, aside] }) },
    'event events[5]: is not a canonical event',
  ],
  'an event of another unlock': [
    { events: { 'password.revealed': { unlock: ID } } },
    'event events[3]: is a password.revealed',
  ],
  'manifests that no root of ours signed': [
    { bundle: (bundle) => ({ ...bundle, manifests: bundle.manifests.map(changed) }) },
    'manifest manifests[0]: does not lead back',
  ],
  'a checkpoint that the log key did not sign': [
    {
      bundle: (bundle) => ({
        ...bundle,
        checkpoint: bundle.checkpoint.replace(/^[^\n]+\n\d+/, (head) => `${head}0`),
      }),
    },
    "checkpoint checkpoint: is not the log key's",
  ],
  'a challenge that the device did not sign': [
    { bundle: withGrant(({ challenge, token }) => ({ challenge: changed(challenge), token })) },
    "challenge grants[0].challenge: is not the device key's",
  ],
  'a receipt that the log does not have': [
    { bundle: (bundle) => ({ ...bundle, receipts: [...bundle.receipts, ...bundle.receipts.map(changed)] }) },
    'receipt receipts[1]: the log has accepted it 0 times',
  ],
  'a receipt that is missing': [{ bundle: (bundle) => ({ ...bundle, receipts: [] }) }, 'receipt receipts: '],
  'a request with another reason than was approved': [
    { events: { 'unlock.requested': { reason: 'curiosity' } } },
    'request events: dig',
  ],
  'a request by another person than was approved': [
    {
      events: { 'unlock.requested': { by: 'mallory' }, 'unlock.issued': { by: 'mallory' } },
      token: { by: 'mallory' },
    },
    'request events: dig',
  ],
  'an event of another module': [
    { events: { 'password.revealed': { hwid: 'QC-00000000' } } },
    'event event 4: hwid',
  ],
  'a device key that was registered only afterwards': [
    { story: ([registered, requested, ...rest]) => compact(requested, registered, ...rest) },
    'device device: has the thumbprint',
  ],
  'another device key': [{ events: { 'module.registered': { dkt: OTHER } } }, 'device device: has the'],
  'a device key that is no point of the curve': [
    {
      events: { 'module.registered': { dkt: thumbprint(noPoint) } },
      bundle: (bundle) => ({ ...bundle, device: noPoint }),
    },
    'device device: not a canonical',
  ],
  'no manifest': [
    { bundle: (bundle) => ({ ...bundle, manifests: [] }) },
    'manifest manifests: there is none',
  ],
  'a challenge for another scope': [
    { challenge: { scope: 'adb' }, token: { scope: 'adb' } },
    'challenge grants[0].challenge: scope',
  ],
  'a challenge of another module': [
    { challenge: { sub: 'QC-00000000' } },
    'challenge grants[0].challenge: sub',
  ],
  'a challenge that names this unlock as used': [
    { challenge: { last: OWN } },
    'challenge grants[0].challenge: says that',
  ],
  'another challenge than the log has': [
    { events: { 'unlock.issued': { challenge: OTHER } } },
    'challenge grants[0].challenge: digest',
  ],
  'another nonce than the log has': [
    { events: { 'unlock.issued': { nonce: 'AAAA' } } },
    'challenge grants[0].challenge: nonce',
  ],
  'another seq than the log has': [
    { events: { 'unlock.issued': { seq: 77 } } },
    'challenge grants[0].challenge: seq',
  ],
  'a manifest that is not there': [{ challenge: { keys: 2 } }, 'manifest manifests: lack version 2'],
  'a token of another unlock': [{ token: { jti: ID } }, 'token grants[0].token: jti'],
  'a token for another person': [{ token: { by: 'bob' } }, 'token grants[0].token: by'],
  'a token for longer than was requested': [
    { challenge: { for: 3000 }, token: { for: 3000 } },
    'token grants[0].token: grants 3000 s',
  ],
  'a token for longer than the module asked': [
    { token: { for: 1000 } },
    'token grants[0].token: the module refuses it (907)',
  ],
  'a token of another issuer': [
    { token: { iss: 'elsewhere' } },
    'token grants[0].token: the module refuses it (901)',
  ],
  'a token of another nonce': [
    { token: { nonce: 'AAAAAAAAAAAAAAAAAAAAAA' } },
    'token grants[0].token: the module refuses it (904)',
  ],
  'a password version that the module has': [
    { token: { pw: password(1) } },
    'token grants[0].token: the module refuses it (915)',
  ],
  'another token than the log has': [
    { events: { 'unlock.issued': { token: OTHER } } },
    'token grants[0].token: digest',
  ],
  'another issuer key than the log has': [
    { events: { 'unlock.issued': { kid: OTHER } } },
    'token grants[0].token: kid',
  ],
  'other seconds than the log has': [
    { events: { 'unlock.issued': { for: 899 } } },
    'token grants[0].token: for',
  ],
  'another end than the log has': [{ events: { 'unlock.issued': { exp: 1 } } }, 'token grants[0].token: exp'],
  'a password that the log does not have': [
    { token: { pw: password(2) }, events: { 'unlock.issued': { pw: null } } },
    'token grants[0].token: pw',
  ],
  'a token issued to another person': [{ events: { 'unlock.issued': { by: 'bob' } } }, 'token events: by'],
  'a token issued for another scope': [
    { events: { 'unlock.issued': { scope: 'adb' } } },
    'token events: scope',
  ],
  'a first token that replaces another': [
    { events: { 'unlock.issued': { replaces: OTHER } } },
    'token events: replaces',
  ],
  'a grant that the log does not have': [
    {
      story: (events) =>
        events.filter(({ type }) => type === 'module.registered' || type === 'unlock.requested'),
      bundle: (bundle) => ({ ...bundle, receipts: [] }),
    },
    'token grants: there are 1',
  ],
  'a receipt of another module': [{ receipt: { sub: 'QC-00000000' } }, 'receipt receipts[0]: sub'],
  'a receipt of another unlock': [
    { receipt: { jti: ID }, events: { 'receipt.accepted': { jti: OWN } } },
    'receipt receipts[0]: jti',
  ],
  'another event than the receipt says': [
    { events: { 'receipt.accepted': { event: 'opened', state: 'open' } } },
    'receipt receipts[0]: event',
  ],
  'another why than the receipt says': [
    { events: { 'receipt.accepted': { why: 'timeout' } } },
    'receipt receipts[0]: why',
  ],
  'another elapsed than the receipt says': [
    { events: { 'receipt.accepted': { elapsed: 1 } } },
    'receipt receipts[0]: elapsed',
  ],
  'another number than the receipt says': [
    { events: { 'receipt.accepted': { seq: 99 } } },
    'receipt receipts[0]: seq',
  ],
  'another password version than the receipt says': [
    { events: { 'receipt.accepted': { pwv: 9 } } },
    'receipt receipts[0]: pwv',
  ],
  'a token after the session was over': [
    {
      story: ([a, b, issued, , closed]) =>
        compact(a, b, issued, closed, { ...issued, replaces: null } as LogEvent),
    },
    'state event 5: unlock.issued leads from closed',
  ],
  'a reveal before there was a token': [
    { story: ([a, b, issued, revealed, closed]) => compact(a, b, revealed, issued, closed) },
    'state event 3: password.revealed leads from ready',
  ],
  'a closing receipt that closes nothing': [
    { events: { 'receipt.accepted': { state: 'issued' } } },
    'state event 5: receipt.accepted leads from issued to issued',
  ],
  'an unlock that never was requested': [
    { story: (events) => events.filter(({ type }) => type !== 'unlock.requested') },
    'request events: there are 0',
  ],
};

function withEvent(
  at: number,
  change: (event: UnlockBundle['events'][number]) => UnlockBundle['events'][number],
) {
  return (bundle: UnlockBundle): UnlockBundle => ({
    ...bundle,
    events: bundle.events.map((event, place) => (place === at ? change(event) : event)),
  });
}

function withGrant(change: (grant: UnlockBundle['grants'][number]) => UnlockBundle['grants'][number]) {
  return (bundle: UnlockBundle): UnlockBundle => ({ ...bundle, grants: bundle.grants.map(change) });
}

/** The reveal's leaf, of another version. */
function nextVersion(leaf: string): string {
  const text = Buffer.from(leaf, 'base64url').toString();
  return Buffer.from(text.replace('"ver":1', '"ver":2')).toString('base64url');
}

/** Base64url, or a JWS, with one bit of its last bytes flipped. */
function changed(text: string): string {
  const start = text.lastIndexOf('.') + 1;
  const bytes = decodeBase64url(text.slice(start)) ?? new Uint8Array();
  return text.slice(0, start) + encodeBase64url(bytes.map((byte, at) => (at === 5 ? byte ^ 1 : byte)));
}

export function password(ver: number) {
  return { ver, hash: `$6$salt$${'.'.repeat(86)}` };
}

function compact(...events: (LogEvent | undefined)[]): LogEvent[] {
  return events.filter((event) => event !== undefined);
}

import { hash, type KeyObject } from 'node:crypto';
import { approvalDigest } from './approval.ts';
import type { IndexedEvent } from './bundle-proofs.ts';
import { checkToken } from './checks.ts';
import type { ClaimsOf, Shape } from './claims.ts';
import { cmeErrors } from './cme.ts';
import { keyObject, thumbprint } from './jwk.ts';
import { type Message, MessageError, openEnvelope, verifyMessage } from './jws.ts';
import { keyStore, type SignedManifest } from './manifests.ts';
import { challenge, type Receipt, receipt, unlockToken } from './messages.ts';
import type { BundleCheck, Find, Proved, UnlockBundle } from './unlock-bundle.ts';
import type { EventOf } from './unlock-states.ts';

/** A bundle's signed messages, held against what the log says about them. */

/** What earlier steps have proved. */
interface Given {
  readonly manifests: readonly SignedManifest[];
  readonly events: readonly IndexedEvent[];
  readonly request: EventOf<'unlock.requested'>;
  readonly device: Device;
}

interface Device {
  readonly key: KeyObject;
  readonly dkt: string;
}

/** There is one request, its digest is that of what it says, and all events are of its module. */
export function checkRequest(
  { unlock }: UnlockBundle,
  events: readonly IndexedEvent[],
  find: Find,
): EventOf<'unlock.requested'> | undefined {
  const [request, ...more] = ofType(events, 'unlock.requested');
  if (request === undefined || more.length > 0) {
    find('request', 'events', `there are ${more.length + (request ? 1 : 0)} requests, where one is due`);
    return undefined;
  }
  const { by: requester, hwid, scope, seconds, reason, ticket, dig } = request;
  const due = approvalDigest({ id: unlock, requester, hwid, scope, seconds, reason, ticket });
  agree(find, 'request', 'events', { dig: [dig, due] });
  for (const { index, event } of events) {
    if ('hwid' in event) agree(find, 'event', `event ${index}`, { hwid: [event.hwid, hwid] });
  }
  return request;
}

/** The device key is the one that the module was last registered with before the request. */
export function checkDevice(
  { device }: UnlockBundle,
  events: readonly IndexedEvent[],
  request: EventOf<'unlock.requested'>,
  find: Find,
): Device | undefined {
  const before = events.slice(
    0,
    events.findIndex(({ event }) => event === request),
  );
  const dkt = thumbprint(device);
  const due = ofType(before, 'module.registered').at(-1)?.dkt;
  if (due !== dkt) {
    find('device', 'device', `has the thumbprint ${dkt}; registered before the request is ${due ?? 'none'}`);
    return undefined;
  }
  try {
    return { key: keyObject(device), dkt };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    find('device', 'device', error.message);
    return undefined;
  }
}

/** Each token answers its challenge as the module itself would check it, and is what the log says. */
export function checkGrants({ grants }: UnlockBundle, given: Given, find: Find): Proved['grants'] {
  const issued = ofType(given.events, 'unlock.issued');
  if (issued.length !== grants.length) {
    find('token', 'grants', `there are ${grants.length}, and the log has ${issued.length} issued`);
  }
  return grants.flatMap((grant, place) => {
    const event = issued[place];
    const before = issued[place - 1]?.token ?? null;
    return event === undefined ? [] : checkGrant(grant, event, before, `grants[${place}]`, given, find);
  });
}

function checkGrant(
  grant: UnlockBundle['grants'][number],
  event: EventOf<'unlock.issued'>,
  before: string | null,
  at: string,
  { manifests, request, device }: Given,
  find: Find,
): Proved['grants'] {
  const asked = signedBy(device, challenge, grant.challenge, 'challenge', `${at}.challenge`, find);
  if (asked === undefined) return [];
  const { unlock, hwid, by, scope, seconds } = request;
  agree(find, 'challenge', `${at}.challenge`, {
    digest: [digest(grant.challenge), event.challenge],
    sub: [asked.sub, hwid],
    scope: [asked.scope, scope],
    nonce: [asked.nonce, event.nonce],
    seq: [asked.seq, event.seq],
  });
  if (asked.last === unlock)
    find('challenge', `${at}.challenge`, 'says that a token of this unlock was used');

  const held = manifests.find(({ claims }) => claims.ver === asked.keys)?.claims;
  if (held === undefined) {
    find('manifest', 'manifests', `lack version ${asked.keys}, which the module held for ${at}`);
    return [];
  }
  const keys = keyStore(held.keys);
  const verdict = checkToken(grant.token, { hwid, iss: held.iss, keys, live: asked, pwv: asked.pwv });
  if (!verdict.ok) {
    find('token', `${at}.token`, `the module refuses it (${verdict.cme}): ${cmeErrors[verdict.cme]}`);
    return [];
  }
  const { token } = verdict;
  agree(find, 'token', `${at}.token`, {
    digest: [digest(grant.token), event.token],
    kid: [openEnvelope(unlockToken, grant.token).kid, event.kid],
    jti: [token.jti, unlock],
    by: [token.by, by],
    for: [token.for, event.for],
    exp: [token.exp, event.exp],
    pw: [token.pw?.ver ?? null, event.pw],
  });
  if (token.for > seconds)
    find('token', `${at}.token`, `grants ${token.for} s, and ${seconds} were asked for`);
  agree(find, 'token', 'events', {
    by: [event.by, by],
    scope: [event.scope, scope],
    replaces: [event.replaces, before],
  });
  return [{ challenge: asked, token }];
}

/** Each receipt that the log has is here, and the other way round; each says what the log says. */
export function checkReceipts(
  { receipts }: UnlockBundle,
  { events, device }: Pick<Given, 'events' | 'device'>,
  find: Find,
): readonly Receipt[] {
  const accepted = ofType(events, 'receipt.accepted');
  const shown = receipts.map((jws, place) => ({ jws, at: `receipts[${place}]`, dig: digest(jws) }));
  for (const { at, dig } of shown) {
    const count = accepted.filter((event) => event.dig === dig).length;
    if (count !== 1) find('receipt', at, `the log has accepted it ${count} times, where once is due`);
  }
  return accepted.flatMap((event) => {
    const [found, ...more] = shown.filter(({ dig }) => dig === event.dig);
    if (found === undefined || more.length > 0) {
      find(
        'receipt',
        'receipts',
        `${event.dig}, which the log has, is here ${found ? more.length + 1 : 0} times`,
      );
      return [];
    }
    const claims = signedBy(device, receipt, found.jws, 'receipt', found.at, find);
    if (claims === undefined) return [];
    const { sub, jti, why = null, elapsed, seq, pwv } = claims;
    agree(find, 'receipt', found.at, {
      sub: [sub, event.hwid],
      jti: [jti, event.jti],
      event: [claims.event, event.event],
      why: [why, event.why],
      elapsed: [elapsed, event.elapsed],
      seq: [seq, event.seq],
      pwv: [pwv, event.pwv],
    });
    return [claims];
  });
}

function signedBy<S extends Shape>(
  { key, dkt }: Device,
  message: Message<S>,
  jws: string,
  check: BundleCheck,
  at: string,
  find: Find,
): ClaimsOf<S> | undefined {
  try {
    return verifyMessage(message, jws, (kid) => (kid === dkt ? key : undefined));
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    find(check, at, `is not the device key's: ${error.message}`);
    return undefined;
  }
}

type Pairs = Readonly<Record<string, readonly [is: string | number | null, due: string | number | null]>>;

/** Reports each member that is not what it should be. */
function agree(find: Find, check: BundleCheck, at: string, pairs: Pairs): void {
  for (const [name, [is, due]] of Object.entries(pairs)) {
    if (is !== due) find(check, at, `${name} is ${is}, where ${due} is due`);
  }
}

function ofType<T extends IndexedEvent['event']['type']>(
  events: readonly IndexedEvent[],
  type: T,
): EventOf<T>[] {
  return events.flatMap(({ event }) => (event.type === type ? [event as EventOf<T>] : []));
}

function digest(jws: string): string {
  return hash('sha256', jws, 'base64url');
}

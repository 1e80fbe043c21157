import type { z } from 'zod';
import type { UnlockBundle } from '../../protocol/api/bundle.ts';
import { decodePayload, openEnvelope } from '../../protocol/jws.ts';
import { challenge as challengeMessage, NONCE_LIFE } from '../../protocol/messages.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { EventSearch } from '../log/read.ts';
import type { GrantRow, UnlockRow } from '../store/schema.ts';
import { eventsVisibleTo, viewProven } from './events.ts';
import { findModule } from './module.ts';
import { findUnlock, mustFind } from './unlock.ts';

type Bundle = z.input<typeof UnlockBundle>;

/**
 * Everything about one unlock, to be checked offline. Who reviews events has every unlock's, others
 * their own.
 * @throws Problem `not-found`, `unlock-state`
 */
export async function bundleUnlock(services: Services, caller: Caller, id: string): Promise<Bundle> {
  const row = await findUnlock(services.read, id);
  const only = eventsVisibleTo(services, caller);
  const unlock = mustFind(only === undefined || row?.requester === only ? row : undefined);
  mustBeSpent(unlock, services.clock());
  const { x, y } = await deviceOf(services, unlock);
  const found = await eventsOf(services, unlock);
  const grants = await grantsOf(services, id);
  const receipts = await receiptsOf(services, unlock);
  // Grants and receipts come with their events, so if no event came meanwhile they belong together.
  if ((await eventsOf(services, unlock)).length > found.length) return bundleUnlock(services, caller, id);
  const { checkpoint, leaves } = await services.reader.prove(found);
  const events = leaves.map(viewProven);
  return {
    ...{ latchkey: 'unlock-bundle/1', unlock: id, device: { kty: 'EC', crv: 'P-256', x, y } },
    ...{ grants, receipts, events, checkpoint, manifests: await manifestsFor(services, grants) },
  };
}

/**
 * A token that its module may still take is for who asked for it, and for nobody who only looks; and only
 * decisions/token.ts says whether it may be had again.
 */
function mustBeSpent({ id, state, issued }: UnlockRow, now: Date): void {
  if (state !== 'issued' || issued === null) return;
  const dies = new Date(Date.parse(issued) + NONCE_LIFE * 1000);
  if (now >= dies) return;
  throw new Problem(
    'unlock-state',
    `Unlock ${id} is issued, and its token may still open the module; ask again once it has, or after ` +
      `${dies.toISOString()}.`,
    { state },
  );
}

/** The device key that the module had when the unlock was requested: what its last registration before says. */
async function deviceOf(
  { read, reader }: Services,
  { id, hwid }: UnlockRow,
): Promise<{ x: string; y: string }> {
  const { items } = await reader.search({ unlock: id, type: 'unlock.requested', limit: 1 });
  const before = { type: 'module.registered', hwid, after: items[0]?.index, newestFirst: true, limit: 1 };
  const [registered] = (await reader.search(before)).items;
  const dkt = registered?.event.type === 'module.registered' ? registered.event.dkt : '';
  const former = await read
    .selectFrom('former_keys')
    .select(['x', 'y'])
    .where('dkt', '=', dkt)
    .executeTakeFirst();
  return former ?? findModule(read, hwid);
}

/** What the newest manifest and its roots need, and those that say which keys signed these tokens. */
async function manifestsFor({ read, keys }: Services, grants: Bundle['grants']): Promise<string[]> {
  const held = grants.map(({ challenge }) => {
    const { payload } = openEnvelope(challengeMessage, challenge);
    return decodePayload(challengeMessage, payload).keys;
  });
  const rows = await read.selectFrom('manifests').select(['ver', 'jws']).execute();
  const needed = new Map([
    ...rows.filter(({ ver }) => held.includes(ver)).map(({ ver, jws }) => [ver, jws] as const),
    ...keys.manifests.map(({ claims, jws }) => [claims.ver, jws] as const),
  ]);
  return [...needed].sort(([a], [b]) => a - b).map(([, jws]) => jws);
}

async function grantsOf({ read, sealer }: Services, id: string): Promise<Bundle['grants']> {
  const grants = await read
    .selectFrom('grants')
    .selectAll()
    .where('unlock', '=', id)
    .orderBy('turn')
    .execute();
  const open = (purpose: 'challenge' | 'token', sealed: Uint8Array, { turn }: GrantRow) =>
    Buffer.from(sealer.open(sealed, { purpose, subject: id, version: turn })).toString();
  return grants.map((grant) => ({
    challenge: open('challenge', grant.sealed_challenge, grant),
    token: open('token', grant.sealed_token, grant),
  }));
}

async function receiptsOf({ read }: Services, { id, hwid }: UnlockRow): Promise<Bundle['receipts']> {
  const receipts = await read
    .selectFrom('receipts')
    .select('jws')
    .where('jti', '=', id)
    .where('hwid', '=', hwid)
    .orderBy('seq')
    .execute();
  return receipts.map(({ jws }) => jws);
}

/**
 * Where the unlock's own events stand, after those that say whose device key signs. Another module
 * that refused this unlock's token has events that name it, which are not its own.
 */
async function eventsOf({ reader }: Services, { id, hwid }: UnlockRow): Promise<number[]> {
  const own = await indexes(reader, { hwid, unlock: id, limit: 500 });
  const registered = await indexes(reader, { hwid, type: 'module.registered', limit: 500 });
  return [...registered.filter((index) => index < (own[0] ?? 0)), ...own];
}

async function indexes(reader: Services['reader'], query: EventSearch): Promise<number[]> {
  const { items, next } = await reader.search(query);
  const rest = next === null ? [] : await indexes(reader, { ...query, after: next });
  return [...items.map(({ index }) => index), ...rest];
}

import { type NewEvent, SERVER } from '../../protocol/events.ts';
import { signMessage } from '../../protocol/jws.ts';
import { AUDIENCE, type Challenge, unlockToken } from '../../protocol/messages.ts';
import type { Services } from '../context.ts';
import type { LogPosition, Tx } from '../log/log.ts';
import { makePassword, sealPassword } from '../passwords.ts';
import type { PasswordRow } from '../store/schema.ts';
import { digestOf } from './device.ts';
import type { Evidence, Other } from './evidence.ts';
import type { Grant } from './issue.ts';
import type { Subject } from './subject.ts';
import { lapse } from './sweep.ts';

/** A decision to issue, and what it was made from. */
export interface Granting {
  readonly subject: Subject;
  readonly jws: string;
  readonly challenge: Challenge;
  readonly evidence: Evidence;
  readonly grant: Grant;
}

/** The token, and where its event stands. */
export interface Granted {
  readonly token: string;
  readonly log: LogPosition | null;
}

/** Thrown inside a commit: the facts no longer hold. What was signed is thrown away. */
class Overtaken extends Error {}

/**
 * Signs, then commits state and event together; only then does the token leave (order rule 1).
 * @returns undefined where somebody else was faster: decide again from fresh facts, to say why
 */
export async function commitGrant(services: Services, granting: Granting): Promise<Granted | undefined> {
  const password = nextPassword(services, granting);
  const token = await signToken(services, granting, password);
  try {
    const { log } = await services.log.commit((tx) => write(tx, services, granting, token, password));
    return { token, log };
  } catch (error) {
    if (error instanceof Overtaken) return undefined;
    throw error;
  }
}

function nextPassword(services: Services, { subject, grant }: Granting): PasswordRow | undefined {
  if (grant.ver === undefined) return undefined;
  const { hwid } = subject.unlock;
  const { password, hash } = makePassword(services.random);
  const sealed = sealPassword(services, hwid, grant.ver, password);
  return { hwid, ver: grant.ver, sealed, hash, created: services.clock().toISOString(), revealed: null };
}

function signToken(
  services: Services,
  granting: Granting,
  password: PasswordRow | undefined,
): Promise<string> {
  const { subject, challenge, grant } = granting;
  const { id, hwid, scope, requester } = subject.unlock;
  const signer = services.keys.issuers.find(({ kid }) => kid === grant.issuer);
  if (signer === undefined) throw new Error(`issuer key ${grant.issuer} is gone`);
  const claims = {
    ...{ iss: services.keys.iss, aud: AUDIENCE, sub: hwid, nonce: challenge.nonce, jti: id },
    ...{ iat: grant.iat, exp: grant.exp, scope, for: grant.for, by: requester },
    ...(password && { pw: { ver: password.ver, hash: password.hash } }),
  };
  return signMessage(unlockToken, claims, signer);
}

/** Every condition of the decision that could have changed is one of these statements. */
async function write(
  tx: Tx,
  services: Services,
  granting: Granting,
  token: string,
  password: PasswordRow | undefined,
): Promise<void> {
  for (const other of granting.evidence.others) await finish(tx, other);
  await moveUnlock(tx, granting);
  await spendChallenge(tx, services, granting, token);
  await moveModule(tx, granting);
  if (password !== undefined) await keepPassword(tx, password);
  await tx.append(eventOf(granting, token));
}

async function finish(tx: Tx, other: Other): Promise<void> {
  if (other.fate === 'expired' || other.fate === 'unaccounted') return lapse(tx, other, other.fate);
  if (other.fate === 'stays') return;
  const { id, hwid, state } = other;
  const moved = await tx.db
    .updateTable('unlocks')
    .set({ state: 'expired' })
    .where('id', '=', id)
    .where('state', '=', state)
    .executeTakeFirst();
  overtakenUnless(moved.numUpdatedRows === 1n);
  await tx.append({
    type: 'unlock.expired',
    by: SERVER,
    unlock: id,
    hwid,
    why: 'never-opened',
    state: 'expired',
  });
}

/** Compare-and-swap of the unlock; the module must be free (also a unique index, unlocks_in_use). */
async function moveUnlock(tx: Tx, { subject, grant }: Granting): Promise<void> {
  const { id, hwid, state } = subject.unlock;
  const moved = await tx.db
    .updateTable('unlocks')
    .set({ state: 'issued', issued: new Date(grant.iat * 1000).toISOString(), granted: grant.for })
    .where('id', '=', id)
    .where('state', '=', state)
    .where((row) =>
      row.not(
        row.exists(
          row
            .selectFrom('unlocks as other')
            .select('other.id')
            .where('other.hwid', '=', hwid)
            .where('other.state', 'in', ['issued', 'open'])
            .where('other.id', '<>', id),
        ),
      ),
    )
    .executeTakeFirst();
  overtakenUnless(moved.numUpdatedRows === 1n);
}

/** Order rule 2: unique (hwid, nonce); and one token for each turn of the unlock. */
async function spendChallenge(tx: Tx, services: Services, granting: Granting, token: string): Promise<void> {
  const { subject, jws, challenge, grant } = granting;
  const { id, hwid } = subject.unlock;
  const turn = subject.tokens;
  const seal = (text: string, purpose: 'challenge' | 'token') =>
    services.sealer.seal(Buffer.from(text), { purpose, subject: id, version: turn });
  const inserted = await tx.db
    .insertInto('grants')
    .values({
      ...{ unlock: id, turn, hwid, nonce: challenge.nonce, seq: challenge.seq, pwv: challenge.pwv },
      ...{ iat: grant.iat, for: grant.for, kid: grant.issuer, pw_ver: grant.ver ?? null },
      ...{ challenge_digest: digestOf(jws), sealed_challenge: seal(jws, 'challenge') },
      ...{ token_digest: digestOf(token), sealed_token: seal(token, 'token') },
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  overtakenUnless(inserted.numInsertedOrUpdatedRows === 1n);
}

/** The module is still fit, the challenge still the newest, the password still as secret as it was. */
async function moveModule(tx: Tx, { subject, challenge, grant }: Granting): Promise<void> {
  const { hwid, dkt } = subject.module;
  const { seq, pwv } = challenge;
  const newer = seq > subject.module.pwv_seq;
  const moved = await tx.db
    .updateTable('modules')
    .set({ granted_seq: seq, ...(newer && { pwv, pwv_seq: seq }) })
    .where('hwid', '=', hwid)
    .where('dkt', '=', dkt)
    .where('state', '=', 'confirmed')
    .where('foreign_token', 'is', null)
    .where('granted_seq', '<', seq)
    .where('pwv_seq', '=', subject.module.pwv_seq)
    .$if(grant.ver === undefined, (update) =>
      update.where((row) =>
        row.exists(
          row
            .selectFrom('passwords')
            .select('ver')
            .where('passwords.hwid', '=', hwid)
            .where('ver', '=', pwv)
            .where('revealed', 'is', null),
        ),
      ),
    )
    .executeTakeFirst();
  overtakenUnless(moved.numUpdatedRows === 1n);
}

async function keepPassword(tx: Tx, password: PasswordRow): Promise<void> {
  const inserted = await tx.db
    .insertInto('passwords')
    .values(password)
    .onConflict((conflict) => conflict.columns(['hwid', 'ver']).doNothing())
    .executeTakeFirst();
  overtakenUnless(inserted.numInsertedOrUpdatedRows === 1n);
}

function eventOf({ subject, jws, challenge, grant }: Granting, token: string): NewEvent {
  const { id, hwid, requester, scope } = subject.unlock;
  return {
    ...{ type: 'unlock.issued', by: requester, unlock: id, hwid, scope, state: 'issued' },
    ...{ for: grant.for, exp: grant.exp, nonce: challenge.nonce, seq: challenge.seq },
    ...{ challenge: digestOf(jws), token: digestOf(token), kid: grant.issuer },
    ...{ pw: grant.ver ?? null, replaces: subject.newest?.token_digest ?? null },
  };
}

function overtakenUnless(holds: boolean): void {
  if (!holds) throw new Overtaken();
}

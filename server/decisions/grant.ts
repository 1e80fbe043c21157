import type { NewEvent } from '../../protocol/events.ts';
import { signMessage } from '../../protocol/jws.ts';
import { AUDIENCE, type Challenge, unlockToken } from '../../protocol/messages.ts';
import type { Caller, Services } from '../context.ts';
import type { LogPosition, Tx } from '../log/log.ts';
import { makePassword, sealPassword } from '../passwords.ts';
import type { GrantRow, PasswordRow } from '../store/schema.ts';
import { digestOf } from './device.ts';
import { raiseDoubt, settleDoubt } from './doubt.ts';
import type { Evidence } from './evidence.ts';
import type { Grant } from './issue.ts';
import type { Subject } from './subject.ts';
import { finish, keepPassword, moveModule, moveUnlock, Overtaken, spendChallenge } from './swap.ts';

/** A decision to issue, and what it was made from. */
export interface Granting {
  readonly caller: Caller;
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

/**
 * Signs, then commits state and event together; only then does the token leave (order rule 1).
 * @returns undefined where the facts no longer hold: the token is thrown away, decide again
 */
export async function commitGrant(services: Services, granting: Granting): Promise<Granted | undefined> {
  const password = await nextPassword(services, granting);
  const token = await signToken(services, granting, password);
  const row = rowOf(services, granting, token);
  const event = eventOf(granting, row);
  try {
    const { log } = await services.commit(granting.caller, (tx) => write(tx, granting, row, password, event));
    return { token, log };
  } catch (error) {
    if (error instanceof Overtaken) return undefined;
    throw error;
  }
}

/** Whatever of the decision's facts may have changed is a condition of one of these statements. */
async function write(
  tx: Tx,
  { subject, challenge, evidence, grant }: Granting,
  row: GrantRow,
  password: PasswordRow | undefined,
  event: NewEvent,
): Promise<void> {
  for (const other of evidence.others) await finish(tx, other);
  await moveUnlock(tx, subject.unlock, grant);
  await spendChallenge(tx, row);
  await moveModule(tx, subject.module, challenge, grant);
  if (password !== undefined) await keepPassword(tx, password);
  await weigh(tx, subject.module, challenge, row, password);
  await tx.append(event);
}

/**
 * A token with a password leaves open which one is in force until the module has answered it. Without one,
 * the challenge named a version that this server holds: that settles it, unless it is a lower one than before.
 */
async function weigh(
  tx: Tx,
  { hwid, pwv, pwv_seq }: Subject['module'],
  challenge: Challenge,
  { unlock, pw_ver: ver, iat }: GrantRow,
  password: PasswordRow | undefined,
): Promise<void> {
  const since = new Date(iat * 1000).toISOString();
  if (password !== undefined) return raiseDoubt(tx, { hwid, why: 'unanswered', since, unlock, ver });
  if (challenge.seq <= pwv_seq) return;
  if (challenge.pwv < (pwv ?? 0)) {
    return raiseDoubt(tx, { hwid, why: 'went-back', since, unlock: null, ver: null });
  }
  if (challenge.pwv > (pwv ?? 0)) await settleDoubt(tx, hwid);
}

async function nextPassword(
  services: Services,
  { subject, grant }: Granting,
): Promise<PasswordRow | undefined> {
  if (grant.ver === undefined) return undefined;
  const { hwid } = subject.unlock;
  const { password, hash } = await makePassword(services);
  const sealed = sealPassword(services, hwid, grant.ver, password);
  return { hwid, ver: grant.ver, sealed, hash, created: services.clock().toISOString(), revealed: null };
}

function signToken(
  { keys }: Services,
  { subject, challenge, grant }: Granting,
  password: PasswordRow | undefined,
): Promise<string> {
  const { id, hwid, scope, requester } = subject.unlock;
  const signer = keys.issuers.find(({ kid }) => kid === grant.issuer);
  if (signer === undefined) throw new Error(`issuer key ${grant.issuer} is gone`);
  const claims = {
    ...{ iss: keys.iss, aud: AUDIENCE, sub: hwid, nonce: challenge.nonce, jti: id },
    ...{ iat: grant.iat, exp: grant.exp, scope, for: grant.for, by: requester },
    ...(password && { pw: { ver: password.ver, hash: password.hash } }),
  };
  return signMessage(unlockToken, claims, signer);
}

function rowOf({ sealer }: Services, { subject, jws, challenge, grant }: Granting, token: string): GrantRow {
  const { id: unlock, hwid } = subject.unlock;
  const turn = subject.tokens;
  const seal = (text: string, purpose: 'challenge' | 'token') =>
    sealer.seal(Buffer.from(text), { purpose, subject: unlock, version: turn });
  return {
    unlock,
    turn,
    hwid,
    nonce: challenge.nonce,
    seq: challenge.seq,
    pwv: challenge.pwv,
    iat: grant.iat,
    for: grant.for,
    kid: grant.issuer,
    pw_ver: grant.ver ?? null,
    challenge_digest: digestOf(jws),
    token_digest: digestOf(token),
    sealed_challenge: seal(jws, 'challenge'),
    sealed_token: seal(token, 'token'),
  };
}

function eventOf({ subject, grant }: Granting, row: GrantRow): NewEvent {
  const { id, hwid, requester, scope } = subject.unlock;
  return {
    type: 'unlock.issued',
    by: requester,
    unlock: id,
    hwid,
    scope,
    for: grant.for,
    exp: grant.exp,
    nonce: row.nonce,
    seq: row.seq,
    challenge: row.challenge_digest,
    token: row.token_digest,
    kid: grant.issuer,
    pw: row.pw_ver,
    replaces: subject.newest?.token_digest ?? null,
    state: 'issued',
  };
}

import { pageOf } from '../protocol/api/list.ts';
import { NewUnlock, UnlockAnswer, Unlock as UnlockSchema } from '../protocol/api/unlocks.ts';
import type { Client } from './client.ts';
import type { Cli } from './context.ts';
import { Failure } from './failure.ts';
import type { Unlock } from './token.ts';

/** Seconds that the server may hold an answer back while an unlock waits. */
const POLL = 30;

/** What an engineer asks for. Without a reason, only an unlock asked for before can be continued. */
export interface Wanted {
  readonly hwid: string;
  readonly scope: Unlock['scope'];
  readonly seconds: number;
  readonly reason: string | undefined;
  readonly ticket: string | undefined;
}

/** One's own unlock that its module has not taken yet, the newest; or a new one. */
export async function findOrRequest(cli: Cli, client: Client, me: string, wanted: Wanted): Promise<Unlock> {
  const live = (await ownUnlocks(client, me, wanted.hwid)).filter(isLive);
  const own = live.find((one) => isSameErrand(one, wanted));
  if (own === undefined) return request(cli, client, wanted, live[0]);
  cli.out.progress(`continuing unlock ${own.id} (${own.state}, “${own.reason}”)`);
  return own;
}

/** Newest first. */
export async function ownUnlocks(client: Client, requester: string, hwid: string): Promise<Unlock[]> {
  const { items } = await client.get('/v1/unlocks', pageOf(UnlockSchema), { hwid, requester, limit: 20 });
  return items;
}

/** @param other one of one's own that could be gone on with, but for what is wanted now */
async function request(cli: Cli, client: Client, wanted: Wanted, other: Unlock | undefined): Promise<Unlock> {
  const { hwid, scope, seconds, reason, ticket } = wanted;
  if (reason === undefined) {
    throw new Failure('usage', 'reason-missing', 'Say why this module is to be unlocked.', {
      next: `Give --reason "…": it is what an approver sees, and stands in the log.${goOnWith(other)}`,
    });
  }
  const parsed = NewUnlock.safeParse({ hwid, scope, seconds, reason, ticket });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') ?? '';
    throw new Failure('usage', 'usage', `The ${where} cannot be sent: ${issue?.message ?? ''}.`);
  }
  const idempotencyKey = cli.uuid();
  const { unlock } = await client.post('/v1/unlocks', UnlockAnswer, parsed.data, { idempotencyKey });
  return unlock;
}

function goOnWith(other: Unlock | undefined): string {
  if (other === undefined) return '';
  return ` Or go on with unlock ${other.id} (“${other.reason}”): --scope ${other.scope} --for ${other.seconds}s`;
}

function isLive({ state }: Unlock): boolean {
  return ['waiting', 'ready', 'issued'].includes(state);
}

/** Asked for what is wanted now; a reason or ticket that is not given again may be any. */
export function isSameErrand(one: Unlock, { scope, seconds, reason, ticket }: Wanted): boolean {
  return (
    one.scope === scope &&
    one.seconds === seconds &&
    (reason === undefined || one.reason === reason.trim()) &&
    (ticket === undefined || one.ticket === ticket)
  );
}

/** Waits until an unlock is approved. @throws Failure where it ends otherwise */
export async function waitReady(cli: Cli, client: Client, unlock: Unlock): Promise<Unlock> {
  let now = unlock;
  if (now.state === 'waiting') {
    cli.out.progress(
      `unlock ${now.id} waits for approval (${now.approvals} needed); Ctrl-C leaves it waiting`,
    );
  }
  while (now.state === 'waiting') {
    const query = { wait: POLL, while: 'waiting' };
    now = await client.get(`/v1/unlocks/${now.id}`, UnlockSchema, query, POLL);
  }
  if (now.state === 'ready' || now.state === 'issued') return now;
  throw new Failure('refused', `unlock-${now.state}`, `Unlock ${now.id} was ${now.state}.`, {
    next: 'Ask for another, or talk to who decided: latchkey events list --unlock shows who it was.',
    details: { unlock: now.id, state: now.state },
  });
}

import type { Kysely } from 'kysely';
import type { Challenge } from '../../protocol/messages.ts';
import { literals, prepared } from '../store/prepared.ts';
import type { Database, UnlockRow } from '../store/schema.ts';
import type { Subject } from './subject.ts';
import { type Lapse, lapseOf } from './sweep.ts';

/** What the tables say about a proved challenge. */
export interface Evidence {
  readonly nonceGranted: boolean;
  readonly lastKnown: boolean;
  /** Highest password version sent; 0 where none was. */
  readonly sent: number;
  /** The version in force was revealed, or never came from here. */
  readonly spent: boolean;
  /** Other unlocks of the module whose end is not on record. */
  readonly others: readonly Other[];
}

/** Another unlock of the module, and what the challenge or the time makes of it. */
export interface Other
  extends Pick<UnlockRow, 'id' | 'hwid' | 'requester' | 'state' | 'deadline' | 'issued' | 'granted'> {
  readonly fate: 'never-opened' | Lapse | 'stays';
}

/** @param challenge its signature holds under the device key of the subject's module */
export async function gather(
  db: Kysely<Database>,
  { unlock, module }: Subject,
  challenge: Challenge,
  now: Date,
): Promise<Evidence> {
  const { hwid } = unlock;
  const { nonce, last, pwv } = challenge;
  const [found] = (await facts(db, { hwid, nonce, last: last ?? '', pwv })).rows;
  const { rows: others } = await unfinished(db, { id: unlock.id, hwid });
  return {
    nonceGranted: Boolean(found?.nonce),
    lastKnown: last === undefined || found?.last != null || last === module.cleared_token,
    sent: found?.sent ?? 0,
    spent: !found?.secret,
    others: others.map((other) => ({ ...other, fate: fateOf(other, last, found?.last ?? 0, now) })),
  };
}

interface Unfinished extends Omit<Other, 'fate'> {
  readonly opened: string | null;
  /** Of the challenge that its newest token answered. */
  readonly seq: number;
}

const facts = prepared(
  (db, { hwid, nonce, last, pwv }: { hwid: string; nonce: string; last: string; pwv: number }) =>
    db.selectNoFrom((row) => [
      row
        .exists(row.selectFrom('grants').select('turn').where('hwid', '=', hwid).where('nonce', '=', nonce))
        .as('nonce'),
      row
        .selectFrom('grants')
        .where('unlock', '=', last)
        .where('hwid', '=', hwid)
        .select((grant) => grant.fn.max('seq').as('seq'))
        .as('last'),
      row
        .selectFrom('passwords')
        .where('hwid', '=', hwid)
        .select((password) => password.fn.max('ver').as('ver'))
        .as('sent'),
      row
        .exists(
          row
            .selectFrom('passwords')
            .select('ver')
            .where('hwid', '=', hwid)
            .where('ver', '=', pwv)
            .where('revealed', 'is', null),
        )
        .as('secret'),
    ]),
);

const unfinished = prepared((db, { id, hwid }: { id: string; hwid: string }) =>
  db
    .selectFrom('unlocks')
    .innerJoin('grants', 'grants.unlock', 'unlocks.id')
    .select(['id', 'unlocks.hwid', 'requester', 'state', 'deadline', 'issued', 'granted', 'opened'])
    .select((row) => row.fn.max('seq').as('seq'))
    .where('unlocks.hwid', '=', hwid)
    .where('id', '<>', id)
    .where('state', 'in', literals('issued', 'open', 'unaccounted'))
    .groupBy('id'),
);

/**
 * The challenge is later than every token of this module, so their nonces are dead. One whose unlock
 * is not its `last` was not the last accepted: while issued it was never opened, since nothing could
 * be granted after it; when unaccounted that follows only if `last` is older.
 */
function fateOf(other: Unfinished, last: string | undefined, lastSeq: number, now: Date): Other['fate'] {
  const unopened = other.opened === null && other.id !== last;
  if (unopened && (other.state === 'issued' || (other.state === 'unaccounted' && lastSeq < other.seq))) {
    return 'never-opened';
  }
  return lapseOf(other, now) ?? 'stays';
}

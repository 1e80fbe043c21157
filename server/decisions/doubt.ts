import type { Receipt } from '../../protocol/messages.ts';
import type { Tx } from '../log/log.ts';
import { prepared } from '../store/prepared.ts';
import type { DoubtRow } from '../store/schema.ts';

/** Why nobody can say which password of a module is in force, or whether it is one of ours. */
export type Doubt = DoubtRow['why'];

/** A receipt that is the module's newest word about its password. */
export type Word = Pick<Receipt, 'jti' | 'pwv'>;

/** What is known of the module when it speaks. */
export interface Known {
  /** The version that it named before; null before its first word. */
  readonly before: number | null;
  /** This server holds the version that it names now. */
  readonly held: boolean;
  readonly doubt: Pick<DoubtRow, 'why' | 'unlock' | 'ver'> | undefined;
}

/**
 * What a receipt leaves in doubt. Where a token with a password is out, a lower version says nothing by
 * itself: the module may take the token after it made the receipt. What it says of that very unlock decides.
 */
export function doubtAfter({ jti, pwv }: Word, { before, held, doubt }: Known): Doubt | undefined {
  if (doubt?.why === 'unanswered' && jti !== doubt.unlock && pwv < (doubt.ver ?? 0)) return 'unanswered';
  if (pwv === 0) return 'no-password';
  if (!held) return 'not-held';
  if (before !== null && pwv < before) return 'went-back';
  return doubt?.why === 'went-back' && pwv === before ? 'went-back' : undefined;
}

/** What is known of a module at the moment when it names `pwv`; to be read before that is written down. */
export async function knownOf(tx: Tx, hwid: string, pwv: number): Promise<Known> {
  const [found] = (await facts(tx.db, { hwid, pwv })).rows;
  const { before = null, held = null, why = null, unlock = null, ver = null } = found ?? {};
  return { before, held: held !== null, doubt: why === null ? undefined : { why, unlock, ver } };
}

const facts = prepared((db, { hwid, pwv }: { hwid: string; pwv: number }) =>
  db
    .selectFrom('modules')
    .leftJoin('doubts', 'doubts.hwid', 'modules.hwid')
    .leftJoin('passwords', (join) =>
      join.onRef('passwords.hwid', '=', 'modules.hwid').on('passwords.ver', '=', pwv),
    )
    .select(['modules.pwv as before', 'why', 'doubts.unlock', 'doubts.ver', 'passwords.created as held'])
    .where('modules.hwid', '=', hwid),
);

/** Raises or settles the doubt about a module by its newest word. */
export async function hear(
  tx: Tx,
  { hwid, jti, pwv, now }: Word & { readonly hwid: string; readonly now: string },
  known: Known,
): Promise<void> {
  const why = doubtAfter({ jti, pwv }, known);
  if (why === known.doubt?.why) return;
  if (why === undefined) await settleDoubt(tx, hwid);
  else await raiseDoubt(tx, { hwid, why, since: now, unlock: null, ver: null });
}

/** A later doubt takes the place of an earlier one. */
export async function raiseDoubt(tx: Tx, row: DoubtRow): Promise<void> {
  await raise(tx.db, row);
}

const raise = prepared((db, row: DoubtRow) =>
  db
    .insertInto('doubts')
    .values(row)
    .onConflict((conflict) =>
      conflict.column('hwid').doUpdateSet((excluded) => ({
        why: excluded.ref('excluded.why'),
        since: excluded.ref('excluded.since'),
        unlock: excluded.ref('excluded.unlock'),
        ver: excluded.ref('excluded.ver'),
      })),
    ),
);

export async function settleDoubt(tx: Tx, hwid: string): Promise<void> {
  await settle(tx.db, { hwid });
}

const settle = prepared((db, { hwid }: { hwid: string }) => db.deleteFrom('doubts').where('hwid', '=', hwid));

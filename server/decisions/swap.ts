import { SERVER } from '../../protocol/events.ts';
import type { Challenge } from '../../protocol/messages.ts';
import type { Tx } from '../log/log.ts';
import { literals, prepared } from '../store/prepared.ts';
import type { GrantRow, ModuleRow, PasswordRow, UnlockRow } from '../store/schema.ts';
import type { Other } from './evidence.ts';
import type { Grant } from './issue.ts';
import { lapse } from './sweep.ts';

/** The compare-and-swaps of a grant: each changes one row, or throws because it is not as it was read. */

/** Thrown inside a commit, whose savepoint it undoes: the facts no longer hold. */
export class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

/** Ends another unlock of the module as the challenge, or the time, has it. */
export async function finish(tx: Tx, other: Other): Promise<void> {
  const { id, hwid, state, fate } = other;
  if (fate === 'stays') return;
  if (fate !== 'never-opened') return lapse(tx, other, fate);
  const { numAffectedRows } = await expire(tx.db, { id, state });
  mustBeOne(numAffectedRows);
  await tx.append({ type: 'unlock.expired', by: SERVER, unlock: id, hwid, why: fate, state: 'expired' });
}

const expire = prepared((db, { id, state }: Pick<UnlockRow, 'id' | 'state'>) =>
  db.updateTable('unlocks').set({ state: 'expired' }).where('id', '=', id).where('state', '=', state),
);

/** The unlock is as it was, and no other of its module is issued or open (also a unique index). */
export async function moveUnlock(tx: Tx, { id, hwid, state }: UnlockRow, grant: Grant): Promise<void> {
  const issued = new Date(grant.iat * 1000).toISOString();
  const { numAffectedRows } = await issue(tx.db, { id, hwid, state, issued, granted: grant.for });
  mustBeOne(numAffectedRows);
}

type Issue = Pick<UnlockRow, 'id' | 'hwid' | 'state'> & { readonly issued: string; readonly granted: number };

const issue = prepared((db, { id, hwid, state, issued, granted }: Issue) =>
  db
    .updateTable('unlocks')
    .set({ state: 'issued', issued, granted })
    .where('id', '=', id)
    .where('state', '=', state)
    .where((row) =>
      row.not(
        row.exists(
          row
            .selectFrom('unlocks as other')
            .select('other.id')
            .where('other.hwid', '=', hwid)
            .where('other.state', 'in', literals('issued', 'open'))
            .where('other.id', '<>', id),
        ),
      ),
    ),
);

/** Order rule 2: unique (hwid, nonce). And one token for each turn of the unlock. */
export async function spendChallenge(tx: Tx, row: GrantRow): Promise<void> {
  mustBeOne((await insertGrant(tx.db, row)).numAffectedRows);
}

const insertGrant = prepared((db, row: GrantRow) =>
  db
    .insertInto('grants')
    .values(row)
    .onConflict((conflict) => conflict.doNothing()),
);

/** The module is fit, the challenge its newest, the password that stays in force still a secret. */
export async function moveModule(
  tx: Tx,
  { hwid, dkt, pwv, pwv_seq }: Pick<ModuleRow, 'hwid' | 'dkt' | 'pwv' | 'pwv_seq'>,
  challenge: Challenge,
  { ver }: Grant,
): Promise<void> {
  const { seq } = challenge;
  const word = seq > pwv_seq ? { pwv: challenge.pwv, word: seq } : { pwv, word: pwv_seq };
  const moved = await spend(tx.db, {
    ...{ hwid, dkt, seq, ...word, read: pwv_seq },
    ...{ inForce: challenge.pwv, replaced: ver === undefined ? 0 : 1 },
  });
  mustBeOne(moved.numAffectedRows);
}

interface Spend {
  readonly hwid: string;
  readonly dkt: string;
  readonly seq: number;
  /** Password version by the module's newest word, that word's `seq`, and what it was when read. */
  readonly pwv: number | null;
  readonly word: number;
  readonly read: number;
  readonly inForce: number;
  /** 1 where the token carries another password. */
  readonly replaced: number;
}

const spend = prepared((db, { hwid, dkt, seq, pwv, word, read, inForce, replaced }: Spend) =>
  db
    .updateTable('modules')
    .set({ granted_seq: seq, pwv, pwv_seq: word })
    .where('hwid', '=', hwid)
    .where('dkt', '=', dkt)
    .where('state', '=', 'confirmed')
    .where('foreign_token', 'is', null)
    .where('granted_seq', '<', seq)
    .where('pwv_seq', '=', read)
    .where((row) =>
      row.or([
        row(row.val(replaced), '=', 1),
        row.exists(
          row
            .selectFrom('passwords')
            .select('ver')
            .where('passwords.hwid', '=', hwid)
            .where('ver', '=', inForce)
            .where('revealed', 'is', null),
        ),
      ]),
    ),
);

export async function keepPassword(tx: Tx, row: PasswordRow): Promise<void> {
  mustBeOne((await insertPassword(tx.db, row)).numAffectedRows);
}

const insertPassword = prepared((db, row: PasswordRow) =>
  db
    .insertInto('passwords')
    .values(row)
    .onConflict((conflict) => conflict.columns(['hwid', 'ver']).doNothing()),
);

function mustBeOne(rows: bigint | undefined): void {
  if (rows !== 1n) throw new Overtaken();
}

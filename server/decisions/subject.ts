import { type Kysely, sql } from 'kysely';
import { prepared } from '../store/prepared.ts';
import type { Database, GrantRow, ModuleRow, UnlockRow } from '../store/schema.ts';

type Device = Pick<
  ModuleRow,
  'hwid' | 'state' | 'dkt' | 'x' | 'y' | 'foreign_token' | 'cleared_token' | 'granted_seq' | 'pwv' | 'pwv_seq'
>;
type Newest = Pick<
  GrantRow,
  'turn' | 'seq' | 'pwv' | 'pw_ver' | 'challenge_digest' | 'token_digest' | 'sealed_token'
>;

/** What a token or a reveal is about: an unlock, its module, its newest token. */
export interface Subject {
  readonly unlock: UnlockRow;
  readonly module: Device;
  /** Undefined before the first token. */
  readonly newest: Newest | undefined;
  /** Tokens signed so far. */
  readonly tokens: number;
}

const query = prepared((db, { id }: { id: string }) =>
  db
    .selectFrom('unlocks')
    .innerJoin('modules', 'modules.hwid', 'unlocks.hwid')
    .leftJoin('grants', 'grants.unlock', 'unlocks.id')
    .selectAll('unlocks')
    .select(['modules.state as module_state', 'dkt', 'x', 'y', 'foreign_token', 'cleared_token'])
    .select(['granted_seq', 'modules.pwv as module_pwv', 'pwv_seq'])
    .select(['turn', 'seq', 'grants.pwv', 'pw_ver', 'challenge_digest', 'token_digest', 'sealed_token'])
    .where('unlocks.id', '=', id)
    .orderBy('turn', 'desc')
    .limit(sql.lit(1)),
);

export async function findSubject(db: Kysely<Database>, id: string): Promise<Subject | undefined> {
  const [row] = (await query(db, { id })).rows;
  if (row === undefined) return undefined;
  const { hwid, dkt, x, y, foreign_token, cleared_token, granted_seq, pwv_seq } = row;
  const { module_state: state, module_pwv: pwv } = row;
  const module = { hwid, state, dkt, x, y, foreign_token, cleared_token, granted_seq, pwv, pwv_seq };
  const { turn, seq, pwv: reported, pw_ver, challenge_digest, token_digest, sealed_token } = row;
  const newest = { turn, seq, pwv: reported, pw_ver, challenge_digest, token_digest, sealed_token };
  return {
    unlock: row,
    module,
    newest: turn === null ? undefined : (newest as Newest),
    tokens: (turn ?? -1) + 1,
  };
}

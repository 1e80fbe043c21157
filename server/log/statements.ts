import { CompiledQuery, type Kysely } from 'kysely';
import type { Database, LogLeaf } from '../store/schema.ts';

/** What every commit executes, compiled once: building a query costs more than running these. */
export interface LogStatements {
  readonly head: CompiledQuery<{ size: number; checkpoint: string }>;
  addLeaf(leaf: LogLeaf): CompiledQuery;
  moveHead(size: number, checkpoint: string): CompiledQuery;
}

export const SAVEPOINT = CompiledQuery.raw('savepoint job');
export const ROLLBACK = CompiledQuery.raw('rollback to savepoint job');
export const RELEASE = CompiledQuery.raw('release savepoint job');

export function logStatements(db: Kysely<Database>): LogStatements {
  const blank: LogLeaf = {
    ...{ idx: 0, hash: new Uint8Array(), leaf: new Uint8Array() },
    ...{ type: '', at: '', by: '', hwid: '', unlock: '' },
  };
  const insert = db.insertInto('log_leaves').values(blank).compile();
  const update = db.updateTable('log_head').set({ size: 0, checkpoint: '' }).where('id', '=', 1).compile();
  return {
    head: db.selectFrom('log_head').select(['size', 'checkpoint']).where('id', '=', 1).compile(),
    addLeaf: ({ idx, hash, leaf, type, at, by, hwid, unlock }) => ({
      ...insert,
      parameters: [idx, hash, leaf, type, at, by, hwid, unlock],
    }),
    moveHead: (size, checkpoint) => ({ ...update, parameters: [size, checkpoint, 1] }),
  };
}

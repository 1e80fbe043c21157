import type { Kysely } from 'kysely';

/** The modules whose password version is in doubt, few at any time, so that they are listed without a search. */
export async function createDoubts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('doubts')
    .addColumn('hwid', 'text', (column) => column.primaryKey().references('modules.hwid'))
    .addColumn('why', 'text', (column) => column.notNull())
    .addColumn('since', 'text', (column) => column.notNull())
    .addColumn('unlock', 'text', (column) => column.references('unlocks.id'))
    .addColumn('ver', 'bigint')
    .execute();
}

import { type Kysely, sql } from 'kysely';

/** The modules of which a clone is suspected, few at any time, so that they are listed without a search. */
export async function addSuspected(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('modules').addColumn('suspected', 'text').execute();
  await sql`create index modules_suspected on modules (hwid) where suspected is not null`.execute(db);
}

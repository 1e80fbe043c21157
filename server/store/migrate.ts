import { type Kysely, Migrator } from 'kysely';
import { addSuspected } from './clones.ts';
import { addUses } from './data-keys.ts';
import { createDoubts } from './doubts.ts';
import { addOrders } from './orders.ts';
import type { Database } from './schema.ts';
import { type ColumnTypes, createTables, indexModules } from './tables.ts';
import { createTlsCertificates } from './tls-certificates.ts';

/**
 * Brings the tables to what this version knows; each step in a transaction, so that a cut one never
 * happened. Refuses a database that a newer version has changed.
 */
export async function migrate(db: Kysely<Database>, types: ColumnTypes): Promise<void> {
  const steps = {
    '0001-tables': { up: (schema: Kysely<unknown>) => createTables(schema, types) },
    '0002-orders': { up: (schema: Kysely<unknown>) => addOrders(schema, types) },
    '0003-module-lookups': { up: indexModules },
    '0004-doubts': { up: createDoubts },
    '0005-tls-certificates': { up: createTlsCertificates },
    '0006-data-key-uses': { up: addUses },
    '0007-suspected': { up: addSuspected },
  };
  const migrator = new Migrator({ db, provider: { getMigrations: async () => steps } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const why = error instanceof Error ? error.message : String(error);
  throw new Error(`the database could not be brought up to date: ${why}`, { cause: error });
}

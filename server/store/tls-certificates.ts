import type { Kysely } from 'kysely';

/** Certificates of modules' TLS keys; schema.ts says what stands in them. */
export async function createTlsCertificates(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('tls_certificates')
    .addColumn('hwid', 'text', (column) => column.notNull().references('modules.hwid'))
    .addColumn('kid', 'text', (column) => column.notNull())
    .addColumn('dkt', 'text', (column) => column.notNull())
    .addColumn('serial', 'text', (column) => column.notNull().unique())
    .addColumn('crt', 'text', (column) => column.notNull())
    .addColumn('not_after', 'text', (column) => column.notNull())
    .addColumn('issued', 'text', (column) => column.notNull())
    .addColumn('issued_by', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('tls_certificates_pk', ['hwid', 'kid'])
    .execute();
}

import { type CreateTableBuilder, type Kysely, sql } from 'kysely';

/** Names that databases call a column type by. */
export interface ColumnTypes {
  readonly bytes: 'blob' | 'bytea';
}

/**
 * The first tables; schema.ts says what stands in them. Claims go to 2³²−1, hence bigint. The rules
 * that must hold through every race are constraints here, not conditions in code.
 */
export async function createTables(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await createLog(db, bytes);
  await createPrincipals(db, bytes);
  await createModules(db, bytes);
  await createUnlocks(db, bytes);
  await db.schema
    .createTable('manifests')
    .addColumn('ver', 'bigint', (column) => column.primaryKey())
    .addColumn('jws', 'text', (column) => column.notNull())
    .addColumn('names_roots', 'integer', (column) => column.notNull())
    .execute();
}

type Bytes = ColumnTypes['bytes'];

async function createLog(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema
    .createTable('log_head')
    .addColumn('id', 'integer', (column) => column.primaryKey().check(sql`id = 1`))
    .addColumn('size', 'integer', (column) => column.notNull())
    .addColumn('checkpoint', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('log_leaves')
    .addColumn('idx', 'integer', (column) => column.primaryKey())
    .addColumn('hash', sql.raw(bytes), (column) => column.notNull())
    .addColumn('leaf', sql.raw(bytes), (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('at', 'text', (column) => column.notNull())
    .addColumn('by', 'text', (column) => column.notNull())
    .addColumn('hwid', 'text')
    .addColumn('unlock', 'text')
    .execute();
  for (const column of ['type', 'at', 'by', 'hwid', 'unlock']) {
    await db.schema.createIndex(`log_leaves_${column}`).on('log_leaves').columns([column, 'idx']).execute();
  }
  await db.schema
    .createTable('log_nodes')
    .addColumn('level', 'integer', (column) => column.notNull())
    .addColumn('idx', 'integer', (column) => column.notNull())
    .addColumn('hash', sql.raw(bytes), (column) => column.notNull())
    .addPrimaryKeyConstraint('log_nodes_pk', ['level', 'idx'])
    .execute();
}

async function createPrincipals(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await idempotent(db.schema.createTable('principals'), 'principals')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('roles', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('created', 'text', (column) => column.notNull())
    .execute();
  await idempotent(db.schema.createTable('enrolments'), 'enrolments')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('principal', 'text', (column) => column.notNull().references('principals.name'))
    .addColumn('secret_digest', 'text', (column) => column.notNull().unique())
    .addColumn('sealed_code', sql.raw(bytes))
    .addColumn('created', 'text', (column) => column.notNull())
    .addColumn('expires', 'text', (column) => column.notNull())
    .addColumn('redeemed_serial', 'text')
    .addColumn('withdrawn', 'text')
    .execute();
  await db.schema
    .createTable('certificates')
    .addColumn('serial', 'text', (column) => column.primaryKey())
    .addColumn('lineage', 'text', (column) => column.notNull())
    .addColumn('principal', 'text', (column) => column.notNull().references('principals.name'))
    .addColumn('kid', 'text', (column) => column.notNull().unique())
    .addColumn('pem', 'text', (column) => column.notNull())
    .addColumn('not_before', 'text', (column) => column.notNull())
    .addColumn('not_after', 'text', (column) => column.notNull())
    .addColumn('rooted', 'text', (column) => column.notNull())
    .addColumn('renewed_from', 'text', (column) => column.unique().references('certificates.serial'))
    .addColumn('state', 'text', (column) => column.notNull())
    .execute();
  await index(db, 'certificates', ['principal']);
  await index(db, 'certificates', ['lineage']);
}

async function createModules(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema
    .createTable('modules')
    .addColumn('hwid', 'text', (column) => column.primaryKey())
    .addColumn('imei', 'text')
    .addColumn('order', 'text')
    .addColumn('dkt', 'text', (column) => column.notNull().unique())
    .addColumn('x', 'text', (column) => column.notNull())
    .addColumn('y', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('foreign_token', 'text')
    .addColumn('cleared_token', 'text')
    .addColumn('granted_seq', 'bigint', (column) => column.notNull())
    .addColumn('pwv', 'bigint')
    .addColumn('pwv_seq', 'bigint', (column) => column.notNull())
    .addColumn('bundle_jti', 'text', (column) => column.notNull())
    .addColumn('sealed_bundle', sql.raw(bytes), (column) => column.notNull())
    .addColumn('bundle_digest', 'text', (column) => column.notNull())
    .addColumn('registered', 'text', (column) => column.notNull())
    .addColumn('registered_by', 'text', (column) => column.notNull())
    .addColumn('confirmed', 'text')
    .execute();
  for (const column of ['imei', 'order']) await index(db, 'modules', [column]);
  // Monitoring counts these again and again.
  await sql`create index modules_flagged on modules (hwid) where foreign_token is not null`.execute(db);
  await db.schema
    .createTable('former_keys')
    .addColumn('dkt', 'text', (column) => column.primaryKey())
    .addColumn('hwid', 'text', (column) => column.notNull().references('modules.hwid'))
    .addColumn('x', 'text', (column) => column.notNull())
    .addColumn('y', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('data_keys')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('wrapped', sql.raw(bytes), (column) => column.notNull())
    .addColumn('created', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('passwords')
    .addColumn('hwid', 'text', (column) => column.notNull().references('modules.hwid'))
    .addColumn('ver', 'bigint', (column) => column.notNull())
    .addColumn('sealed', sql.raw(bytes), (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('created', 'text', (column) => column.notNull())
    .addColumn('revealed', 'text')
    .addPrimaryKeyConstraint('passwords_pk', ['hwid', 'ver'])
    .execute();
}

async function createUnlocks(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await idempotent(db.schema.createTable('unlocks'), 'unlocks')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('hwid', 'text', (column) => column.notNull().references('modules.hwid'))
    .addColumn('requester', 'text', (column) => column.notNull().references('principals.name'))
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('seconds', 'bigint', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('ticket', 'text')
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('approvals', 'integer', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('created', 'text', (column) => column.notNull())
    .addColumn('deadline', 'text', (column) => column.notNull())
    .addColumn('issued', 'text')
    .addColumn('granted', 'bigint')
    .addColumn('opened', 'text')
    .addColumn('closed', 'text')
    .addColumn('why', 'text')
    .addColumn('elapsed', 'bigint')
    .execute();
  for (const column of ['hwid', 'requester', 'state']) await index(db, 'unlocks', [column]);
  // One issued or open unlock per module (DESIGN section 6).
  await sql`create unique index unlocks_in_use on unlocks (hwid) where state in ('issued', 'open')`.execute(
    db,
  );
  await db.schema
    .createTable('grants')
    .addColumn('unlock', 'text', (column) => column.notNull().references('unlocks.id'))
    .addColumn('turn', 'integer', (column) => column.notNull())
    .addColumn('hwid', 'text', (column) => column.notNull().references('modules.hwid'))
    .addColumn('nonce', 'text', (column) => column.notNull())
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addColumn('iat', 'bigint', (column) => column.notNull())
    .addColumn('for', 'bigint', (column) => column.notNull())
    .addColumn('kid', 'text', (column) => column.notNull())
    .addColumn('pwv', 'bigint', (column) => column.notNull())
    .addColumn('pw_ver', 'bigint')
    .addColumn('challenge_digest', 'text', (column) => column.notNull())
    .addColumn('token_digest', 'text', (column) => column.notNull())
    .addColumn('sealed_challenge', sql.raw(bytes), (column) => column.notNull())
    .addColumn('sealed_token', sql.raw(bytes), (column) => column.notNull())
    .addPrimaryKeyConstraint('grants_pk', ['unlock', 'turn'])
    // Order rule 2: a nonce is granted at most once.
    .addUniqueConstraint('grants_nonce', ['hwid', 'nonce'])
    .execute();
  await db.schema
    .createTable('receipts')
    .addColumn('hwid', 'text', (column) => column.notNull().references('modules.hwid'))
    .addColumn('jti', 'text', (column) => column.notNull())
    .addColumn('event', 'text', (column) => column.notNull())
    .addColumn('seq', 'bigint', (column) => column.notNull())
    .addColumn('why', 'text')
    .addColumn('elapsed', 'bigint', (column) => column.notNull())
    .addColumn('pwv', 'bigint', (column) => column.notNull())
    .addColumn('jws', 'text', (column) => column.notNull())
    .addColumn('received', 'text', (column) => column.notNull())
    .addColumn('received_by', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('receipts_pk', ['hwid', 'jti', 'event', 'seq'])
    .execute();
  await index(db, 'receipts', ['jti']);
}

/** The Idempotency-Key of the request that makes the row, unique with the principal. */
function idempotent(table: CreateTableBuilder<string, never>, name: string) {
  return table
    .addColumn('idem_by', 'text', (column) => column.notNull())
    .addColumn('idem_key', 'text', (column) => column.notNull())
    .addColumn('idem_digest', 'text', (column) => column.notNull())
    .addUniqueConstraint(`${name}_idempotency`, ['idem_by', 'idem_key']);
}

function index(db: Kysely<unknown>, table: string, columns: string[]): Promise<void> {
  return db.schema
    .createIndex(`${table}_${columns.join('_')}`)
    .on(table)
    .columns(columns)
    .execute();
}

/** Lists of modules come by hardware ID, whatever they are of: an index that ends in it needs no sorting. */
export async function indexModules(db: Kysely<unknown>): Promise<void> {
  for (const column of ['imei', 'order']) await db.schema.dropIndex(`modules_${column}`).execute();
  const listed = [['imei'], ['order'], ['state'], ['order', 'state']];
  for (const columns of listed) await index(db, 'modules', [...columns, 'hwid']);
}

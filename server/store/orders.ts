import { type Kysely, sql } from 'kysely';
import type { ColumnTypes } from './tables.ts';

/**
 * Production orders and the offline bundles of their stations. Modules that were registered before there
 * were orders keep the name that they were given; an order of that name counts them as its own.
 */
export async function addOrders(db: Kysely<unknown>, { bytes }: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('orders')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('quantity', 'bigint', (column) => column.notNull())
    .addColumn('registered', 'bigint', (column) => column.notNull())
    .addColumn('confirmed', 'bigint', (column) => column.notNull())
    .addColumn('failed', 'bigint', (column) => column.notNull())
    .addColumn('created', 'text', (column) => column.notNull())
    .addColumn('closed', 'text')
    // No race makes more modules than were ordered.
    .addCheckConstraint('orders_counts', sql`0 <= confirmed and confirmed <= registered and 0 <= failed`)
    .addCheckConstraint('orders_full', sql`registered <= quantity`)
    .execute();
  await db.schema
    .createTable('order_stations')
    .addColumn('order', 'text', (column) => column.notNull().references('orders.name'))
    .addColumn('station', 'text', (column) => column.notNull().references('principals.name'))
    .addPrimaryKeyConstraint('order_stations_pk', ['order', 'station'])
    .execute();
  await db.schema
    .createIndex('order_stations_station')
    .on('order_stations')
    .columns(['station', 'order'])
    .execute();
  await db.schema
    .createTable('offline_bundles')
    .addColumn('jti', 'text', (column) => column.primaryKey())
    .addColumn('order', 'text', (column) => column.notNull().references('orders.name'))
    .addColumn('station', 'text', (column) => column.notNull().references('principals.name'))
    .addColumn('kid', 'text', (column) => column.notNull())
    .addColumn('sealed', sql.raw(bytes), (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('most', 'bigint', (column) => column.notNull())
    .addColumn('taken', 'bigint', (column) => column.notNull())
    .addColumn('created', 'text', (column) => column.notNull())
    .addColumn('expires', 'text', (column) => column.notNull())
    .addCheckConstraint('offline_bundles_taken', sql`0 <= taken and taken <= most`)
    .execute();
  await db.schema
    .createIndex('offline_bundles_order')
    .on('offline_bundles')
    .columns(['order', 'station', 'created'])
    .execute();
  for (const column of ['customer', 'model'])
    await db.schema.alterTable('modules').addColumn(column, 'text').execute();
}

import type { Kysely } from 'kysely';
import type { z } from 'zod';
import type { Module } from '../../protocol/api/modules.ts';
import { Problem } from '../../protocol/problems.ts';
import type { LogPosition, Tx } from '../log/log.ts';
import type { Database, ModuleRow } from '../store/schema.ts';

/** What the api says about a module. */
export function viewModule(row: ModuleRow): z.input<typeof Module> {
  const { hwid, imei, order, customer, model, dkt, x, y, state, suspected, pwv, registered, confirmed } = row;
  const flagged = row.foreign_token !== null;
  return {
    ...{ hwid, imei, order, customer, model, dkt, key: { x, y } },
    ...{ state, flagged, suspected, pwv, registered, confirmed },
  };
}

/** Why nothing is granted to a module, now; undefined where it can be unlocked. */
export function obstacle(
  hwid: string,
  module: Pick<ModuleRow, 'state' | 'foreign_token'> | undefined,
): Problem | undefined {
  if (module === undefined) {
    return new Problem('module-unknown', `No module ${hwid} is registered; a station registers modules.`);
  }
  switch (module.state) {
    case 'registered':
      return new Problem(
        'module-unconfirmed',
        `Module ${hwid} is registered, but its provisioning receipt has not come; provision it again.`,
      );
    case 'suspended':
    case 'retired':
      return new Problem('module-inactive', `Module ${hwid} is ${module.state}; ask an officer.`);
    case 'confirmed':
      return module.foreign_token === null ? undefined : flagged(hwid, module.foreign_token);
  }
}

/** The module signed that it met a token which this server never issued: an issuer key may have leaked. */
export function flagged(hwid: string, last: string): Problem {
  return new Problem(
    'module-flagged',
    `Module ${hwid} named the token ${last}, which this server never issued: an issuer key may have leaked. ` +
      'Tell an officer at once; nothing is granted to the module until one has cleared it.',
  );
}

/** Stops grants to the module, once; not again for a token that an officer has looked into. */
export async function raiseForeignToken(
  { db, append }: Tx,
  { by, hwid, last }: { readonly by: string; readonly hwid: string; readonly last: string },
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('modules')
    .set({ foreign_token: last })
    .where('hwid', '=', hwid)
    .where('foreign_token', 'is', null)
    .where((row) => row.or([row('cleared_token', 'is', null), row('cleared_token', '<>', last)]))
    .executeTakeFirst();
  if (numUpdatedRows > 0n) await append({ type: 'module.foreign-token', by, hwid, last });
}

/**
 * A hardware ID or a device key was brought that is the module's, together with one that is not: officers see it among
 * those suspected until one has cleared or retired it.
 */
export async function suspectClone(
  { db, append }: Tx,
  { by, hwid, dkt, of, now }: Readonly<Record<'by' | 'hwid' | 'dkt' | 'of' | 'now', string>>,
): Promise<void> {
  await db
    .updateTable('modules')
    .set({ suspected: now })
    .where('hwid', '=', of)
    .where('suspected', 'is', null)
    .execute();
  await append({ type: 'module.clone-suspected', by, hwid, dkt, ...(of !== hwid && { of }) });
}

/** A module as it stands after the call; `log` is null where nothing had to be written. */
export interface ModuleOutcome {
  readonly module: ModuleRow;
  readonly log: LogPosition | null;
}

/** @throws Problem `module-unknown` */
export async function findModule(db: Kysely<Database>, hwid: string): Promise<ModuleRow> {
  const module = await db.selectFrom('modules').selectAll().where('hwid', '=', hwid).executeTakeFirst();
  if (module !== undefined) return module;
  throw obstacle(hwid, undefined);
}

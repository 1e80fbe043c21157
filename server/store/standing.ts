import type { CompiledQuery, Kysely } from 'kysely';
import type { Standing } from '../decisions/admit.ts';
import type { Database } from './schema.ts';

/**
 * Reads what the database says about a certificate's serial. It is asked on every request, so that a
 * revocation bites at the next one; hence compiled once.
 */
export function standings(db: Kysely<Database>): (serial: string) => Promise<Standing | undefined> {
  const query = db
    .selectFrom('certificates')
    .innerJoin('principals', 'principals.name', 'certificates.principal')
    .select(['serial', 'lineage', 'certificates.state', 'principal', 'kind', 'roles'])
    .select((row) => row('principals.state', '=', 'enabled').as('enabled'))
    .where('serial', '=', '')
    .compile();
  return async (serial) => {
    const bound: CompiledQuery = { ...query, parameters: [...query.parameters.slice(0, -1), serial] };
    const { rows } = await db.executeQuery<Standing>(bound as CompiledQuery<Standing>);
    return rows[0];
  };
}

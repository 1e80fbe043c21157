import type { Kysely } from 'kysely';
import type { Database } from '../store/schema.ts';

/**
 * Ends the codes that a principal was given or has made for others, and that were not used: who is shut
 * out must not come back by one, nor whoever had their key by one that it made. What was shut out is in the event that tells of it, `principal.disabled` or
 * `certificate.revoked`; that ends the codes, too, for whoever replays the log.
 */
export async function withdrawCodes(db: Kysely<Database>, principal: string, now: Date): Promise<void> {
  await db
    .updateTable('enrolments')
    .set({ withdrawn: now.toISOString(), sealed_code: null })
    .where((row) => row.or([row('principal', '=', principal), row('idem_by', '=', principal)]))
    .where('redeemed_serial', 'is', null)
    .where('withdrawn', 'is', null)
    .execute();
}

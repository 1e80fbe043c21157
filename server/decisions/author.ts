import { SERVER } from '../../protocol/events.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Author, Caller, Commit } from '../context.ts';
import type { Log, Tx } from '../log/log.ts';
import { prepared } from '../store/prepared.ts';
import { disabled } from './certificate.ts';

/**
 * The one way in which decisions write: each commit says whose word it carries out, and what somebody
 * asked for who was shut out after they had been let in changes nothing.
 */
export function authored(log: Pick<Log, 'commit'>, clock: () => Date): Commit {
  return (author, fn) =>
    log.commit(async (tx) => {
      if (author !== SERVER) await mustStillBeIn(tx, author, clock().getTime());
      return fn(tx);
    });
}

/** As events name who did something. */
export function nameOf(author: Author): string {
  return author === SERVER ? SERVER : author.name;
}

/** @throws Problem `principal-disabled`, `certificate-revoked`, `certificate-expired` */
async function mustStillBeIn({ db }: Tx, { name, serial, ends }: Caller, now: number): Promise<void> {
  const [out] = (await shutOut(db, { name, serial })).rows;
  if (out?.disabled) throw disabled(name);
  if (out?.revoked) {
    throw new Problem(
      'certificate-revoked',
      `Certificate ${serial} has been revoked; ask an officer for a new enrolment code.`,
    );
  }
  if (now <= ends) return;
  throw new Problem(
    'certificate-expired',
    `Certificate ${serial} ended before this was written; renew it, or where that is refused, ask an officer for a ` +
      'new enrolment code.',
  );
}

const shutOut = prepared((db, { name, serial }: Pick<Caller, 'name' | 'serial'>) =>
  db.selectNoFrom((row) => [
    row
      .exists(
        row.selectFrom('principals').select('name').where('name', '=', name).where('state', '=', 'disabled'),
      )
      .as('disabled'),
    row
      .exists(
        row
          .selectFrom('certificates')
          .select('serial')
          .where('serial', '=', serial)
          .where('state', '=', 'revoked'),
      )
      .as('revoked'),
  ]),
);

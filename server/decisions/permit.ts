import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { Tx } from '../log/log.ts';
import type { PolicyQuestion } from '../policy.ts';
import { prepared } from '../store/prepared.ts';
import { disabled } from './certificate.ts';

/** @throws Problem `forbidden`, with what is missing as `need` */
export function mustBePermitted(
  { policy }: Services,
  caller: Caller,
  question: Omit<PolicyQuestion, 'principal'>,
): void {
  const { name, kind, roles } = caller;
  const answer = policy.permits({ ...question, principal: { name, kind, roles } });
  if (answer.permitted) return;
  const { need } = answer;
  throw new Problem('forbidden', `This needs ${need}.`, { need });
}

/**
 * Who was let in may have been shut out by a commit since: what opens a module does not follow it.
 * @throws Problem `principal-disabled`, `certificate-revoked`
 */
export async function mustStillBeIn({ db }: Tx, { name, serial }: Caller): Promise<void> {
  const [out] = (await shutOut(db, { name, serial })).rows;
  if (out?.disabled) throw disabled(name);
  if (out?.revoked) {
    throw new Problem(
      'certificate-revoked',
      `Certificate ${serial} has been revoked; ask an officer for a new enrolment code.`,
    );
  }
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

/** People, stations and their certificates are an officer's to manage. */
export function mustAdminister(services: Services, caller: Caller): void {
  mustBePermitted(services, caller, {
    action: 'administer',
    resource: { type: 'Server', id: 'principals' },
    context: {},
  });
}

/** Whoever may see what others did may see who they are. */
export function mustReview(services: Services, caller: Caller): void {
  mustBePermitted(services, caller, {
    action: 'review',
    resource: { type: 'Log', id: 'events' },
    context: {},
  });
}

import type { z } from 'zod';
import type { DoubtfulPassword, DoubtQuery } from '../../protocol/api/passwords.ts';
import type { Services } from '../context.ts';
import { type Listed, page } from './directory.ts';

/** By hardware ID. A retired module gets no token, so that nothing hangs on its password. */
export async function listDoubts(
  { read }: Services,
  { limit, after, why }: z.output<typeof DoubtQuery>,
): Promise<Listed<z.input<typeof DoubtfulPassword>>> {
  let rows = read
    .selectFrom('doubts')
    .innerJoin('modules', 'modules.hwid', 'doubts.hwid')
    .select(['doubts.hwid', 'why', 'modules.pwv as reported', 'since', 'unlock'])
    .select((row) =>
      row
        .selectFrom('passwords')
        .whereRef('passwords.hwid', '=', 'doubts.hwid')
        .select((password) => password.fn.max('passwords.ver').as('ver'))
        .as('sent'),
    )
    .where('modules.state', '<>', 'retired')
    .orderBy('doubts.hwid');
  if (why !== undefined) rows = rows.where('why', '=', why);
  if (after !== undefined) rows = rows.where('doubts.hwid', '>', after);
  const found = await rows.limit(limit + 1).execute();
  return page(
    found,
    limit,
    (row) => ({ ...row, sent: row.sent ?? 0 }),
    ({ hwid }) => hwid,
  );
}

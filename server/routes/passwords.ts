import { pageOf } from '../../protocol/api/list.ts';
import { DoubtfulPassword, DoubtQuery } from '../../protocol/api/passwords.ts';
import { listDoubts } from '../decisions/doubts.ts';
import { type AnyOperation, noBody, none, operation } from '../operation.ts';

export const passwordsOperations: readonly AnyOperation[] = [
  operation({
    id: 'listDoubtfulPasswords',
    method: 'get',
    path: '/v1/passwords/doubtful',
    summary: 'Modules of which it is not known which password is in force, and why',
    access: ['officer', 'auditor'],
    params: none,
    query: DoubtQuery,
    body: noBody,
    answer: pageOf(DoubtfulPassword),
    problems: [],
    handle: async ({ query }, services) => ({ body: await listDoubts(services, query) }),
  }),
];

import { Whoami } from '../../protocol/api/certificates.ts';
import { whoami } from '../decisions/directory.ts';
import { type AnyOperation, noBody, none, operation } from '../operation.ts';

export const whoamiOperations: readonly AnyOperation[] = [
  operation({
    id: 'whoami',
    method: 'get',
    path: '/v1/whoami',
    summary: 'Who the server takes this certificate for',
    access: 'enrolled',
    params: none,
    query: none,
    body: noBody,
    answer: Whoami,
    problems: [],
    handle: async ({ caller }, services) => ({ body: await whoami(caller, services) }),
  }),
];

import { z } from 'zod';
import { Page, pageOf } from '../../protocol/api/list.ts';
import { NewPrincipal, Principal, PrincipalAnswer, PrincipalName } from '../../protocol/api/principals.ts';
import { listPrincipals } from '../decisions/directory.ts';
import { mustAdminister, mustReview } from '../decisions/permit.ts';
import {
  createPrincipal,
  disablePrincipal,
  enablePrincipal,
  mustFind,
  principalOf,
} from '../decisions/principals.ts';
import { type AnyOperation, noBody, none, operation } from '../operation.ts';

const Name = z.strictObject({ name: PrincipalName });

export const principalsOperations: readonly AnyOperation[] = [
  operation({
    id: 'createPrincipal',
    method: 'post',
    path: '/v1/principals',
    summary: 'Register a person or a station',
    access: ['officer'],
    idempotent: true,
    params: none,
    query: none,
    body: NewPrincipal,
    answer: PrincipalAnswer,
    problems: ['principal-exists'],
    handle: async ({ body, caller, idempotency }, services) => {
      mustAdminister(services, caller);
      return { status: 201, body: await createPrincipal({ body, author: caller, idempotency }, services) };
    },
  }),
  operation({
    id: 'listPrincipals',
    method: 'get',
    path: '/v1/principals',
    summary: 'People and stations, by name',
    access: ['officer', 'auditor'],
    params: none,
    query: Page,
    body: noBody,
    answer: pageOf(Principal),
    problems: [],
    handle: async ({ query, caller }, services) => {
      mustReview(services, caller);
      return { body: await listPrincipals(query, services) };
    },
  }),
  operation({
    id: 'getPrincipal',
    method: 'get',
    path: '/v1/principals/{name}',
    summary: 'One person or station',
    access: ['officer', 'auditor'],
    params: Name,
    query: none,
    body: noBody,
    answer: Principal,
    problems: ['not-found'],
    handle: async ({ params, caller }, services) => {
      mustReview(services, caller);
      return { body: principalOf(await mustFind({ db: services.read }, params.name)) };
    },
  }),
  operation({
    id: 'disablePrincipal',
    method: 'post',
    path: '/v1/principals/{name}/disable',
    summary: 'Shut a person or a station out, and revoke all their certificates',
    access: ['officer'],
    params: Name,
    query: none,
    body: noBody,
    answer: PrincipalAnswer,
    problems: ['not-found', 'last-officer'],
    handle: async ({ params, caller }, services) => {
      mustAdminister(services, caller);
      return { body: await disablePrincipal(params.name, caller, services) };
    },
  }),
  operation({
    id: 'enablePrincipal',
    method: 'post',
    path: '/v1/principals/{name}/enable',
    summary: 'Let a person or a station in again; they need a new enrolment code',
    access: ['officer'],
    params: Name,
    query: none,
    body: noBody,
    answer: PrincipalAnswer,
    problems: ['not-found'],
    handle: async ({ params, caller }, services) => {
      mustAdminister(services, caller);
      return { body: await enablePrincipal(params.name, caller, services) };
    },
  }),
];

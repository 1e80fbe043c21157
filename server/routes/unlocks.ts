import { z } from 'zod';
import { Id } from '../../protocol/api/fields.ts';
import { pageOf } from '../../protocol/api/list.ts';
import {
  NewUnlock,
  PasswordAnswer,
  TokenAnswer,
  TokenRequest,
  Unlock,
  UnlockAnswer,
  UnlockQuery,
  UnlockWait,
} from '../../protocol/api/unlocks.ts';
import { cancelUnlock } from '../decisions/cancel.ts';
import { listUnlocks, lookAtUnlock } from '../decisions/look.ts';
import { requestUnlock } from '../decisions/request.ts';
import { revealPassword } from '../decisions/reveal.ts';
import { issueToken } from '../decisions/token.ts';
import { viewUnlock } from '../decisions/unlock.ts';
import { type AnyOperation, noBody, none, operation } from '../operation.ts';

const One = z.strictObject({ id: Id });

export const unlocksOperations: readonly AnyOperation[] = [
  operation({
    id: 'createUnlock',
    method: 'post',
    path: '/v1/unlocks',
    summary: 'Request the unlock of a module',
    access: 'enrolled',
    idempotent: true,
    params: none,
    query: none,
    body: NewUnlock,
    answer: UnlockAnswer,
    problems: ['module-unknown', 'module-unconfirmed', 'module-inactive', 'module-flagged'],
    handle: async ({ body, caller, idempotency }, services) => {
      const { unlock, log } = await requestUnlock(services, caller, body, idempotency);
      return { status: 201, body: { unlock: viewUnlock(unlock), log } };
    },
  }),
  operation({
    id: 'listUnlocks',
    method: 'get',
    path: '/v1/unlocks',
    summary: 'Unlocks, newest first: one’s own, or all for those who review',
    access: 'enrolled',
    params: none,
    query: UnlockQuery,
    body: noBody,
    answer: pageOf(Unlock),
    problems: [],
    handle: async ({ query, caller }, services) => ({ body: await listUnlocks(services, caller, query) }),
  }),
  operation({
    id: 'getUnlock',
    method: 'get',
    path: '/v1/unlocks/{id}',
    summary: 'One unlock; with wait and while, once its state is another',
    access: 'enrolled',
    params: One,
    query: UnlockWait,
    body: noBody,
    answer: Unlock,
    problems: ['not-found'],
    handle: async ({ params, query, caller, hold }, services) => ({
      body: viewUnlock(await lookAtUnlock(services, caller, params.id, query, hold)),
    }),
  }),
  operation({
    id: 'cancelUnlock',
    method: 'post',
    path: '/v1/unlocks/{id}/cancel',
    summary: 'Take a request back, before its token is out',
    access: 'enrolled',
    params: One,
    query: none,
    body: noBody,
    answer: UnlockAnswer,
    problems: ['not-found', 'unlock-state'],
    handle: async ({ params, caller }, services) => {
      const { unlock, log } = await cancelUnlock(services, caller, params.id);
      return { body: { unlock: viewUnlock(unlock), log } };
    },
  }),
  operation({
    id: 'issueToken',
    method: 'post',
    path: '/v1/unlocks/{id}/token',
    summary: 'Answer a challenge of the module with its token',
    access: 'enrolled',
    params: One,
    query: none,
    body: TokenRequest,
    answer: TokenAnswer,
    problems: [
      'not-found',
      'invalid-message',
      'unlock-state',
      'challenge-mismatch',
      'challenge-spent',
      'replacements-exhausted',
      'module-in-use',
      'module-unconfirmed',
      'module-inactive',
      'module-flagged',
      'manifest-behind',
    ],
    handle: async ({ params, body, caller }, services) => {
      const { unlock, token, log } = await issueToken(services, caller, params.id, body.challenge);
      return { body: { unlock: viewUnlock(unlock), token, log } };
    },
  }),
  operation({
    id: 'revealPassword',
    method: 'post',
    path: '/v1/unlocks/{id}/password',
    summary: 'Show the password that the module’s login asks for',
    access: 'enrolled',
    params: One,
    query: none,
    body: noBody,
    answer: PasswordAnswer,
    problems: ['not-found', 'unlock-state', 'password-unknown', 'module-inactive', 'module-flagged'],
    handle: async ({ params, caller }, services) => {
      const revealed = await revealPassword(services, caller, params.id);
      return { body: { ...revealed, user: services.config.passwordUser } };
    },
  }),
];

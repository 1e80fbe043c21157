import { IssuedCertificate } from '../../protocol/api/certificates.ts';
import {
  Enrolment,
  EnrolmentAnswer,
  EnrolmentQuery,
  NewEnrolment,
  Redemption,
} from '../../protocol/api/enrolments.ts';
import { pageOf } from '../../protocol/api/list.ts';
import { listEnrolments } from '../decisions/directory.ts';
import { invite } from '../decisions/invite.ts';
import { mustAdminister, mustReview } from '../decisions/permit.ts';
import { redeem } from '../decisions/redeem.ts';
import { type AnyOperation, noBody, none, operation } from '../operation.ts';

export const enrolmentsOperations: readonly AnyOperation[] = [
  operation({
    id: 'createEnrolment',
    method: 'post',
    path: '/v1/enrolments',
    summary: 'Make a single-use enrolment code for a person or a station',
    access: ['officer'],
    idempotent: true,
    params: none,
    query: none,
    body: NewEnrolment,
    answer: EnrolmentAnswer,
    problems: ['not-found', 'principal-disabled'],
    handle: async ({ body, caller, idempotency }, services) => {
      mustAdminister(services, caller);
      return { status: 201, body: await invite({ body, author: caller, idempotency }, services) };
    },
  }),
  operation({
    id: 'listEnrolments',
    method: 'get',
    path: '/v1/enrolments',
    summary: 'Enrolments without their codes, newest first',
    access: ['officer', 'auditor'],
    params: none,
    query: EnrolmentQuery,
    body: noBody,
    answer: pageOf(Enrolment),
    problems: [],
    handle: async ({ query, caller }, services) => {
      mustReview(services, caller);
      return { body: await listEnrolments(query, services) };
    },
  }),
  operation({
    id: 'redeemEnrolment',
    method: 'post',
    path: '/v1/enrolments/redeem',
    summary: 'Get a certificate for the secret of an enrolment code',
    access: 'open',
    params: none,
    query: none,
    body: Redemption,
    answer: IssuedCertificate,
    problems: ['code-unknown', 'code-used', 'code-withdrawn', 'code-expired', 'key-unsuitable'],
    handle: async ({ body }, services) => ({ status: 201, body: await redeem(body, services) }),
  }),
];

import { z } from 'zod';
import {
  Certificate,
  CertificateAnswer,
  CertificateQuery,
  IssuedCertificate,
  Renewal,
  Serial,
} from '../../protocol/api/certificates.ts';
import { pageOf } from '../../protocol/api/list.ts';
import { listCertificates } from '../decisions/directory.ts';
import { renew } from '../decisions/renew.ts';
import { revokeCertificate } from '../decisions/revoke.ts';
import { type AnyOperation, noBody, none, operation } from '../operation.ts';

export const certificatesOperations: readonly AnyOperation[] = [
  operation({
    id: 'listCertificates',
    method: 'get',
    path: '/v1/certificates',
    summary: 'Certificates, newest first; one’s own with ?principal=',
    access: 'enrolled',
    params: none,
    query: CertificateQuery,
    body: noBody,
    answer: pageOf(Certificate),
    problems: [],
    handle: async ({ query, caller }, services) => ({
      body: await listCertificates(query, caller, services),
    }),
  }),
  operation({
    id: 'renewCertificate',
    method: 'post',
    path: '/v1/certificates/renew',
    summary: 'Renew the certificate of this connection to a new key, once',
    access: 'expired',
    params: none,
    query: none,
    body: Renewal,
    answer: IssuedCertificate,
    problems: ['renewal-refused', 'key-unsuitable'],
    handle: async ({ body, caller }, services) => ({
      status: 201,
      body: await renew(caller, body, services),
    }),
  }),
  operation({
    id: 'revokeCertificate',
    method: 'post',
    path: '/v1/certificates/{serial}/revoke',
    summary: 'Revoke a certificate and all that it was renewed from and into',
    access: 'enrolled',
    params: z.strictObject({ serial: Serial }),
    query: none,
    body: noBody,
    answer: CertificateAnswer,
    problems: ['not-found'],
    handle: async ({ params, caller }, services) => ({
      body: await revokeCertificate(params.serial, caller, services),
    }),
  }),
];

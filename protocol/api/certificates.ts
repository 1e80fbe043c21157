import { z } from 'zod';
import { Digest, Id, LogPosition, Moment } from './fields.ts';
import { Page } from './list.ts';
import { Principal, PrincipalName } from './principals.ts';

export const RsaPublicKey = z.strictObject({
  kty: z.literal('RSA'),
  n: z.base64url().length(512),
  e: z.literal('AQAB'),
});
export const Renewal = z.strictObject({ key: RsaPublicKey });
export const Serial = z
  .string()
  .regex(/^[0-9a-f]{2,40}$/)
  .describe('Serial number of a certificate, in hexadecimal');
export const Certificate = z.strictObject({
  principal: PrincipalName,
  serial: Serial,
  lineage: Id.describe('The enrolment that this certificate came from, by renewals'),
  kid: Digest,
  created: Moment,
  expires: Moment,
  state: z.enum(['live', 'renewed', 'revoked']),
});
export const CertificateQuery = Page.extend({
  principal: PrincipalName.optional(),
  state: Certificate.shape.state.optional(),
});
export const CertificateAnswer = z.strictObject({ certificate: Certificate, log: LogPosition.nullable() });
/** A certificate and its CA, PEM. */
export const IssuedCertificate = z.strictObject({
  certificate: Certificate,
  pem: z.string(),
  ca: z.string(),
  iss: z.string(),
  log: LogPosition.nullable(),
});
export const Whoami = z.strictObject({
  principal: Principal,
  certificate: Certificate,
  server: z.strictObject({ iss: z.string(), version: z.string(), time: Moment }),
});

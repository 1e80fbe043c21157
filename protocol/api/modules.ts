import { z } from 'zod';
import { Serial } from './certificates.ts';
import { Digest, Hwid, Jws, LogPosition, Moment, Text } from './fields.ts';
import { Page } from './list.ts';
import { OrderName } from './orders.ts';

/** 15 digits with a Luhn check digit (3GPP TS 23.003 annex B). */
export const Imei = z
  .string()
  .regex(/^\d{15}$/)
  .refine(luhn, 'the IMEI’s check digit is wrong')
  .describe('IMEI: an attribute, never the identity');
/** For whom, or what, a module is: shown, searched for, decided on by nobody. */
export const Label = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9._-])?$/,
    'it is 1 to 64 of A-Z a-z 0-9 . _ - and space, beginning with a letter or digit, not ending with a space',
  );
export const DeviceKey = z.strictObject({ x: z.base64url().length(43), y: z.base64url().length(43) });
export const NewModule = z.strictObject({
  hwid: Hwid,
  imei: Imei.optional(),
  /** The open production order that it is made for. */
  order: OrderName,
  customer: Label.optional(),
  model: Label.optional(),
  key: DeviceKey,
  /** Of a module that was provisioned with the order’s offline bundle: it is confirmed at once. */
  receipt: z.string().max(768).optional(),
});
export const Module = z.strictObject({
  hwid: Hwid,
  imei: z.string().nullable(),
  order: z.string().nullable(),
  customer: z.string().nullable(),
  model: z.string().nullable(),
  dkt: Digest.describe('RFC 7638 thumbprint of the device key'),
  key: DeviceKey,
  state: z.enum(['registered', 'confirmed', 'suspended', 'retired']),
  /** True from when the module names a token that this server never issued until an officer clears it. */
  flagged: z.boolean(),
  /** Since when a clone is suspected: its hardware ID came with another device key, or its key with another ID. */
  suspected: Moment.nullable(),
  /** Password version the module last reported in force; null before its first report. */
  pwv: z.int().nullable(),
  registered: Moment,
  confirmed: Moment.nullable(),
});
/** What a station hands to the module: the manifests, oldest first, then the bundle. */
export const RegisteredModule = z.strictObject({
  module: Module,
  manifests: z.array(Jws),
  bundle: Jws,
  log: LogPosition.nullable(),
});
export const Confirmation = z.strictObject({ receipt: Jws });
export const CertificateRequest = z.strictObject({ csr: Jws });
/** What a station hands to the module, and the device CA's certificate for the customer's servers, PEM. */
export const TlsCertificate = z.strictObject({
  certificate: Jws,
  ca: z.string(),
  serial: Serial,
  expires: Moment,
  log: LogPosition.nullable(),
});
export const ModuleQuery = Page.extend({
  imei: Imei.optional(),
  order: OrderName.optional(),
  state: Module.shape.state.optional(),
  /** Only those of which a clone is suspected. */
  suspected: z.literal('true').optional(),
});
export const ExportQuery = ModuleQuery.omit({ limit: true });
export const Why = z.strictObject({ why: Text });
export const ModuleAnswer = z.strictObject({ module: Module, log: LogPosition.nullable() });

function luhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, place) => {
    const doubled = Number(digit) * (place % 2 === 0 ? 1 : 2);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}

import type { z } from 'zod';
import { newSerial } from '../../keys/certificates.ts';
import type { DeviceCa } from '../../keys/keys.ts';
import type { TlsCertificate } from '../../protocol/api/modules.ts';
import { encodeBase64url } from '../../protocol/base64url.ts';
import { type EcJwk, keyObject, thumbprint } from '../../protocol/jwk.ts';
import { signMessage } from '../../protocol/jws.ts';
import { AUDIENCE, certificate as certificateMessage, csr as csrMessage } from '../../protocol/messages.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { LogPosition, Tx } from '../log/log.ts';
import type { ModuleRow, TlsCertificateRow } from '../store/schema.ts';
import { digestOf, verifyDevice } from './device.ts';
import { findModule, obstacle } from './module.ts';

type Answer = z.input<typeof TlsCertificate>;

/** What one transaction came to: the certificate that stands now, or why there is none. */
type Outcome = { readonly row: TlsCertificateRow; readonly fresh: boolean } | { readonly problem: Problem };

/**
 * Certifies a module's TLS key, once: the same key gets the same certificate, for whoever asks.
 * @param jws the csr, as the module signed it
 * @throws Problem `module-unknown`, `invalid-message`, and those for which nothing is granted to the module
 */
export async function certifyModule(
  services: Services,
  caller: Caller,
  hwid: string,
  jws: string,
): Promise<Answer> {
  const { deviceCa } = services.keys;
  if (deviceCa === undefined) throw new Error('there is no device CA');
  const module = await findModule(services.read, hwid);
  const key = tlsKeyOf(module, jws);
  const prepared =
    (await standing(services.read, hwid, key)) ?? (await prepare(services, caller, deviceCa, module, key));
  const certificate = await signCertificate(services, prepared);
  const { value: outcome, log } = await services.commit(caller, (tx) => grant(tx, deviceCa, prepared));
  if ('problem' in outcome) throw outcome.problem;
  const { row, fresh } = outcome;
  return answer(
    // Somebody else was faster: theirs stands.
    row.serial === prepared.serial ? certificate : await signCertificate(services, row),
    row,
    deviceCa,
    fresh ? log : null,
  );
}

/** @throws Problem `invalid-message` */
function tlsKeyOf(module: ModuleRow, jws: string): EcJwk {
  const { sub, x, y } = verifyDevice(csrMessage, jws, module);
  const jwk = { kty: 'EC', crv: 'P-256', x, y } as const;
  if (sub !== module.hwid) throw unfit(`is about module ${sub}, not ${module.hwid}`);
  // A key that signs tokens' receipts must not sign what a TLS server chooses.
  if (thumbprint(jwk) === module.dkt)
    throw unfit(`of ${module.hwid} names its device key: a TLS key is another`);
  return jwk;
}

function unfit(what: string): Problem {
  return new Problem('invalid-message', `The csr ${what}. Have the module make a new one.`, {
    fault: 'form',
  });
}

function standing(db: Services['read'], hwid: string, key: EcJwk): Promise<TlsCertificateRow | undefined> {
  return db
    .selectFrom('tls_certificates')
    .selectAll()
    .where('hwid', '=', hwid)
    .where('kid', '=', thumbprint(key))
    .executeTakeFirst();
}

async function prepare(
  { clock, random, config }: Services,
  caller: Caller,
  ca: DeviceCa,
  { hwid, dkt }: ModuleRow,
  key: EcJwk,
): Promise<TlsCertificateRow> {
  const now = clock();
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const end = notBefore.getTime() + config.certificates.module.life * 1000;
  const notAfter = new Date(Math.min(end, ca.ends.getTime()));
  const serial = newSerial(random);
  const der = await ca.certify({ hwid, key: keyObject(key), serial, notBefore, notAfter });
  return {
    ...{ hwid, dkt, kid: thumbprint(key), serial, crt: encodeBase64url(der) },
    ...{ not_after: notAfter.toISOString(), issued: now.toISOString(), issued_by: caller.name },
  };
}

/** For the module as it is now: its device key vouched for the TLS key, and it may be granted something. */
async function grant(tx: Tx, ca: DeviceCa, row: TlsCertificateRow): Promise<Outcome> {
  const { hwid, dkt, kid, serial, crt, not_after: expires } = row;
  const module = await findModule(tx.db, hwid);
  const problem = obstacle(hwid, module);
  if (problem !== undefined) return { problem };
  if (module.dkt !== dkt) return { problem: unfit(`is by a device key that ${hwid} no longer has`) };
  const { numInsertedOrUpdatedRows } = await tx.db
    .insertInto('tls_certificates')
    .values(row)
    .onConflict((conflict) => conflict.columns(['hwid', 'kid']).doNothing())
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows === 0n) {
    const stands = await tx.db
      .selectFrom('tls_certificates')
      .selectAll()
      .where('hwid', '=', hwid)
      .where('kid', '=', kid)
      .executeTakeFirstOrThrow();
    return { row: stands, fresh: false };
  }
  const dig = digestOf(Buffer.from(crt, 'base64url'));
  await tx.append({
    ...{ type: 'module.certified', by: row.issued_by, hwid, dkt, key: kid },
    ...{ serial, expires, dig, ca: ca.fingerprint },
  });
  return { row, fresh: true };
}

/** The issuer's word to the module, signed anew each time: the module believes the keys of its manifest. */
function signCertificate({ keys }: Services, { hwid, dkt, crt }: TlsCertificateRow): Promise<string> {
  const [issuer] = keys.issuers;
  if (issuer === undefined) throw new Error('there is no live issuer key');
  return signMessage(certificateMessage, { iss: keys.iss, aud: AUDIENCE, sub: hwid, dkt, crt }, issuer);
}

function answer(
  certificate: string,
  { serial, not_after: expires }: TlsCertificateRow,
  ca: DeviceCa,
  log: LogPosition | null,
): Answer {
  return { certificate, ca: ca.certificate, serial, expires, log };
}

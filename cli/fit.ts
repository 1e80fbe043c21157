import { hash } from 'node:crypto';
import { checkCertificate } from '../protocol/certificate-check.ts';
import { checkBundle, checkToken } from '../protocol/checks.ts';
import { cmeErrors } from '../protocol/cme.ts';
import { keyObject, thumbprint } from '../protocol/jwk.ts';
import { type KeyStore, MessageError, verifyMessage } from '../protocol/jws.ts';
import { type Challenge, type Receipt, receipt as receiptMessage } from '../protocol/messages.ts';
import { Failure } from './failure.ts';
import type { ModuleIdentity } from './port/module.ts';
import type { Unlock } from './token.ts';
import type { Trusted } from './trust.ts';

/**
 * What the server gave is held to the module's own rules (DESIGN section 4), and to what was asked for,
 * before the module gets it: a module spends its nonce on the first well-signed token.
 */

/** @throws Failure `token-unfit` */
export function demandFitToken(token: string, challenge: Challenge, unlock: Unlock, trusted: Trusted): void {
  const { sub, nonce, scope, pwv } = challenge;
  const live = { nonce, scope, for: challenge.for };
  const verdict = checkToken(token, { hwid: sub, iss: trusted.iss, keys: trusted.issuers, live, pwv });
  if (!verdict.ok) throw unfit(unlock, cmeErrors[verdict.cme]);
  const { jti, by } = verdict.token;
  if (sub !== unlock.hwid) throw unfit(unlock, `it is for module ${sub}, not for ${unlock.hwid}`);
  if (jti !== unlock.id) throw unfit(unlock, `it is the token of unlock ${jti}`);
  if (by !== unlock.requester) throw unfit(unlock, `it is for ${by}, not for ${unlock.requester}`);
  if (scope !== unlock.scope) throw unfit(unlock, `it is for ${scope}, not for ${unlock.scope}`);
  if (verdict.token.for > unlock.seconds) throw unfit(unlock, 'it grants more seconds than were asked for');
}

/** @throws Failure `bundle-unfit` */
export function demandFitBundle(bundle: string, { hwid, key }: ModuleIdentity, trusted: Trusted): void {
  const { iss, issuers: keys } = trusted;
  const verdict = checkBundle(bundle, { provisioned: false, hwid, dkt: thumbprint(key), iss, keys, pwv: 0 });
  if (verdict.ok) return;
  const what = `The bundle for module ${hwid} is not fit for it: ${cmeErrors[verdict.cme]}.`;
  throw new Failure('verification', 'bundle-unfit', what, {
    next: 'The module did not get it. Show this to an officer.',
  });
}

/**
 * A receipt of provisioning is the module's own: else the server would refuse it later, when the module is gone.
 * @param bundle that it was handed, where that is known here
 * @throws Failure `module-garbled`
 */
export function demandFitReceipt(
  jws: string,
  { hwid, key }: ModuleIdentity,
  bundle: string | undefined,
): void {
  const kid = thumbprint(key);
  const claims = verified(jws, (named) => (named === kid ? keyObject(key) : undefined));
  const isOver = bundle === undefined || claims?.dig === hash('sha256', bundle, 'base64url');
  if (claims?.sub === hwid && claims.event === 'provisioned' && isOver) return;
  const what = `The receipt of module ${hwid} is not what it signs: it was damaged on the way, or the module is not sound.`;
  throw new Failure('port', 'module-garbled', what, {
    next: 'Try it again: the module keeps its receipt. If it stays, check the cable, or put the module aside.',
  });
}

function verified(jws: string, keys: KeyStore): Receipt | undefined {
  try {
    return verifyMessage(receiptMessage, jws, keys);
  } catch (error) {
    if (error instanceof MessageError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** @throws Failure `certificate-unfit` */
export function demandFitCertificate(
  certificate: string,
  { hwid, key }: ModuleIdentity,
  tls: { readonly x: string; readonly y: string },
  { iss, issuers: keys }: Trusted,
): void {
  const dkt = thumbprint(key);
  const verdict = checkCertificate(certificate, { provisioned: true, hwid, dkt, iss, keys, tls });
  if (verdict.ok) return;
  const what = `The certificate for module ${hwid} is not fit for it: ${cmeErrors[verdict.cme]}.`;
  throw new Failure('verification', 'certificate-unfit', what, {
    next: 'The module did not get it. Show this to an officer.',
  });
}

function unfit(unlock: Unlock, why: string): Failure {
  const what = `The token of unlock ${unlock.id} is not what was asked for: ${why}.`;
  return new Failure('verification', 'token-unfit', what, {
    next: 'The module did not get it. Show this to an officer.',
    details: { unlock: unlock.id },
  });
}

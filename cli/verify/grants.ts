import type { KeyObject } from 'node:crypto';
import { checkToken } from '../../protocol/checks.ts';
import { cmeErrors } from '../../protocol/cme.ts';
import { keyObject } from '../../protocol/jwk.ts';
import { type KeyStore, MessageError, verifyMessage } from '../../protocol/jws.ts';
import { type Challenge, challenge as challengeMessage, type UnlockToken } from '../../protocol/messages.ts';
import type { Trusted } from '../trust.ts';
import { digestOf, type Evidence, eventsOf } from './evidence.ts';
import type { Report } from './report.ts';

/**
 * Each token answers its challenge: the module asked for it, an issuer key that a manifest names signed
 * it, it grants no more than was asked for, and the log says so. And no token of the log is missing.
 */
export function verifyGrants(report: Report, evidence: Evidence): void {
  const { grants } = evidence.bundle;
  const issuers = everyIssuer(evidence.trusted);
  const count = grants.length === 1 ? 'the token' : `each of the ${grants.length} tokens`;
  if (grants.length > 0) {
    report.prove(`${count} is an issuer key’s answer to a challenge of the device, and is in the log`, () => {
      for (const [turn, grant] of grants.entries()) verifyGrant(report, evidence, issuers, turn, grant);
    });
  }
  const here = new Set(grants.map(({ token }) => digestOf(token)));
  for (const { token } of eventsOf(evidence, 'unlock.issued')) {
    if (!here.has(token))
      report.fault('grant-missing', `the log has a token ${token} that is not in the file`);
  }
}

function verifyGrant(
  report: Report,
  evidence: Evidence,
  issuers: KeyStore,
  turn: number,
  { challenge: asked, token: answer }: { readonly challenge: string; readonly token: string },
): void {
  const challenge = verifyChallenge(report, evidence, turn, asked);
  if (challenge === undefined) return;
  const { sub, nonce, scope, pwv } = challenge;
  const live = { nonce, scope, for: challenge.for };
  const verdict = checkToken(answer, { hwid: sub, iss: evidence.trusted.iss, keys: issuers, live, pwv });
  if (!verdict.ok) {
    report.fault(
      verdict.cme <= 905 && verdict.why === undefined ? 'token-forged' : 'token-unfit',
      `token ${turn + 1}: ${cmeErrors[verdict.cme]}`,
    );
    return;
  }
  const { unlock } = evidence.bundle;
  const { token } = verdict;
  if (
    token.jti !== unlock.id ||
    token.by !== unlock.requester ||
    token.scope !== unlock.scope ||
    token.for > unlock.seconds
  ) {
    report.fault('token-unfit', `token ${turn + 1} grants what the unlock did not ask for`);
  }
  verifyLogged(report, evidence, turn, { asked, answer, challenge, token });
}

function verifyChallenge(
  report: Report,
  { bundle, device }: Evidence,
  turn: number,
  jws: string,
): Challenge | undefined {
  try {
    const claims = verifyMessage(challengeMessage, jws, (kid) =>
      kid === device.kid ? device.key : undefined,
    );
    if (claims.sub === bundle.unlock.hwid && claims.scope === bundle.unlock.scope) return claims;
    report.fault('challenge-forged', `challenge ${turn + 1} is for another module or scope`);
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    report.fault('challenge-forged', `challenge ${turn + 1}: ${error.message}`);
  }
  return undefined;
}

interface Grant {
  readonly asked: string;
  readonly answer: string;
  readonly challenge: Challenge;
  readonly token: UnlockToken;
}

function verifyLogged(
  report: Report,
  evidence: Evidence,
  turn: number,
  { asked, answer, challenge, token }: Grant,
): void {
  const event = eventsOf(evidence, 'unlock.issued').find((one) => one.token === digestOf(answer));
  const logged = event && [
    event.challenge,
    event.nonce,
    event.seq,
    event.scope,
    event.for,
    event.exp,
    event.pw,
  ];
  const shown = [
    digestOf(asked),
    challenge.nonce,
    challenge.seq,
    token.scope,
    token.for,
    token.exp,
    token.pw?.ver ?? null,
  ];
  if (logged === undefined || logged.some((value, place) => value !== shown[place])) {
    report.fault('grant-unlogged', `no event of the log is that of token ${turn + 1}`);
  }
}

/** A token may be older than the newest manifest: any that the roots signed may name its key. */
function everyIssuer({ chain }: Trusted): KeyStore {
  const keys = new Map<string, KeyObject>();
  for (const { claims } of chain) for (const jwk of claims.keys) keys.set(jwk.kid, keyObject(jwk));
  return (kid) => keys.get(kid);
}

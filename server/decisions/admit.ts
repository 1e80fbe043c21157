import { Problem } from '../../protocol/problems.ts';
import type { Caller } from '../context.ts';
import type { Access } from '../operation.ts';

/** A client certificate, as the TLS handshake left it. Its bytes came from outside. */
export interface Peer {
  /** Signed by the access CA, for client authentication. */
  readonly trusted: boolean;
  /** Hexadecimal, lower case. */
  readonly serial: string;
  /** Its subject alternative names, as node:crypto writes them. */
  readonly names: string | undefined;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What the database says about a serial. */
export interface Standing {
  readonly serial: string;
  readonly lineage: string;
  readonly state: 'live' | 'renewed' | 'revoked';
  readonly principal: string;
  readonly kind: 'person' | 'station';
  readonly enabled: boolean;
  /** JSON array. */
  readonly roles: string;
}

/**
 * Decides who asks, on every request: TLS decided once, when the connection was made, or even at the
 * connection that this one resumes. For `expired`, the ends that renewal may still overlook are
 * decided by decisions/renew.ts.
 * @throws Problem
 */
export function admit(
  peer: Peer | undefined,
  standing: Standing | undefined,
  access: Access,
  now: number,
): Caller {
  if (peer === undefined) {
    throw new Problem(
      'certificate-required',
      'This needs a client certificate; an officer’s enrolment code gets one.',
    );
  }
  if (!peer.trusted || standing === undefined || peer.names !== sanOf(standing)) {
    throw new Problem(
      'certificate-untrusted',
      'This server did not issue that certificate; ask an officer for an enrolment code.',
    );
  }
  if (standing.state === 'revoked') {
    throw new Problem(
      'certificate-revoked',
      `Certificate ${peer.serial} has been revoked; ask an officer for a new enrolment code.`,
    );
  }
  if (access !== 'expired') mustBeCurrent(peer, standing, now);
  if (!standing.enabled) {
    throw new Problem(
      'principal-disabled',
      `Principal ${standing.principal} has been disabled; ask an officer.`,
    );
  }
  return callerOf(standing, access === 'expired' ? Number.POSITIVE_INFINITY : peer.notAfter);
}

function mustBeCurrent(peer: Peer, standing: Standing, now: number): void {
  if (standing.state === 'renewed') {
    throw new Problem(
      'certificate-renewed',
      `Certificate ${peer.serial} was renewed; use the one that took its place, or ask an officer for a new enrolment code.`,
    );
  }
  if (now < peer.notBefore || now > peer.notAfter) {
    throw new Problem(
      'certificate-expired',
      `Certificate ${peer.serial} is valid from ${day(peer.notBefore)} to ${day(peer.notAfter)}, and it is ` +
        `${day(now)} here; renew it, or where that is refused, ask an officer for a new enrolment code.`,
    );
  }
}

/** The one subject alternative name that the access CA puts into a principal's certificate. */
function sanOf({ kind, principal }: Standing): string {
  return `URI:urn:latchkey:${kind}:${principal}`;
}

function callerOf({ principal, kind, roles, serial, lineage }: Standing, ends: number): Caller {
  return { name: principal, kind, roles: JSON.parse(roles), serial, lineage, ends };
}

function day(time: number): string {
  return new Date(time).toISOString();
}

import { hash } from 'node:crypto';
import { canonicalJson } from './canonical.ts';
import type { Scope } from './claims.ts';

/** What of an unlock an approver says yes to; its tokens repeat it. */
export interface Approved {
  readonly id: string;
  readonly requester: string;
  readonly hwid: string;
  readonly scope: Scope;
  readonly seconds: number;
  readonly reason: string;
  readonly ticket: string | null;
}

/**
 * SHA-256, base64url, of the canonical JSON of `{unlock, requester, hwid, scope, seconds, reason, ticket}`:
 * the `digest` of an unlock and the `dig` of its event.
 */
export function approvalDigest({ id, requester, hwid, scope, seconds, reason, ticket }: Approved): string {
  const approved = { unlock: id, requester, hwid, scope, seconds, reason, ticket };
  return hash('sha256', canonicalJson(approved), 'base64url');
}

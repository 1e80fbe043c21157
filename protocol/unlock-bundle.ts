import type { z } from 'zod';
import { UnlockBundle as Schema } from './api/bundle.ts';
import { checkCheckpoint, checkEvents, checkManifests, type IndexedEvent } from './bundle-proofs.ts';
import { checkDevice, checkGrants, checkReceipts, checkRequest } from './bundle-words.ts';
import { canonicalJson } from './canonical.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { RsaJwk } from './jwk.ts';
import type { SignedManifest } from './manifests.ts';
import type { Challenge, Receipt, UnlockToken } from './messages.ts';
import { checkStates, type EventOf, type UnlockState } from './unlock-states.ts';

/** Everything about one unlock: docs/protocol.md, "Unlock bundle". Nothing in it is anybody's bare word. */
export type UnlockBundle = z.output<typeof Schema>;

/** What a fault was found by: the steps of docs/protocol.md, "Unlock bundle". */
export type BundleCheck =
  | 'form'
  | 'manifest'
  | 'checkpoint'
  | 'event'
  | 'inclusion'
  | 'request'
  | 'device'
  | 'challenge'
  | 'token'
  | 'receipt'
  | 'state';

export interface Finding {
  readonly check: BundleCheck;
  /** The member of the bundle, for instance `grants[0].token`; empty for the file as a whole. */
  readonly at: string;
  readonly what: string;
}

/** Takes note of a fault. */
export type Find = (check: BundleCheck, at: string, what: string) => void;

/** What a bundle without a fault proves. */
export interface Proved {
  /** The last one's log key signed the checkpoint. */
  readonly manifests: readonly SignedManifest[];
  readonly checkpoint: Checkpoint;
  /** The module's registration and the unlock's own events, in the order of the log. */
  readonly events: readonly IndexedEvent[];
  /** After the last of them. */
  readonly state: UnlockState;
  readonly request: EventOf<'unlock.requested'>;
  /** Thumbprint of the device key. */
  readonly dkt: string;
  readonly grants: readonly { readonly challenge: Challenge; readonly token: UnlockToken }[];
  /** In the order of the log. */
  readonly receipts: readonly Receipt[];
}

export type BundleVerdict =
  | { readonly ok: true; readonly proved: Proved }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * Checks a bundle's file. Needs no network, no clock, and no word of the server's: only the file and
 * the root keys.
 * @param roots the root keys that the reader trusts, from anywhere but the file
 */
export function verifyUnlockBundle(file: Uint8Array, roots: readonly RsaJwk[]): BundleVerdict {
  const findings: Finding[] = [];
  const find: Find = (check, at, what) => void findings.push({ check, at, what });
  const bundle = decodeUnlockBundle(file, find);
  const proved = bundle && prove(bundle, roots, find);
  return proved !== undefined && findings.length === 0 ? { ok: true, proved } : { ok: false, findings };
}

/** The protocol of verification. A step that cannot be made for an earlier one's fault is left out. */
function prove(bundle: UnlockBundle, roots: readonly RsaJwk[], find: Find): Proved | undefined {
  const manifests = checkManifests(bundle, roots, find);
  const checkpoint = manifests && checkCheckpoint(bundle, manifests, find);
  const events = checkEvents(bundle, checkpoint, find);
  const state = checkStates(events, find);
  const request = checkRequest(bundle, events, find);
  const device = request && checkDevice(bundle, events, request, find);
  if (!manifests || !state || !request || !device) return undefined;
  const grants = checkGrants(bundle, { manifests, events, request, device }, find);
  const receipts = checkReceipts(bundle, { events, device }, find);
  return checkpoint && { manifests, checkpoint, events, state, request, dkt: device.dkt, grants, receipts };
}

/** The file's bytes: RFC 8785 JSON and a line feed, so that a bundle has one spelling. */
export function encodeUnlockBundle(bundle: UnlockBundle): Uint8Array {
  return Buffer.from(`${canonicalJson(bundle)}\n`);
}

function decodeUnlockBundle(file: Uint8Array, find: Find): UnlockBundle | undefined {
  const json = parseJson(Buffer.from(file).toString());
  if (json === undefined) {
    find('form', '', 'the file is not an unlock bundle, or not all of it: it is not JSON');
    return undefined;
  }
  const parsed = Schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    find('form', issue?.path.join('.') ?? '', `the file is not an unlock bundle: ${issue?.message ?? ''}`);
    return undefined;
  }
  if (Buffer.compare(encodeUnlockBundle(parsed.data), file) === 0) return parsed.data;
  find('form', '', 'the file is not in its one spelling (RFC 8785 and a line feed): it was written anew');
  return undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

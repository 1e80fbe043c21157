import type { Checkpoint } from '../../protocol/checkpoint.ts';
import type { LogEvent } from '../../protocol/events.ts';
import { keyObject, type RsaJwk, thumbprint } from '../../protocol/jwk.ts';
import { Failure } from '../failure.ts';
import { includedEvent, signedTree } from '../proof.ts';
import { followManifests, type Trusted } from '../trust.ts';
import type { Bundle, Evidence } from './evidence.ts';
import { verifyGrants } from './grants.ts';
import { verifyReceipts } from './receipts.ts';
import { verifyDevice, verifyRequest, verifyState } from './record.ts';
import { Report } from './report.ts';

/** The roots that a check starts from. */
export interface Roots {
  readonly pinned: readonly string[];
  readonly keys: readonly RsaJwk[];
}

/**
 * Everything that an unlock bundle shows by itself, years later and without a server: from the roots to
 * the manifests, to the issuer and log keys, to each token, event and receipt.
 */
export function verifyBundle(bundle: Bundle, roots: Roots): Report {
  const report = new Report();
  const trusted = attempt(report, 'manifest-untrusted', () =>
    followManifests(roots.pinned, roots.keys, bundle.manifests),
  );
  if (trusted === undefined) return report;
  const { ver } = trusted.newest.claims;
  report.proved.push(`the key manifests lead from the pinned roots to manifest ${ver} of ${trusted.iss}`);
  const tree = attempt(report, 'log-unsigned', () => signedTree(bundle.checkpoint, trusted));
  if (tree === undefined) return report;
  report.proved.push(`the checkpoint over ${tree.size} events is signed by the log key of ${trusted.iss}`);
  const evidence = gather(report, bundle, trusted, tree);
  if (evidence === undefined) return report;
  for (const verify of [verifyRequest, verifyDevice, verifyGrants, verifyReceipts, verifyState]) {
    verify(report, evidence);
  }
  report.unproved.push(
    'that nothing was left out after the last event here: an auditor’s latchkey log verify reads the whole log',
    'that others are shown the same log: compare the checkpoint with theirs',
    'the times: they are the server’s clock; and what was done on the console',
  );
  return report;
}

function gather(report: Report, bundle: Bundle, trusted: Trusted, tree: Checkpoint): Evidence | undefined {
  const events: LogEvent[] = [];
  report.prove(`each of the ${bundle.events.length} events stands in the log, byte for byte`, () => {
    for (const proven of bundle.events.toSorted((one, other) => one.index - other.index)) {
      const event = includedEvent(proven, tree);
      if (typeof event === 'string') report.fault('event-unproved', `event ${proven.index}: ${event}`);
      else events.push(event);
    }
    if (new Set(bundle.events.map(({ index }) => index)).size < bundle.events.length) {
      report.fault('event-unproved', 'an event is given twice');
    }
  });
  try {
    const device = { key: keyObject(bundle.device), kid: thumbprint(bundle.device) };
    return { bundle, trusted, device, events };
  } catch {
    report.fault('device-unknown', 'the device key is not a point of P-256');
    return undefined;
  }
}

/** Turns the failure that ends all further checks into a fault. */
function attempt<T>(
  report: Report,
  code: 'manifest-untrusted' | 'log-unsigned',
  check: () => T,
): T | undefined {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    report.fault(code, error.message);
    return undefined;
  }
}

import { X509Certificate } from 'node:crypto';
import { loadKek, loadMaterial } from '../../keys/load.ts';
import { requireKekOutside, rootsPresent } from '../../keys/places.ts';
import type { Config } from '../config.ts';
import { ok, type Probe, warning } from './finding.ts';

const YEAR = 365 * 86_400_000;
/** The finding names the file. A key made anew would be one that no manifest, certificate or checkpoint knows. */
export const MEND_KEYS =
  'do what it says; a lost key comes back from a backup, never from init: docs/operations.md, Restore';

export function custodyProbes(config: Config, now: Date): readonly Probe[] {
  return [
    { name: 'kek', next: 'restore the KEK from where its copy is kept', look: () => kek(config) },
    { name: 'keys', next: MEND_KEYS, look: () => keys(config, now) },
    { name: 'roots', next: `look at ${config.roots}`, look: () => roots(config) },
  ];
}

function kek(config: Config) {
  requireKekOutside(config);
  loadKek(config);
  return ok(`${config.kek}, outside the data directory`);
}

function keys(config: Config, now: Date) {
  const { caCertificate } = loadMaterial(config, config.iss, now);
  const { validTo } = new X509Certificate(caCertificate);
  if (Date.parse(validTo) - now.getTime() > YEAR) return ok(`complete; the access CA ends ${validTo}`);
  return warning(`the access CA ends ${validTo}`, 'plan its successor: every client enrols again');
}

function roots(config: Config) {
  if (!rootsPresent(config)) return ok('the root private keys are not here');
  return warning(
    `root private keys are in ${config.roots}`,
    'move them to two media that are kept apart, without network: docs/operations.md says how',
  );
}

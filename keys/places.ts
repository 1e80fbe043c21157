import { realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { KeyFault } from './fault.ts';
import { exists, isReadable } from './files.ts';

/** Where keys lie. All paths are absolute. */
export interface KeyPlaces {
  /** Data directory; its `keys/` holds what the running server needs. */
  readonly dataDir: string;
  /** Directory of the root private keys; may be away. */
  readonly roots: string;
  /** The KEK's file; outside the data directory. */
  readonly kek: string;
}

/** Every key file by name. Issuer keys are `issuer-1.pem` and on. */
export function keyFiles({ dataDir, roots }: KeyPlaces) {
  const dir = join(dataDir, 'keys');
  return {
    dir,
    rootA: { private: join(roots, 'root-a.pem'), public: join(dir, 'root-a.pub') },
    rootB: { private: join(roots, 'root-b.pem'), public: join(dir, 'root-b.pub') },
    firstIssuer: join(dir, 'issuer-1.pem'),
    log: join(dir, 'log.pem'),
    ca: join(dir, 'ca.pem'),
    caCertificate: join(dir, 'ca.crt'),
    tls: join(dir, 'tls.pem'),
    deviceCa: join(dir, 'device-ca.pem'),
    deviceCaCertificate: join(dir, 'device-ca.crt'),
  };
}

/** True while this process can read a root private key: it belongs offline. */
export function rootsPresent(places: KeyPlaces): boolean {
  const { rootA, rootB } = keyFiles(places);
  return isReadable(rootA.private) || isReadable(rootB.private);
}

/**
 * A backup of the data directory that holds the KEK seals nothing.
 * @throws KeyFault `place`
 */
export function requireKekOutside({ kek, dataDir }: KeyPlaces): void {
  const steps = relative(real(dataDir), real(kek));
  if (steps === '..' || steps.startsWith('../')) return;
  throw new KeyFault(
    'place',
    `the KEK ${kek} lies inside the data directory ${dataDir}: set kek to a place outside it`,
  );
}

/** The path with symbolic links followed, as far as it is there already. */
function real(path: string): string {
  if (exists(path)) return realpathSync(path);
  const above = dirname(path);
  return above === path ? path : resolve(real(above), basename(path));
}

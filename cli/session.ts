import { KeySet } from '../protocol/api/keys.ts';
import type { Checkpoint } from '../protocol/checkpoint.ts';
import type { Client, Patience } from './client.ts';
import type { Cli } from './context.ts';
import { asFailure, Failure } from './failure.ts';
import type { Home } from './home.ts';
import { demandProfile, type Profile, readIdentity, readKeptKeys, writeKeptKeys } from './profile.ts';
import { connect, lifeOf, notEnrolled, renew } from './renewal.ts';
import { followManifests, joinManifests, pinnedRoots, type Trusted, worthKeeping } from './trust.ts';
import { witnessLog } from './witness.ts';

/** One command's dealings with the server. */
export interface Session {
  readonly profile: Profile;
  readonly client: Client;
  /** Keys as this home knows them; fetched where it knows none. */
  trusted(): Promise<Trusted>;
  /** Keys as the server shows them now, checked and kept. */
  refreshed(): Promise<Trusted>;
  /** Compares the server's checkpoint with the one kept: see witness.ts. */
  witness(): Promise<Checkpoint>;
}

/**
 * Runs a command's work with the server: renews the certificate first where that is due, and at the
 * end checks that the log extends the one that this home has seen, one small request a command.
 */
export async function withServer<T>(cli: Cli, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await startSession(cli);
  try {
    const result = await work(session);
    await session.witness();
    return result;
  } finally {
    session.client.close();
  }
}

/** For dealings that last: whoever starts it closes its client, and has the log looked at. */
export async function startSession(cli: Cli, patience?: Patience): Promise<Session> {
  const profile = demandProfile(cli.home);
  const identity = await freshIdentity(cli, profile);
  return openSession(cli, profile, connect(cli, profile, identity, patience));
}

export function openSession(cli: Cli, profile: Profile, client: Client): Session {
  const { home, signal } = cli;
  const refresh = () => refreshKeys(home, profile, client);
  const trusted = async () => keptKeys(home, profile) ?? (await refresh());
  return {
    profile,
    client,
    trusted: async () => keptKeys(home, profile) ?? (await home.exclusively(signal, refresh)),
    refreshed: () => home.exclusively(signal, refresh),
    witness: () =>
      home.exclusively(signal, () =>
        witnessLog(home, client, { kept: trusted, refreshed: refresh }, cli.clock()),
      ),
  };
}

/** The keys that this home has followed so far, or undefined before the first. */
export function keptKeys(home: Home, profile: Profile): Trusted | undefined {
  const { roots, manifests } = readKeptKeys(home);
  return manifests.length === 0 ? undefined : followManifests(profile.roots, roots, manifests);
}

/** Under the home's lock, so that what is kept never goes back. */
async function refreshKeys(home: Home, profile: Profile, client: Client): Promise<Trusted> {
  const { iss, roots, manifests } = await client.get('/v1/keys', KeySet);
  if (iss !== profile.iss) throw otherIssuer(profile, iss);
  const kept = readKeptKeys(home);
  const candidates = pinnedRoots(profile.roots, [...kept.roots, ...roots]);
  const trusted = followManifests(profile.roots, candidates, joinManifests(kept.manifests, manifests));
  writeKeptKeys(home, { roots: candidates, manifests: worthKeeping(trusted) });
  return trusted;
}

/** The identity, renewed where that is due; a renewal that fails matters only once the certificate is over. */
async function freshIdentity(cli: Cli, profile: Profile) {
  const identity = readIdentity(cli.home);
  if (identity === undefined) throw notEnrolled(cli);
  const life = lifeOf(identity.certificate, cli.clock());
  if (!life.due) return identity;
  try {
    return await renew(cli, profile, false);
  } catch (error) {
    if (life.over || cli.signal.aborted) throw error;
    cli.out.warn(`the certificate could not be renewed: ${asFailure(error).message}`);
    return identity;
  }
}

function otherIssuer(profile: Profile, iss: string): Failure {
  return new Failure(
    'verification',
    'issuer-changed',
    `The server now calls itself ${iss}, and was ${profile.iss}.`,
    {
      next: 'Ask an officer; to enrol with another server choose another --home.',
    },
  );
}

import { ChallengeFile, readBenchFile, type TokenFile, writeBenchFile } from './bench-file.ts';
import type { Cli } from './context.ts';
import { deliverWaiting } from './delivery.ts';
import { Failure } from './failure.ts';
import { demandLabel, type ModuleChoice, other } from './module.ts';
import type { Track } from './opening.ts';
import { keepReceipts } from './receipts.ts';
import { findOrRequest, type Wanted, waitReady } from './request.ts';
import type { Session } from './session.ts';
import { fetchToken, readChallenge, type Unlock } from './token.ts';
import type { Trusted } from './trust.ts';

/** What of an unlock is asked for beside what the challenge says, and whose challenge it must be. */
export type Errand = ModuleChoice & Pick<Wanted, 'reason' | 'ticket'>;

/**
 * Fetches the token for a challenge that came from a bench without network, into a file for that bench:
 * for one's own unlock of this module that waits or is ready, else for a new one.
 */
export async function runErrand(
  cli: Cli,
  session: Session,
  files: { challenge: string; out: string },
  errand: Errand,
  track: Track,
): Promise<TokenFile> {
  const { client, profile } = session;
  const file = readBenchFile(files.challenge, ChallengeFile, 'latchkey challenge');
  const { sub: hwid, scope, for: seconds } = readChallenge(file.challenge);
  if (hwid !== file.hwid) throw mixed(files.challenge);
  if (errand.hwid !== undefined && errand.hwid !== hwid) throw other(`hardware ID ${errand.hwid}`, hwid);
  await demandLabel(cli, client, hwid, errand.imei);
  keepReceipts(cli.home, file.receipts);
  await deliverWaiting(cli, client);
  const { reason, ticket } = errand;
  const wanted = { hwid, scope, seconds, reason, ticket };
  const found = await findOrRequest(cli, client, profile.principal, wanted);
  Object.assign(track, { unlock: found, stage: 'requested' });
  const unlock = await waitReady(cli, client, found);
  const trusted = await session.refreshed();
  const token = await tokenOrNull(session, unlock, file.challenge, trusted, track);
  await session.witness();
  const { made } = file;
  const manifests = trusted.chain.filter(({ claims }) => claims.ver > file.manifest).map(({ jws }) => jws);
  const fetched: TokenFile = {
    latchkey: 'token/1',
    ...{ hwid, unlock: unlock.id, scope, seconds, token, manifests, made, receipts: [] },
  };
  writeBenchFile(files.out, fetched);
  return fetched;
}

/** @returns null where the module must have newer manifests first */
async function tokenOrNull(
  { client }: Session,
  unlock: Unlock,
  challenge: string,
  trusted: Trusted,
  track: Track,
): Promise<string | null> {
  try {
    const answer = await fetchToken(client, unlock, challenge, trusted);
    Object.assign(track, { unlock: answer.unlock, stage: 'issued' });
    return answer.token;
  } catch (error) {
    if (error instanceof Failure && error.code === 'manifest-behind') return null;
    throw error;
  }
}

function mixed(file: string): Failure {
  return new Failure('usage', 'file-unknown', `${file} mixes two modules: its challenge is another one's.`);
}

import type { Cli } from './context.ts';
import { deliverWaiting, postponing } from './delivery.ts';
import { asFailure, Failure } from './failure.ts';
import {
  demandLabel,
  demandModule,
  type ModuleChoice,
  type PortChoice,
  updateModule,
  withModule,
} from './module.ts';
import type { ModuleClient } from './port/module.ts';
import { collectReceipts, keepReceipts } from './receipts.ts';
import { findOrRequest, isSameErrand, ownUnlocks, type Wanted, waitReady } from './request.ts';
import type { Session } from './session.ts';
import { fetchToken, type Unlock } from './token.ts';

/** How far an unlock got, so that whoever ends it can be told how to go on. */
export interface Track {
  unlock: Unlock | undefined;
  /** `handed`: the module may have the token. `open`: it said that it opened. */
  stage: 'nothing' | 'requested' | 'issued' | 'handed' | 'open';
}

export type Asked = PortChoice & ModuleChoice & Omit<Wanted, 'hwid'>;

export interface OpenModule {
  readonly unlock: Unlock;
  /** Seconds until the module locks itself. */
  readonly seconds: number;
  /** It was open with this unlock before, so that no new token was asked for. */
  readonly already: boolean;
}

/**
 * The whole unlock of DESIGN section 6: status → receipts → request → wait → newer manifest → challenge
 * → token → module → receipt. The port is given free while an approval is waited for.
 */
export async function openModule(
  cli: Cli,
  session: Session,
  asked: Asked,
  track: Track,
): Promise<OpenModule> {
  const first = await withModule(cli, asked, async (module) => {
    const imei = await demandModule(cli, module, asked);
    await demandLabel(cli, session.client, module.found.hwid, imei);
    await collectReceipts(cli.home, module);
    await deliverWaiting(cli, session.client);
    const wanted = { ...asked, hwid: module.found.hwid };
    const already = await openAlready(cli, session, module, wanted);
    if (already !== undefined) return already;
    const unlock = await findOrRequest(cli, session.client, session.profile.principal, wanted);
    Object.assign(track, { unlock, stage: 'requested' });
    return unlock.state === 'waiting' ? { waiting: unlock } : open(cli, session, module, unlock, track);
  });
  if ('unlock' in first) return first;
  const unlock = await waitReady(cli, session.client, first.waiting);
  track.unlock = unlock;
  return withModule(cli, asked, async (module) => {
    await demandModule(cli, module, { hwid: unlock.hwid });
    return open(cli, session, module, unlock, track);
  });
}

/** One's own unlock that the module has open now: its answer was lost, or it is asked for twice. */
async function openAlready(
  cli: Cli,
  { client, profile }: Session,
  module: ModuleClient,
  wanted: Wanted,
): Promise<OpenModule | undefined> {
  const { state, remaining, hwid } = module.found;
  if (state !== 'open') return undefined;
  const unlock = (await ownUnlocks(client, profile.principal, hwid)).find((one) => one.state === 'open');
  if (unlock === undefined) return undefined;
  if (!isSameErrand(unlock, wanted)) {
    cli.out.warn(
      `module ${hwid} is open for “${unlock.reason}”; lock it first to open it for something else`,
    );
  }
  return { unlock, seconds: remaining, already: true };
}

async function open(
  cli: Cli,
  session: Session,
  module: ModuleClient,
  unlock: Unlock,
  track: Track,
): Promise<OpenModule> {
  const answer = await answerFor(cli, session, module, unlock);
  Object.assign(track, { unlock: answer.unlock, stage: 'issued' });
  // The module opens only on an event that the log, as this home has seen it grow, covers.
  await session.witness();
  cli.out.progress('handing the token to the module');
  track.stage = 'handed';
  const opened = await module.unlock(answer.token);
  track.stage = 'open';
  keepReceipts(cli.home, [opened.receipt]);
  await postponing(cli, () => deliverWaiting(cli, session.client));
  return { unlock: answer.unlock, seconds: opened.for, already: false };
}

/** A token for a challenge that the module makes now. */
async function answerFor(cli: Cli, session: Session, module: ModuleClient, unlock: Unlock) {
  const trusted = await session.refreshed();
  await updateModule(cli, module, trusted.chain);
  cli.out.progress('asking the module for a challenge');
  const challenge = await module.challenge(unlock.scope, unlock.seconds);
  cli.out.progress('asking the server for the token');
  return fetchToken(session.client, unlock, challenge, trusted);
}

/** A failure, with what became of the unlock and how to go on. */
export function explainUnlock(error: unknown, { unlock, stage }: Track, port: string): Failure {
  const failure = asFailure(error);
  // With a server that breaks its word there is no going on.
  if (unlock === undefined || stage === 'nothing' || failure.exit === 'verification') return failure;
  const { id } = unlock;
  const cancel = `latchkey unlocks cancel ${id}`;
  const goOn = {
    requested: `Unlock ${id} stays ${unlock.state}: run the same command again to go on, or take it back: ${cancel}`,
    issued: `Unlock ${id} has a token that the module did not get: run the same command again for another.`,
    open: `Unlock ${id}: the module is open. Lock it: latchkey lock --port ${port}`,
    handed: `Unlock ${id}: the module may be open. See: latchkey status --port ${port}. Lock it: latchkey lock --port ${port}`,
  }[stage];
  const next = failure.next === undefined ? goOn : `${failure.next} ${goOn}`;
  const details = { ...failure.details, unlock: id, stage };
  return new Failure(failure.exit, failure.code, failure.message, { next, details, cause: failure.cause });
}

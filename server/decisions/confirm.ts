import { decodePayload, MessageError, openEnvelope } from '../../protocol/jws.ts';
import { receipt as message, type Receipt } from '../../protocol/messages.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import { findModule, type ModuleOutcome } from './module.ts';
import { takeReceipts } from './receive.ts';

/**
 * Confirms a module by its own provisioning receipt; sent again, nothing changes.
 * @throws Problem `module-unknown`, `invalid-message`, `receipt-unknown`
 */
export async function confirmModule(
  services: Services,
  caller: Caller,
  hwid: string,
  receipt: string,
): Promise<ModuleOutcome> {
  await findModule(services.read, hwid);
  const event = eventOf(receipt);
  if (event !== 'provisioned') throw unfit(hwid, event === undefined ? 'invalid-message' : 'receipt-unknown');
  const { results, log } = await takeReceipts(services, caller, [receipt]);
  const module = await findModule(services.read, hwid);
  const [result] = results;
  if (result?.status !== 'refused' && result?.jti === module.bundle_jti) return { module, log };
  throw unfit(hwid, result?.code === 'invalid-message' ? 'invalid-message' : 'receipt-unknown');
}

/** What an unproved receipt says it is about: no other than `provisioned` is taken here. */
function eventOf(jws: string): Receipt['event'] | undefined {
  try {
    return decodePayload(message, openEnvelope(message, jws).payload).event;
  } catch (error) {
    if (error instanceof MessageError) return undefined;
    throw error;
  }
}

function unfit(hwid: string, code: 'invalid-message' | 'receipt-unknown'): Problem {
  return new Problem(
    code,
    `That is not module ${hwid}’s receipt for the bundle it was registered with; provision it again.`,
  );
}

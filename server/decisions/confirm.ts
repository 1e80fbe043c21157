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
  const { results, log } = await takeReceipts(services, caller, [receipt]);
  const module = await findModule(services.read, hwid);
  const [result] = results;
  if (result?.status === 'refused' || result?.jti !== module.bundle_jti) {
    const detail = `That is not module ${hwid}’s receipt for the bundle it was registered with; provision it again.`;
    throw new Problem(result?.code === 'invalid-message' ? 'invalid-message' : 'receipt-unknown', detail);
  }
  return { module, log };
}

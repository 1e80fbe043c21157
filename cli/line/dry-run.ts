import { Module } from '../../protocol/api/modules.ts';
import { asFailure } from '../failure.ts';
import { describe } from '../module.ts';
import type { Session } from '../session.ts';
import type { Job } from './handing.ts';
import { isOutage } from './outage.ts';
import type { Outcome } from './outcome.ts';

/** Who the module is and what provisioning would do. Nothing is written, neither to it nor to the server. */
export async function lookAt(job: Job): Promise<Pick<Outcome, 'status' | 'receipt' | 'module' | 'would'>> {
  const { line, module } = job;
  const looked = { status: 'looked', receipt: undefined } as const;
  try {
    const known = await line.uplink.use((session) => find(session, job.identity.hwid));
    return { ...looked, module: known, would: `it is ${describe(module.found)}; ${plan(job, known)}` };
  } catch (error) {
    if (!isOutage(error)) throw error;
    const would = 'the server does not answer: it would get the offline bundle, and wait in the journal';
    return { ...looked, module: undefined, would };
  }
}

async function find({ client }: Session, hwid: string): Promise<Outcome['module']> {
  try {
    return await client.get(`/v1/modules/${encodeURIComponent(hwid)}`, Module);
  } catch (error) {
    if (asFailure(error).code === 'module-unknown') return undefined;
    throw error;
  }
}

function plan({ line, identity }: Job, known: Outcome['module']): string {
  if (known === undefined) return `it would be registered for order ${line.plan.order} and provisioned`;
  const { state, key } = known;
  if (key.x !== identity.key.x || key.y !== identity.key.y) {
    return state === 'retired'
      ? 'its old device key is retired: it would be registered anew and provisioned'
      : 'it would be refused: that hardware ID is registered with another device key';
  }
  if (state === 'registered') return 'it is registered: it would get its bundle and be confirmed';
  return `the server has it as ${state}: nothing would change`;
}

import { Imei } from '../../protocol/api/modules.ts';
import { asFailure, Failure } from '../failure.ts';
import { demandModule, tracer } from '../module.ts';
import { ModuleClient, type ModuleIdentity } from '../port/module.ts';
import { usePort } from '../port/open.ts';
import { lookAt } from './dry-run.ts';
import { provisionModule } from './handing.ts';
import type { Line } from './line.ts';
import type { Outcome, Step } from './outcome.ts';
import type { Slot } from './slot.ts';

/** Milliseconds that one module may take once it has said who it is. */
const MOST = 180_000;

/** What was learned of a module before it failed. */
interface Sight {
  identity: ModuleIdentity | undefined;
  hwid: string | undefined;
  already: boolean;
}

/**
 * One look at a slot: the module in it is provisioned.
 * @param skip whether to leave the module alone, by its hardware ID
 * @returns undefined where it was left alone
 */
export async function attend(
  line: Line,
  slot: Slot,
  skip: (hwid: string) => boolean,
): Promise<Outcome | undefined> {
  const started = line.now();
  const sight: Sight = { identity: undefined, hwid: undefined, already: false };
  const rest = { slot, order: line.plan.order, would: undefined, failure: undefined };
  const seen = () => ({
    hwid: sight.identity?.hwid ?? sight.hwid,
    imei: sight.identity?.imei,
    already: sight.already,
    seconds: (line.now() - started) / 1000,
  });
  try {
    const made = await atPort(line, slot, skip, sight);
    return made && { ...rest, ...made, ...seen() };
  } catch (error) {
    const none = { status: 'failed', receipt: undefined, module: undefined } as const;
    return { ...rest, ...none, ...seen(), failure: asFailure(error) };
  }
}

async function atPort(line: Line, slot: Slot, skip: (hwid: string) => boolean, sight: Sight) {
  const { plan, cli } = line;
  const ending = new AbortController();
  const stop = () => ending.abort(cli.signal.reason);
  cli.signal.throwIfAborted();
  // Until a module has said who it is, there is no step to end.
  cli.signal.addEventListener('abort', stop);
  try {
    return await usePort(slot.port, { baud: plan.baud, signal: ending.signal }, async (port) => {
      const trace = plan.trace === undefined ? undefined : tracer(plan.trace, before(line, slot));
      const module = await ModuleClient.connect(port, { trace });
      const { hwid, state } = module.found;
      if (skip(hwid)) return undefined;
      Object.assign(sight, { hwid, already: state !== 'unprovisioned' });
      line.board.step(slot, 'looking', hwid);
      cli.signal.removeEventListener('abort', stop);
      const identity = await module.identity();
      sight.identity = identity;
      demandNumber(identity);
      await demandMeant(line, slot, module, identity);
      const step = (name: Step) => {
        cli.signal.throwIfAborted();
        line.board.step(slot, name);
      };
      const limit = setTimeout(() => ending.abort(tooSlow(hwid)), MOST);
      try {
        const job = { line, module, identity, step };
        return await (plan.dryRun ? lookAt(job) : provisionModule(job));
      } finally {
        clearTimeout(limit);
      }
    });
  } finally {
    cli.signal.removeEventListener('abort', stop);
  }
}

/** The server registers no other, and a module that was provisioned without it could not be. @throws Failure `imei-wrong` */
function demandNumber({ hwid, imei }: ModuleIdentity): void {
  if (Imei.safeParse(imei).success) return;
  throw new Failure('port', 'imei-wrong', `Module ${hwid} says that its IMEI is ${imei}, which is none.`, {
    next: 'An IMEI has 15 digits, the last a check digit. Nothing was asked for this module: have its IMEI written first.',
  });
}

/** The module that the operator means: named on the command line, or scanned. @throws Failure `other-module` */
async function demandMeant(line: Line, slot: Slot, module: ModuleClient, { hwid, imei }: ModuleIdentity) {
  const { plan, cli, scanner, board } = line;
  const named = plan.meant.hwid ?? plan.meant.imei;
  if (named !== undefined) await demandModule(cli, module, plan.meant);
  if (scanner === undefined) return;
  board.step(slot, 'scanning');
  const scanned = await scanner.next(slot.name, cli.signal);
  board.step(slot, 'looking');
  if (scanned === imei) return;
  throw new Failure(
    'port',
    'other-module',
    `${slot.name}: IMEI ${scanned} was scanned, and the module in it is ${hwid}, IMEI ${imei}.`,
    {
      next: 'Nothing was asked for this module: look for swapped modules or labels, then take it out and in again.',
    },
  );
}

function before({ plan }: Line, { name }: Slot): string {
  return plan.slots.length === 1 ? '' : `${name} `;
}

function tooSlow(hwid: string): Failure {
  return new Failure('port', 'module-slow', `Module ${hwid} was not done after ${MOST / 1000} s.`, {
    next: 'Check its port’s speed (--baud) and cable, then try it again: it goes on where it stopped.',
  });
}

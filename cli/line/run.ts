import type { Cli } from '../context.ts';
import { asFailure, type Failure, interrupted } from '../failure.ts';
import { Board } from './board.ts';
import { Journal } from './journal.ts';
import { LabelFile } from './label.ts';
import { attend } from './lane.ts';
import type { Line, Plan } from './line.ts';
import { OfflineBundles } from './offline.ts';
import type { Outcome } from './outcome.ts';
import { Quiet } from './quiet.ts';
import { Scanner } from './scanner.ts';
import { Single } from './single.ts';
import type { Slot } from './slot.ts';
import { greeting } from './stock.ts';
import { Uplink } from './uplink.ts';
import { watchSlot } from './watch.ts';

/** What a run reads and writes beside modules and server. */
export interface Desk {
  /** File that label records are added to. */
  readonly labels: string | undefined;
  /** Whether barcodes come in on standard input. */
  readonly scanner: boolean;
}

/**
 * Provisions what is in the slots, each in a lane of its own, over one connection to the server.
 * @throws Failure where not every module was done
 */
export async function runLine(cli: Cli, plan: Plan, desk: Desk): Promise<void> {
  const line = lineOf(cli, plan, desk);
  await Promise.all(plan.slots.map((slot) => (plan.watch ? watched(line, slot) : once(line, slot))));
  line.scanner?.close();
  const distrust = await faultOf(() => line.uplink.end());
  const undone = line.board.finish();
  const stopped = cli.signal.aborted && !plan.watch ? interrupted('Interrupted.', GO_ON) : undefined;
  const failure = distrust ?? stopped ?? undone;
  if (failure !== undefined) throw failure;
}

const GO_ON = 'Run it again: it goes on where it stopped, and what is done stays done.';

function lineOf(cli: Cli, plan: Plan, desk: Desk): Line {
  const now = () => performance.now();
  const labels = desk.labels === undefined ? undefined : new LabelFile(desk.labels);
  const single = plan.slots.length === 1 && !plan.watch;
  const board = single ? new Single(cli.out) : new Board(cli.out, plan.slots, now);
  const warn = (line: string) => board.warn(line);
  const quiet = single ? cli : { ...cli, out: new Quiet(cli.out, warn) };
  const stock = { journal: new Journal(cli.home, warn), bundles: new OfflineBundles(cli.home) };
  const uplink = new Uplink(quiet, greeting(quiet, plan, stock, board.tally));
  const names = plan.slots.map(({ name }) => name);
  const scanner = desk.scanner ? new Scanner(cli.out.streams.stdin, names, warn) : undefined;
  return { cli: quiet, plan, uplink, ...stock, board, scanner, labels, now };
}

async function once(line: Line, slot: Slot): Promise<void> {
  line.board.step(slot, 'looking');
  const outcome = await attend(line, slot, () => false);
  if (outcome !== undefined) conclude(line, outcome);
}

function watched(line: Line, slot: Slot): Promise<void> {
  return watchSlot(line, slot, (outcome) => conclude(line, outcome));
}

function conclude({ board, labels }: Line, outcome: Outcome): void {
  board.add(outcome);
  const { hwid, imei, order, status } = outcome;
  if (labels === undefined || hwid === undefined || (status !== 'confirmed' && status !== 'journaled'))
    return;
  try {
    labels.add({ hwid, imei, order });
  } catch (error) {
    const failure = asFailure(error);
    board.tally.withoutLabel(failure);
    board.warn(`${failure.message} ${failure.next}`);
  }
}

async function faultOf(work: () => Promise<void>): Promise<Failure | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return asFailure(error);
  }
}

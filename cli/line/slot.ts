import { Failure } from '../failure.ts';
import { readText } from '../file.ts';
import { parsePortName } from '../port/name.ts';

/** A place on the line that takes one module after the other: what it is called, and its AT port. */
export interface Slot {
  readonly name: string;
  /** `/dev/ttyUSB2`, `COM5` or `tcp://host:port`. */
  readonly port: string;
}

/** How a command is told the slots; exactly one of the three. */
export interface SlotChoice {
  readonly port?: string;
  /** Several ports, separated by commas: each slot is called what its port is. */
  readonly ports?: string;
  /** File with a line `name: port` for each slot. */
  readonly fixture?: string;
}

/** Slots of one jig. */
export const MOST_SLOTS = 32;

/** @throws Failure `usage`, `fixture-wrong`; PortError `port-name` */
export function slotsOf({ port, ports, fixture }: SlotChoice): readonly Slot[] {
  if ([port, ports, fixture].filter((given) => given !== undefined).length !== 1) {
    throw new Failure('usage', 'usage', 'Give one of --port, --ports and --fixture.', {
      next: 'Run: latchkey help provision',
    });
  }
  if (fixture !== undefined) return parseFixture(fixture, readText(fixture));
  const named = (ports?.split(',') ?? [port ?? '']).map((one) => one.trim());
  return demandSlots(
    'The command line',
    named.map((one) => ({ name: one, port: one })),
  );
}

/**
 * A line for each slot, `name: port` or `name port`, so that a YAML mapping of that form will do; empty
 * lines, `---` and what follows a `#` are passed over.
 */
export function parseFixture(file: string, text: string): readonly Slot[] {
  const slots: Slot[] = [];
  for (const [place, line] of text.split(/\r?\n/).entries()) {
    const content = line.replace(/(^|\s)#.*$/, '').trim();
    if (content === '' || content === '---') continue;
    const [, name, port] = /^(["']?[A-Za-z0-9][\w.-]{0,31}["']?)(?::\s+|\s+)(\S+)$/.exec(content) ?? [];
    if (name === undefined || port === undefined) {
      throw wrong(`${file}:${place + 1}: “${content}” is not of the form name: port.`);
    }
    slots.push({ name: unquoted(name), port: unquoted(port) });
  }
  return demandSlots(file, slots);
}

function demandSlots(where: string, slots: readonly Slot[]): readonly Slot[] {
  if (slots.length === 0) throw wrong(`${where} names no port.`);
  if (slots.length > MOST_SLOTS)
    throw wrong(`${where} names ${slots.length} ports, and a jig has at most ${MOST_SLOTS}.`);
  const [names, ports] = [new Set<string>(), new Set<string>()];
  for (const { name, port } of slots) {
    parsePortName(port);
    if (names.has(name) || ports.has(port)) throw wrong(`${where} names ${name} (${port}) twice.`);
    names.add(name);
    ports.add(port);
  }
  return slots;
}

function unquoted(text: string): string {
  return /^(["'])(.+)\1$/.exec(text)?.[2] ?? text;
}

function wrong(what: string): Failure {
  return new Failure('usage', 'fixture-wrong', what, {
    next: 'A line for each slot: its name, a colon, its port. latchkey ports lists the ports.',
  });
}

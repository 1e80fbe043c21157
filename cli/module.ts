import { appendFileSync } from 'node:fs';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { Imei, Module } from '../protocol/api/modules.ts';
import type { SignedManifest } from '../protocol/manifests.ts';
import type { Client } from './client.ts';
import type { Cli } from './context.ts';
import { formatDuration } from './duration.ts';
import { Failure } from './failure.ts';
import { givenHwid, givenImei } from './given.ts';
import type { AtOptions } from './port/at-client.ts';
import { ModuleClient, type ModuleStatus } from './port/module.ts';
import { usePort } from './port/open.ts';

/** How a command is told its AT port. */
export interface PortChoice {
  readonly port: string;
  readonly baud?: number;
  /** File that every AT line is added to. */
  readonly trace?: string;
}

/** How the engineer names the module that they mean. */
export interface ModuleChoice {
  readonly hwid?: string;
  readonly imei?: string;
}

const PORT = 'the module’s AT port: /dev/ttyUSB2, COM5 or tcp://host:port';

/** @param required false where the command has something to do without a module */
export function portOptions(command: Command, required = true): Command {
  return (required ? command.requiredOption('--port <port>', PORT) : command.option('--port <port>', PORT))
    .option('--baud <rate>', 'bits per second of a serial port (default: 115200)', baudOption)
    .option('--trace <file>', 'add every AT line, sent (>) and received (<), to this file');
}

export function choiceOptions(command: Command): Command {
  return command
    .option('--hwid <hwid>', 'the module meant, by its hardware ID', givenHwid)
    .option('--imei <imei>', 'the module meant, by the IMEI on its label', givenImei);
}

/** Works with the module at a port; the port is free again when this ends, however it does. */
export function withModule<T>(
  cli: Cli,
  { port, baud, trace }: PortChoice,
  work: (module: ModuleClient) => Promise<T>,
): Promise<T> {
  return usePort(port, { baud, signal: cli.signal }, async (opened) => {
    cli.out.progress(`looking for the module at ${port}`);
    const module = await ModuleClient.connect(opened, {
      trace: trace === undefined ? undefined : tracer(trace),
    });
    cli.out.progress(`module ${module.found.hwid} is ${describe(module.found)}`);
    return work(module);
  });
}

/**
 * Line by line, so that what happened before a crash is there too. Tokens are of one use; still, 0600.
 * @param before each line, where several ports share the file
 */
export function tracer(file: string, before = ''): NonNullable<AtOptions['trace']> {
  return (direction, line) => {
    appendFileSync(file, `${before}${direction === 'sent' ? '>' : '<'} ${line}\n`, { mode: 0o600 });
  };
}

/**
 * Makes sure that the module at the port is the one that the engineer means: the one named, or the one
 * that they confirm.
 * @returns the IMEI that they go by, which is only the port's word: see demandLabel(); undefined where
 * they named the hardware ID alone
 * @throws Failure `other-module`, or `module-unnamed` where nobody can be asked
 */
export async function demandModule(
  cli: Cli,
  module: ModuleClient,
  named: ModuleChoice,
): Promise<string | undefined> {
  const { hwid } = module.found;
  if (named.hwid !== undefined && named.hwid !== hwid) throw otherHwid(named.hwid, hwid);
  if (named.imei !== undefined) {
    const { imei } = await module.identity();
    if (imei !== named.imei) throw other(`IMEI ${named.imei}`, `${hwid}, IMEI ${imei}`);
  }
  if (named.hwid !== undefined || named.imei !== undefined) return named.imei;
  if (!cli.out.interactive) {
    throw new Failure(
      'usage',
      'module-unnamed',
      `Which module? The one at this port says that it is ${hwid}.`,
      {
        next: `Name the one that you mean: --hwid ${hwid}, or --imei with what its label says.`,
      },
    );
  }
  const { imei } = await module.identity();
  if (await cli.out.confirm(`The port says module ${hwid}, IMEI ${imei}. Is that the one?`, cli.signal))
    return imei;
  throw new Failure('usage', 'module-declined', `Nothing was asked for module ${hwid}.`);
}

/**
 * What stands at a port may have a label of its own and pass on what another module signs. So where the
 * engineer goes by an IMEI, the server must have registered the hardware ID with it.
 * @throws Failure `other-module`
 */
export async function demandLabel(
  cli: Cli,
  client: Client,
  hwid: string,
  imei: string | undefined,
): Promise<void> {
  if (imei === undefined) return;
  const { imei: registered } = await client.get(`/v1/modules/${hwid}`, Module);
  if (registered === null) {
    cli.out.warn(
      `module ${hwid} was registered without an IMEI: that it has ${imei} is only the port's word`,
    );
  } else if (registered !== imei) throw other(`IMEI ${imei}`, `${hwid}, registered with IMEI ${registered}`);
}

/** Hands over the manifests that are newer than the one held. @returns whether there were any */
export async function updateModule(
  cli: Cli,
  module: ModuleClient,
  manifests: readonly SignedManifest[],
): Promise<boolean> {
  const { manifest: held } = await module.status();
  const newer = manifests.filter(({ claims }) => claims.ver > held);
  for (const { jws, claims } of newer) {
    cli.out.progress(`handing over key manifest ${claims.ver}`);
    await module.keys(jws);
  }
  return newer.length > 0;
}

export function describe({ state, remaining, manifest }: ModuleStatus): string {
  const left = state === 'open' ? ` for ${formatDuration(remaining)} more` : '';
  return `${state}${left}, key manifest ${manifest === 0 ? 'none' : manifest}`;
}

export function other(wanted: string, found: string): Failure {
  return new Failure('port', 'other-module', `This is module ${found}, not the one with ${wanted}.`, {
    next: 'Check cable and port (latchkey ports lists them), or the file. Nothing was asked for this module.',
  });
}

function otherHwid(wanted: string, found: string): Failure {
  const failure = other(`hardware ID ${wanted}`, found);
  if (!Imei.safeParse(wanted).success) return failure;
  const { exit, code, message } = failure;
  return new Failure(exit, code, message, {
    next: `${wanted} looks like an IMEI: give that as --imei. Nothing was asked for this module.`,
  });
}

export function baudOption(text: string): number {
  if (/^[1-9]\d{2,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It takes a rate such as 115200.');
}

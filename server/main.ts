#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command, CommanderError } from 'commander';
import { pino } from 'pino';
import { check } from './commands/check.ts';
import { describeFindings, doctor } from './commands/doctor.ts';
import { exits, explain } from './commands/exit.ts';
import { init } from './commands/init.ts';
import { revoke } from './commands/revoke.ts';
import { rotateDataKey, rotateKek } from './commands/rotate.ts';
import { start } from './commands/start.ts';
import type { Config } from './config.ts';
import { parseConfig, readConfig } from './config-file.ts';
import { openDiagnostics } from './diagnostics.ts';
import type { Ambient } from './services.ts';

const DEFAULT_FILE = '/etc/latchkey/latchkey.yaml';
const STDOUT = 1;
const STDERR = 2;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('latchkey-server')
  .description(
    'Decides who may open the console of an LTE module, proves it to the module, keeps the record.',
  )
  .version(version)
  .option('-c, --config <file>', 'configuration (YAML)', DEFAULT_FILE)
  .exitOverride()
  .showHelpAfterError('latchkey-server --help says what there is')
  .addHelpText(
    'after',
    `
Examples:
  latchkey-server init --officer alice     make keys and database, print alice's enrolment code
  latchkey-server start                    run, in the foreground; SIGTERM stops it
  latchkey-server revoke alice             when the only officer’s laptop was stolen
  latchkey-server rotate kek               a new KEK in the place of the old one
  latchkey-server doctor                   say what should be mended, and how

Exit codes: 0 done · 1 failed · 2 command line or configuration · 3 refused in this state · 4 something is unsound
Without a file at ${DEFAULT_FILE}, and no --config, every setting has its default.`,
  );

program
  .command('init')
  .description('Make the data directory, keys and database; print the first officer’s enrolment code.')
  .option('--officer <name>', 'who the first officer is (default: officer)')
  .option('--json', 'print one JSON object')
  .addHelpText(
    'after',
    `
Run it again before any officer has enrolled, and it makes a new code only. A run that was cut off is
finished by the next one. The code is shown this once: hand it to the officer, for whom
latchkey enroll asks for it.`,
  )
  .action(async (options: { officer?: string; json?: true }) => {
    const stderr = ambient(pino.destination(STDERR), 'warn');
    const invitation = await init(configuration(), stderr, options.officer);
    const { made, officer, code, expires } = invitation;
    if (options.json) return say(JSON.stringify(invitation));
    say(made ? 'The server is initialized.' : 'The server was initialized before; this is a new code.');
    say(`Until ${expires}, ${officer} enrols with this code, which latchkey enroll asks for:\n\n  ${code}\n`);
    if (made) say('Then take the root keys offline: docs/operations.md says how.');
  });

program
  .command('start')
  .description('Run the server until SIGTERM or SIGINT.')
  .action(async () => {
    const config = configuration();
    const stopping = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      // The second one does not wait.
      process.on(signal, () => (stopping.signal.aborted ? process.exit(exits.failed) : stopping.abort()));
    }
    await start(
      config,
      ambient(pino.destination({ dest: STDOUT, sync: true }), config.logLevel),
      stopping.signal,
    );
  });

program
  .command('revoke')
  .description('Revoke all certificates of a person or a station, where no officer is left who can.')
  .argument('<name>', 'whose certificates')
  .option('--json', 'print one JSON object')
  .addHelpText(
    'after',
    `
For the only officer’s lost laptop: it bites at the next request, the server may run meanwhile. The person stays
enabled, and init makes an officer a new code once no other can. Officers themselves use latchkey revoke.`,
  )
  .action(async (name: string, { json }: { json?: true }) => {
    const enrolments = await revoke(configuration(), ambient(pino.destination(STDERR), 'warn'), name);
    if (json) return say(JSON.stringify({ principal: name, enrolments }));
    say(
      enrolments === 0
        ? `${name} has no certificate that is not revoked. A code for ${name} ends by itself.`
        : `All certificates of ${name} are revoked, and the unused codes for or by ${name} withdrawn.`,
    );
  });

const rotate = program
  .command('rotate')
  .description('Put another key in the place of the one that seals rows, or of the one that wraps it.');

rotate
  .command('data-key')
  .description('Make a new data key. A running server seals with it within seconds.')
  .option('--json', 'print one JSON object')
  .addHelpText(
    'after',
    `
What older data keys sealed is sealed anew in the background, while the server runs; then they end, and doctor
no longer names them. The server does all this by itself long before a data key is used up.`,
  )
  .action(async ({ json }: { json?: true }) => {
    const key = await rotateDataKey(configuration(), ambient(pino.destination(STDERR), 'warn'));
    if (json) return say(JSON.stringify({ key }));
    say(
      `Data key ${key} seals from now on. A running server seals older rows anew; doctor says how far it is.`,
    );
  });

rotate
  .command('kek')
  .description('Make a new KEK, wrap all data keys by it, then remove the old one.')
  .option('--json', 'print one JSON object')
  .addHelpText(
    'after',
    `
The server may run. Cut off, run it again: meanwhile the server works with what is there. Backups of the database
from before open with the old KEK alone: keep its copy for as long as you keep them.`,
  )
  .action(async ({ json }: { json?: true }) => {
    const config = configuration();
    const { keys, inPlace } = await rotateKek(config, ambient(pino.destination(STDERR), 'warn'));
    if (json) return say(JSON.stringify({ kek: config.kek, keys, inPlace }));
    say('The new KEK wraps all data keys. Now:');
    if (!inPlace) say(`  as root, put it in the old one's place: mv ${config.kek}.next ${config.kek}`);
    say('  print it and lock it up, as after init');
    say('  make a backup of the database, and keep the copy of the old KEK as long as earlier backups');
  });

program
  .command('check')
  .description('Prove the whole log from its leaves, and the tables from the log. Writes nothing.')
  .option('--json', 'print one JSON object')
  .addHelpText(
    'after',
    '\nThe server may run meanwhile. Ends with 4 where something differs; docs/operations.md says what to do.',
  )
  .action(async ({ json }: { json?: true }) => {
    const found: string[] = [];
    const { events } = await check(configuration(), (difference) => {
      found.push(difference);
      if (!json) say(difference);
    });
    if (found.length > 0) process.exitCode = exits.unsound;
    if (json) return say(JSON.stringify({ events, differences: found }));
    say(
      found.length === 0
        ? `${events} events: the log is whole, and the tables are what it says.`
        : `${found.length} differences in ${events} events.`,
    );
  });

program
  .command('doctor')
  .description('Look at machine, configuration, keys and database; say what to mend, and how.')
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nEnds with 4 where something has failed; warnings alone end with 0.')
  .action(async ({ json }: { json?: true }) => {
    const machine = {
      node: process.versions.node,
      cores: availableParallelism(),
      threads: Number(process.env['UV_THREADPOOL_SIZE'] ?? 4),
    };
    const findings = await doctor(configuration(), ambient(pino.destination(STDERR), 'warn'), machine);
    if (findings.some(({ state }) => state === 'failed')) process.exitCode = exits.unsound;
    say(json ? JSON.stringify({ findings }) : describeFindings(findings));
  });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = fail(error);
}

function fail(error: unknown): number {
  // Commander has printed its own.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exits.done : exits.usage;
  const { code, text } = explain(error);
  process.stderr.write(`latchkey-server: ${text}\n`);
  return code;
}

function configuration(): Config {
  const { config: file } = program.opts<{ config: string }>();
  const isDefault = program.getOptionValueSource('config') === 'default';
  return isDefault && !existsSync(file) ? parseConfig('', file, '/etc/latchkey') : readConfig(file);
}

function ambient(to: ReturnType<typeof pino.destination>, level: Config['logLevel']): Ambient {
  return { clock: () => new Date(), random: randomBytes, version, diagnostics: openDiagnostics(level, to) };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

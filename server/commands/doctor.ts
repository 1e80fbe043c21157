import { existsSync } from 'node:fs';
import type { Config } from '../config.ts';
import { custodyProbes } from '../doctor/custody.ts';
import { examine, type Finding, type Probe } from '../doctor/finding.ts';
import { type Machine, machineProbes } from '../doctor/machine.ts';
import { policyProbe, stateProbes } from '../doctor/state.ts';
import { type Ambient, databaseFile, NotInitialized } from '../services.ts';

/** Looks at everything that must be so for the server to do its work. Changes nothing. */
export async function doctor(
  config: Config,
  ambient: Ambient,
  machine: Machine,
): Promise<readonly Finding[]> {
  const probes = [...machineProbes(config, machine), policyProbe(config)];
  if (existsSync(databaseFile(config))) {
    probes.push(...custodyProbes(config, ambient.clock()), ...stateProbes(config, ambient));
  } else {
    probes.push(absent(config));
  }
  const findings: Finding[] = [];
  for (const probe of probes) findings.push(await examine(probe));
  return findings;
}

/** There is no database: before init, or after a loss. */
function absent(config: Config): Probe {
  const lost = existsSync(config.checkpointCopy);
  return {
    name: 'server',
    next: lost
      ? `restore the database: ${config.checkpointCopy} says that there was one`
      : 'latchkey-server init makes it',
    look() {
      throw new NotInitialized(config);
    },
  };
}

/** The findings as lines for a person. */
export function describeFindings(findings: readonly Finding[]): string {
  return findings
    .map(({ name, state, detail, next }) => {
      const line = `${state.padEnd(8)} ${name.padEnd(10)} ${detail}`;
      return next === undefined ? line : `${line}\n${' '.repeat(20)}→ ${next}`;
    })
    .join('\n');
}

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MakeModule } from './module.ts';

/** The simulator, on two pseudo-terminals. */
export const simulatedModule: MakeModule = async (stage, { dir, roots, hwid, imei }) => {
  const flash = `modules/${hwid}`;
  mkdirSync(join(dir, flash), { recursive: true });
  const flags = ['--dir', flash, '--hwid', hwid, '--imei', imei, '--root', roots, '--json'];
  const line = await stage.background('latchkey-module', flags, (said) => said.startsWith('{'));
  const { at, console } = JSON.parse(line) as { at: string; console: string };
  return { hwid, at, console };
};

import { readFileSync } from 'node:fs';
import { parseLine } from '../protocol/at/command.ts';

/** A message that was handed to a module in pieces, and what was done with it. */
export interface Upload {
  readonly verb: 'unlock' | 'keys' | 'provision';
  readonly message: string;
}

/** The messages that the commands of a `--trace` file handed over, in order. */
export function uploads(file: string): Upload[] {
  const found: Upload[] = [];
  let message = '';
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.startsWith('> ')) continue;
    for (const statement of parseLine(line.slice(2)) ?? []) {
      if (statement.kind !== 'latch') continue;
      const { command } = statement;
      if (command.verb === 'data') message = message.slice(0, command.offset) + command.piece;
      if (command.verb === 'unlock' || command.verb === 'keys' || command.verb === 'provision') {
        found.push({ verb: command.verb, message });
      }
    }
  }
  return found;
}

/** The last message of a kind. */
export function lastUpload(file: string, verb: Upload['verb']): string {
  const found = uploads(file).findLast((upload) => upload.verb === verb);
  if (found === undefined) throw new Error(`nothing was handed over for ${verb}`);
  return found.message;
}

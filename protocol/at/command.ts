import { type Scope, scope as scopes } from '../claims.ts';
import {
  formatParameters,
  isPrintable,
  LONGEST_COMMAND,
  type Parameter,
  readParameters,
} from './parameters.ts';

/** Most characters of a message in one `data` command. */
export const LONGEST_PIECE = 256;

/** What `AT+QLATCH="…"` does, in the order in which `AT+QLATCH=?` lists it. */
export const verbs = [
  'identity',
  'challenge',
  'data',
  'unlock',
  'keys',
  'provision',
  'lock',
  'receipts',
  'csr',
  'certificate',
] as const;

/** A command of DESIGN section 5. `verbs` is `AT+QLATCH=?` and `state` is `AT+QLATCH?`. */
export type Command =
  | {
      readonly verb:
        | 'verbs'
        | 'state'
        | 'identity'
        | 'unlock'
        | 'keys'
        | 'provision'
        | 'lock'
        | 'csr'
        | 'certificate';
    }
  | { readonly verb: 'challenge'; readonly scope: Scope /** seconds */; readonly for: number }
  | { readonly verb: 'data'; readonly offset: number; readonly piece: string }
  | { readonly verb: 'receipts' /** the highest `seq` already held */; readonly after: number };

/** One command of a V.250 line. `unknown` also stands for whatever follows it on the line. */
export type Statement =
  | { readonly kind: 'latch'; readonly command: Command }
  | { readonly kind: 'echo'; readonly on: boolean }
  | { readonly kind: 'info' }
  | { readonly kind: 'unknown'; readonly text: string };

/**
 * The command's line, without the carriage return that ends it.
 * @throws TypeError for an over-long piece, or values that AT cannot carry: a mistake of the caller's
 */
export function formatCommand(command: Command): string {
  switch (command.verb) {
    case 'verbs':
      return 'AT+QLATCH=?';
    case 'state':
      return 'AT+QLATCH?';
    case 'challenge':
      return `AT+QLATCH=${formatParameters(command.verb, command.scope, command.for)}`;
    case 'data':
      if (command.piece.length > LONGEST_PIECE) throw new TypeError(`a piece is over ${LONGEST_PIECE}`);
      return `AT+QLATCH=${formatParameters(command.verb, command.offset, command.piece)}`;
    case 'receipts':
      return `AT+QLATCH=${formatParameters(command.verb, command.after)}`;
    default:
      return `AT+QLATCH=${formatParameters(command.verb)}`;
  }
}

/** The `data` commands that carry `message`, in order; the first has offset 0 and so starts anew. */
export function dataCommands(message: string): Command[] {
  const pieces = message.match(new RegExp(`[^]{1,${LONGEST_PIECE}}`, 'g')) ?? [''];
  return pieces.map((piece, index) => ({ verb: 'data', offset: index * LONGEST_PIECE, piece }));
}

/**
 * Takes a command line apart (V.250 §5.2 to §5.4): names in either case, spaces between the parts,
 * several commands in a chain. A module acts on the statements in order and answers `ERROR` at the
 * first `unknown` one: another command, a verb or values outside the grammar, a line that is over-long
 * or not printable ASCII.
 * @returns undefined for a line that does not begin with AT, which a module passes over in silence
 */
export function parseLine(line: string): readonly Statement[] | undefined {
  const prefix = /^ *AT/i.exec(line)?.[0];
  if (prefix === undefined) return undefined;
  let rest = line.slice(prefix.length).trimStart();
  if (line.length > LONGEST_COMMAND || !isPrintable(line)) return [{ kind: 'unknown', text: rest }];
  const statements: Statement[] = [];
  while (rest !== '') {
    const next = readBasic(rest) ?? readLatch(rest);
    if (next === undefined) return [...statements, { kind: 'unknown', text: rest }];
    statements.push(next.statement);
    rest = rest.slice(next.end).trimStart();
  }
  return statements;
}

interface Read {
  readonly statement: Statement;
  /** Where the next statement begins. */
  readonly end: number;
}

/** `E`, `E0`, `E1`, `I`, `I0`: basic commands need no separator (V.250 §5.3.1). */
function readBasic(text: string): Read | undefined {
  const [whole, letter, digit] = /^(?:(E) *([01]?)|(?:I *0?))(?![0-9]) *;?/i.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const statement: Statement = letter === undefined ? { kind: 'info' } : { kind: 'echo', on: digit === '1' };
  return { statement, end: whole.length };
}

/** `+QLATCH` in its three forms, each up to a `;` or the end of the line (V.250 §5.4). */
function readLatch(text: string): Read | undefined {
  const [whole, question] = /^\+QLATCH *(?:(\?|= *\?) *(?:;|$)|=)/i.exec(text) ?? [];
  if (whole === undefined) return undefined;
  if (question !== undefined) {
    const command: Command = { verb: question === '?' ? 'state' : 'verbs' };
    return { statement: { kind: 'latch', command }, end: whole.length };
  }
  const parameters = readParameters(text, whole.length);
  const command = parameters && readCommand(parameters.values);
  return command && { statement: { kind: 'latch', command }, end: parameters.end + 1 };
}

function readCommand([name, ...values]: readonly Parameter[]): Command | undefined {
  const verb = verbs.find((known) => known === name);
  const [first, second] = values;
  switch (verb) {
    case undefined:
      return undefined;
    case 'challenge': {
      const scope = scopes.read(first);
      if (values.length !== 2 || scope === undefined || typeof second !== 'number') return undefined;
      return { verb, scope, for: second };
    }
    case 'data':
      if (values.length !== 2 || typeof first !== 'number' || typeof second !== 'string') return undefined;
      return second.length <= LONGEST_PIECE ? { verb, offset: first, piece: second } : undefined;
    case 'receipts':
      return values.length === 1 && typeof first === 'number' ? { verb, after: first } : undefined;
    default:
      return values.length === 0 ? { verb } : undefined;
  }
}

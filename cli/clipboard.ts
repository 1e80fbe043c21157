import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { Failure } from './failure.ts';

/** Where the user sits, as the environment says it. */
export interface Desk {
  readonly platform: NodeJS.Platform;
  /** Directories of programs. */
  readonly path: readonly string[];
  /** A Wayland session, an X server; and whether this is another machine than the one whose keyboard it is. */
  readonly wayland: boolean;
  readonly x11: boolean;
  readonly remote: boolean;
}

/** A clipboard that takes a text, and forgets it. */
export interface Clipboard {
  /** For people: `wl-copy`, or `the terminal (OSC 52)`. */
  readonly name: string;
  copy(text: string): Promise<void>;
  /** Empties it, unless something else was copied since, where that can be seen. */
  clear(text: string): Promise<void>;
}

type CommandLine = readonly [string, ...string[]];

interface Tool {
  readonly copy: CommandLine;
  /** Prints what it holds. */
  readonly paste?: CommandLine;
}

const tools = {
  wayland: { copy: ['wl-copy'], paste: ['wl-paste', '--no-newline'] },
  xclip: {
    copy: ['xclip', '-selection', 'clipboard'],
    paste: ['xclip', '-selection', 'clipboard', '-out'],
  },
  xsel: { copy: ['xsel', '--clipboard', '--input'], paste: ['xsel', '--clipboard', '--output'] },
  mac: { copy: ['pbcopy'], paste: ['pbpaste'] },
  windows: { copy: ['clip.exe'] },
} as const satisfies Record<string, Tool>;

/**
 * The clipboard of the keyboard that the user sits at: where this runs on another machine that is the
 * terminal's own (OSC 52 of xterm's control sequences), which passes through ssh and tmux.
 * @param terminal what is written to it reaches the terminal; undefined where there is none
 * @throws Failure `clipboard-missing`
 */
export function findClipboard(desk: Desk, terminal: Writable | undefined): Clipboard {
  if (!desk.remote) {
    for (const { copy, paste } of candidates(desk)) {
      const found = locate(copy, desk);
      if (found !== undefined) return program(copy[0], found, paste && locate(paste, desk));
    }
  }
  if (terminal !== undefined) return escapes(terminal);
  throw new Failure('usage', 'clipboard-missing', 'There is no clipboard here.', {
    next: 'Install wl-copy, xclip or xsel, or leave --clip out.',
  });
}

function candidates({ platform, wayland, x11 }: Desk): readonly Tool[] {
  if (platform === 'darwin') return [tools.mac];
  if (platform === 'win32') return [tools.windows];
  // The last is Windows's own, as WSL sees it.
  return [...(wayland ? [tools.wayland] : []), ...(x11 ? [tools.xclip, tools.xsel] : []), tools.windows];
}

/** The program where it lies. @returns undefined where it is not installed */
function locate([name, ...args]: CommandLine, { path }: Desk): CommandLine | undefined {
  const file = path.map((directory) => join(directory, name)).find(isExecutable);
  return file === undefined ? undefined : [file, ...args];
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The text goes through its standard input: arguments are for everybody to see. */
function program(name: string, copy: CommandLine, paste: CommandLine | undefined): Clipboard {
  return {
    name,
    copy: (text) => give(copy, text),
    async clear(text) {
      const held = paste === undefined ? text : await take(paste).catch(() => text);
      if (held === text) await give(copy, '');
    },
  };
}

/** A text that is not base64 empties it by the book, but not on every terminal: a space does. */
function escapes(terminal: Writable): Clipboard {
  const set = (text: string) => {
    terminal.write(`\x1b]52;c;${Buffer.from(text).toString('base64')}\x07`);
  };
  return {
    name: 'the terminal (OSC 52)',
    copy: async (text) => set(text),
    clear: async () => set(' '),
  };
}

/** Settles once the program has taken the text; who holds it for others to paste stays in the background. */
function give([command, ...args]: CommandLine, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'] });
    const fail = () => reject(failed(command));
    child.once('error', fail).once('exit', (code) => (code === 0 ? resolve() : fail()));
    // One that leaves without reading tells by its exit code.
    child.stdin.on('error', () => {}).end(text);
  });
}

/** @returns what the program prints */
function take([command, ...args]: CommandLine): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      printed += piece;
    });
    const fail = () => reject(failed(command));
    child.once('error', fail).once('close', (code) => (code === 0 ? resolve(printed) : fail()));
  });
}

function failed(command: string): Failure {
  return new Failure('failure', 'clipboard-failed', `The clipboard did not work: ${command} failed.`, {
    next: 'Leave --clip out.',
  });
}

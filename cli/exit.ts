/** Every exit code: `--help`, docs/cli.md and the code that ends a command read this table. */
export const exits = {
  ok: [0, 'it was done'],
  failure: [1, 'it failed for a reason that no other code names'],
  usage: [2, 'the command line is wrong, or asks for what is not here'],
  refused: [3, 'the server or its policy refused'],
  network: [4, 'the server could not be reached, or could not serve'],
  port: [5, 'the port or the module failed or refused'],
  verification: [6, 'something is not what its signatures and proofs should make it'],
  interrupted: [130, 'interrupted with Ctrl-C'],
} as const satisfies Record<string, readonly [code: number, meaning: string]>;

export type Exit = keyof typeof exits;

export function exitCode(exit: Exit): number {
  return exits[exit][0];
}

/** The table as `--help` shows it. */
export function exitHelp(): string {
  const rows = Object.values(exits).map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`);
  return ['Exit codes:', ...rows].join('\n');
}

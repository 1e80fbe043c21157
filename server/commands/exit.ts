import { KeyFault } from '../../keys/fault.ts';
import { Problem } from '../../protocol/problems.ts';
import { ConfigError } from '../config-file.ts';
import { DataDirInUse } from '../holder.ts';
import { LogDamaged } from '../log/tree.ts';
import { PolicyError } from '../policy-file.ts';
import { NotInitialized } from '../services.ts';
import { InitRefused } from './init.ts';

/** Exit codes of latchkey-server; docs/operations.md says them too. */
export const exits = {
  done: 0,
  failed: 1,
  /** Command line or configuration. */
  usage: 2,
  /** Not in this state: initialized already, not yet, in use by another server, a key that cannot be used. */
  refused: 3,
  /** check found a log or tables that do not hold; doctor found something that must be mended. */
  unsound: 4,
} as const;

/** The exit code for an error, and the words for the person at the terminal. */
export function explain(error: unknown): { readonly code: number; readonly text: string } {
  if (!(error instanceof Error)) return { code: exits.failed, text: String(error) };
  const { message } = error;
  if (error instanceof ConfigError) return { code: exits.usage, text: message };
  if (error instanceof LogDamaged) {
    return {
      code: exits.unsound,
      text: `${message}\nlatchkey-server check says where; docs/operations.md, what to do`,
    };
  }
  const expected = [InitRefused, NotInitialized, DataDirInUse, KeyFault, PolicyError, Problem];
  if (expected.some((kind) => error instanceof kind)) return { code: exits.refused, text: message };
  if ('syscall' in error && error.syscall === 'listen') {
    return {
      code: exits.failed,
      text: `${listenWords(error)}; latchkey-server doctor says which listener that is`,
    };
  }
  const code = codeOf(error) ?? codeOf(error.cause) ?? '';
  if (code === 'EACCES' || code === 'EPERM') {
    return { code: exits.failed, text: `${message}: run this as the user whose data directory it is` };
  }
  if (/^SQLITE_|^ENOSPC$|^EROFS$|^EDQUOT$/.test(code)) {
    return {
      code: exits.failed,
      text: `${message} (${code}): latchkey-server doctor looks at disk and database`,
    };
  }
  return { code: exits.failed, text: error.stack ?? message };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** Node's own words say what the system call said; these, what it means. */
function listenWords(
  error: Error & { readonly code?: unknown; readonly address?: unknown; readonly port?: unknown },
): string {
  const where = `${error.address} port ${error.port}`;
  if (error.code === 'EADDRINUSE')
    return `${where} is taken by another process: stop that one, or configure another port`;
  if (error.code === 'EACCES')
    return `${where} may not be listened on by this user: configure a port from 1024`;
  if (error.code === 'EADDRNOTAVAIL')
    return `${where}: no such address on this machine; configure another host`;
  return error.message;
}

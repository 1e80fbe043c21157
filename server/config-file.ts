import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { type Config, resolveConfig } from './config.ts';

/** A configuration that cannot be used; the message lists every fault as `file:line: key: what is expected`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the configuration file; relative paths in it start from its directory.
 * @throws ConfigError
 */
export function readConfig(file: string): Config {
  return parseConfig(readText(file), file, dirname(file));
}

/** As `readConfig`, from the text; `name` is what faults call it. */
export function parseConfig(text: string, name: string, base: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, version: '1.2' });
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) throw new ConfigError(broken.map((fault) => `${name}: ${fault.message}`).join('\n'));
  const config = resolveConfig(written(document, name) ?? {}, base);
  if (!(config instanceof z.ZodError)) return config;

  const lineOf = (path: readonly PropertyKey[]): number => {
    const node = document.getIn(path, true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    return path.length === 0 ? 1 : lineOf(path.slice(0, -1));
  };
  const faults = config.issues.flatMap(spread).map(({ path, message }) => {
    return { line: lineOf(path), text: `${path.join('.') || 'the file'}: ${message}` };
  });
  faults.sort((a, b) => a.line - b.line);
  throw new ConfigError(faults.map((fault) => `${name}:${fault.line}: ${fault.text}`).join('\n'));
}

/** Aliases are refused: a short file could expand without end, and a value is found where it stands. */
function written(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw new ConfigError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** One fault for each unknown key, at that key. */
function spread(issue: z.core.$ZodIssue): readonly Pick<z.core.$ZodIssue, 'path' | 'message'>[] {
  if (issue.code !== 'unrecognized_keys') return [issue];
  return issue.keys.map((key) => ({ path: [...issue.path, key], message: issue.message }));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`the configuration cannot be read: ${reason}`, { cause });
  }
}

import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import type { pageOf } from '../protocol/api/list.ts';
import type { Client } from './client.ts';

const PAGE = 500;
const DEFAULT_LIMIT = 50;

/** Up to `limit` items of a list that comes in pages. */
export async function list<T extends z.ZodType>(
  client: Client,
  path: string,
  page: ReturnType<typeof pageOf<T>>,
  query: Readonly<Record<string, string | undefined>>,
  limit = DEFAULT_LIMIT,
): Promise<{ items: z.output<T>[]; more: boolean }> {
  const items: z.output<T>[] = [];
  let after: string | undefined;
  for (;;) {
    const ask = Math.min(PAGE, limit - items.length);
    const got = await client.get(path, page, { ...query, limit: ask, after });
    items.push(...(got.items as z.output<T>[]));
    if (got.next === null || items.length >= limit) return { items, more: got.next !== null };
    after = got.next;
  }
}

export function limitOption(command: Command): Command {
  return command.option('--limit <count>', 'at most this many (default: 50)', (text) => {
    if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
    throw new InvalidArgumentError('It takes a number from 1.');
  });
}

/** What stands under a list that was cut. */
export function cut(more: boolean): string[] {
  return more ? ['… and more: raise --limit'] : [];
}

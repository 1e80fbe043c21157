import type { z } from 'zod';
import type { ExportQuery, Module } from '../../protocol/api/modules.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Services } from '../context.ts';
import { listModules } from './look.ts';

const PAGE = 500;

/**
 * Every module that fits, by hardware ID, read as it is taken. Modules that change meanwhile are as they are when read.
 * @throws Problem `shutting-down` where the server stops before the last: what ends in order is whole
 */
export async function* exportModules(
  services: Services,
  { after, ...filter }: z.output<typeof ExportQuery>,
  over: AbortSignal,
): AsyncGenerator<z.input<typeof Module>> {
  let last: string | null | undefined = after;
  while (last !== null) {
    if (over.aborted)
      throw new Problem('shutting-down', 'The server is stopping; go on behind the last line.');
    const { items, next } = await listModules(services, {
      ...filter,
      limit: PAGE,
      ...(last !== undefined && { after: last }),
    });
    yield* items;
    last = next;
  }
}

import type { z } from 'zod';
import type { EventAnswer, EventEntry, EventQuery, ProvenEvent } from '../../protocol/api/events.ts';
import { encodeBase64url } from '../../protocol/base64url.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { ProvenLeaves } from '../log/read.ts';
import type { Hold } from '../operation.ts';
import type { Listed } from './directory.ts';
import { readUntil } from './watch.ts';

/** Undefined where policy lets the caller look at every event; else they see what is theirs. */
export function eventsVisibleTo({ policy }: Services, caller: Caller): string | undefined {
  const resource = { type: 'Log', id: 'events' } as const;
  const { permitted } = policy.permits({ action: 'review', principal: caller, resource, context: {} });
  return permitted ? undefined : caller.name;
}

/** Events that the caller may see; with `wait`, as soon as there is one. */
export async function searchEvents(
  services: Services,
  caller: Caller,
  query: z.output<typeof EventQuery>,
  hold: Hold,
): Promise<Listed<z.input<typeof EventEntry>>> {
  const { order, wait, after, from, to, ...rest } = query;
  const search = {
    ...rest,
    after: after === undefined ? undefined : indexOf(after),
    newestFirst: order === 'newest',
    visibleTo: eventsVisibleTo(services, caller),
    // Leaves have milliseconds; times compare as text.
    from: from && new Date(from).toISOString(),
    to: to && new Date(to).toISOString(),
  };
  const found = await readUntil(
    services,
    () => services.reader.search(search),
    ({ items }) => items.length > 0,
    () => true,
    { seconds: wait, hold },
  );
  return { items: [...found.items], next: found.next === null ? null : String(found.next) };
}

/**
 * One event with the proof that the newest checkpoint holds it.
 * @throws Problem `not-found` for what is not there or not the caller's to see
 */
export async function proveEvent(
  services: Services,
  caller: Caller,
  index: number,
): Promise<z.input<typeof EventAnswer>> {
  const visibleTo = eventsVisibleTo(services, caller);
  const { items } = await services.reader.search({ limit: 1, after: index - 1, visibleTo });
  const { checkpoint, leaves } = await services.reader.prove(items.map((item) => item.index));
  const [leaf] = leaves;
  if (leaf?.index === index) return { event: viewProven(leaf), checkpoint };
  throw new Problem('not-found', `There is no event ${index}, or it is not yours to see.`);
}

export function viewProven({
  index,
  leaf,
  proof,
}: ProvenLeaves['leaves'][number]): z.input<typeof ProvenEvent> {
  return { index, leaf: encodeBase64url(leaf), proof: proof.map(encodeBase64url) };
}

function indexOf(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new Problem('invalid-request', 'The query does not fit at after: it is not a cursor of this list.');
}

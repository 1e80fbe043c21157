import { z } from 'zod';
import { Problem } from '../../protocol/problems.ts';
import { parseTilePath, TILE_WIDTH, type Tile } from '../../protocol/tiles.ts';
import type { Services } from '../context.ts';
import { type AnyOperation, noBody, none, type OperationAnswer, operation } from '../operation.ts';

/** The log as C2SP tlog-tiles has it. Who may read what was done may read entries; hashes tell nothing. */

const params = z.strictObject({ path: z.string().max(64) });
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

const checkpoint = operation({
  id: 'getCheckpoint',
  method: 'get',
  path: '/log/checkpoint',
  summary: 'The newest signed checkpoint (C2SP tlog-checkpoint)',
  access: 'open',
  params: none,
  query: none,
  body: noBody,
  answer: z.string(),
  media: 'text/plain; charset=utf-8',
  problems: [],
  handle: async (_request, { reader }) => ({ body: await reader.checkpoint() }),
});

const entries = operation({
  id: 'getEntries',
  method: 'get',
  path: '/log/tile/entries/{+path}',
  summary: 'A bundle of entries (C2SP tlog-tiles)',
  access: ['auditor', 'officer'],
  params,
  query: none,
  body: noBody,
  answer: bytes,
  media: 'application/octet-stream',
  problems: ['not-found'],
  handle: ({ params: { path } }, services) => answerTile(`tile/entries/${path}`, 'private', services),
});

const tile = operation({
  id: 'getTile',
  method: 'get',
  path: '/log/tile/{+path}',
  summary: 'A tile of hashes (C2SP tlog-tiles)',
  access: 'open',
  params,
  query: none,
  body: noBody,
  answer: bytes,
  media: 'application/octet-stream',
  problems: ['not-found'],
  handle({ params: { path } }, services) {
    // Another spelling of the bundles' path must not come round their access rule.
    if (parseTilePath(`tile/${path}`)?.level === 'entries') throw noTilePath();
    return answerTile(`tile/${path}`, 'public', services);
  },
});

/** Bundles stand before tiles: the first path that fits is taken. */
export const logOperations: readonly AnyOperation[] = [checkpoint, entries, tile];

async function answerTile(
  path: string,
  cache: 'public' | 'private',
  { reader }: Services,
): Promise<OperationAnswer<Uint8Array>> {
  const asked = parseTilePath(path);
  if (asked === undefined) throw noTilePath();
  const body = await reader.tile(asked);
  if (body === undefined) {
    throw new Problem('not-found', `The tree under the newest checkpoint has no ${path}.`);
  }
  return { body, headers: { 'Cache-Control': `${cache}, ${lifetime(asked)}` } };
}

/** A full tile never changes. A partial one does not either, but is asked for only until it is full. */
function lifetime({ width }: Tile): string {
  return width === TILE_WIDTH ? 'max-age=31536000, immutable' : 'max-age=60';
}

/** What was asked for is not told back: it may hold anything. */
function noTilePath(): Problem {
  return new Problem('not-found', 'This is no path of a tile or an entry bundle (C2SP tlog-tiles).');
}

/**
 * Judges verifyInclusion() and verifyConsistency() by transparency-dev/merkle's public proof vectors:
 *
 *   git clone https://github.com/transparency-dev/merkle && npm run build
 *   node dist/test/interop/merkle-vectors.js merkle/testdata
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { verifyConsistency, verifyInclusion } from '../../protocol/merkle.ts';

const bytes = z.string().transform((text) => Buffer.from(text, 'base64'));
const proof = z
  .array(bytes)
  .nullable()
  .transform((hashes) => hashes ?? []);
const inclusion = z
  .object({
    leafIdx: z.number(),
    treeSize: z.number(),
    root: bytes,
    leafHash: bytes,
    proof,
    wantErr: z.boolean(),
  })
  .transform(({ leafIdx: index, treeSize: size, wantErr, ...rest }) => ({
    wantErr,
    holds: verifyInclusion({ index, size, ...rest }),
  }));
const consistency = z
  .object({ size1: z.number(), size2: z.number(), root1: bytes, root2: bytes, proof, wantErr: z.boolean() })
  .transform(({ size1, size2, root1, root2, wantErr, proof }) => ({
    wantErr,
    holds: verifyConsistency({ oldSize: size1, newSize: size2, oldRoot: root1, newRoot: root2, proof }),
  }));

const [directory = '.'] = process.argv.slice(2);
let judged = 0;
for (const [kind, vector] of Object.entries({ inclusion, consistency })) {
  const files = readdirSync(join(directory, kind), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => name.endsWith('.json'))) {
    const { holds, wantErr } = vector.parse(JSON.parse(readFileSync(join(directory, kind, file), 'utf8')));
    judged += 1;
    if (holds !== wantErr) continue;
    console.error(`${kind}/${file}: ${holds ? 'accepted' : 'refused'}`);
    process.exitCode = 1;
  }
}
console.log(`${judged} vectors judged`);

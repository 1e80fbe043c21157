import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openCheckpoint } from '../../../protocol/checkpoint.ts';
import { decodeEvent, SERVER } from '../../../protocol/events.ts';
import { keyObject } from '../../../protocol/jwk.ts';
import { leafHash, rootHash, verifyInclusion } from '../../../protocol/merkle.ts';
import { noteVerifier } from '../../../protocol/note.ts';
import { decodeEntries, formatTilePath, hashTiles, overTiles, tileWidth } from '../../../protocol/tiles.ts';
import { type Client, done, refused } from '../../fixture/client.ts';
import { startServer, type TestServer } from '../../fixture/server.ts';

const refusal = {
  type: 'unlock.refused',
  by: 'olga',
  hwid: 'MODULE-0001',
  scope: 'console',
  need: 'a ticket',
} as const;

let server: TestServer;
let stranger: Client;
before(async () => {
  server = await startServer();
  stranger = server.anonymous();
  await server.services.commit(SERVER, async (tx) => {
    for (let place = 0; place < 300; place += 1) {
      await tx.append({ ...refusal, seconds: place });
    }
  });
});
after(() => server.stop());

test('anybody reads the checkpoint, as signed-note text that no cache keeps (C2SP tlog-tiles)', async () => {
  const { headers, bytes } = await done(stranger.get('/log/checkpoint'));
  assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(open(bytes).size, 300);
});

test('anybody reads hash tiles, and they make the root that was signed', async () => {
  const { size, root } = open((await done(stranger.get('/log/checkpoint'))).bytes);
  const rebuilt = await overTiles(
    async (level, index) => {
      const path = formatTilePath({ level, index, width: tileWidth(size, level, index) });
      const { headers, bytes } = await done(stranger.get(`/log/${path}`));
      assert.equal(headers['content-type'], 'application/octet-stream');
      return bytes;
    },
    (hashes) => rootHash(size, hashes),
  );
  assert.deepEqual(Buffer.from(rebuilt), Buffer.from(root));
});

test('a full tile may be kept for ever, a partial one for a minute', async () => {
  const cache = async (path: string) => (await done(stranger.get(path))).headers['cache-control'];
  assert.equal(await cache('/log/tile/0/000'), 'public, max-age=31536000, immutable');
  assert.equal(await cache('/log/tile/0/001.p/44'), 'public, max-age=60');
  const auditor = await server.client('auditor');
  const { headers } = await done(auditor.get('/log/tile/entries/000'));
  assert.equal(headers['cache-control'], 'private, max-age=31536000, immutable');
});

test('entry bundles are for auditors and officers (DESIGN section 6)', async () => {
  const path = '/log/tile/entries/001.p/44';
  await refused('certificate-required', stranger.get(path));
  for (const role of ['engineer', 'approver', 'station'] as const) {
    await refused('forbidden', (await server.client(role)).get(path));
  }
  for (const role of ['auditor', 'officer'] as const) {
    const leaves = decodeEntries((await done((await server.client(role)).get(path))).bytes) ?? [];
    assert.equal(leaves.length, 44);
    assert.ok(leaves.every((leaf) => decodeEvent(leaf)?.type === 'unlock.refused'));
    const { leaves: proven, checkpoint } = await server.services.reader.prove([256]);
    const [{ leaf, proof } = { leaf: new Uint8Array(), proof: [] }] = proven;
    assert.deepEqual(Buffer.from(leaf), leaves[0]);
    const { size, root } = open(Buffer.from(checkpoint));
    assert.ok(verifyInclusion({ leafHash: leafHash(leaf), index: 256, size, proof, root }));
  }
});

test('no spelling of a bundle’s path comes round its rule', async () => {
  for (const path of ['%65ntries/000', 'entries%2F000', 'ENTRIES/000', 'x/../entries/000', './entries/000']) {
    const { status, bytes } = await stranger.get(`/log/tile/${path}`);
    assert.ok(status === 404 || status === 401, `${path}: ${status}`);
    assert.ok(!bytes.includes('unlock.refused'));
  }
});

test('a tile that the checkpoint’s tree does not have is not found, however it is asked for', async () => {
  const { size } = open((await done(stranger.get('/log/checkpoint'))).bytes);
  const wider = size % 256;
  const paths = [
    `0/001.p/${wider + 1}`,
    '0/001',
    '0/002.p/1',
    '1/000',
    '1/000.p/2',
    '64/000',
    '0/0',
    '0/x000/001',
    '0/000.p/0',
    '0/000.p/256',
    '0/999999',
    '00/000',
    'data/000',
    '0',
  ];
  for (const path of paths) await refused('not-found', stranger.get(`/log/tile/${path}`));
  await refused('not-found', stranger.get('/log/tile/'));
  const { json } = await refused('not-found', stranger.get('/log/tile/0/%0D%0A%E2%80%A8'));
  assert.equal(json['detail'], 'This is no path of a tile or an entry bundle (C2SP tlog-tiles).');
  await refused('invalid-request', stranger.get(`/log/tile/0/${'x001/'.repeat(100)}000`));
  await refused('method-not-allowed', stranger.post('/log/checkpoint'));
  assert.equal([...hashTiles(size)].length, 3);
});

function open(note: Uint8Array) {
  const origin = `${server.services.keys.iss}/log`;
  const verifier = noteVerifier(origin, keyObject(server.services.keys.log.jwk));
  return openCheckpoint(Buffer.from(note).toString(), origin, [verifier]);
}

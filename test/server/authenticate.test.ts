import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startServer, type TestServer } from '../fixture/server.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

test('whoami answers an enrolled person over mutual TLS 1.3', async () => {
  const engineer = await server.client('engineer', 'alice');
  const answer = await engineer.get('/v1/whoami');
  assert.equal(answer.status, 200, answer.bytes.toString());
});

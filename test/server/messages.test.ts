import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import express from 'express';
import { messageClasses } from '../../server/messages.ts';

test('requests and responses are born with the prototypes that express would give them', async () => {
  const app = express();
  const server = createServer(messageClasses(app)).listen(0, '127.0.0.1');
  const born: boolean[] = [];
  server.on('request', (incoming, outgoing) => {
    born.push(
      Object.getPrototypeOf(incoming) === app.request,
      Object.getPrototypeOf(outgoing) === app.response,
    );
  });
  server.on('request', app);
  app.get('/', (incoming, outgoing) => outgoing.json(incoming.accepts('json')));
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [answer] = (await once(get({ port, host: '127.0.0.1' }), 'response')) as [IncomingMessage];
    assert.deepEqual(await answer.toArray(), [Buffer.from('"json"')]);
    assert.deepEqual(born, [true, true]);
  } finally {
    server.close();
  }
});

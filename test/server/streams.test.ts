import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Problem } from '../../protocol/problems.ts';
import { exportModules } from '../../server/decisions/export.ts';
import type { AnyOperation } from '../../server/operation.ts';
import { type Client, done } from '../fixture/client.ts';
import { startServer, type TestServer } from '../fixture/server.ts';

/** Answers that are streams of lines: what ends early must not look whole. */

let server: TestServer;
let officer: Client;

before(async () => {
  server = await startServer();
  officer = await server.client('officer');
});
after(() => server.stop());

/** The next export is of these values. */
function exporting(values: () => AsyncIterable<unknown>): void {
  const operation = server.operations.find(({ id }) => id === 'exportModules');
  assert.ok(operation);
  const { handle } = operation;
  const once: AnyOperation['handle'] = async ({ hold }) => {
    Object.assign(operation, { handle });
    hold(60);
    return { body: values() };
  };
  Object.assign(operation, { handle: once });
}

/** Waits for the request's diagnostic line, which comes once the client may know of its end. */
async function said(code: string): Promise<void> {
  const told = () => server.lines.some((line) => JSON.parse(line).code === code);
  for (const end = performance.now() + 5000; !told(); await setImmediate())
    assert.ok(performance.now() < end);
}

test('an export that the server’s stop ends is cut', async () => {
  const some = exportModules(server.services, {}, AbortSignal.abort());
  await assert.rejects(some.next(), (error: Problem) => error.code === 'shutting-down');
});

test('an export ends soon after whoever reads it was shut out, also one that was let in before', async () => {
  const leaver = await server.client('engineer', 'leaver');
  let read = 0;
  exporting(async function* () {
    for (; read < 10_000; read += 1) {
      if (read === 150) await done(officer.post('/v1/principals/leaver/disable'));
      yield { read };
    }
  });
  await assert.rejects(leaver.get('/v1/modules/export'));
  assert.equal(read, 199);
  await said('certificate-revoked');
});

test('a fault of the server’s in mid-stream cuts the answer, and diagnostics have it', async () => {
  exporting(async function* () {
    yield {};
    throw new Error('the disk is gone');
  });
  await assert.rejects(officer.get('/v1/modules/export'));
  await said('internal-error');
  assert.ok(server.lines.some((line) => line.includes('the disk is gone')));
});

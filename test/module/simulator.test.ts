import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cmeErrors } from '../../protocol/cme.ts';
import { closings, refusals } from '../../protocol/messages.ts';
import { met } from './bench.ts';
import { challenge } from './conformance/challenge.ts';
import { manifest } from './conformance/manifest.ts';
import { provisioning } from './conformance/provisioning.ts';
import { session } from './conformance/session.ts';
import { unlock } from './conformance/unlock.ts';
import { vectors } from './conformance/vectors.ts';
import { wire } from './conformance/wire.ts';
import { simulatedModule } from './simulated.ts';

for (const suite of [provisioning, manifest, challenge, unlock, session, wire, vectors])
  suite(simulatedModule);

test('the suite has met every +CME ERROR and every why of section 4', () => {
  assert.deepEqual([...met.cme].sort(), Object.keys(cmeErrors).map(Number).sort());
  const every = [...refusals.map((why) => `refused/${why}`), ...closings.map((why) => `closed/${why}`)];
  assert.deepEqual([...met.why].sort(), every.sort());
});

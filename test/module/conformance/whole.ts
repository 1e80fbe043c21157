import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cmeErrors } from '../../../protocol/cme.ts';
import { closings, refusals } from '../../../protocol/messages.ts';
import { met } from '../bench.ts';
import type { MakeModule } from '../under-test.ts';
import { certificate } from './certificate.ts';
import { challenge } from './challenge.ts';
import { manifest } from './manifest.ts';
import { provisioning } from './provisioning.ts';
import { session } from './session.ts';
import { transitions } from './transitions.ts';
import { unlock } from './unlock.ts';
import { vectors } from './vectors.ts';
import { wire } from './wire.ts';

/** What every module must do, whatever it is written in: once in a process. */
export function conformance(make: MakeModule): void {
  for (const suite of [
    provisioning,
    manifest,
    challenge,
    unlock,
    session,
    transitions,
    wire,
    certificate,
    vectors,
  ])
    suite(make);

  test('the suite has met every +CME ERROR and every why of section 4', () => {
    assert.deepEqual([...met.cme].sort(), Object.keys(cmeErrors).map(Number).sort());
    const every = [...refusals.map((why) => `refused/${why}`), ...closings.map((why) => `closed/${why}`)];
    assert.deepEqual([...met.why].sort(), every.sort());
  });
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { Engine } from '../../module/simulator/engine.ts';
import type { Parts } from '../../module/simulator/latch.ts';
import { Refusal } from '../../module/simulator/refusal.ts';
import { seal, unseal } from '../../module/simulator/seal.ts';
import { fileStore } from '../../module/simulator/store.ts';
import type { TlsIdentity } from '../../module/simulator/tls-key.ts';
import { dataCommands } from '../../protocol/at/command.ts';
import { decodePayload, openEnvelope } from '../../protocol/jws.ts';
import { csr } from '../../protocol/messages.ts';
import { ManualClock } from './clock.ts';
import { testIssuer } from './issuer.ts';
import { TestService } from './simulated.ts';
import { customerServer, type ServerCa, serverCa } from './tls-server.ts';

/** The simulator's own TLS key, on a real TLS server (docs/protocol.md §6.6). */

const HWID = 'SIM-00000001';
const dir = mkdtempSync(join(tmpdir(), 'latchkey-tls-'));
const flash = join(dir, 'flash');
let ca: ServerCa;
let identity: TlsIdentity;

async function boot(hwid = HWID): Promise<Engine> {
  const { firmware: roots } = await testIssuer();
  const parts: Parts = {
    ...{ hwid, imei: '490154203237518', firmware: 'test 1', roots, store: fileStore(flash) },
    ...{ service: new TestService(), clock: new ManualClock(), random: (length) => new Uint8Array(length) },
    indicate: () => {},
  };
  return Engine.boot(parts);
}

async function give(
  engine: Engine,
  verb: 'keys' | 'provision' | 'certificate',
  message: string,
): Promise<void> {
  for (const command of dataCommands(message)) await engine.execute(command);
  await engine.execute({ verb });
}

before(async () => {
  ca = await serverCa();
  const issuer = await testIssuer();
  const engine = await boot();
  await give(engine, 'keys', await issuer.manifest({ ver: 1 }));
  await give(engine, 'provision', await issuer.bundle());
  assert.equal(engine.tlsIdentity(), undefined);
  const [asked] = await engine.execute({ verb: 'csr' });
  assert.ok(asked?.kind === 'csr');
  const { kid, payload } = openEnvelope(csr, asked.jws);
  const crt = await issuer.certify(HWID, decodePayload(csr, payload));
  assert.equal(engine.tlsIdentity(), undefined, 'no certificate yet');
  await give(engine, 'certificate', await issuer.certificate({ sub: HWID, dkt: kid, crt }));
  const made = engine.tlsIdentity();
  assert.ok(made);
  identity = made;
});
after(() => {
  ca.remove();
  rmSync(dir, { recursive: true });
});

test('both ends prove themselves: the server knows the module by its hardware ID', async () => {
  const server = await customerServer(await ca.issue('localhost'), (await testIssuer()).deviceCa);
  const socket = connect({ host: 'localhost', port: server.port, ca: ca.pem, ...identity });
  socket.write('hello');
  const [echo] = await once(socket, 'data');
  assert.equal(String(echo), 'hello');
  assert.ok(socket.authorized);
  assert.equal(server.met[0]?.subject.CN, HWID);
  socket.destroy();
  await server.stop();
});

test('a false server is refused: another CA, another name', async () => {
  const stranger = await serverCa('false.test');
  const { deviceCa } = await testIssuer();
  for (const served of [await stranger.issue('localhost'), await ca.issue('elsewhere.test')]) {
    const server = await customerServer(served, deviceCa);
    const socket = connect({ host: 'localhost', port: server.port, ca: ca.pem, ...identity });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    assert.ok(
      [
        'SELF_SIGNED_CERT_IN_CHAIN',
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'ERR_TLS_CERT_ALTNAME_INVALID',
      ].includes(error.code ?? ''),
      error.code,
    );
    await server.stop();
  }
  stranger.remove();
});

test('it is there after a restart, sealed on flash', async () => {
  const engine = await boot();
  assert.deepEqual(engine.tlsIdentity(), identity);
  const text = readFileSync(join(flash, 'state.json'), 'utf8');
  const { tls } = JSON.parse(text);
  assert.ok(!text.includes(identity.key.split('\n')[1] ?? ''));
  assert.equal(unseal(tls, 'SIM-00000002'), undefined);
  assert.equal(unseal(`${tls.slice(0, -2)}AA`, HWID), undefined);
});

test('a store taken to another hardware ID has no TLS key: 913, and no connection', async () => {
  const file = join(flash, 'state.json');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replaceAll(HWID, 'SIM-00000002'));
  try {
    const engine = await boot('SIM-00000002');
    await assert.rejects(
      engine.execute({ verb: 'csr' }),
      (error) => error instanceof Refusal && error.code === 913,
    );
    assert.throws(() => engine.tlsIdentity(), Refusal);
  } finally {
    writeFileSync(file, text);
  }
});

test('what is sealed opens again, and under no other hardware ID', () => {
  const sealed = seal('the key', HWID);
  assert.equal(unseal(sealed, HWID), 'the key');
  assert.notEqual(seal('the key', HWID), sealed);
  for (const [text, hwid] of [
    [sealed, 'SIM-00000002'],
    ['', HWID],
    [sealed.slice(0, 80), HWID],
  ] as const)
    assert.equal(unseal(text, hwid), undefined);
});

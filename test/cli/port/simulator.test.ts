import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { attachConsole } from '../../../cli/port/console.ts';
import { ModuleRefusal, PortError } from '../../../cli/port/fault.ts';
import { ModuleClient, type ModuleOptions } from '../../../cli/port/module.ts';
import { usePort } from '../../../cli/port/open.ts';
import { type ModuleOptions as Simulation, startModule } from '../../../module/simulator/start.ts';
import { keyObject, thumbprint } from '../../../protocol/jwk.ts';
import { verifyMessage } from '../../../protocol/jws.ts';
import { challenge, receipt } from '../../../protocol/messages.ts';
import { ManualClock } from '../../module/clock.ts';
import { testIssuer } from '../../module/issuer.ts';

const HWID = 'LTE4-00A1B2C3D4E5';

async function simulation(t: TestContext, options: Partial<Simulation> = {}) {
  const issuer = await testIssuer();
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-module-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const running = await startModule({
    dir,
    hwid: HWID,
    imei: '490154203237518',
    roots: issuer.firmware,
    ...options,
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= running.stop();
    return stopped;
  };
  t.after(stop);
  return { issuer, running, stop };
}

function withModule<T>(
  name: string,
  work: (module: ModuleClient) => Promise<T>,
  options: ModuleOptions = {},
) {
  return usePort(name, {}, async (port) => work(await ModuleClient.connect(port, options)));
}

function cme(code: number): (error: unknown) => boolean {
  return (error) => error instanceof ModuleRefusal && error.cme === code;
}

for (const where of ['pty', 'tcp'] as const) {
  test(`identity, manifest, bundle, challenge, token, lock, receipts over ${where}`, async (t) => {
    const choice = where === 'pty' ? where : { tcp: 0 };
    const { issuer, running } = await simulation(t, { at: choice, console: choice });
    await withModule(running.atPath, async (module) => {
      assert.deepEqual(module.found, { state: 'unprovisioned', remaining: 0, hwid: HWID, manifest: 0 });
      const { hwid, imei, key } = await module.identity();
      assert.deepEqual([hwid, imei], [HWID, '490154203237518']);
      const device = (kid: string) => (kid === thumbprint(key) ? keyObject(key) : undefined);
      const manifest = await issuer.manifest({ ver: 1 });
      assert.equal(await module.keys(manifest), 1);
      assert.equal(await module.keys(manifest), 1, 'the same bytes again');
      const provisioned = await module.provision(await issuer.bundle());
      assert.equal(verifyMessage(receipt, provisioned, device).event, 'provisioned');
      const asked = verifyMessage(challenge, await module.challenge('console', 900), device);
      const token = await issuer.token(asked);
      const opened = await module.unlock(token);
      assert.deepEqual([opened.scope, opened.for], ['console', 900]);
      assert.equal(verifyMessage(receipt, opened.receipt, device).event, 'opened');
      assert.equal((await module.status()).state, 'open');
      const locked = await module.lock();
      assert.equal(verifyMessage(receipt, locked ?? '', device).why, 'lock');
      assert.equal(await module.lock(), undefined, 'locked already');
      assert.deepEqual(await module.receipts(), [provisioned, opened.receipt, locked]);
      await assert.rejects(module.unlock(token), cme(904));
      await assert.rejects(module.unlock('not.a.token'), cme(901));
    });
  });
}

test('over a line of 115,200 baud a token takes no less than its bytes do, and comes whole', async (t) => {
  const { issuer, running } = await simulation(t, { baud: 115_200 });
  await withModule(running.atPath, async (module) => {
    await module.keys(await issuer.manifest({ ver: 1 }));
    await module.provision(await issuer.bundle());
    const { key } = await module.identity();
    const asked = verifyMessage(challenge, await module.challenge('console', 900), () => keyObject(key));
    const token = await issuer.token(asked);
    const start = performance.now();
    assert.equal((await module.unlock(token)).scope, 'console');
    assert.ok(performance.now() - start >= (token.length / 11_520) * 1000);
  });
});

test('a bundle that the module took before gives the same receipt', async (t) => {
  const { issuer, running } = await simulation(t);
  const bundle = await issuer.bundle();
  const first = await withModule(running.atPath, async (module) => {
    await module.keys(await issuer.manifest({ ver: 1 }));
    return module.provision(bundle);
  });
  await withModule(running.atPath, async (module) => {
    assert.equal(await module.provision(bundle), first);
    await assert.rejects(module.provision(await issuer.bundle()), cme(909));
  });
});

test('a second challenge within two seconds is waited for', async (t) => {
  const { issuer, running } = await simulation(t);
  await withModule(running.atPath, async (module) => {
    await module.keys(await issuer.manifest({ ver: 1 }));
    await module.provision(await issuer.bundle());
    const first = await module.challenge('console', 900);
    assert.notEqual(await module.challenge('console', 900), first);
  });
});

for (const where of ['pty', 'tcp'] as const) {
  test(`a device that disappears in the middle of an upload over ${where} is port-gone at once`, async (t) => {
    const { issuer, running, stop } = await simulation(t, { at: where === 'pty' ? where : { tcp: 0 } });
    const manifest = await issuer.manifest({ ver: 1 });
    const done: number[] = [];
    const progress = (count: number) => {
      done.push(count);
      if (done.length === 2) void stop();
    };
    await assert.rejects(
      withModule(running.atPath, (module) => module.keys(manifest), { progress }),
      (error: unknown) => error instanceof PortError && error.code === 'port-gone',
    );
    assert.ok((done.at(-1) ?? 0) < manifest.length);
  });
}

test('a module that loses power in the middle of an upload gets the message anew', async (t) => {
  const { issuer, running } = await simulation(t);
  const manifest = await issuer.manifest({ ver: 1 });
  let rebooted: Promise<void> | undefined;
  const progress = () => {
    rebooted ??= running.reboot();
  };
  assert.equal(await withModule(running.atPath, (module) => module.keys(manifest), { progress }), 1);
  assert.ok(rebooted);
});

test('a module that locks itself says so on the AT port', async (t) => {
  const clock = new ManualClock();
  const { issuer, running } = await simulation(t, { clock });
  let told = (_: unknown) => {};
  const indicated = new Promise((resolve) => {
    told = resolve;
  });
  await withModule(
    running.atPath,
    async (module) => {
      await module.keys(await issuer.manifest({ ver: 1 }));
      await module.provision(await issuer.bundle());
      const { key } = await module.identity();
      const asked = verifyMessage(challenge, await module.challenge('console', 900), () => keyObject(key));
      await module.unlock(await issuer.token(asked));
      clock.advance(900_000);
      assert.deepEqual(await indicated, { kind: 'indication', event: 'locked', why: 'timeout' });
      assert.equal((await module.status()).state, 'locked');
    },
    { unsolicited: told },
  );
});

test('the console of an open module answers a pipe', async (t) => {
  const { issuer, running } = await simulation(t);
  await withModule(running.atPath, async (module) => {
    await module.keys(await issuer.manifest({ ver: 1 }));
    await module.provision(await issuer.bundle());
    const { key } = await module.identity();
    const asked = verifyMessage(challenge, await module.challenge('console', 900), () => keyObject(key));
    await module.unlock(await issuer.token(asked));
    const output = new PassThrough();
    const input = new PassThrough();
    input.end('\r');
    await usePort(running.consolePath, {}, (port) => attachConsole(port, { input, output }, { quiet: 300 }));
    assert.match(output.read().toString(), /login: /);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verbs } from '../../../protocol/at/command.ts';
import { Bench } from '../bench.ts';
import type { MakeModule } from '../under-test.ts';

/** AT itself: the data buffer, chains, what is no command. */
export function wire(make: MakeModule): void {
  test('the verbs (section 5)', async () => {
    const bench = await Bench.open(make);
    assert.deepEqual(await bench.ask({ verb: 'verbs' }), [{ kind: 'verbs', verbs: [...verbs] }]);
  });

  test('data: a gap is 912, offset 0 starts anew, an offset below the end rewrites from there (section 5)', async () => {
    const bench = await Bench.open(make);
    const manifest = await bench.issuer.manifest({ ver: 1 });
    const half = manifest.slice(0, 256);
    assert.equal(await bench.refusal({ verb: 'data', offset: 1, piece: 'x' }), 912);
    await bench.ask({ verb: 'data', offset: 0, piece: 'nonsense' });
    assert.equal(await bench.refusal({ verb: 'data', offset: 9, piece: 'x' }), 912);
    await bench.ask({ verb: 'data', offset: 0, piece: half });
    await bench.ask({ verb: 'data', offset: 256, piece: 'nonsense' });
    for (let offset = 256; offset < manifest.length; offset += 256) {
      await bench.ask({ verb: 'data', offset, piece: manifest.slice(offset, offset + 256) });
    }
    await bench.one('keys', { verb: 'keys' });
  });

  test('data takes as much as the longest message, 8192, and no more', async () => {
    const bench = await Bench.open(make);
    await bench.upload('A'.repeat(8192));
    assert.equal(await bench.refusal({ verb: 'data', offset: 8192, piece: 'A' }), 901);
    assert.equal(await bench.refusal({ verb: 'data', offset: 8000, piece: 'A'.repeat(193) }), 901);
    assert.equal(await bench.refusal({ verb: 'data', offset: 4_294_967_295, piece: 'A' }), 912);
    assert.equal(await bench.refusal({ verb: 'keys' }), 901);
  });

  test('data does not outlive a reboot', async () => {
    const bench = await Bench.open(make);
    await bench.upload(await bench.issuer.manifest({ ver: 1 }));
    await bench.module.reboot();
    assert.equal(await bench.refusal({ verb: 'keys' }), 901);
  });

  test('a chain answers each command and ends in one OK (V.250 §5.4.1)', async () => {
    const { module } = await Bench.open(make);
    const lines = await module.send('AT+QLATCH?;+QLATCH="identity"');
    assert.equal(lines.length, 3);
    assert.match(lines.join('\n'), /^\+QLATCH: "unprovisioned",.*\n\+QLATCH: "identity",.*\nOK$/);
  });

  test('a chain stops at the first command that fails (V.250 §5.4.1)', async () => {
    const bench = await Bench.open(make);
    const manifest = await bench.issuer.manifest({ ver: 1 });
    const refused = await bench.module.send('AT+QLATCH?;+QLATCH="unlock";+QLATCH="identity"');
    assert.deepEqual(refused.slice(1), ['+CME ERROR: 911']);
    await bench.upload(manifest);
    assert.deepEqual(await bench.module.send('AT+QLATCH="nonsense";+QLATCH="keys"'), ['ERROR']);
    assert.equal((await bench.state()).manifest, 0);
  });

  for (const line of [
    'AT+FOO',
    'AT+QLATCH="open"',
    'AT+QLATCH="data",0',
    'AT+QLATCHX?',
    'AT+QLINUXCMD="id"',
    'AT+QADBKEY?',
    `AT+QLATCH?${' '.repeat(400)}`,
  ]) {
    test(`ERROR: ${line.slice(0, 40)}`, async () => {
      const { module } = await Bench.open(make);
      assert.deepEqual(await module.send(line), ['ERROR']);
    });
  }

  test('AT is OK, ATI says what it is, and what is no command is passed over', async () => {
    const { module } = await Bench.open(make);
    assert.deepEqual(await module.send('AT'), ['OK']);
    assert.equal((await module.send('ATI')).at(-1), 'OK');
    assert.deepEqual(await module.send('hello'), []);
    assert.deepEqual(await module.send(''), []);
  });
}

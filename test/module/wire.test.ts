import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wire } from '../../module/simulator/wire.ts';

/** A port that takes `room` bytes and then none until there is more room. */
async function openWire(room: number, baud?: number) {
  const port = { room, taken: '' };
  let heard = () => {};
  const wire = await Wire.open(
    async () => ({
      path: 'test',
      write(bytes) {
        const fits = bytes.subarray(0, port.room);
        port.room -= fits.length;
        port.taken += Buffer.from(fits).toString('latin1');
        heard();
        return fits.length;
      },
      discard() {
        port.taken = '';
      },
      close: async () => {},
    }),
    baud,
    () => {},
  );
  const until = async (end: string) => {
    while (!port.taken.endsWith(end)) {
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
  };
  return { port, wire, until };
}

test('a host that does not read costs at most 64 KiB; what does not fit is lost', async () => {
  const { port, wire, until } = await openWire(0);
  for (let count = 0; count < 1000; count++) wire.write(`${String(count).padStart(999, '.')}\n`);
  port.room = Number.POSITIVE_INFINITY;
  await until('.64\n');
  wire.write('here again');
  await until('here again');
  assert.equal(port.taken.length, 65_000 + 10);
  await wire.close();
});

test('what is discarded on its way does not arrive, paced or waiting', async () => {
  const { port, wire, until } = await openWire(Number.POSITIVE_INFINITY, 9600);
  wire.write('o'.repeat(1000));
  await until('o');
  wire.discard();
  wire.write('new');
  await until('w');
  assert.equal(port.taken, 'new');
  port.room = 0;
  wire.write('old');
  wire.write('older');
  await new Promise((resolve) => setImmediate(resolve));
  wire.discard();
  port.room = Number.POSITIVE_INFINITY;
  wire.write('newest');
  await until('t');
  assert.equal(port.taken, 'newest');
  await wire.close();
});

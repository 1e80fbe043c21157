import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDiagnostics } from '../../server/diagnostics.ts';

function lines(): { to: { write(line: string): void }; read(): Record<string, unknown>[] } {
  const written: string[] = [];
  const to = { write: (line: string) => void written.push(line) };
  return { to, read: () => written.map((line) => JSON.parse(line)) };
}

test('a secret that is handed to a diagnostic line does not stand in it (order rule 5)', () => {
  const { to, read } = lines();
  openDiagnostics('info', to).info(
    { secret: 'S3CR3T', row: { password: 'S3CR3T', hwid: 'HW-00000001' } },
    'redeemed',
  );
  const [line] = read();
  assert.ok(!JSON.stringify(line).includes('S3CR3T'));
  assert.deepEqual(line?.['row'], { password: '[secret]', hwid: 'HW-00000001' });
});

test('lines are JSON with times in RFC 3339, from the configured level on', () => {
  const { to, read } = lines();
  const diagnostics = openDiagnostics('warn', to);
  diagnostics.info('not this');
  diagnostics.warn('this');
  const [line, ...more] = read();
  assert.equal(more.length, 0);
  assert.equal(line?.['msg'], 'this');
  assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

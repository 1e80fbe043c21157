import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelLine } from '../../../cli/line/label.ts';

test('a label is one record of three cells, whatever a server says that a module is of (RFC 4180)', () => {
  const hwid = 'LTE4-00A1B2C3D4E5';
  assert.equal(
    labelLine({ hwid, imei: '490154203237518', order: 'A-7731' }),
    `${hwid},490154203237518,A-7731`,
  );
  assert.equal(labelLine({ hwid, imei: undefined, order: undefined }), `${hwid},,`);
  assert.equal(
    labelLine({ hwid, imei: '1\r\nLTE4-FALSE-0001,2', order: 'A "7"' }),
    `${hwid},"1\\u{d}\\u{a}LTE4-FALSE-0001,2","A ""7"""`,
  );
});

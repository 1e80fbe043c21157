import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeBase64url } from '../../protocol/base64url.ts';
import {
  decodeEnrolmentCode,
  EnrolmentCodeError,
  encodeEnrolmentCode,
} from '../../protocol/enrolment-code.ts';

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(encodeBase64url);
const codes = fc.record(
  {
    server: fc
      .tuple(fc.domain(), fc.integer({ min: 1, max: 65_535 }))
      .map(([host, port]) => new URL(`https://${host}:${port}`).origin),
    ca: digest,
    roots: fc.tuple(digest, digest),
    secret: digest,
  },
  { noNullPrototype: true },
);

function fault(paste: string): string {
  try {
    decodeEnrolmentCode(paste);
  } catch (error) {
    if (error instanceof EnrolmentCodeError) return error.code;
    throw error;
  }
  return 'accepted';
}

test('a code carries its four fields, through line breaks of a mail program too', () => {
  fc.assert(
    fc.property(codes, fc.integer({ min: 1, max: 80 }), (code, width) => {
      const paste = encodeEnrolmentCode(code);
      assert.match(paste, /^LATCHKEY1-[\w-]+$/);
      assert.deepEqual(decodeEnrolmentCode(paste), code);
      const wrapped = ` ${paste.replace(new RegExp(`.{${width}}`, 'g'), '$&\r\n  ')}\n`;
      assert.deepEqual(decodeEnrolmentCode(wrapped), code);
    }),
  );
});

test('a code with one character changed, lost or added is mangled, never another code', () => {
  fc.assert(
    fc.property(codes, fc.nat(), fc.constantFrom('change', 'lose', 'add'), (code, at, what) => {
      const paste = encodeEnrolmentCode(code);
      const place = 10 + (at % (paste.length - 10));
      const other = paste[place] === 'A' ? 'B' : 'A';
      const middle = what === 'change' ? other : what === 'lose' ? '' : `${paste[place]}${other}`;
      assert.equal(fault(paste.slice(0, place) + middle + paste.slice(place + 1)), 'mangled');
    }),
  );
});

test('what is not a code, and a code of another version, are told apart', () => {
  assert.equal(fault(''), 'not-a-code');
  assert.equal(fault('latchkey enroll LATCHKEY1-AAAA'), 'not-a-code');
  assert.equal(fault('LATCHKEY2-AAAA'), 'other-version');
  assert.equal(fault('LATCHKEY1-'), 'mangled');
});

test('the server is an https origin and nothing more', () => {
  const zero = encodeBase64url(new Uint8Array(32));
  const fields = { ca: zero, roots: [zero, zero], secret: zero } as const;
  for (const server of [
    'http://a.example',
    'https://a.example/',
    'https://a.example:443',
    'https://u@a.example',
    'a',
  ]) {
    assert.throws(() => encodeEnrolmentCode({ server, ...fields }), TypeError, server);
  }
  assert.doesNotThrow(() => encodeEnrolmentCode({ server: 'https://[::1]:8443', ...fields }));
});

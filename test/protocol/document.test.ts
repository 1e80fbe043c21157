import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { verbs } from '../../protocol/at/command.ts';
import { cmeErrors } from '../../protocol/cme.ts';
import { eventTypes } from '../../protocol/events.ts';
import {
  bundle,
  certificate,
  challenge,
  closings,
  csr,
  keyManifest,
  receipt,
  refusals,
  unlockToken,
} from '../../protocol/messages.ts';

/** docs/protocol.md says what the code does, as far as a program can compare the two. */

const root = resolve(import.meta.dirname, '../../..');
const text = readFileSync(join(root, 'docs/protocol.md'), 'utf8');

test('its examples are vectors, their header and payload spelled out', () => {
  const examples = [...text.matchAll(/<!-- example: (\w+) ([\w-]+) -->\n```text\n([^`]*)```/g)];
  assert.equal(examples.length, 7);
  for (const [, file = '', name, shown = ''] of examples) {
    const { vectors } = JSON.parse(readFileSync(join(root, `protocol/vectors/${file}.json`), 'utf8'));
    const { jws } = vectors.find((vector: { name: string }) => vector.name === name);
    const [header, payload] = jws.split('.').map((part: string) => Buffer.from(part, 'base64url').toString());
    assert.equal(shown.replaceAll('\n', ''), header + payload + jws, `${file} ${name}`);
  }
});

test('its table of each message has the claims in their order (section 5)', () => {
  const sections = text.split(/^### /m);
  const titles = {
    challenge: '5.1',
    unlock: '5.2',
    receipt: '5.3',
    keys: '5.4',
    bundle: '5.5',
    csr: '5.6',
    certificate: '5.7',
  };
  const messages = [challenge, unlockToken, receipt, keyManifest, bundle, csr, certificate];
  for (const { typ, alg, most, shape } of messages) {
    assert.match(
      text,
      new RegExp(`\\| \`${typ.replace('+', '\\+')}\` \\| [a-z]+ key, ${alg} \\| ${most} \\|`),
    );
    const title = Object.entries(titles).find(([word]) => typ === `latchkey-${word}+jwt`)?.[1] ?? '';
    const section = sections.find((part) => part.startsWith(title)) ?? '';
    const rows = [...section.matchAll(/^\| `(\w+)`(\??) \|/gm)].slice(0, Object.keys(shape).length);
    const claims = Object.entries(shape).map(([name, kind]) => [name, 'optional' in kind ? '?' : '']);
    assert.deepEqual(
      rows.map(([, name, mark]) => [name, mark]),
      claims,
      typ,
    );
  }
});

test('its lists name every error code, reason, event and verb, in these words', () => {
  for (const [code, meaning] of Object.entries(cmeErrors))
    assert.ok(text.includes(`| ${code} | ${meaning} |`), code);
  for (const word of [...refusals, ...closings, ...eventTypes]) assert.ok(text.includes(`\`${word}\``), word);
  for (const verb of verbs) assert.ok(text.includes(`\`AT+QLATCH="${verb}"`), verb);
});

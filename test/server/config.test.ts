import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Config } from '../../server/config.ts';
import { ConfigError, parseConfig, readConfig } from '../../server/config-file.ts';

function parse(text: string): Config {
  return parseConfig(text, 'latchkey.yaml', '/etc/latchkey');
}

/** The faults, one a line. */
function faults(text: string): string[] {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

test('every key is optional: an empty file is a server for one machine', () => {
  const config = parse('');
  assert.deepEqual(config, parse('# nothing\n'));
  assert.equal(config.iss, 'localhost');
  assert.deepEqual(config.api, {
    host: '127.0.0.1',
    port: 8443,
    origin: 'https://localhost:8443',
    names: ['localhost', '127.0.0.1'],
  });
  assert.equal(config.roots, '/var/lib/latchkey/roots');
  assert.equal(config.policyFile, undefined);
  assert.deepEqual(config.certificates, {
    person: { life: 12 * 3600, grace: 72 * 3600, lineage: 14 * 86_400 },
    station: { life: 30 * 86_400, grace: 90 * 86_400 },
    module: { life: 3650 * 86_400 },
  });
  assert.equal(config.enrolmentDeadline, 900);
  assert.equal(config.offlineBundleLife, 30 * 86_400);
});

test('all faults are reported together, each with its line, its key, and what is expected', () => {
  const found = faults(
    [
      'iss: https://latchkey.example.com',
      'api:',
      '  port: 99999',
      '  prot: 1',
      'unlockDeadline: 60',
      'colour: red',
    ].join('\n'),
  );
  assert.deepEqual(
    found.map((line) => line.split(': ').slice(0, 2).join(': ')),
    [
      'latchkey.yaml:1: iss',
      'latchkey.yaml:3: api.port',
      'latchkey.yaml:4: api.prot',
      'latchkey.yaml:5: unlockDeadline',
      'latchkey.yaml:6: colour',
    ],
  );
  assert.match(found[2] ?? '', /no such key; there are host, port, origin, names/);
  assert.match(found[3] ?? '', /a duration such as/);
});

test('what YAML itself finds is a fault too: duplicate keys, aliases, a list for a mapping', () => {
  assert.match(faults('iss: a\niss: b')[0] ?? '', /unique/);
  assert.match(faults('- iss')[0] ?? '', /a mapping with iss/);
  assert.match(faults('api: [')[0] ?? '', /latchkey\.yaml: /);
  assert.match(faults('iss: &a b.example\npasswordUser: *a')[0] ?? '', /Alias resolution is disabled/);
});

test('relative paths start from the file’s directory', () => {
  const config = parse('dataDir: data\nkek: ../kek\npolicyFile: p.cedar');
  assert.equal(config.dataDir, '/etc/latchkey/data');
  assert.equal(config.roots, '/etc/latchkey/data/roots');
  assert.equal(config.kek, '/etc/kek');
  assert.equal(config.policyFile, '/etc/latchkey/p.cedar');
});

test('the api’s certificate names the host that clients are told to call', () => {
  assert.deepEqual(parse('iss: a.example\napi: {host: 0.0.0.0}').api.names, ['a.example']);
  assert.deepEqual(parse("api: {origin: 'https://[::1]:8443'}").api.names, ['::1', '127.0.0.1']);
  assert.match(
    faults('iss: a.example\napi:\n  names: [b.example]')[0] ?? '',
    /:3: api\.names: must contain a\.example/,
  );
  assert.match(faults('api: {origin: "https://a.example/v1"}')[0] ?? '', /api\.origin: an https origin/);
});

test('a ticket pattern holds for the whole ticket (teleport#7560)', () => {
  const { tickets } = parse("tickets: {ops: '^OPS-\\d+|CHG-\\d+$'}");
  assert.ok(tickets['ops']?.test('OPS-12'));
  assert.ok(tickets['ops']?.test('CHG-12'));
  assert.ok(!tickets['ops']?.test('OPS-12 or so'));
  assert.ok(!tickets['ops']?.test('see CHG-12'));
  for (const loose of ['OPS-\\d+', '^OPS', 'OPS$', '^OPS\\$']) {
    assert.match(
      faults(`tickets: {ops: '${loose}'}`)[0] ?? '',
      /tickets\.ops: a regular expression from \^ to \$/,
    );
  }
  assert.match(faults("tickets: {ops: '^(OPS$'}")[0] ?? '', /tickets\.ops: .*regular expression/i);
  assert.match(faults("tickets: {'Ops 1': '^a$'}")[0] ?? '', /a name of a-z/);
});

test('a file that is not there is named', () => {
  assert.throws(() => readConfig('/nonexistent/latchkey.yaml'), /cannot be read: ENOENT.*\/nonexistent/);
});

test('the example names every key with its default', () => {
  const example = readFileSync(join(import.meta.dirname, '../../../deploy/latchkey.yaml'), 'utf8');
  assert.deepEqual(parse(example), parse(''));
  const written = example.replace(/^#(?=( {2})*[a-z]\w*:)/gim, '');
  assert.deepEqual(parse(written), parse(''));
  const named = [...written.matchAll(/^(?:# )? *([a-z]\w*):/gim)].map(([, key]) => key);
  for (const section of [parse(''), parse('').api, parse('').certificates]) {
    for (const key of Object.keys(section)) assert.ok(named.includes(key), key);
  }
});

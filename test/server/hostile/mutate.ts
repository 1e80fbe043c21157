import fc, { type Arbitrary } from 'fast-check';

/** A request as it goes onto the wire. */
export interface Wire {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** True where the mutation may have made it a request for something else. */
  readonly astray?: boolean;
}

/** What parsers, databases, terminals and templates have choked on. */
const hostile: readonly unknown[] = [
  ...[null, true, false, 0, -1, 0.5, 1e21, -0, 2 ** 53, 4_294_967_296, [], {}, [[]], [null]],
  ...['', ' ', '\0', 'a\0b', '\r\nSet-Cookie: a=b', '\u001b[2J', '\u202e', '\ud800', '\uffff', '＜'],
  ...["' OR 1=1 --", '"; DROP TABLE unlocks', '%', '_%', '%00', '%2e%2e', '../../etc/passwd', '~'],
  ...['$(id)', '{{7*7}}', '<script>', '$ne', 'null', 'undefined', 'NaN', '1e400', '-1', '0x10', '٣'],
  ...['a'.repeat(65), 'A'.repeat(9000), '𝕬'.repeat(600), 'e\u0301'.repeat(300)],
  ...[{ $ne: null }, { toString: 1 }, { constructor: { prototype: 1 } }, { length: 1e9 }],
];

const value = fc.oneof(fc.constantFrom(...hostile), fc.jsonValue({ maxDepth: 3 }));
const word = value.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));

/** One thing about a good request made bad; or nothing, now and then. */
export function mutated(good: Wire): Arbitrary<Wire> {
  const ways = [fc.constant(good), query(good), headers(good), method(good), segment(good)];
  if (good.body !== undefined) ways.push(members(good), members(good), bytes(good), bytes(good));
  return fc.oneof(...ways);
}

function members(good: Wire): Arbitrary<Wire> {
  const body: Record<string, unknown> = JSON.parse(good.body?.toString() ?? '{}');
  const names = Object.keys(body);
  const name = fc.constantFrom(...names, '__proto__', 'constructor', 'toString', 'id', 'x');
  const replaced = fc
    .tuple(name, value)
    .map(([key, bad]) => [...Object.entries(body).filter(([own]) => own !== key), [key, bad]] as const);
  const dropped = name.map((key) => Object.entries(body).filter(([own]) => own !== key));
  const twice = fc.tuple(name, value).map(([key, bad]) => [...Object.entries(body), [key, bad]] as const);
  return fc.oneof(replaced, dropped, twice).map((entries) => withBody(good, objectText(entries)));
}

/** By hand, so that a member may stand there twice, or be called `__proto__`. */
function objectText(entries: readonly (readonly [string, unknown])[]): string {
  return `{${entries.map(([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(member)}`).join(',')}}`;
}

function bytes(good: Wire): Arbitrary<Wire> {
  const text = good.body?.toString() ?? '';
  const whole = fc.oneof(
    value.map((one) => JSON.stringify(one)),
    fc.constantFrom(
      '',
      '{',
      '{}{}',
      '[1,]',
      "{'a':1}",
      '\ufeff{}',
      'nul',
      '1e999',
      '"\\ud800"',
      '{"a":1e999}',
    ),
    fc.nat(text.length).map((end) => text.slice(0, end)),
    fc.constantFrom(20, 20_000).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
    fc.constantFrom(65_536, 70_000).map((length) => `{"hwid":"${'A'.repeat(length - 11)}"}`),
  );
  const raw = fc.uint8Array({ maxLength: 64 }).map((noise) => Buffer.from(noise));
  return fc.oneof(
    whole.map((one) => withBody(good, one)),
    raw.map((one) => withBody(good, one)),
  );
}

function query(good: Wire): Arbitrary<Wire> {
  const names = [
    'limit',
    'after',
    'wait',
    'while',
    'state',
    'hwid',
    'unlock',
    'from',
    'type',
    '__proto__',
    'x',
    '',
  ];
  const own = [...new URLSearchParams(good.path.split('?')[1]).keys()];
  const pair = fc
    .tuple(fc.constantFrom(...names, ...own), word)
    // A good number of seconds would only be waited for.
    .filter(([name, bad]) => name !== 'wait' || !/^\d+$/.test(bad));
  return fc.tuple(pair, fc.boolean()).map(([[name, bad], raw]) => {
    // Raw only as far as a request line can hold it; the rest percent-encoded.
    const encoded = raw ? bad.replace(/[^!-~]|[?#]/g, '%') : encodeURIComponent(bad.toWellFormed());
    return { ...good, path: `${good.path}${good.path.includes('?') ? '&' : '?'}${name}=${encoded}` };
  });
}

function segment(good: Wire): Arbitrary<Wire> {
  const [path = '', rest] = good.path.split('?');
  const parts = path.split('/');
  const bad = fc.oneof(
    word.map((one) => encodeURIComponent(one.toWellFormed())),
    fc.constantFrom('%', '%zz', '%00', '%2f', '%c0%af', '..', '.', '', ';', '*', ':id', '{id}', '%F0%9F'),
  );
  return fc.tuple(fc.nat(parts.length - 1), bad).map(([place, one]) => {
    const other = parts.map((part, at) => (at === place && at > 0 ? one : part)).join('/') || '/';
    return { ...good, path: rest === undefined ? other : `${other}?${rest}`, astray: true };
  });
}

function headers(good: Wire): Arbitrary<Wire> {
  const bad = fc.constantFrom<Record<string, string>>(
    { 'Content-Type': 'text/plain' },
    { 'Content-Type': 'application/json; charset=utf-7' },
    { 'Content-Type': 'application/json, text/html' },
    { 'Content-Type': '' },
    { 'Content-Encoding': 'gzip' },
    { 'Content-Encoding': 'deflate, br' },
    { Accept: 'text/html' },
    { Accept: ';;;,,,q=' },
    { 'Idempotency-Key': '' },
    { 'Idempotency-Key': 'x'.repeat(4000) },
    { 'Idempotency-Key': '"quoted key"' },
    { Expect: '200-maybe' },
    { Authorization: 'Bearer swordfish' },
    { 'X-HTTP-Method-Override': 'DELETE' },
    { 'X-Forwarded-For': '::1', 'X-Client-Cert': 'officer' },
    { Host: 'evil.example' },
    { Range: 'bytes=0-0' },
    { 'If-None-Match': '*' },
    { Upgrade: 'h2c', Connection: 'Upgrade' },
  );
  return bad.map((extra) => ({ ...good, headers: { ...good.headers, ...extra } }));
}

function method(good: Wire): Arbitrary<Wire> {
  return fc
    .constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'M-SEARCH')
    .map((other) => ({ ...good, method: other, astray: true }));
}

function withBody(good: Wire, body: string | Buffer): Wire {
  return { ...good, body: Buffer.from(body as string) };
}

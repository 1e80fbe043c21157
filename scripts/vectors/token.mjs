// Vectors of the unlock token.
import { claims, edit, headerOf, longest, overLong } from './forge.mjs';
import * as signs from './sign.mjs';

const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter(
  (c) => c !== '"' && c !== '\\',
);

/** Another `$6$` hash of the right form; nobody knows a password for it. */
export const hash =
  '$6$Zk3.pQ/7vWcR2xYb$dHm47Ai5P29rp6S9q5DQ5m4Q3FZpGDbLBMjA65OzqcvuiaTLT8azftY7DpJfHyp37cfgzu69Ww65btYlg0vhJ/';

export function token(keys) {
  const state = {
    hwid: 'LTE4-00A1B2C3D4E5',
    iss: 'unlock.example.com',
    keys: [keys.issuer.jwk, keys.issuer2.jwk],
    live: { nonce: 'q83vEjRWeJCrze8SNFZ4kA', scope: 'console', for: 900 },
    pwv: 3,
    now: null,
  };
  const kind = {
    typ: 'latchkey-unlock+jwt',
    alg: 'PS256',
    most: 2048,
    key: keys.issuer,
    sign: signs.pss(),
    claims: {
      iss: state.iss,
      aud: 'latchkey:module',
      sub: state.hwid,
      nonce: state.live.nonce,
      jti: '01980a3c-5b00-7c1e-8d2f-6a7b8c9d0e1f',
      iat: 1752739200,
      exp: 1752739800,
      scope: 'console',
      for: 900,
      by: 'alice',
    },
    optional: ['pw'],
    integer: 'for',
    integerValue: 900,
    integerFromZero: true,
    text: 'by',
    tampered: { scope: 'reset' },
  };
  kind.withAll = { ...kind.claims, pw: { ver: 4, hash } };
  return { kind, state };
}

const passes = { accepted: true, nonce: 'dies' };
const form = { accepted: false, cme: 901, nonce: 'dies' };
const refused = (cme, why) => ({ accepted: false, cme, why, nonce: 'dies' });

/** [name, rule, change, expect, state] */
export function tokenVectors({ kind, state }, keys) {
  const withPw = { ...kind, claims: kind.withAll };
  const pw = (changed) => claims(withPw, { pw: { ...withPw.claims.pw, ...changed } });
  const live = (changed) => ({ live: { ...state.live, ...changed } });
  const scoped = (scope) => [
    `scope-${scope}`,
    'scope is that of the challenge',
    claims(kind, { scope }),
    passes,
    live({ scope }),
  ];
  const long = 'x'.repeat(64);
  const life = (seconds) => claims(kind, { exp: kind.claims.iat + seconds });
  return [
    ['plain', 'the token as section 4 has it', {}, passes],
    ['with-password', 'pw is above the version in force', { claims: kind.withAll }, passes],
    ['with-first-password', 'pw is above the version in force', pw({ ver: 1 }), passes, { pwv: 0 }],
    ['second-issuer-key', 'any key that the manifest names', { key: keys.issuer2 }, passes],
    scoped('adb'),
    scoped('ssh'),
    scoped('reset'),
    ['fewer-seconds', 'for is at most what was asked', claims(kind, { for: 60 }), passes],
    ['shortest-life', 'exp is 1 to 3600 s after iat', life(1), passes],
    ['longest-life', 'exp is 1 to 3600 s after iat', life(3600), passes],
    ['integer-zero', 'integers are 0 or [1-9][0-9]{0,9}', claims(kind, { iat: 0, exp: 600 }), passes],
    [
      'integer-largest',
      'integers are at most 4294967295',
      claims(kind, { iat: 4294963695, exp: 4294967295, for: 4294967295 }),
      passes,
      live({ for: 4294967295 }),
    ],
    [
      'expired-without-a-clock',
      'exp is checked only where the clock is trusted',
      claims(kind, { iat: 1, exp: 2 }),
      passes,
    ],
    ['last-second', 'exp is the first second that is too late', {}, passes, { now: kind.claims.exp - 1 }],
    ['issued-in-the-future', 'iat is not checked', {}, passes, { now: kind.claims.iat - 86400 }],
    [
      'longest-names',
      'a name has 1 to 64 characters',
      claims(kind, { iss: long, by: long }),
      passes,
      { iss: long },
    ],
    [
      'shortest-names',
      'a name has 1 to 64 characters',
      claims(kind, { iss: 'x', by: 'x' }),
      passes,
      { iss: 'x' },
    ],
    [
      'every-character',
      'strings are printable ASCII without " and \\',
      claims(kind, { iss: printable.slice(0, 47).join(''), by: printable.slice(47).join('') }),
      passes,
      { iss: printable.slice(0, 47).join('') },
    ],
    [
      'longest-hwid',
      'a hardware ID has 8 to 64 characters',
      claims(kind, { sub: 'A'.repeat(64) }),
      passes,
      { hwid: 'A'.repeat(64) },
    ],
    [
      'shortest-hwid',
      'a hardware ID is of A-Z 0-9 . _ -',
      claims(kind, { sub: 'A9._-AZ0' }),
      passes,
      { hwid: 'A9._-AZ0' },
    ],
    [
      'hash-with-rounds',
      'pw.hash is SHA-512 crypt',
      pw({ hash: hash.replace('$6$', '$6$rounds=656000$') }),
      passes,
    ],
    [
      'hash-shortest-salt',
      'pw.hash is SHA-512 crypt',
      pw({ hash: hash.replace(/\$[^$]{16}\$/, '$z$') }),
      passes,
    ],

    [
      'no-live-challenge',
      'a token needs a live challenge',
      {},
      { accepted: false, cme: 904, nonce: 'lives' },
      { live: null },
    ],
    [
      'root-key',
      'keys come from the manifest alone',
      { key: keys.root },
      { accepted: false, cme: 905, nonce: 'lives' },
    ],
    [
      'forgotten-key',
      'a manifest that no longer names a key revokes it',
      {},
      { accepted: false, cme: 905, nonce: 'lives' },
      { keys: [keys.issuer2.jwk] },
    ],
    ['longest-envelope', 'a token has at most 2048 bytes', { ...longest(kind), sign: kind.sign }, form],
    [
      'over-long',
      'a token has at most 2048 bytes',
      { ...overLong(kind), sign: kind.sign },
      { accepted: false, cme: 901, nonce: 'lives' },
    ],

    [
      'other-audience',
      'aud is latchkey:module',
      claims(kind, { aud: 'latchkey:server' }),
      refused(901, 'audience'),
    ],
    [
      'audience-case',
      'aud is latchkey:module',
      claims(kind, { aud: 'Latchkey:module' }),
      refused(901, 'audience'),
    ],
    ['audience-array', 'aud is a string', claims(kind, { aud: ['latchkey:module'] }), form],
    [
      'other-issuer',
      "iss is the manifest's",
      claims(kind, { iss: 'unlock.example.net' }),
      refused(901, 'audience'),
    ],
    [
      'issuer-with-scheme',
      "iss is the manifest's, without scheme",
      claims(kind, { iss: 'https://unlock.example.com' }),
      refused(901, 'audience'),
    ],
    [
      'other-module',
      'sub is this module',
      claims(kind, { sub: 'LTE4-00A1B2C3D4E6' }),
      refused(903, 'module'),
    ],
    [
      'module-prefix',
      'sub is this module',
      claims(kind, { sub: state.hwid.slice(0, -1) }),
      refused(903, 'module'),
    ],
    [
      'other-nonce',
      'nonce is the live one',
      claims(kind, { nonce: 'q83vEjRWeJCrze8SNFZ4kQ' }),
      refused(904, 'nonce'),
    ],
    [
      'expired',
      'exp is in the future where the clock is trusted',
      {},
      refused(906, 'expired'),
      { now: kind.claims.exp },
    ],
    [
      'long-expired',
      'exp is in the future where the clock is trusted',
      {},
      refused(906, 'expired'),
      { now: kind.claims.exp + 86400 },
    ],
    ['other-scope', 'scope is that of the challenge', claims(kind, { scope: 'adb' }), refused(907, 'scope')],
    ['more-seconds', 'for is at most what was asked', claims(kind, { for: 901 }), refused(907, 'scope')],
    [
      'password-same-version',
      'pw.ver is above the version in force',
      pw({ ver: 3 }),
      refused(915, 'password'),
    ],
    [
      'password-older-version',
      'pw.ver is above the version in force',
      pw({ ver: 2 }),
      refused(915, 'password'),
    ],

    ['no-life', 'exp is 1 to 3600 s after iat', life(0), form],
    ['too-long-a-life', 'exp is 1 to 3600 s after iat', life(3601), form],
    ['exp-before-iat', 'exp is 1 to 3600 s after iat', life(-600), form],
    ['issuer-empty', 'a name has 1 to 64 characters', claims(kind, { iss: '' }), form, { iss: '' }],
    [
      'issuer-65',
      'a name has 1 to 64 characters',
      claims(kind, { iss: `${long}x` }),
      form,
      { iss: `${long}x` },
    ],
    [
      'hwid-lower-case',
      'a hardware ID is of A-Z 0-9 . _ -',
      claims(kind, { sub: 'lte4-00a1b2c3d4e5' }),
      form,
      { hwid: 'lte4-00a1b2c3d4e5' },
    ],
    [
      'hwid-slash',
      'a hardware ID is of A-Z 0-9 . _ -',
      claims(kind, { sub: 'LTE4/00A1B2C3D4E5' }),
      form,
      { hwid: 'LTE4/00A1B2C3D4E5' },
    ],
    [
      'hwid-7',
      'a hardware ID has 8 to 64 characters',
      claims(kind, { sub: 'LTE4-00' }),
      form,
      { hwid: 'LTE4-00' },
    ],
    [
      'hwid-65',
      'a hardware ID has 8 to 64 characters',
      claims(kind, { sub: 'A'.repeat(65) }),
      form,
      { hwid: 'A'.repeat(65) },
    ],
    [
      'jti-upper-case',
      'jti is a UUIDv7 in lower case',
      claims(kind, { jti: kind.claims.jti.toUpperCase() }),
      form,
    ],
    ['jti-version-4', 'jti is a UUIDv7', claims(kind, { jti: kind.claims.jti.replace('-7', '-4') }), form],
    ['jti-variant', 'jti is a UUIDv7', claims(kind, { jti: kind.claims.jti.replace('-8', '-c') }), form],
    [
      'jti-without-hyphens',
      'jti is a UUIDv7',
      claims(kind, { jti: kind.claims.jti.replaceAll('-', '') }),
      form,
    ],
    ['jti-hyphen-missing', 'jti is a UUIDv7', claims(kind, { jti: kind.claims.jti.replace('-', '') }), form],
    ['jti-trailing-newline', 'jti is a UUIDv7', claims(kind, { jti: `${kind.claims.jti}\n` }), form],
    ['nonce-15', 'a nonce has 16 bytes', ...nonce(kind, 'q83vEjRWeJCrze8SNFZ4')],
    ['nonce-17', 'a nonce has 16 bytes', ...nonce(kind, 'q83vEjRWeJCrze8SNFZ4kAA')],
    ['nonce-empty', 'a nonce has 16 bytes', ...nonce(kind, '')],
    ['nonce-padded', 'no padding', ...nonce(kind, 'q83vEjRWeJCrze8SNFZ4kA==')],
    ['nonce-trailing-bits', 'trailing bits are zero', ...nonce(kind, 'q83vEjRWeJCrze8SNFZ4kB')],
    ['nonce-standard-alphabet', 'base64url, not base64', ...nonce(kind, 'q83vEjRWeJCrze8SNFZ+kA')],
    [
      'scope-unknown',
      'scope is one of four',
      claims(kind, { scope: 'shell' }),
      form,
      live({ scope: 'shell' }),
    ],
    [
      'scope-case',
      'scope is one of four',
      claims(kind, { scope: 'Console' }),
      form,
      live({ scope: 'Console' }),
    ],
    ['pw-string', 'pw is an object', claims(withPw, { pw: hash }), form],
    ['pw-array', 'pw is an object', claims(withPw, { pw: [4, hash] }), form],
    ['pw-without-ver', 'pw has ver and hash', pw({ ver: undefined }), form],
    ['pw-without-hash', 'pw has ver and hash', pw({ hash: undefined }), form],
    [
      'pw-reordered',
      'members are in order',
      { payload: JSON.stringify({ ...kind.claims, pw: { hash, ver: 4 } }) },
      form,
    ],
    ['pw-member-added', 'no members of one’s own', pw({ x: 1 }), form],
    ['pw-duplicate', 'no duplicate members', edit(withPw, '{"ver":4', '{"ver":4,"ver":4'), form],
    ['pw-version-0', 'password versions start at 1', pw({ ver: 0 }), form],
    [
      'pw-before-by',
      'members are in order',
      edit(
        withPw,
        `"by":"alice","pw":${JSON.stringify(withPw.claims.pw)}`,
        `"pw":${JSON.stringify(withPw.claims.pw)},"by":"alice"`,
      ),
      form,
    ],
    ...Object.entries({
      plain: 'correct-horse-battery-staple',
      'sha256-crypt': hash.replace('$6$', '$5$'),
      'md5-crypt': `$1$abcdefgh$${'a'.repeat(22)}`,
      locked: `!${hash}`,
      'without-salt': hash.replace(/\$[^$]{16}\$/, '$$$$'),
      'salt-17': hash.replace('$6$', '$6$x'),
      'salt-with-colon': hash.replace('Zk3.', 'Zk3:'),
      short: `${hash.slice(0, -2)}/`,
      long: `${hash}.`,
      'trailing-bits': `${hash.slice(0, -1)}2`,
      'rounds-999': hash.replace('$6$', '$6$rounds=999$'),
      'rounds-ten-digits': hash.replace('$6$', '$6$rounds=1000000000$'),
      'rounds-leading-zero': hash.replace('$6$', '$6$rounds=05000$'),
    }).map(([name, text]) => [`hash-${name}`, 'pw.hash is SHA-512 crypt', pw({ hash: text }), form]),

    ...orders({ kind, state }, keys),
  ];
}

/** Two faults each: the one that is seen first decides. */
function orders({ kind, state }, keys) {
  const lives = (cme) => ({ accepted: false, cme, nonce: 'lives' });
  const order = (name, change, expect, changed) => [
    `order-${name}`,
    'a token is checked in this order',
    change,
    expect,
    changed,
  ];
  const wrong = {
    aud: 'latchkey:server',
    sub: 'LTE4-00A1B2C3D4E6',
    nonce: 'q83vEjRWeJCrze8SNFZ4kQ',
    scope: 'adb',
  };
  const pw = { pw: { ver: 3, hash } };
  const late = { now: kind.claims.exp };
  const badSignature = { sign: () => Buffer.alloc(384) };
  return [
    order('form-before-challenge', { spellPayload: (text) => `${text}=` }, lives(901), { live: null }),
    order('challenge-before-key', { key: keys.stranger }, lives(904), { live: null }),
    order('challenge-before-signature', badSignature, lives(904), { live: null }),
    order(
      'form-before-key',
      { header: `${headerOf(kind, keys.stranger.kid)} `, key: keys.stranger },
      lives(901),
    ),
    order('key-before-signature', { ...badSignature, key: keys.stranger }, lives(905)),
    order('signature-before-payload', { ...badSignature, payload: 'x' }, lives(902)),
    order('signature-before-audience', { ...badSignature, ...claims(kind, { aud: wrong.aud }) }, lives(902)),
    order('payload-before-audience', claims(kind, { aud: wrong.aud, exp: kind.claims.iat }), form),
    order('payload-before-module', claims(kind, { sub: wrong.sub, x: 1 }), form),
    order(
      'audience-before-module',
      claims(kind, { aud: wrong.aud, sub: wrong.sub }),
      refused(901, 'audience'),
    ),
    order(
      'module-before-nonce',
      claims(kind, { sub: wrong.sub, nonce: wrong.nonce }),
      refused(903, 'module'),
    ),
    order('nonce-before-expiry', claims(kind, { nonce: wrong.nonce }), refused(904, 'nonce'), late),
    order('expiry-before-scope', claims(kind, { scope: wrong.scope }), refused(906, 'expired'), late),
    order('scope-before-password', claims(kind, { scope: wrong.scope, ...pw }), refused(907, 'scope')),
    order('seconds-before-password', claims(kind, { for: state.live.for + 1, ...pw }), refused(907, 'scope')),
    order('audience-before-password', claims(kind, { aud: wrong.aud, ...pw }), refused(901, 'audience')),
  ];
}

const nonce = (kind, text) => [claims(kind, { nonce: text }), form];

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { encrypt } from 'unixcrypt';
import { memory, sha512crypt } from '../../../server/hashing/sha512crypt.ts';

/** U. Drepper, “Unix crypt using SHA-256 and SHA-512”, its test vectors: password, rounds, salt, hash. */
const vectors: readonly (readonly [string, number, string, string])[] = [
  [
    'Hello world!',
    5000,
    'saltstring',
    'svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  ],
  [
    'Hello world!',
    10_000,
    'saltstringsaltst',
    'OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
  ],
  [
    'This is just a test',
    5000,
    'toolongsaltstrin',
    'lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0',
  ],
  [
    'a very much longer text to encrypt.  This one even stretches over morethan one line.',
    1400,
    'anotherlongsalts',
    'POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1',
  ],
  [
    'we have a short salt string but not a short password',
    77_777,
    'short',
    'WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0',
  ],
  [
    'a short string',
    123_456,
    'asaltof16chars..',
    'BtCwjqMJGx5hrJhZywWvt0RLE8uZ4oPwcelCjmw2kSYu.Ec6ycULevoBK25fs2xXgMNrCzIMVcgEJAstJeonj1',
  ],
  [
    'the minimum number is still observed',
    1000,
    'roundstoolow',
    'kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.',
  ],
];

for (const [password, rounds, salt, hash] of vectors)
  test(`the hash of the document's vector: ${salt}, ${rounds} rounds`, () => {
    assert.equal(sha512crypt(password, salt, rounds), `$6$rounds=${rounds}$${salt}$${hash}`);
  });

/** Every length of a password, round the blocks of SHA-512 too, and every length of a salt. */
const lengths = Array.from({ length: 129 }, (_, bytes) => {
  const password = Array.from({ length: bytes }, (_, at) =>
    String.fromCharCode(33 + ((at * 7 + bytes) % 94)),
  );
  return { password: password.join(''), salt: './09AZaz./19BYby'.slice(0, 1 + (bytes % 16)) };
});

test('the hash of a password of any length is that of crypt(3), by which a module checks it', () => {
  const program =
    'while (<STDIN>) { chomp; my ($setting, $password) = split / /, $_, 2; print crypt($password, $setting), "\\n" }';
  const input = lengths.map(({ password, salt }) => `$6$rounds=1000$${salt} ${password}\n`).join('');
  const made = execFileSync('perl', ['-e', program], { input, encoding: 'utf8' }).trimEnd().split('\n');
  assert.deepEqual(
    lengths.map(({ password, salt }) => sha512crypt(password, salt, 1000)),
    made,
  );
});

test('the hash of any password is that of another implementation, whatever was hashed before', () => {
  const characters = (alphabet: string) => fc.constantFrom(...alphabet);
  const salt = fc.string({ unit: characters('./0189ABYZabyz'), minLength: 1, maxLength: 16 });
  const password = fc.string({ unit: 'binary', maxLength: 40 });
  const rounds = fc.integer({ min: 1000, max: 1100 });
  fc.assert(
    fc.property(password, salt, rounds, (password, salt, rounds) => {
      // Of these two lengths unixcrypt is wrong; crypt(3) has been asked about all of them.
      const bytes = Buffer.byteLength(password);
      fc.pre(bytes < 128 && bytes !== 64);
      assert.equal(sha512crypt(password, salt, rounds), encrypt(password, `$6$rounds=${rounds}$${salt}`));
    }),
    { numRuns: 150 },
  );
});

test('of a password nothing stays in memory but its hash', () => {
  const left = ['0123-4567-89AB-CDEF-GHJK-MNPQ', 'x'.repeat(128)].map((password) => {
    sha512crypt(password, 'saltsaltsaltsalt', 1000);
    return Buffer.from(memory);
  });
  const [one, two] = left;
  const differs = Array.from(memory.keys()).filter((at) => one?.[at] !== two?.[at]);
  assert.ok(differs.length > 0);
  assert.ok((differs.at(-1) ?? 0) - (differs[0] ?? 0) < 64, 'only the 64 bytes of the hash differ');
});

test('what SHA-512 crypt or its memory has no room for is refused', () => {
  assert.throws(() => sha512crypt('x'.repeat(129), 'salt', 1000), RangeError);
  assert.throws(() => sha512crypt('€'.repeat(43), 'salt', 1000), RangeError);
  for (const salt of ['', 's'.repeat(17), 'sa$lt', 'sält'])
    assert.throws(() => sha512crypt('x', salt, 1000), RangeError);
  for (const rounds of [999, 1_000_000_000, 1000.5])
    assert.throws(() => sha512crypt('x', 'salt', rounds), RangeError);
});

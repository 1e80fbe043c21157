import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';

const source = resolve(import.meta.dirname, '../../../../module/agent');

/** How many of each file hold, and how many do not: Wycheproof's own words, of the edition that Debian packages. */
const cases = [
  ['rsa_pss_3072_sha256_mgf1_32_test.json', 63, 45],
  ['rsa_pss_3072_sha256_mgf1_32_params_test.json', 63, 45],
  ['rsa_pss_4096_sha256_mgf1_32_test.json', 63, 45],
  ['ecdsa_secp256r1_sha256_p1363_test.json', 169, 83],
] as const;

test("Wycheproof's cases for PS256 and ES256 end as Wycheproof says", () => {
  // One make at a time, since test files run side by side.
  const args = [source, 'make', '--silent', '-C', source, 'wycheproof'];
  const { status, stdout, stderr } = spawnSync('flock', args, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  for (const [file, valid, invalid] of cases)
    assert.ok(
      stdout.includes(`${file}: ${valid} valid, ${invalid} invalid, 0 with another result here`),
      stdout,
    );
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fingerprintOf, newSerial } from '../../keys/certificates.ts';
import { type TestKeys, testKeys } from '../fixture/keys.ts';

const notBefore = new Date('2026-01-01T00:00:00Z');
const notAfter = new Date('2026-01-01T12:00:00Z');
const dir = mkdtempSync(join(tmpdir(), 'latchkey-'));
let made: TestKeys;

before(async () => {
  made = await testKeys();
  writeFileSync(join(dir, 'ca.pem'), made.keys.ca.certificate);
});
after(() => rmSync(dir, { recursive: true }));

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', cwd: dir, stdio: 'pipe' });
}

async function client(serial = newSerial(randomBytes)): Promise<X509Certificate> {
  const key = createPublicKey(made.material.tls);
  const request = { kind: 'person', name: 'alice_b', key, serial, notBefore, notAfter } as const;
  return new X509Certificate(await made.keys.ca.issueClient(request));
}

async function server(): Promise<X509Certificate> {
  const key = createPublicKey(made.material.tls);
  const names = ['latchkey.test', '127.0.0.1', '::1'];
  const request = { names, key, serial: newSerial(randomBytes), notBefore, notAfter };
  return new X509Certificate(await made.keys.ca.issueServer(request));
}

/** Asks OpenSSL, strictly (RFC 5280), at a moment inside the certificate's life. */
function verifyStrictly(certificate: X509Certificate, purpose: string, ...more: string[]): string {
  writeFileSync(join(dir, 'leaf.pem'), certificate.toString());
  const at = String(Date.parse('2026-01-01T01:00:00Z') / 1000);
  return openssl(
    'verify',
    '-x509_strict',
    '-attime',
    at,
    '-purpose',
    purpose,
    '-CAfile',
    'ca.pem',
    ...more,
    'leaf.pem',
  );
}

test('a client certificate says who in its SAN URI, and verifies for clients alone (section 6)', async () => {
  const certificate = await client();
  assert.equal(certificate.subjectAltName, 'URI:urn:latchkey:person:alice_b');
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert.equal(certificate.ca, false);
  assert.equal(Date.parse(certificate.validFrom), notBefore.getTime());
  assert.equal(Date.parse(certificate.validTo), notAfter.getTime());
  assert.match(verifyStrictly(certificate, 'sslclient'), /: OK/);
  assert.throws(() => verifyStrictly(certificate, 'sslserver'));
});

test('a server certificate holds for each of its names, and verifies for servers alone', async () => {
  const certificate = await server();
  assert.equal(certificate.checkHost('latchkey.test'), 'latchkey.test');
  assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(certificate.checkIP('::1'), '::1');
  assert.equal(certificate.checkHost('other.test'), undefined);
  assert.match(verifyStrictly(certificate, 'sslserver', '-verify_ip', '127.0.0.1'), /: OK/);
  assert.throws(() => verifyStrictly(certificate, 'sslclient'));
});

test('node:crypto finds the CA’s signature, and the CA may sign leaves only', async () => {
  const ca = new X509Certificate(made.keys.ca.certificate);
  const certificate = await client();
  assert.ok(certificate.verify(ca.publicKey));
  assert.ok(certificate.checkIssued(ca));
  assert.ok(ca.ca);
  assert.match(openssl('x509', '-in', 'ca.pem', '-noout', '-text'), /CA:TRUE, pathlen:0/);
  assert.equal(
    fingerprintOf(made.keys.ca.certificate),
    Buffer.from(ca.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url'),
  );
});

test('a serial number is positive, minimal in DER, and the one that the caller gave', async () => {
  for (const byte of [0x00, 0x7f, 0x80, 0xff]) {
    const serial = newSerial((length) => new Uint8Array(length).fill(byte));
    assert.match(serial, /^[4-7][0-9a-f]{31}$/);
    assert.equal((await client(serial)).serialNumber.toLowerCase(), serial);
  }
});

import assert from 'node:assert/strict';
import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { createDeviceCa, createKeys } from '../../keys/create.ts';
import { KeyFault, type KeyFaultCode } from '../../keys/fault.ts';
import { writeOnce } from '../../keys/files.ts';
import { loadMaterial, loadRootPrivate } from '../../keys/load.ts';
import { type KeyPlaces, keyFiles, rootsPresent } from '../../keys/places.ts';
import { rsaJwk } from '../../protocol/jwk.ts';
import { copyTree } from '../fixture/copy.ts';

const ISS = 'latchkey.test';
const now = new Date('2026-01-01T00:00:00Z');
const ceremony = { iss: ISS, now, random: randomBytes };
const top = mkdtempSync(join(tmpdir(), 'latchkey-'));
let places: KeyPlaces;

function under(directory: string): KeyPlaces {
  return {
    dataDir: join(directory, 'data'),
    roots: join(directory, 'roots'),
    kek: join(directory, 'etc/kek'),
  };
}

/** One ceremony for all tests; each works on a copy. */
before(() => createKeys(under(join(top, 'made')), ceremony));
beforeEach(() => {
  copyTree(join(top, 'made'), join(top, 'copy'));
  places = under(join(top, 'copy'));
});
afterEach(() => rmSync(join(top, 'copy'), { recursive: true }));
after(() => rmSync(top, { recursive: true }));

function refused(code: KeyFaultCode, words: RegExp, act: () => unknown): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof KeyFault, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, words);
    return true;
  });
}

function everyFile(): Map<string, string> {
  const files = readdirSync(join(top, 'copy'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(top, 'copy', name))
    .filter((file) => statSync(file).isFile());
  return new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));
}

const load = (at = now) => loadMaterial(places, ISS, at);

test('every key file has mode 0600, every directory 0700, and nothing else is left', () => {
  const files = keyFiles(places);
  for (const file of everyFile().keys()) assert.equal(statSync(file).mode & 0o777, 0o600, file);
  for (const directory of [places.dataDir, files.dir, places.roots, join(top, 'copy/etc')]) {
    assert.equal(statSync(directory).mode & 0o777, 0o700, directory);
  }
  assert.deepEqual(
    [...everyFile().keys()].sort(),
    [
      places.kek,
      ...Object.values(files)
        .flatMap((file) => (typeof file === 'string' ? [file] : Object.values(file)))
        .filter((file) => file !== files.dir),
    ].sort(),
  );
});

test('every RSA key has exponent 65537 and its size of section 3', () => {
  const material = load();
  const sizes = [...material.issuers, material.ca, material.tls].map((key) => key.asymmetricKeyDetails);
  for (const details of sizes) {
    assert.equal(details?.modulusLength, 3072);
    assert.equal(details?.publicExponent, 65_537n);
  }
  const root = loadRootPrivate(places);
  assert.equal(root.asymmetricKeyDetails?.modulusLength, 4096);
  assert.equal(rsaJwk(root).kid, material.roots[0].kid);
});

test('the device CA is a P-256 key and a CA of its own: what trusts it trusts no person or station', () => {
  const { ca, caCertificate, deviceCa } = load();
  assert.ok(deviceCa);
  assert.equal(deviceCa.key.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  const certificate = new X509Certificate(deviceCa.certificate);
  assert.ok(certificate.ca && certificate.verify(createPublicKey(deviceCa.key)));
  assert.ok(!certificate.verify(createPublicKey(ca)));
  assert.notEqual(certificate.subject, new X509Certificate(caCertificate).subject);
});

test('half a device CA is refused; where there is none, one is made, and is the same ever after', async () => {
  const files = keyFiles(places);
  rmSync(files.deviceCa);
  refused('missing', /device-ca\.pem is not there: restore/, () => load());
  rmSync(files.deviceCaCertificate);
  assert.equal(load().deviceCa, undefined);
  const made = await createDeviceCa(places, ceremony);
  assert.equal(load().deviceCa?.certificate, made.certificate);
  assert.equal((await createDeviceCa(places, ceremony)).certificate, made.certificate);
});

test('a device CA certificate of another key, or of another server, is refused', () => {
  const files = keyFiles(places);
  cpSync(files.caCertificate, files.deviceCaCertificate);
  refused('mismatch', /device-ca\.crt is not of the CA's key/, () => load());
  refused('mismatch', /is iss in the configuration right/, () => loadMaterial(places, 'other.test', now));
});

test('a second ceremony changes nothing', async () => {
  const before = everyFile();
  await createKeys(places, ceremony);
  assert.deepEqual(everyFile(), before);
});

test('a ceremony cut off anywhere is finished by the next, which keeps what was made', async () => {
  const files = keyFiles(places);
  const before = everyFile();
  rmSync(files.caCertificate);
  rmSync(files.rootB.public);
  rmSync(files.log);
  rmSync(places.kek);
  writeFileSync(join(files.dir, '.log.pem.AAAA.partial'), 'half a k');
  await createKeys(places, ceremony);
  const after = everyFile();
  assert.deepEqual([...after.keys()], [...before.keys()]);
  for (const file of [files.ca, files.firstIssuer, files.rootA.private, files.rootB.public, files.tls]) {
    assert.equal(after.get(file), before.get(file), file);
  }
  assert.doesNotThrow(() => load());
});

test('the server runs without the roots; a ceremony without them says which is missing', async () => {
  assert.ok(rootsPresent(places));
  rmSync(places.roots, { recursive: true });
  assert.ok(!rootsPresent(places));
  assert.doesNotThrow(() => load());
  refused('missing', /bring one of them back/, () => loadRootPrivate(places));
  await assert.rejects(createKeys(places, ceremony), /root-a\.pem is not there: bring the root keys back/);
});

test('a root private key that is not its public half’s is refused', async () => {
  const { rootA } = keyFiles(places);
  cpSync(keyFiles(places).rootB.private, rootA.private);
  refused('mismatch', /root-a\.pub is not the public half/, () => loadRootPrivate(places));
  await assert.rejects(createKeys(places, ceremony), /root-a\.pub is not the public half/);
});

test('a key file that others may read is refused, with the command that mends it', () => {
  const { ca, dir } = keyFiles(places);
  for (const file of [ca, places.kek]) {
    chmodSync(file, 0o640);
    refused('permissions', new RegExp(`mode 0640.*chmod 600 ${file}`), load);
    chmodSync(file, 0o600);
  }
  for (const directory of [dir, places.dataDir]) {
    chmodSync(directory, 0o750);
    refused('permissions', new RegExp(`chmod 700 ${directory}`), load);
    chmodSync(directory, 0o700);
  }
});

test('a missing, truncated or exchanged file is named', () => {
  const files = keyFiles(places);
  const swap = (file: string, content: string, code: KeyFaultCode, words: RegExp) => {
    const before = readFileSync(file);
    writeFileSync(file, content);
    refused(code, words, load);
    writeFileSync(file, before);
  };
  const read = (file: string) => readFileSync(file, 'utf8');
  swap(files.log, read(files.log).slice(0, 60), 'malformed', /log\.pem cannot be read as a key/);
  swap(files.log, read(files.ca), 'malformed', /log\.pem is not an Ed25519 key/);
  swap(files.firstIssuer, read(files.rootA.private), 'malformed', /issuer-1\.pem is not an RSA-3072 key/);
  swap(files.ca, read(files.tls), 'mismatch', /ca\.crt is not of the CA's key/);
  swap(files.rootB.public, read(files.rootA.public), 'mismatch', /are the same key/);
  swap(places.kek, 'AAAA\n', 'malformed', /kek is not 32 bytes/);
  rmSync(files.tls);
  refused('missing', /tls\.pem is not there/, load);
});

test('the CA is refused outside its life and for another iss', () => {
  refused('expired', /ended/, () => load(new Date('2046-01-02T00:00:00Z')));
  refused('expired', /clock/, () => load(new Date('2025-12-30T23:59:59Z')));
  refused('mismatch', /not the access CA of other\.test/, () => loadMaterial(places, 'other.test', now));
});

test('the KEK lies outside the data directory, symbolic links followed', async () => {
  const inside = { ...places, kek: join(places.dataDir, 'kek') };
  refused('place', /inside the data directory/, () => loadMaterial(inside, ISS, now));
  await assert.rejects(createKeys(inside, ceremony), /inside the data directory/);
  assert.ok(!readdirSync(places.dataDir).includes('kek'));
  symlinkSync(places.dataDir, join(top, 'copy/link'));
  const through = { ...places, kek: join(top, 'copy/link/kek') };
  refused('place', /inside the data directory/, () => loadMaterial(through, ISS, now));
});

test('a key file is never overwritten', () => {
  const { ca } = keyFiles(places);
  const before = readFileSync(ca, 'utf8');
  refused('exists', /exists already/, () => writeOnce(ca, 'other', 'tag'));
  assert.equal(readFileSync(ca, 'utf8'), before);
});

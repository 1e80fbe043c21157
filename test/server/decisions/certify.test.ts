import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { certifies } from '../../../protocol/certificate-check.ts';
import { keyObject } from '../../../protocol/jwk.ts';
import { verifyMessage } from '../../../protocol/jws.ts';
import { certificate as message } from '../../../protocol/messages.ts';
import { Problem, type ProblemCode } from '../../../protocol/problems.ts';
import { certifyModule } from '../../../server/decisions/certify.ts';
import { registerModule } from '../../../server/decisions/register.ts';
import { retire, suspend, tend } from '../../../server/decisions/tend.ts';
import { Device } from '../../fixture/device.ts';
import { orderOf } from '../../fixture/orders.ts';
import { startScene } from '../../fixture/scene.ts';
import { digest, provisioned } from '../../fixture/unlocks.ts';

/** The customer's own TLS key: docs/protocol.md §5.6 and §5.7. */

const { server, services, station, olga } = await startScene();
after(() => server.stop());
const [issuer] = services.keys.issuers;
const { deviceCa } = services.keys;
assert.ok(issuer && deviceCa);
const deviceCaKey = createPublicKey(deviceCa.certificate);

const certify = (device: Device, csr: string) => certifyModule(services, station, device.hwid, csr);
const events = (hwid: string) => services.reader.search({ hwid, type: 'module.certified', limit: 100 });

function is(code: ProblemCode) {
  return (error: unknown) => error instanceof Problem && error.code === code;
}

/** The certificate in the issuer's message, once that verifies. */
function read(jws: string) {
  const keys = (kid: string) => (kid === issuer?.kid ? keyObject(issuer.jwk) : undefined);
  const claims = verifyMessage(message, jws, keys);
  return { claims, x509: new X509Certificate(Buffer.from(claims.crt, 'base64url')) };
}

describe('certifying a TLS key', () => {
  test('the certificate is of the device CA, for this module, this key, as a TLS client and nothing else', async () => {
    const device = await provisioned(services, station);
    const answer = await certify(device, await device.csr());
    const { claims, x509 } = read(answer.certificate);
    assert.deepEqual([claims.sub, claims.dkt, claims.iss], [device.hwid, device.dkt, services.keys.iss]);
    assert.ok(certifies(claims.crt, device.tls));
    assert.ok(x509.verify(deviceCaKey) && x509.checkIssued(new X509Certificate(answer.ca)));
    assert.deepEqual(
      [x509.subject, x509.subjectAltName, x509.keyUsage, x509.ca],
      [`CN=${device.hwid}`, `URI:urn:latchkey:module:${device.hwid}`, ['1.3.6.1.5.5.7.3.2'], false],
    );
    assert.equal(x509.serialNumber.toLowerCase(), answer.serial);
  });

  test('it lasts as long as the configuration says, and no longer than the device CA', async () => {
    const device = await provisioned(services, station);
    const { module } = services.config.certificates;
    const { x509 } = read((await certify(device, await device.csr())).certificate);
    assert.equal((Date.parse(x509.validTo) - Date.parse(x509.validFrom)) / 1000, module.life);
    const long = { ...services.config.certificates, module: { life: 100 * 365 * 86_400 } };
    const config = { ...services.config, certificates: long };
    const other = await provisioned(services, station);
    const csr = await other.csr();
    const capped = await certifyModule({ ...services, config }, station, other.hwid, csr);
    assert.equal(capped.expires, deviceCa.ends.toISOString());
  });

  test('the same key again, by another csr and another caller: the same certificate, and one event', async () => {
    const device = await provisioned(services, station);
    const first = await certify(device, await device.csr());
    server.clock.advance(86_400_000);
    const again = await certifyModule(services, olga, device.hwid, await device.csr());
    assert.equal(read(again.certificate).claims.crt, read(first.certificate).claims.crt);
    assert.deepEqual([again.serial, again.log], [first.serial, null]);
    assert.equal((await events(device.hwid)).items.length, 1);
  });

  test('two at once for the same key get one certificate', async () => {
    const device = await provisioned(services, station);
    const csrs = await Promise.all([device.csr(), device.csr(), device.csr()]);
    const answers = await Promise.all(csrs.map((csr) => certify(device, csr)));
    assert.equal(new Set(answers.map(({ certificate }) => read(certificate).claims.crt)).size, 1);
    assert.equal(answers.filter(({ log }) => log !== null).length, 1);
    assert.equal((await events(device.hwid)).items.length, 1);
  });

  test('the event says what was certified, under which CA, before the certificate leaves', async () => {
    const device = await provisioned(services, station);
    const answer = await certify(device, await device.csr());
    const { x509 } = read(answer.certificate);
    const [item] = (await events(device.hwid)).items;
    assert.ok(item && answer.log);
    assert.equal(item.index, answer.log.index);
    const { event } = item;
    assert.ok(event.type === 'module.certified');
    assert.deepEqual(
      [event.serial, event.dkt, event.dig, event.ca, event.expires],
      [answer.serial, device.dkt, digest(x509.raw), deviceCa.fingerprint, answer.expires],
    );
  });
});

describe('what is not certified', () => {
  test('a csr that this module’s device key did not sign, or that is about another module', async () => {
    const device = await provisioned(services, station);
    const other = await provisioned(services, station);
    const wrong: [string, Promise<string>][] = [
      ['signed by another', other.csr({ sub: device.hwid })],
      ['about another', device.csr({ sub: other.hwid })],
      ['no message', Promise.resolve('a.b.c')],
      ['another message', device.challenge()],
    ];
    for (const [what, csr] of wrong)
      await assert.rejects(certify(device, await csr), is('invalid-message'), what);
  });

  test('the device key itself: what signs receipts must not sign what a TLS server chooses', async () => {
    const device = await provisioned(services, station);
    await assert.rejects(certify(device, await device.csr(device.key)), is('invalid-message'));
  });

  test('a module that is unknown, not confirmed, suspended or retired', async () => {
    const unknown = new Device();
    await assert.rejects(certify(unknown, await unknown.csr()), is('module-unknown'));
    const registered = new Device();
    const { hwid, key } = registered;
    await registerModule(services, station, { hwid, key, order: await orderOf(services, station) });
    await assert.rejects(certify(registered, await registered.csr()), is('module-unconfirmed'));
    for (const verb of [suspend, retire]) {
      const device = await provisioned(services, station);
      await certify(device, await device.csr());
      await tend(services, olga, device.hwid, verb, 'for the test');
      await assert.rejects(certify(device, await device.csr()), is('module-inactive'), verb.name);
    }
  });

  test('a csr by a device key that the module had before it was registered anew', async () => {
    const old = await provisioned(services, station);
    const csr = await old.csr();
    await tend(services, olga, old.hwid, retire, 'for the test');
    const anew = await provisioned(services, station, new Device(old.hwid));
    await assert.rejects(certify(old, csr), is('invalid-message'));
    const { claims } = read((await certify(anew, await anew.csr())).certificate);
    assert.equal(claims.dkt, anew.dkt);
  });
});

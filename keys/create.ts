import { createPublicKey, type KeyObject } from 'node:crypto';
import { dirname } from 'node:path';
import { encodeBase64url } from '../protocol/base64url.ts';
import { makeCaCertificate, newSerial } from './certificates.ts';
import { makeDeviceCaCertificate } from './device-ca.ts';
import { KeyFault } from './fault.ts';
import { exists, makeDirectory, removePartials, requirePrivateDirectory, writeOnce } from './files.ts';
import {
  loadCaCertificate,
  loadDeviceCaCertificate,
  loadKek,
  loadLogKey,
  loadP256,
  loadRootPublic,
  loadRsa,
  requireHalves,
} from './load.ts';
import { type DeviceCaMaterial, generateEd25519, generateP256, generateRsa } from './material.ts';
import { type KeyPlaces, keyFiles, requireKekOutside } from './places.ts';

export interface Ceremony {
  readonly iss: string;
  readonly now: Date;
  readonly random: (length: number) => Uint8Array;
}

interface Making extends Ceremony {
  /** Tells this run's partial files from another's. */
  readonly tag: string;
}

const CA_YEARS = 20;
/** Modules stay in the field for long, and nobody changes what the customer's servers trust without need. */
const DEVICE_CA_YEARS = 30;
/** The CA begins a day early, so that a client whose clock is a little behind can enrol at once. */
const DAY = 86_400_000;

/**
 * Makes every key that is not there yet, and checks those that are: so a run that was cut off is
 * finished by the next. A key file is never overwritten, and none counts before a manifest names it.
 * @throws KeyFault
 */
export async function createKeys(places: KeyPlaces, ceremony: Ceremony): Promise<void> {
  const files = keyFiles(places);
  requireKekOutside(places);
  for (const directory of [places.dataDir, files.dir, places.roots]) {
    makeDirectory(directory);
    requirePrivateDirectory(directory);
    removePartials(directory);
  }
  const making = { ...ceremony, tag: encodeBase64url(ceremony.random(6)) };
  const [rootA, rootB, ca, deviceCa] = await Promise.all([
    makeRoot(files.rootA, making),
    makeRoot(files.rootB, making),
    makeRsa(files.ca, 3072, making),
    makeKey(files.deviceCa, making, generateP256, loadP256),
    makeRsa(files.firstIssuer, 3072, making),
    makeRsa(files.tls, 3072, making),
    makeKey(files.log, making, generateEd25519, loadLogKey),
  ]);
  writeRootPublic(files.rootA.public, rootA, making);
  writeRootPublic(files.rootB.public, rootB, making);
  await writeCaCertificate(files.caCertificate, ca, making);
  await writeDeviceCaCertificate(files.deviceCaCertificate, deviceCa, making);
  writeKek(places, making);
}

/**
 * The device CA of a server that was made before there was one.
 * @throws KeyFault
 */
export async function createDeviceCa(places: KeyPlaces, ceremony: Ceremony): Promise<DeviceCaMaterial> {
  const { dir, deviceCa, deviceCaCertificate } = keyFiles(places);
  requirePrivateDirectory(dir);
  const making = { ...ceremony, tag: encodeBase64url(ceremony.random(6)) };
  const key = await makeKey(deviceCa, making, generateP256, loadP256);
  return { key, certificate: await writeDeviceCaCertificate(deviceCaCertificate, key, making) };
}

function makeRoot(file: { private: string; public: string }, making: Making): Promise<KeyObject> {
  if (exists(file.public) && !exists(file.private)) {
    throw new KeyFault(
      'missing',
      `${file.private} is not there: bring the root keys back, or restore a backup`,
    );
  }
  return makeRsa(file.private, 4096, making);
}

function makeRsa(file: string, bits: 3072 | 4096, making: Making): Promise<KeyObject> {
  return makeKey(
    file,
    making,
    () => generateRsa(bits),
    (found) => loadRsa(found, bits),
  );
}

async function makeKey(
  file: string,
  { tag }: Making,
  generate: () => Promise<KeyObject>,
  load: (file: string) => KeyObject,
): Promise<KeyObject> {
  if (exists(file)) return load(file);
  const key = await generate();
  writeOnce(file, key.export({ type: 'pkcs8', format: 'pem' }).toString(), tag);
  return key;
}

/** The roots' public halves stay with the server when the private ones go. */
function writeRootPublic(file: string, root: KeyObject, { tag }: Making): void {
  const pem = createPublicKey(root).export({ type: 'spki', format: 'pem' }).toString();
  if (!exists(file)) writeOnce(file, pem, tag);
  requireHalves(file, loadRootPublic(file), root);
}

async function writeCaCertificate(file: string, ca: KeyObject, making: Making): Promise<void> {
  const { iss, now, tag } = making;
  if (!exists(file)) writeOnce(file, await makeCaCertificate(ca, iss, validity(making, CA_YEARS)), tag);
  loadCaCertificate(file, ca, iss, now);
}

async function writeDeviceCaCertificate(file: string, key: KeyObject, making: Making): Promise<string> {
  const { iss, now, tag } = making;
  const valid = validity(making, DEVICE_CA_YEARS);
  if (!exists(file)) writeOnce(file, await makeDeviceCaCertificate(key, iss, valid), tag);
  return loadDeviceCaCertificate(file, key, iss, now);
}

function validity({ now, random }: Making, years: number) {
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + years);
  return { serial: newSerial(random), notBefore: new Date(now.getTime() - DAY), notAfter };
}

function writeKek(places: KeyPlaces, { random, tag }: Making): void {
  if (!exists(places.kek)) {
    makeDirectory(dirname(places.kek));
    removePartials(dirname(places.kek));
    writeOnce(places.kek, `${encodeBase64url(random(32))}\n`, tag);
  }
  loadKek(places);
}

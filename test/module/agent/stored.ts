import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

/** A `$6$` hash in form alone. */
export const hash = `$6$salt$${'.'.repeat(86)}`;
export const jti = '01980a3c-5b00-7c1e-8d2f-6a7b8c9d0e1f';

/** What a stored state is made of, in the order of state.c: this one remembers everything that can be. */
export const full = {
  device: Buffer.alloc(32, 1),
  flags: uint(3, 1),
  reserved: uint(256, 4),
  manifest: long('a.b.c'),
  roots: Buffer.alloc(1024, 0xff),
  version: uint(1, 4),
  hash: short(hash),
  last: short(jti),
  session: short(jti),
  scope: uint(1, 1),
  seconds: uint(900, 4),
  count: uint(2, 1),
  receipts: Buffer.concat([uint(1, 4), long('a.b.c'), uint(2, 4), long('d')]),
};

/** A module that is new. */
export const fresh: typeof full = {
  ...{ ...full, flags: uint(0, 1), manifest: long(''), roots: Buffer.alloc(0), version: uint(0, 4) },
  ...{ hash: short(''), last: short(''), session: short(''), scope: uint(0, 1), seconds: uint(0, 4) },
  ...{ count: uint(0, 1), receipts: Buffer.alloc(0) },
};

/** As it is inside its seal. */
export const bytesOf = (state: Record<string, Uint8Array>): Buffer => Buffer.concat(Object.values(state));

export const HWID = 'LTE4-00A1B2C3D4E5';

/** Seals as seal.h says: AES-256-GCM under an HMAC of the hardware ID, name and salt associated. */
export function sealed(hwid: string, state: Uint8Array, name = 'latchd store 1\n\0'): Buffer {
  const [salt, iv] = [Buffer.alloc(32, 7), Buffer.alloc(12, 8)];
  const cipher = createCipheriv('aes-256-gcm', sealingKey(hwid, salt), iv).setAAD(
    Buffer.concat([Buffer.from(name, 'latin1'), salt]),
  );
  const text = Buffer.concat([cipher.update(state), cipher.final()]);
  return Buffer.concat([Buffer.from(name, 'latin1'), salt, iv, cipher.getAuthTag(), text]);
}

/** The key under which a file of this module's is sealed. @param salt that of the file */
export function sealingKey(hwid: string, salt: Uint8Array): Buffer {
  return createHmac('sha256', salt).update(`latchd seal 1 ${hwid}`).digest();
}

/** Opens what a module has sealed. @returns the key that seals it too */
export function unsealed(hwid: string, file: Buffer): { readonly key: Buffer; readonly state: Buffer } {
  const [salt, iv, tag] = [file.subarray(16, 48), file.subarray(48, 60), file.subarray(60, 76)];
  const key = sealingKey(hwid, salt);
  const cipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(file.subarray(0, 48)).setAuthTag(tag);
  return { key, state: Buffer.concat([cipher.update(file.subarray(76)), cipher.final()]) };
}

/** Big-endian. */
export function uint(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

/** With its length in one byte. */
export function short(text: string): Buffer {
  return Buffer.concat([uint(text.length, 1), Buffer.from(text, 'latin1')]);
}

/** With its length in two bytes. */
export function long(text: string): Buffer {
  return Buffer.concat([uint(text.length, 2), Buffer.from(text, 'latin1')]);
}

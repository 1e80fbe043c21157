import { createCipheriv, createDecipheriv } from 'node:crypto';
import { KeyFault } from './fault.ts';
import type { KeyEncryptingKey, SealedFor, Sealer } from './keys.ts';

/** A key that seals rows; 32 bytes, named by a UUID. */
export interface DataKey {
  readonly id: string;
  readonly key: Uint8Array;
}

type Random = (length: number) => Uint8Array;

const VERSION = 1;
const ID = 16;
const NONCE = 12;
const TAG = 16;

/**
 * Sealed: version byte 1 · data key's id (16) · nonce (12) · ciphertext · tag (16). Nonces are random:
 * NIST SP 800-38D §8.3 allows 2³² seals under one key, far more than one data key lives for.
 * @param dataKeys at least one; the newest, which seals, last
 */
export function makeSealer(dataKeys: readonly DataKey[], random: Random): Sealer {
  const newest = dataKeys.at(-1);
  if (newest === undefined) throw new KeyFault('missing', 'there is no data key');
  const keys = new Map(dataKeys.map(({ id, key }) => [id, key]));
  return {
    usable: true,
    seal(plain, sealedFor) {
      const head = Buffer.concat([Buffer.of(VERSION), idBytes(newest.id)]);
      const body = encrypt(newest.key, random(NONCE), plain, associated(head, sealedFor));
      return Buffer.concat([head, body]);
    },
    open(sealed, sealedFor) {
      const head = sealed.subarray(0, 1 + ID);
      const key = head[0] === VERSION ? keys.get(idText(head.subarray(1))) : undefined;
      if (key === undefined) throw new KeyFault('missing', `no data key opens this ${sealedFor.purpose}`);
      const plain = decrypt(key, sealed.subarray(1 + ID), associated(head, sealedFor));
      if (plain === undefined) throw new KeyFault('mismatch', `not sealed as this ${sealedFor.purpose}`);
      return plain;
    },
  };
}

/** Id of the data key that sealed these bytes; undefined where they were not sealed here. */
export function sealedUnder(sealed: Uint8Array): string | undefined {
  return sealed[0] === VERSION && sealed.length > ID ? idText(sealed.subarray(1, 1 + ID)) : undefined;
}

/** Wrapped: version byte 1 · nonce (12) · ciphertext (32) · tag (16), bound to the data key's id. */
export function makeKek(kek: Uint8Array, random: Random): KeyEncryptingKey {
  const bound = (id: string) => Buffer.concat([Buffer.of(VERSION), prefixed('data-key'), idBytes(id)]);
  return {
    wrap: (dataKey, id) =>
      Buffer.concat([Buffer.of(VERSION), encrypt(kek, random(NONCE), dataKey, bound(id))]),
    unwrap(wrapped, id) {
      const dataKey = wrapped[0] === VERSION ? decrypt(kek, wrapped.subarray(1), bound(id)) : undefined;
      if (dataKey === undefined) {
        throw new KeyFault(
          'mismatch',
          `data key ${id} was not wrapped by this KEK: restore the KEK it belongs to`,
        );
      }
      return dataKey;
    },
  };
}

/** Every field has a fixed place or its length before it, so no two purposes share associated data. */
function associated(head: Uint8Array, { purpose, subject, version }: SealedFor): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(version);
  return Buffer.concat([head, prefixed(purpose), prefixed(subject), number]);
}

function prefixed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function encrypt(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG }).setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Buffer | undefined {
  if (sealed.length < NONCE + TAG) return undefined;
  const nonce = sealed.subarray(0, NONCE);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG }).setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-TAG));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(NONCE, -TAG)), decipher.final()]);
  } catch {
    return undefined;
  }
}

function idBytes(id: string): Buffer {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
  if (bytes.length !== ID) throw new TypeError('a data key id is a UUID');
  return bytes;
}

function idText(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

import { HASH_BYTES } from './merkle.ts';
import { NoteError, type NoteSigner, type NoteVerifier, openNote, signNote } from './note.ts';

/** C2SP tlog-checkpoint: what the log key signs about the whole log. */
export interface Checkpoint {
  /** Which log: its issuer's name and `/log`. */
  readonly origin: string;
  /** Number of leaves. */
  readonly size: number;
  /** RFC 6962 root hash, 32 bytes. */
  readonly root: Uint8Array;
}

/** The origin of an issuer's log, which is also the name of its keys in notes. */
export function logOrigin(iss: string): string {
  return `${iss}/log`;
}

/** The text that is signed. */
export function encodeCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/**
 * Reads the text of a note. Extension lines, which nobody could audit, are refused.
 * @throws NoteError `form` for whatever encodeCheckpoint() would not write
 */
export function decodeCheckpoint(text: string): Checkpoint {
  const [, origin, size, root] = /^([^\n]+)\n([0-9]{1,16})\n([A-Za-z0-9+/]{43}=)\n$/.exec(text) ?? [];
  if (origin === undefined || size === undefined || root === undefined) {
    throw new NoteError('form', 'not the three lines of a checkpoint');
  }
  const checkpoint = { origin, size: Number(size), root: new Uint8Array(Buffer.from(root, 'base64')) };
  const sound = Number.isSafeInteger(checkpoint.size) && checkpoint.root.length === HASH_BYTES;
  if (!sound || encodeCheckpoint(checkpoint) !== text) throw new NoteError('form', 'not canonical');
  return checkpoint;
}

/** The signed checkpoint; the signer's name is its origin. */
export function signCheckpoint(size: number, root: Uint8Array, signer: NoteSigner): Promise<string> {
  return signNote(encodeCheckpoint({ origin: signer.name, size, root }), signer);
}

/**
 * The checkpoint of the log `origin`, signed by at least one of its keys.
 * @throws NoteError
 */
export function openCheckpoint(note: string, origin: string, verifiers: readonly NoteVerifier[]): Checkpoint {
  const checkpoint = decodeCheckpoint(openNote(note, verifiers));
  if (checkpoint.origin !== origin) {
    throw new NoteError('form', `the checkpoint is of ${checkpoint.origin}, not of ${origin}`);
  }
  return checkpoint;
}

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import {
  decodeCheckpoint,
  encodeCheckpoint,
  logOrigin,
  openCheckpoint,
  signCheckpoint,
} from '../../protocol/checkpoint.ts';
import { EMPTY_ROOT } from '../../protocol/merkle.ts';
import {
  formatVerifierKey,
  NoteError,
  type NoteFault,
  type NoteSigner,
  noteVerifier,
  openNote,
  parseVerifierKey,
  signNote,
} from '../../protocol/note.ts';

const ORIGIN = logOrigin('latchkey.example');
const log = makeSigner(ORIGIN);
const witness = makeSigner('witness.example');

/** The example of golang.org/x/mod/sumdb/note. */
const published = {
  key: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  signature:
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
};

test('the published note opens under the published verifier key', () => {
  const verifier = parseVerifierKey(published.key);
  assert.equal(verifier.id, 'c74f20a3');
  assert.equal(openNote(`${published.text}\n${published.signature}`, [verifier]), published.text);
  assert.equal(formatVerifierKey(verifier), published.key);
});

test('a verifier key line is refused unless its id is the key’s and it is written canonically', () => {
  const line = formatVerifierKey(log);
  assert.equal(formatVerifierKey(parseVerifierKey(line)), line);
  const refused = [
    '',
    line.replace(/\+[0-9a-f]{8}\+/, '+00000000+'),
    line.replace(ORIGIN, 'other.example/log'),
    line.replace('+AX', '+Ag'),
    line.toUpperCase(),
    `${line}\n`,
    `${line}=`,
    ` ${line}`,
    line.slice(0, -1),
    line.replace(ORIGIN, 'two words'),
    line.replace(ORIGIN, ''),
  ].filter((candidate) => candidate !== line);
  for (const candidate of refused) refuses('form', () => parseVerifierKey(candidate), candidate);
});

test('a note holds its text and the signature of its key', async () => {
  const note = await signNote('one\n\nthree\n', log);
  assert.match(note, /^one\n\nthree\n\n— latchkey\.example\/log [A-Za-z0-9+/]{91}=\n$/);
  assert.equal(openNote(note, [witness, log]), 'one\n\nthree\n');
});

test('signatures by unknown keys are passed over, but one known signature must be there', async () => {
  const note = await signNote('text\n', log);
  const cosigned = note + (await signNote('text\n', witness)).split('\n\n')[1];
  assert.equal(openNote(cosigned, [log]), 'text\n');
  assert.equal(openNote(cosigned, [witness]), 'text\n');
  refuses('unsigned', () => openNote(note, [witness]));
  refuses('unsigned', () => openNote(note, []));
  const namesake = makeSigner(ORIGIN);
  refuses('unsigned', () => openNote(note, [noteVerifier(ORIGIN, namesake.publicKey)]));
});

test('a known key’s signature that does not hold spoils the note, whoever else signed it', async () => {
  const note = await signNote('text\n', log);
  refuses('signature', () => openNote(note.replace('text', 'next'), [log]));
  const foreign = (await signNote('next\n', witness)).split('\n\n')[1];
  refuses('signature', () => openNote(note + foreign, [log, witness]));
  const bytes = Buffer.from(note.trimEnd().split(' ').at(-1) ?? '', 'base64');
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  refuses('signature', () => openNote(`text\n\n— ${ORIGIN} ${bytes.toString('base64')}\n`, [log]));
  const short = bytes.subarray(0, 60).toString('base64');
  refuses('signature', () => openNote(`text\n\n— ${ORIGIN} ${short}\n`, [log]));
});

test('what is not a note is refused as such (C2SP signed-note)', async () => {
  const note = await signNote('text\n', log);
  const line = note.split('\n\n')[1] ?? '';
  const signature = line.trimEnd().split(' ').at(-1) ?? '';
  const refused = [
    '',
    '\n\n',
    'text\n',
    'text\n\n',
    `text\n${line}`,
    note.trimEnd(),
    `${note}\n`,
    note.replace('\n', '\r\n'),
    note.replace('text', 'te\0xt'),
    note.replace('text', 'te\txt'),
    note.replace('text', 'te\ud800xt'),
    note.replace('— ', '- '),
    note.replace('— ', '—'),
    note.replace(ORIGIN, 'a+b'),
    note.replace(ORIGIN, 'a\u00a0b'),
    note.replace(` ${ORIGIN}`, ''),
    note.replace(signature, `${signature}=`),
    note.replace(signature, 'AAAA'),
    note.replace(signature, signature.slice(0, -1)),
    note.replace(signature, signature.replace(/.=$/, '/=')),
    note.replace(line, line.repeat(65)),
    `${'x'.repeat(70_000)}\n\n${line}`,
  ];
  for (const candidate of refused) refuses('form', () => openNote(candidate, [log]), candidate);
  await assert.rejects(signNote('no newline', log), TypeError);
  assert.throws(() => noteVerifier('two words', log.publicKey), TypeError);
  assert.throws(() => noteVerifier('a+b', log.publicKey), TypeError);
});

test('a checkpoint is origin, size and root (C2SP tlog-checkpoint)', async () => {
  const text = `latchkey.example/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n`;
  assert.equal(encodeCheckpoint({ origin: ORIGIN, size: 0, root: EMPTY_ROOT }), text);
  const opened = openCheckpoint(await signCheckpoint(0, EMPTY_ROOT, log), ORIGIN, [log]);
  assert.deepEqual(opened, { origin: ORIGIN, size: 0, root: new Uint8Array(EMPTY_ROOT) });
});

test('a checkpoint of another log is refused, though a known key signed it', async () => {
  const note = await signNote(encodeCheckpoint({ origin: 'other/log', size: 0, root: EMPTY_ROOT }), log);
  refuses('form', () => openCheckpoint(note, ORIGIN, [log]));
});

test('whatever is not exactly a checkpoint is refused', () => {
  const good = encodeCheckpoint({ origin: ORIGIN, size: 17, root: EMPTY_ROOT });
  const refused = [
    '',
    good.replace('17', '017'),
    good.replace('17', '-17'),
    good.replace('17', '1e1'),
    good.replace('17', ' 17'),
    good.replace('17', ''),
    good.replace('17', '9007199254740992'),
    good.replace('17', '99999999999999999999'),
    good.replace(ORIGIN, ''),
    good.replace('FU=', 'FV='),
    good.replace('FU=', 'FU'),
    good.replace('47DE', '47D-'),
    good.replace('47DE', ''),
    `${good}extension\n`,
    `${good}\n`,
    `\n${good}`,
    good.trimEnd(),
  ];
  for (const candidate of refused) refuses('form', () => decodeCheckpoint(candidate), candidate);
});

function makeSigner(name: string): NoteSigner {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { ...noteVerifier(name, publicKey), sign: (bytes) => sign(null, bytes, privateKey) };
}

function refuses(code: NoteFault, open: () => unknown, message?: string): void {
  assert.throws(open, (error) => error instanceof NoteError && error.code === code, message);
}

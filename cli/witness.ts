import { createHash } from 'node:crypto';
import { type Checkpoint, decodeCheckpoint, logOrigin, openCheckpoint } from '../protocol/checkpoint.ts';
import { consistencyProof, verifyConsistency } from '../protocol/merkle.ts';
import { NoteError } from '../protocol/note.ts';
import type { Client } from './client.ts';
import type { Cli } from './context.ts';
import { Failure } from './failure.ts';
import type { Home } from './home.ts';
import { type KeptLog, readKeptLog, writeKeptLog } from './profile.ts';
import type { Session } from './session.ts';
import { overTiles } from './tiles.ts';
import type { Trusted } from './trust.ts';

/** The keys that a checkpoint is checked under: those kept, then those that the server shows now. */
export interface WitnessKeys {
  kept(): Promise<Trusted>;
  refreshed(): Promise<Trusted>;
}

/**
 * Holds the server to its word: its checkpoint must be signed by the log key, cover every event that an
 * answer has named, and extend the checkpoint that this home kept. Costs one small request where
 * nothing was added. The caller holds the home's lock, so that checkpoints are kept in order.
 * @throws Failure `log-forked`, `log-shrunk`, `log-unsigned`; both checkpoints stay as evidence
 */
export async function witnessLog(
  home: Home,
  client: Client,
  keys: WitnessKeys,
  now: Date,
): Promise<Checkpoint> {
  const kept = readKeptLog(home);
  const note = (await client.bytes('/log/checkpoint')).toString();
  const promised = Math.max(kept?.promised ?? 0, client.promised);
  const shown = await openUnder(note, keys);
  if (kept !== undefined && note === kept.checkpoint && promised === kept.promised) return shown;
  const fault = (kept && (await compare(client, openKept(kept), shown))) ?? broken(shown, promised);
  if (fault !== undefined) throw accuse(home, kept?.checkpoint ?? '', note, fault);
  const since = kept?.since ?? { size: shown.size, at: now.toISOString() };
  writeKeptLog(home, { checkpoint: note, promised, since });
  return shown;
}

/**
 * Demands that a checkpoint in an answer is of the log that this home follows: what the server shows
 * now must extend it.
 * @param note the answer's, fetched before this
 * @throws Failure as witnessLog() does
 */
export async function demandWitnessed({ home }: Cli, session: Session, note: string): Promise<Checkpoint> {
  const witnessed = await session.witness();
  const trusted = async () => session.trusted();
  const shown = await openUnder(note, { kept: trusted, refreshed: trusted });
  const fault = await compare(session.client, shown, witnessed);
  if (fault !== undefined) throw accuse(home, note, readKeptLog(home)?.checkpoint ?? '', fault);
  return shown;
}

type Fault = readonly [code: 'log-shrunk' | 'log-forked', what: string];

async function compare(client: Client, kept: Checkpoint, shown: Checkpoint): Promise<Fault | undefined> {
  // An empty tree is a prefix of every other (RFC 6962 has no proof from it).
  if (kept.size === 0) return undefined;
  if (shown.size < kept.size) return ['log-shrunk', `it has ${shown.size} events and had ${kept.size}`];
  const proof = await overTiles(client, shown.size, (hashes) =>
    consistencyProof(kept.size, shown.size, hashes),
  );
  const [oldSize, oldRoot, newSize, newRoot] = [kept.size, kept.root, shown.size, shown.root];
  if (verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof })) return undefined;
  return ['log-forked', `its ${newSize} events do not begin with the ${oldSize} that it had`];
}

function broken(shown: Checkpoint, promised: number): Fault | undefined {
  if (shown.size >= promised) return undefined;
  return ['log-shrunk', `its checkpoint covers ${shown.size} events, and an answer named the ${promised}th`];
}

/** Its signature was checked when it was kept, under a key that may be gone by now. */
function openKept({ checkpoint }: KeptLog): Checkpoint {
  return decodeCheckpoint(checkpoint.slice(0, checkpoint.lastIndexOf('\n\n') + 1));
}

async function openUnder(note: string, keys: WitnessKeys): Promise<Checkpoint> {
  const trusted = await keys.kept();
  try {
    return openCheckpoint(note, logOrigin(trusted.iss), trusted.logKeys);
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    if (error.code !== 'unsigned') throw unsigned(error);
  }
  try {
    const { iss, logKeys } = await keys.refreshed();
    return openCheckpoint(note, logOrigin(iss), logKeys);
  } catch (error) {
    throw error instanceof NoteError ? unsigned(error) : error;
  }
}

function unsigned(cause: NoteError): Failure {
  return new Failure(
    'verification',
    'log-unsigned',
    `The log's checkpoint is not the log key's: ${cause.message}.`,
    {
      next: 'Do not rely on what this server says. Ask an officer.',
      cause,
    },
  );
}

function accuse(home: Home, before: string, shown: string, [code, what]: Fault): Failure {
  const name = `evidence-${createHash('sha256').update(before).update(shown).digest('hex').slice(0, 16)}.json`;
  home.writeJson(name, { kept: before, shown, what });
  return new Failure('verification', code, `The server has changed its log: ${what}.`, {
    next: `Nothing that it says counts until this is explained. Both checkpoints are in ${home.path(name)}; give them to an auditor.`,
    details: { kept: before, shown },
  });
}

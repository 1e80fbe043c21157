import { dataCommands } from '../../protocol/at/command.ts';
import type { AtClient } from './at-client.ts';
import { ModuleRefusal, PortError } from './fault.ts';

/** Characters of a message handed over, of all. */
export type Progress = (done: number, total: number) => void;

/** `+CME ERROR: 912`: a piece begins behind the end of what the module holds. */
const DATA_GAP = 912;

const PIECE_LIMIT = 5000;
const PIECE_ATTEMPTS = 3;
const RESTARTS = 2;

/**
 * Hands a message over in pieces. A piece whose answer did not come is sent again, since an offset below
 * the end rewrites from there; where the module misses one, it starts anew.
 * @throws PortError
 */
export async function upload(client: AtClient, message: string, progress: Progress): Promise<void> {
  for (let restarts = 0; ; restarts++) {
    try {
      return await sendPieces(client, message, progress);
    } catch (error) {
      if (!(error instanceof ModuleRefusal) || error.cme !== DATA_GAP || restarts === RESTARTS) throw error;
    }
  }
}

async function sendPieces(client: AtClient, message: string, progress: Progress): Promise<void> {
  for (const command of dataCommands(message)) {
    await persist(PIECE_ATTEMPTS, () => client.execute(command, PIECE_LIMIT));
    if (command.verb === 'data') progress(command.offset + command.piece.length, message.length);
  }
}

/** Does again what does no harm when done twice, where its answer did not come or made no sense. */
export async function persist<T>(attempts: number, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isUncertain(error) || attempt === attempts) throw error;
    }
  }
}

/** True where nobody can say whether the module did what it was told. */
export function isUncertain(error: unknown): boolean {
  return error instanceof PortError && (error.code === 'module-silent' || error.code === 'module-garbled');
}

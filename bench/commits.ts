import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { keyObject } from '../protocol/jwk.ts';
import { noteVerifier } from '../protocol/note.ts';
import { openLog } from '../server/log/open.ts';
import { openSqlite } from '../server/store/sqlite.ts';
import { testKeys } from '../test/fixture/keys.ts';
import { median, type Row } from './row.ts';

const AT_ONCE = 8;

/** How long a commit of one event waits, alone and among others: its group, the sync, the checkpoint. */
export async function commits(count: number): Promise<Row[]> {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  const { keys } = await testKeys();
  const signer = { ...noteVerifier('bench/log', keyObject(keys.log.jwk)), sign: keys.log.sign };
  const store = await openSqlite(join(dir, 'log.db'));
  const log = await openLog({
    store,
    signer,
    verifiers: [signer],
    clock: () => new Date(),
    copy: join(dir, 'checkpoint'),
    diagnostics: pino({ level: 'silent' }),
  });
  const waits = async (atOnce: number) => {
    const taken: number[] = [];
    let left = count;
    const work = async () => {
      while (left-- > 0) {
        const start = performance.now();
        await log.commit((tx) => tx.append({ type: 'server.started', by: 'server', version: 'bench' }));
        taken.push(performance.now() - start);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return median(taken);
  };
  try {
    await waits(AT_ONCE);
    return [
      { name: 'a commit waits, alone, median', value: await waits(1), unit: 'ms' },
      { name: `a commit waits, ${AT_ONCE} at once, median`, value: await waits(AT_ONCE), unit: 'ms' },
    ];
  } finally {
    await log.close();
    await store.close();
    rmSync(dir, { recursive: true });
  }
}

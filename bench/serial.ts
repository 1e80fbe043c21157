import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuid7 } from 'uuid';
import { ModuleClient } from '../cli/port/module.ts';
import { usePort } from '../cli/port/open.ts';
import type { Port } from '../cli/port/port.ts';
import { claimsOf } from '../cli/port/unverified.ts';
import { generateEd25519, generateRsa } from '../keys/material.ts';
import { logKey, pssKey } from '../keys/sign.ts';
import { monotonicClock } from '../module/simulator/clock.ts';
import { startModule } from '../module/simulator/start.ts';
import { signMessage } from '../protocol/jws.ts';
import { AUDIENCE, bundle, challenge, keyManifest, receipt, unlockToken } from '../protocol/messages.ts';
import { median, type Row } from './row.ts';

const BAUD = 115_200;
/** A start bit, eight data bits, a stop bit. */
const BYTES_PER_SECOND = BAUD / 10;
const RUNS = 5;

/** The module's side of an unlock over a line of 115,200 baud, beside what its bytes take at that speed. */
export async function serial(): Promise<Row[]> {
  const issuer = await makeIssuer();
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  // Each run is another two seconds later, so that the module makes a challenge.
  let skew = 0;
  const clock = { ...monotonicClock, now: () => monotonicClock.now() + skew };
  const options = {
    dir,
    hwid: 'BENCH-0001',
    imei: '490154203237518',
    roots: issuer.roots,
    clock,
    baud: BAUD,
  };
  const module = await startModule(options);
  try {
    await usePort(module.atPath, {}, (port) => provision(port, issuer));
    const runs: Run[] = [];
    for (let run = 0; run < RUNS; run++) {
      runs.push(await unlock(module.atPath, issuer, runs.at(-1)?.seq ?? 0));
      skew += 2000;
    }
    return rows(runs);
  } finally {
    await module.stop();
    rmSync(dir, { recursive: true });
  }
}

interface Run {
  readonly seconds: number;
  readonly bytes: number;
  /** Of the newest receipt. */
  readonly seq: number;
}

function rows(runs: readonly Run[]): Row[] {
  const bytes = median(runs.map((run) => run.bytes));
  return [
    { name: 'bytes on the wire for an unlock, echo on', value: bytes, unit: 'B' },
    {
      name: 'module side of an unlock at 115,200 baud',
      value: median(runs.map((run) => run.seconds)),
      unit: 's',
      beside: { name: 'bytes ÷ 11,520', value: bytes / BYTES_PER_SECOND },
    },
  ];
}

/**
 * What `latchkey unlock` does at the port; the server's part is not in the time.
 * @param held `seq` of the newest receipt that the server has
 */
async function unlock(path: string, issuer: Issuer, held: number): Promise<Run> {
  const start = performance.now();
  return usePort(path, {}, async (port) => {
    const counting = new Counting(port);
    const module = await ModuleClient.connect(counting);
    await module.receipts(held);
    const asked = await module.challenge('console', 900);
    const away = performance.now();
    const token = await issuer.token(asked);
    const back = performance.now();
    await module.unlock(token);
    const seconds = (away - start + performance.now() - back) / 1000;
    const { bytes } = counting;
    const closed = claimsOf(receipt, (await module.lock()) ?? '');
    return { seconds, bytes, seq: closed?.seq ?? held };
  });
}

/** Counts the bytes of both directions. */
class Counting implements Port {
  bytes = 0;
  readonly name: string;
  readonly #port: Port;

  constructor(port: Port) {
    this.#port = port;
    this.name = port.name;
  }

  listen(listener: Parameters<Port['listen']>[0]): void {
    this.#port.listen({
      data: (bytes) => {
        this.bytes += bytes.length;
        return listener.data(bytes);
      },
      closed: (why) => listener.closed(why),
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    this.bytes += bytes.length;
    return this.#port.write(bytes);
  }

  close(): Promise<void> {
    return this.#port.close();
  }

  hint(): Promise<string | undefined> {
    return this.#port.hint();
  }
}

type Issuer = Awaited<ReturnType<typeof makeIssuer>>;

async function makeIssuer() {
  const [root, spare, key, log] = await Promise.all([
    generateRsa(4096).then(pssKey),
    generateRsa(4096).then(pssKey),
    generateRsa(3072).then(pssKey),
    generateEd25519().then(logKey),
  ]);
  const iss = 'unlock.example.com';
  const named = { iss, ver: 1, keys: [key.jwk], log: [log.jwk] };
  return {
    roots: [root.jwk, spare.jwk] as const,
    manifest: await signMessage(keyManifest, named, root),
    bundle: await signMessage(bundle, { iss, aud: AUDIENCE, jti: uuid7() }, key),
    token(asked: string): Promise<string> {
      const claims = claimsOf(challenge, asked);
      if (claims === undefined) throw new TypeError('not a challenge');
      const { sub, nonce, scope, for: seconds } = claims;
      const iat = Math.floor(Date.now() / 1000);
      const own = { iss, aud: AUDIENCE, sub, nonce, jti: uuid7(), iat, exp: iat + 600 };
      return signMessage(unlockToken, { ...own, scope, for: seconds, by: 'alice' }, key);
    },
  };
}

async function provision(port: Port, issuer: Issuer): Promise<void> {
  const module = await ModuleClient.connect(port);
  await module.keys(issuer.manifest);
  await module.provision(issuer.bundle);
}

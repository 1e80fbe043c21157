import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { Row } from './row.ts';

const signAsync = promisify(sign);
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
const message = Buffer.alloc(512, 0x61);

/** What RSA-3072 PSS signatures cost here: the peer that everything else stands beside. */
export interface SignatureCost {
  /** CPU milliseconds per signature made through the thread pool, event loop included. */
  readonly cpu: number;
  readonly perSecondOneThread: number;
  readonly perSecondAllCores: number;
}

export async function signatures(count: number, cores: number): Promise<SignatureCost> {
  await signMany(privateKey, 50, cores);
  const one = await signMany(privateKey, count, 1);
  const all = await signMany(privateKey, count, cores);
  return { cpu: all.cpu, perSecondOneThread: one.perSecond, perSecondAllCores: all.perSecond };
}

/** CPU milliseconds per signature at this moment, to hold beside what is measured just before or after. */
export async function signatureCpu(count: number, cores: number): Promise<number> {
  return (await signMany(privateKey, count, cores)).cpu;
}

export function signatureRows(cost: SignatureCost): Row[] {
  return [
    { name: 'CPU per asynchronous RSA-3072 PSS signature', value: cost.cpu, unit: 'ms' },
    { name: 'RSA-3072 PSS signatures, one thread', value: cost.perSecondOneThread, unit: '/s' },
    { name: 'RSA-3072 PSS signatures, all cores', value: cost.perSecondAllCores, unit: '/s' },
  ];
}

/** Keeps `atOnce` signatures under way until `count` are made. */
async function signMany(key: KeyObject, count: number, atOnce: number) {
  const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  let left = count;
  const worker = async () => {
    while (left-- > 0) await signAsync('sha256', message, options);
  };
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  await Promise.all(Array.from({ length: atOnce }, worker));
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / 1000 / count, perSecond: count / seconds };
}

import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Factory } from './line/factory.ts';
import { judge } from './line/judge.ts';
import { Ordeal } from './line/ordeal.ts';
import { type Kill, killsOf } from './line/steps.ts';

/**
 * The production line with real processes: at every step of making a module the station, the server, the
 * connection between them and the module die in turn. Afterwards the same command is run again, and nothing
 * else is done; then every module is one module, and opens.
 */

/** How often each victim dies at each step; the whole of it is 20. */
const TIMES = Number(process.env['LINE_KILLS'] ?? 1);
/** Decides the order of the kills, and what chance adds: given again, it is all the same again. */
const SEED = Number(process.env['LINE_SEED'] ?? randomInt(2 ** 32));
/** Servers that suffer side by side, each with a station and modules of its own. */
const FACTORIES = Number(process.env['LINE_FACTORIES'] ?? 2);

// Hundreds of processes that are killed have no coverage to tell, and those that are not tell it for minutes.
delete process.env['NODE_V8_COVERAGE'];

let factories: Factory[];

before(async () => {
  factories = await Promise.all(Array.from({ length: FACTORIES }, () => Factory.open(100_000)));
});
after(async () => {
  for (const factory of factories) await factory.close();
});

test(`killed at every step ${TIMES} times, each module is made by the same command again (seed ${SEED})`, async (t) => {
  const kills = killsOf(TIMES, SEED);
  const hits = new Map<string, number>();
  const failures: unknown[] = [];
  const suffer = async (factory: Factory, place: number) => {
    const ordeal = await Ordeal.begin(factory);
    for (const kill of kills.filter((_, index) => index % FACTORIES === place)) {
      if (failures.length > 0) return;
      const what = `${kill.victim}: ${await told(kill, () => ordeal.suffer(kill))}`;
      hits.set(what, (hits.get(what) ?? 0) + 1);
    }
  };
  await Promise.all(
    factories.map((factory, place) => suffer(factory, place).catch((error) => failures.push(error))),
  );
  for (const [what, times] of [...hits].sort()) t.diagnostic(`${what} ${times}`);
  if (failures.length > 0) throw failures[0];
});

test('every module is one module with one password; counts, journal and log are right', async () => {
  for (const factory of factories) await judge(factory);
});

async function told<T>(kill: Kill, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new Error(`seed ${SEED}, ${JSON.stringify(kill)}: ${String(cause)}`, { cause });
  }
}

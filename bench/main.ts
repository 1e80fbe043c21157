import { availableParallelism } from 'node:os';
import { command } from './command.ts';
import { commits } from './commits.ts';
import { imports } from './import.ts';
import { jig } from './jig.ts';
import { lookupRows } from './lookups.ts';
import { machine, print } from './row.ts';
import { serial } from './serial.ts';
import { signatureRows, signatures } from './signatures.ts';
import { unlocks } from './unlocks.ts';

/**
 * `npm run bench`: every figure that the README quotes, in one run. `npm run bench -- lookups [SIZE …]`: modules
 * looked up among so many; the default takes minutes and 25 GB of disk. `npm run bench -- jig`: the factory line alone.
 * `npm run bench -- import [COUNT]`: so many modules registered by one import.
 */
const [what, ...sizes] = process.argv.slice(2);
console.log(machine());
if (what === 'lookups') {
  const asked = sizes.length > 0 ? sizes.map(Number) : [1_000_000, 10_000_000];
  for await (const rows of lookupRows(asked)) print(rows);
} else if (what === 'jig') {
  print(await jig());
} else if (what === 'import') {
  print(await imports(Number(sizes[0] ?? 100_000)));
} else {
  const cost = await signatures(1000, availableParallelism());
  print(signatureRows(cost));
  print(await unlocks(800, cost));
  print(await commits(500));
  print(await serial());
  print(await command());
  print(await jig());
  print(await imports(5000));
}

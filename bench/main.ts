import { availableParallelism } from 'node:os';
import { command } from './command.ts';
import { commits } from './commits.ts';
import { machine, print } from './row.ts';
import { serial } from './serial.ts';
import { signatureRows, signatures } from './signatures.ts';
import { unlocks } from './unlocks.ts';

/** `npm run bench`: every figure that the README quotes, in one run. */
console.log(machine());
const cost = await signatures(1000, availableParallelism());
print(signatureRows(cost));
print(await unlocks(800, cost));
print(await commits(500));
print(await serial());
print(await command());

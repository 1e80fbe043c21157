// Takes every check of an unlock bundle out, one at a time, and demands that a bundle of
// test/protocol/lies.ts is then believed that must not be. Works on dist/, so build first.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { testKeys } from '../../dist/test/fixture/keys.js';
import { forgedBundle } from '../../dist/test/protocol/forged-bundle.js';
import { lies } from '../../dist/test/protocol/lies.js';

const folder = resolve('dist/protocol');
const keys = await testKeys();
const forged = await Promise.all(
  Object.values(lies).map(async ([lie, finding]) => ({ finding, file: await forgedBundle(keys, lie) })),
);

const guards = ['bundle-proofs.js', 'bundle-words.js', 'unlock-states.js'].flatMap(guardsOf);
const survivors = [];
if (!(await noticesAll('unlock-bundle.js'))) throw new Error('a lie is believed with every check in place');
for (const guard of guards) if (await withoutGuard(guard)) survivors.push(guard);
for (const { file, line, code } of survivors) console.log(`survives: ${file}:${line}: ${code}`);
console.log(`${guards.length} checks taken out one at a time, ${guards.length - survivors.length} noticed`);
if (survivors.length > 0) process.exitCode = 1;

/** Each line that reports a finding, and each pair of what is and what is due. */
function guardsOf(file) {
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  return lines.flatMap((code, at) => {
    const put = /^\s+\w+: \[[^[\]]+, [^[\]]+\],?$/.test(code) ? '' : silenced(code);
    const text = lines.with(at, put).join('\n');
    return put === code ? [] : [{ file, line: at + 1, code: code.trim(), text }];
  });
}

function silenced(code) {
  const quiet = code.replace(/(?<![.\w])find\((?='|check)/, '(() => {})(');
  return quiet.replace(/(?<!function )agree\(find,/, 'agree(() => {},');
}

async function withoutGuard({ file, line, text }) {
  const names = [file, 'unlock-bundle.js'].map((name) => name.replace('.js', `.without-${line}.js`));
  const top = readFileSync(join(folder, 'unlock-bundle.js'), 'utf8').replace(`./${file}`, `./${names[0]}`);
  for (const [at, content] of [text, top].entries()) writeFileSync(join(folder, names[at]), content);
  try {
    return await noticesAll(names[1]);
  } finally {
    for (const name of names) rmSync(join(folder, name));
  }
}

async function noticesAll(name) {
  const { verifyUnlockBundle } = await import(join(folder, name));
  return forged.every(({ finding, file }) => {
    const { findings = [] } = verifyUnlockBundle(file, keys.keys.roots);
    return findings.some(({ check, at, what }) => `${check} ${at}: ${what}`.startsWith(finding));
  });
}

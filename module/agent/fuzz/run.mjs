// Lets each fuzzer run until so many executions have brought no new edge:
//   node fuzz/run.mjs BUILD RUNS SEED FUZZER…
// What it finds new goes to BUILD/found/FUZZER; a finding to BUILD/found too, and ends this with exit status 1.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [build = 'build', runs = '5000000', seed = '1', ...fuzzers] = process.argv.slice(2);
const wanted = Number(runs);

/** Longest inputs, in bytes: what a message, a line or a file needs to reach every edge, and not much more. */
const longest = {
  at: 512,
  config: 4096,
  envelope: 8300,
  filter: 300,
  message: 6200,
  shadow: 400,
  state: 4096,
  watch: 200,
};

console.log('fuzzer     edges   executions   since the last new edge   a second');
for (const fuzzer of fuzzers) {
  const figures = await settle(fuzzer);
  const columns = [figures.edges, figures.executions, figures.quiet, Math.round(figures.rate)];
  const widths = [7, 13, 26, 11];
  console.log(fuzzer.padEnd(9) + columns.map((value, at) => String(value).padStart(widths[at])).join(''));
}

/** As many runs of libFuzzer as it takes: one stops at its count, whatever it has just found. */
async function settle(fuzzer) {
  const all = { edges: 0, executions: 0, quiet: 0, seconds: 0 };
  for (let round = 0; all.quiet < wanted; round++) {
    const one = await run(fuzzer, wanted - all.quiet, Number(seed) + round);
    all.quiet = one.quiet === one.executions ? all.quiet + one.quiet : one.quiet;
    all.edges = one.edges;
    all.executions += one.executions;
    all.seconds += one.seconds;
  }
  return { ...all, rate: all.executions / all.seconds };
}

/** One run of so many executions beyond its corpus. */
async function run(fuzzer, count, at) {
  const found = join(build, 'found', fuzzer);
  mkdirSync(found, { recursive: true });
  const corpora = [found, `fuzz/corpus/${fuzzer}`, join(build, 'seeds', fuzzer)];
  const first = await executions(fuzzer, 0, at, corpora);
  const whole = await executions(fuzzer, first.last + count, at, corpora);
  const since = whole.last - Math.max(first.last, whole.grown);
  return { edges: whole.edges, executions: whole.last - first.last, quiet: since, seconds: whole.seconds };
}

/** What libFuzzer tells of a run: its last execution, that which last brought a new edge, all edges. */
async function executions(fuzzer, most, at, corpora) {
  const started = performance.now();
  const options = [
    `-runs=${most}`,
    `-seed=${at}`,
    `-max_len=${longest[fuzzer] ?? 4096}`,
    `-artifact_prefix=${join(build, 'found')}/${fuzzer}-`,
    '-timeout=10',
    '-print_final_stats=1',
  ];
  const child = spawn(join(build, 'fuzz', fuzzer), [...options, ...corpora], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const tail = [];
  const told = { edges: 0, grown: 0, last: 0 };
  for await (const line of createInterface({ input: child.stderr })) {
    if (!line.startsWith('#')) tail.push(line);
    const [, execution, edges] = /^#(\d+)\s+\w+\s+cov: (\d+)/.exec(line) ?? [];
    if (Number(edges) > told.edges) Object.assign(told, { edges: Number(edges), grown: Number(execution) });
    const [, last] = /^stat::number_of_executed_units: (\d+)/.exec(line) ?? [];
    if (last !== undefined) told.last = Number(last);
  }
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((ended) => child.on('exit', ended));
  if (child.exitCode !== 0) {
    console.error(tail.slice(-60).join('\n'));
    process.exit(1);
  }
  return { ...told, seconds: (performance.now() - started) / 1000 };
}

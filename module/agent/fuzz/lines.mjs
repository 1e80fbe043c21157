// llvm-cov export -summary-only … | node fuzz/lines.mjs: how much of each file the corpora reach. Exit status 1 where
// it is less than 95 % of the lines of one.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const LEAST = 95;

const { data } = JSON.parse(readFileSync(0, 'utf8'));
const short = [];
console.log('file               lines   reached        %');
for (const { filename, summary } of data[0].files) {
  const { count, covered, percent } = summary.lines;
  const name = basename(filename);
  const columns = [String(count), String(covered), percent.toFixed(1)];
  console.log(name.padEnd(15) + columns.map((column) => column.padStart(9)).join(''));
  if (percent < LEAST) short.push(name);
}
if (short.length > 0) {
  console.error(
    `less than ${LEAST} % of the lines of ${short.join(', ')}: fuzz/seeds.mjs or fuzz/corpus lacks an input`,
  );
  process.exit(1);
}

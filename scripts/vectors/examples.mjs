// Puts the vectors that docs/protocol.md shows into it, so that the document's examples verify.
import { readFileSync, writeFileSync } from 'node:fs';

const DOCUMENT = 'docs/protocol.md';
const WIDTH = 100;

/** @param find gives the JWS of a vector by its file and its name; undefined leaves an example as it is */
export function writeExamples(find) {
  const text = readFileSync(DOCUMENT, 'utf8');
  const written = text.replace(
    /(<!-- example: (\w+) ([\w-]+) -->\n```text\n)[^`]*(```\n)/g,
    (whole, before, file, name, after) => {
      const jws = find(file, name);
      return jws === undefined ? whole : before + example(jws) + after;
    },
  );
  writeFileSync(DOCUMENT, written);
}

function example(jws) {
  const [header, payload] = jws.split('.').map((part) => Buffer.from(part, 'base64url').toString());
  return `${[header, payload, jws].map(folded).join('\n')}\n`;
}

const folded = (text) => text.match(new RegExp(`.{1,${WIDTH}}`, 'g')).join('\n');

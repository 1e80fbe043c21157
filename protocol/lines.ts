/** One line of a stream, without its end; its number counts from 1. */
export interface Line {
  readonly number: number;
  /** Undefined where it was too long to be kept. */
  readonly bytes: Uint8Array | undefined;
}

const LF = 10;

/**
 * Cuts a stream into lines as they are asked for, however its pieces fall. A last line needs no end; lines
 * of nothing but white space are counted and left out.
 * @param most bytes of a line that are kept; what a longer one holds beyond is read and forgotten
 */
export async function* readLines(pieces: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Line> {
  let number = 1;
  let kept: Uint8Array[] = [];
  let length = 0;
  const end = (): Line => {
    const line = { number, bytes: length > most ? undefined : Buffer.concat(kept) };
    number += 1;
    kept = [];
    length = 0;
    return line;
  };
  for await (const piece of pieces) {
    let from = 0;
    for (let at = piece.indexOf(LF); at >= 0; at = piece.indexOf(LF, from)) {
      length += at - from;
      if (length <= most) kept.push(piece.subarray(from, at));
      from = at + 1;
      const line = end();
      if (!isBlank(line)) yield line;
    }
    length += piece.length - from;
    if (length <= most) kept.push(piece.subarray(from));
    else kept = [];
  }
  const line = end();
  if (!isBlank(line)) yield line;
}

function isBlank({ bytes }: Line): boolean {
  return bytes?.every((byte) => byte === 32 || byte === 13 || byte === 9) === true;
}

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

/** The most bytes that are joined: what a TLS record holds (RFC 8446 §5.1). */
const MOST_JOINED = 16_384;

/** The same bytes in fewer pieces: what comes in one turn of the event loop goes on as one, and nothing waits longer. */
export async function* joined(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = pieces[Symbol.asyncIterator]();
  try {
    let next = source.next();
    for (;;) {
      const first = await next;
      if (first.done === true) return;
      const kept = [first.value];
      let length = first.value.length;
      const turn = new Promise<undefined>((resolve) => setImmediate(resolve, undefined));
      for (;;) {
        next = source.next();
        // A fault shows when it is waited for, behind what came before it.
        const quiet = next.catch(() => undefined);
        const more = length < MOST_JOINED ? await Promise.race([quiet, turn]) : undefined;
        if (more === undefined || more.done === true) break;
        kept.push(more.value);
        length += more.value.length;
      }
      yield Buffer.concat(kept);
    }
  } finally {
    await source.return?.();
  }
}

import type { Look } from './relay.ts';

/**
 * A module's AT port. A host says its next line once the last is answered, so that what comes at once is
 * one command: `identity`, `keys`, `data 2:512` (of the second message, the piece at 512), and
 * `keys answered` once the final `OK` is there.
 */
export function atLook(): Look {
  let command = '';
  let answer = '';
  let messages = 0;
  return {
    near(bytes) {
      const [, verb = '', offset] = /QLATCH="(\w+)"(?:,(\d+))?/.exec(bytes.toString('latin1')) ?? [];
      if (verb === 'data' && offset === '0') messages += 1;
      command = verb === 'data' ? `data ${messages}:${offset}` : verb;
      answer = '';
      return [command];
    },
    far(bytes) {
      const before = answer;
      answer += bytes.toString('latin1');
      return isFinal(answer) && !isFinal(before) ? [`${command} answered`] : [];
    },
  };
}

function isFinal(answer: string): boolean {
  return /\r\nOK\r\n$/.test(answer);
}

const APPLICATION_DATA = 23;

/**
 * Records that a TLS 1.3 client sends under encryption before its first request (RFC 8446 §2): certificate,
 * its verification, Finished; resumed, only the last. The server has shown no certificate then either.
 * @param shown the server's encrypted records until then
 */
function handshake(shown: number): number {
  const RESUMED = 2;
  return shown > RESUMED ? 3 : 1;
}

/**
 * HTTP/1.1 in TLS, told apart without its keys: after the handshake each request of ours is one record,
 * and what comes next from the server is its answer. `request 4`, `answer 4`: counted by `count` over all
 * connections of a run. The first answer of a connection is not told of: session tickets come before it.
 */
export function httpLook(count: () => number): () => Look {
  return () => {
    const [sent, received] = [records(), records()];
    let shown = 0;
    let own: number | undefined;
    let awaited: number | undefined;
    return {
      near(bytes) {
        const requests: string[] = [];
        for (const type of sent(bytes)) {
          if (type !== APPLICATION_DATA) continue;
          own = 1 + (own ?? -handshake(shown));
          if (own < 1) continue;
          const place = count();
          requests.push(`request ${place}`);
          if (own > 1) awaited = place;
        }
        return requests;
      },
      far(bytes) {
        const news = received(bytes).filter((type) => type === APPLICATION_DATA);
        shown += news.length;
        if (news.length === 0 || awaited === undefined) return [];
        const answered = awaited;
        awaited = undefined;
        return [`answer ${answered}`];
      },
    };
  };
}

/** Reads the types of TLS records, each as its header comes by: type, version, length (RFC 8446 §5.1). */
function records(): (bytes: Buffer) => number[] {
  let left = 0;
  let header = Buffer.alloc(0);
  return (bytes) => {
    const types: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const skipped = Math.min(left, bytes.length - at);
      left -= skipped;
      at += skipped;
      if (left > 0 || at === bytes.length) break;
      const piece = bytes.subarray(at, at + 5 - header.length);
      header = Buffer.concat([header, piece]);
      at += piece.length;
      if (header.length < 5) break;
      types.push(header.readUInt8(0));
      left = header.readUInt16BE(3);
      header = Buffer.alloc(0);
    }
    return types;
  };
}

const STAR = 0x2a;
/** So many bytes of it in a row are taken for the secret; fewer are chance. */
const TELLING = 4;

/**
 * Replaces a secret in a stream of bytes by asterisks, however the stream is cut. Nothing is held back, so
 * that a console stays live: where the cut is within the first bytes of the secret, those have been shown.
 * @returns what to show of each piece
 */
export function mask(secret: Uint8Array): (piece: Uint8Array) => Uint8Array {
  const back = borders(secret);
  let matched = 0;
  return (piece) => {
    const shown = Uint8Array.from(piece);
    for (const [place, byte] of piece.entries()) {
      while (matched > 0 && byte !== secret[matched]) matched = back[matched - 1] ?? 0;
      if (byte === secret[matched]) matched += 1;
      if (matched >= TELLING) shown.fill(STAR, Math.max(0, place + 1 - matched), place + 1);
      if (matched === secret.length) matched = back[matched - 1] ?? 0;
    }
    return shown;
  };
}

/** For each length matched, how much of it is a beginning of the secret again (Knuth, Morris, Pratt). */
function borders(secret: Uint8Array): number[] {
  const lengths = [0];
  for (let end = 1; end < secret.length; end += 1) {
    let length = lengths[end - 1] ?? 0;
    while (length > 0 && secret[end] !== secret[length]) length = lengths[length - 1] ?? 0;
    lengths.push(secret[end] === secret[length] ? length + 1 : 0);
  }
  return lengths;
}

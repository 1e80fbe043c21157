const named: Readonly<Record<string, string>> = { '\r': '\\r', '\n': '\\n', '\t': '\\t', '\\': '\\\\' };

/**
 * Bytes of the wire as a person reads them: printable ASCII stays, everything else becomes an escape,
 * so that nothing a module sends can move a cursor or hide in an error.
 * @param text one character for each byte (latin1)
 * @param most characters of `text` shown; of a longer one the end, where the trouble is
 */
export function escapeWire(text: string, most = 200): string {
  const shown = text.length > most ? text.slice(-most) : text;
  const escaped = shown.replace(/[^ -[\]-~]/g, (character) => named[character] ?? hex(character));
  return shown === text ? escaped : `… ${escaped}`;
}

function hex(character: string): string {
  const code = character.charCodeAt(0);
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

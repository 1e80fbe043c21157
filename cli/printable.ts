/**
 * Controls (C0, DEL, C1), line and paragraph separators, what turns the direction of text around, what
 * has no width, and lone surrogates: from a module or a server they could move the cursor, hide text
 * or make it read as something else.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;

/** One line of text from elsewhere, safe to print on a terminal. */
export function printable(text: string): string {
  return text.replace(unsafe, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** JSON on one line in which what `printable` escapes is escaped as JSON does it. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, (character) =>
    [...character.split('')].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  );
}

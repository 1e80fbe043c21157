/** A V.250 constant: a string (§5.4.2.2) or a decimal number (§5.4.2.1). */
export type Parameter = string | number;

/** Longest command line that a module takes, without its carriage return. */
export const LONGEST_COMMAND = 400;

/** Longest line that a module answers with, without its line ends. */
export const LONGEST_ANSWER = 1024;

/** Printable ASCII; what else arrives on a line is noise or an attack. */
const printable = /^[ -~]*$/;

const constant = / *(?:"([^"\\]*)"|(0|[1-9][0-9]{0,9})) *(,|;|$)/y;

export function isPrintable(line: string): boolean {
  return printable.test(line);
}

/**
 * Reads constants separated by commas, from `start` up to a `;` or the end of the line. Spaces count
 * inside strings alone. Neither an escape in a string nor a number over 2³²−1 is part of this grammar.
 * @returns the values and where they end, or undefined where that is not what stands there
 */
export function readParameters(
  line: string,
  start: number,
): { values: Parameter[]; end: number } | undefined {
  const values: Parameter[] = [];
  constant.lastIndex = start;
  for (;;) {
    const [, text, digits, separator] = constant.exec(line) ?? [];
    if (separator === undefined) return undefined;
    const value = text ?? Number(digits);
    if (typeof value === 'number' && value > 0xffff_ffff) return undefined;
    values.push(value);
    if (separator !== ',') return { values, end: constant.lastIndex - separator.length };
  }
}

/**
 * The values as they stand on the wire.
 * @throws TypeError for a value that the grammar cannot carry: a mistake of the caller's
 */
export function formatParameters(...values: readonly Parameter[]): string {
  return values.map(formatParameter).join(',');
}

function formatParameter(value: Parameter): string {
  if (typeof value === 'number') {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new TypeError('not a uint32');
    return String(value);
  }
  if (!isPrintable(value) || /["\\]/.test(value)) throw new TypeError('not a string that AT can carry');
  return `"${value}"`;
}

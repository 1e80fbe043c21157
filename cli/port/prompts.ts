/** What the end of a console's output asks for. */
export type Prompt = 'login' | 'password' | 'shell' | 'refusal';

const ESC = String.fromCharCode(0x1b);
/** Control sequences (ECMA-48 5.4), then whatever other escapes and controls there are, but not line ends. */
const SEQUENCES = new RegExp(`${ESC}\\[[0-?]*[ -/]*[@-~]|${ESC}[ -/]*[0-~]`, 'g');
const CONTROLS = /(?![\r\n])\p{Cc}/gu;

/**
 * Reads the last line, which nothing has ended yet.
 * @param text what came since something was typed, one character for each byte
 * @returns undefined where it asks for nothing known
 */
export function promptOf(text: string): Prompt | undefined {
  const lines = text
    .replace(SEQUENCES, '')
    .replace(CONTROLS, '')
    .split(/[\r\n]+/);
  const last = (lines.pop() ?? '').trimStart();
  if (/^(?:\S+'s )?password(?: for \S+)?: ?$/i.test(last)) return 'password';
  if (/(?:^|[\s\])])login: ?$/i.test(last) && !/last login: ?$/i.test(last)) {
    return lines.some(isRefusal) ? 'refusal' : 'login';
  }
  return /[#$%>] ?$/.test(last) ? 'shell' : undefined;
}

function isRefusal(line: string): boolean {
  return /incorrect|authentication fail|denied|account .*(?:locked|expired)/i.test(line);
}

import { type Scope, scope as scopes } from '../claims.ts';
import {
  formatParameters,
  isPrintable,
  LONGEST_ANSWER,
  type Parameter,
  readParameters,
} from './parameters.ts';

const moduleStates = ['unprovisioned', 'locked', 'open'] as const;
export type ModuleState = (typeof moduleStates)[number];

/** What a module's own lines say. A receipt, a challenge: compact JWS, shaped like one but not checked. */
export type LatchAnswer =
  | { readonly kind: 'verbs'; readonly verbs: readonly string[] }
  | {
      readonly kind: 'state';
      readonly state: ModuleState;
      /** seconds until the module locks itself, 0 when it is not open */
      readonly remaining: number;
      readonly hwid: string;
      /** version of the key manifest held, 0 for none */
      readonly manifest: number;
    }
  | {
      readonly kind: 'identity';
      readonly hwid: string;
      readonly imei: string;
      /** device key, base64url coordinates */
      readonly x: string;
      readonly y: string;
    }
  | { readonly kind: 'challenge' | 'receipt' | 'csr'; readonly jws: string }
  | { readonly kind: 'open'; readonly scope: Scope; readonly for: number; readonly receipt: string }
  | { readonly kind: 'keys'; readonly ver: number }
  | { readonly kind: 'provisioned' | 'locked'; readonly receipt: string }
  /** The certificate of the TLS key is stored. */
  | { readonly kind: 'certificate' }
  /** Unsolicited: the module locked itself. */
  | { readonly kind: 'indication'; readonly event: 'locked'; readonly why: 'timeout' };

/** One line from a module. */
export type Answer =
  | LatchAnswer
  | { readonly kind: 'ok' }
  /** `ERROR`, or an error in words from the AT stack in between, with the line as it came. */
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'cme'; readonly code: number }
  /** Begins like one of ours, but is not: the module, or what stands in between, is broken or hostile. */
  | { readonly kind: 'malformed'; readonly text: string }
  /** Anything else: an echo, an unsolicited code of the modem, the lines of `ATI`. May hold any character. */
  | { readonly kind: 'other'; readonly text: string };

/** True for the line that ends the answer to a command. */
export function isFinal(answer: Answer): boolean {
  return answer.kind === 'ok' || answer.kind === 'error' || answer.kind === 'cme';
}

/** Reads one line, its line ends taken off. Every line gives an answer: nothing here throws. */
export function parseAnswer(line: string): Answer {
  if (line.length > LONGEST_ANSWER || !isPrintable(line)) {
    return { kind: line.includes('+QLATCH') ? 'malformed' : 'other', text: line };
  }
  const trimmed = line.trim();
  if (trimmed === 'OK') return { kind: 'ok' };
  if (trimmed === 'ERROR' || /^\+CM[ES] ERROR:/.test(trimmed)) return parseError(trimmed);
  const [prefix, indication] = /^\+QLATCH(IND)?: */.exec(trimmed) ?? [];
  if (prefix === undefined) return { kind: 'other', text: line };
  const parse = indication === undefined ? parseLatch : parseIndication;
  return parse(trimmed, prefix.length) ?? { kind: 'malformed', text: line };
}

/** The line of an answer, without line ends. @throws TypeError for values that AT cannot carry */
export function formatAnswer(answer: LatchAnswer): string {
  switch (answer.kind) {
    case 'verbs':
      return `+QLATCH: (${formatParameters(...answer.verbs)})`;
    case 'state':
      return latch(answer.state, answer.remaining, answer.hwid, answer.manifest);
    case 'identity':
      return latch('identity', answer.hwid, answer.imei, answer.x, answer.y);
    case 'challenge':
    case 'receipt':
    case 'csr':
      return latch(answer.kind, answer.jws);
    case 'certificate':
      return latch(answer.kind);
    case 'open':
      return latch('open', answer.scope, answer.for, answer.receipt);
    case 'keys':
      return latch('keys', answer.ver);
    case 'provisioned':
    case 'locked':
      return latch(answer.kind, answer.receipt);
    case 'indication':
      return `+QLATCHIND: ${formatParameters(answer.event, answer.why)}`;
  }
}

function latch(...values: readonly Parameter[]): string {
  return `+QLATCH: ${formatParameters(...values)}`;
}

function parseError(line: string): Answer {
  const digits = /^\+CME ERROR: *([0-9]{1,5})$/.exec(line)?.[1];
  return digits === undefined ? { kind: 'error', text: line } : { kind: 'cme', code: Number(digits) };
}

function parseIndication(line: string, start: number): LatchAnswer | undefined {
  const values = wholeLine(line, start);
  if (values?.length !== 2 || values[0] !== 'locked' || values[1] !== 'timeout') return undefined;
  return { kind: 'indication', event: 'locked', why: 'timeout' };
}

function parseLatch(line: string, start: number): LatchAnswer | undefined {
  if (line[start] === '(') return line.endsWith(')') ? parseVerbs(line.slice(start + 1, -1)) : undefined;
  const [name, ...values] = wholeLine(line, start) ?? [];
  const state = moduleStates.find((known) => known === name);
  if (state !== undefined && values.length === 3 && typeof values[0] === 'number') {
    return parseState(state, values);
  }
  return typeof name === 'string' && Object.hasOwn(readers, name) ? readers[name]?.(values) : undefined;
}

function parseVerbs(list: string): LatchAnswer | undefined {
  const values = wholeLine(list, 0) ?? [];
  const words = values
    .filter((value) => typeof value === 'string' && /^[a-z]{1,16}$/.test(value))
    .map(String);
  return words.length === values.length && words.length > 0 ? { kind: 'verbs', verbs: words } : undefined;
}

function parseState(state: ModuleState, values: readonly Parameter[]): LatchAnswer | undefined {
  const [remaining, hwid, manifest] = values;
  if (typeof remaining !== 'number' || !isHwid(hwid) || typeof manifest !== 'number') return undefined;
  if (state !== 'open' && remaining !== 0) return undefined;
  return { kind: 'state', state, remaining, hwid, manifest };
}

/** By the first word of the answer; what follows it must be exactly this. */
const readers: Readonly<Record<string, (values: readonly Parameter[]) => LatchAnswer | undefined>> = {
  identity: ([hwid, imei, x, y, ...more]) =>
    more.length === 0 && isHwid(hwid) && isImei(imei) && isCoordinate(x) && isCoordinate(y)
      ? { kind: 'identity', hwid, imei, x, y }
      : undefined,
  challenge: ([jws, ...more]) => (more.length === 0 && isJws(jws) ? { kind: 'challenge', jws } : undefined),
  receipt: ([jws, ...more]) => (more.length === 0 && isJws(jws) ? { kind: 'receipt', jws } : undefined),
  csr: ([jws, ...more]) => (more.length === 0 && isJws(jws) ? { kind: 'csr', jws } : undefined),
  certificate: (more) => (more.length === 0 ? { kind: 'certificate' } : undefined),
  open([word, seconds, receipt, ...more]) {
    const scope = scopes.read(word);
    if (more.length > 0 || scope === undefined || typeof seconds !== 'number' || !isJws(receipt))
      return undefined;
    return { kind: 'open', scope, for: seconds, receipt };
  },
  keys: ([ver, ...more]) =>
    more.length === 0 && typeof ver === 'number' ? { kind: 'keys', ver } : undefined,
  provisioned: ([receipt, ...more]) =>
    more.length === 0 && isJws(receipt) ? { kind: 'provisioned', receipt } : undefined,
  locked: ([receipt, ...more]) =>
    more.length === 0 && isJws(receipt) ? { kind: 'locked', receipt } : undefined,
};

function wholeLine(line: string, start: number): readonly Parameter[] | undefined {
  const read = readParameters(line, start);
  return read?.end === line.length ? read.values : undefined;
}

function isHwid(value: Parameter | undefined): value is string {
  return typeof value === 'string' && /^[A-Z0-9._-]{8,64}$/.test(value);
}

function isImei(value: Parameter | undefined): value is string {
  return typeof value === 'string' && /^[0-9]{15}$/.test(value);
}

function isCoordinate(value: Parameter | undefined): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{43}$/.test(value);
}

/** A challenge, a receipt or a csr is at most 768 bytes (section 4). */
function isJws(value: Parameter | undefined): value is string {
  return typeof value === 'string' && value.length <= 768 && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(value);
}

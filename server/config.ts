import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** What the one YAML file says, with every default filled in and every path absolute. */
export interface Config {
  /** Issuer name without scheme: stands in every manifest and token, so it is chosen once. */
  readonly iss: string;
  readonly dataDir: string;
  /** File that holds the KEK; outside the data directory. */
  readonly kek: string;
  /** Directory that holds the root private keys while they are not offline. */
  readonly roots: string;
  /** Copy of the newest checkpoint outside the database. */
  readonly checkpointCopy: string;
  /** Cedar policy file; undefined: the default policy. */
  readonly policyFile: string | undefined;
  /** `origin` (`https://host:port`) is what clients reach the api under; `names` stand in its certificate. */
  readonly api: Listener & { readonly origin: string; readonly names: readonly string[] };
  readonly ops: Listener;
  readonly certificates: {
    readonly person: CertificateLife & { readonly lineage: number };
    readonly station: CertificateLife;
    /** Of modules' TLS keys; seconds. */
    readonly module: { readonly life: number };
  };
  /** Seconds within which an enrolment code must be redeemed. */
  readonly enrolmentDeadline: number;
  /** Seconds for which an order's offline bundle counts. */
  readonly offlineBundleLife: number;
  /** Seconds after creation within which an unlock must be issued. */
  readonly unlockDeadline: number;
  /** Named patterns; a ticket matches as a whole or not at all. */
  readonly tickets: Readonly<Record<string, RegExp>>;
  /** The user whose password is on the modules. */
  readonly passwordUser: string;
  /** `address` holds before authentication, `principal` after; `connections` to the api, of all together. */
  readonly limits: { readonly address: Rate; readonly principal: Rate; readonly connections: number };
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
}

export interface Listener {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** In seconds: how long a certificate lasts, and how long after its end it may still be renewed. */
export interface CertificateLife {
  readonly life: number;
  readonly grace: number;
  /** How long after code or sign-in certificates may be renewed at all. */
  readonly lineage?: number;
}

/** Requests in the long run and at once. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

const units = { s: 1, m: 60, h: 3600, d: 86_400 };

function duration(least: string, most: string) {
  return z
    .string(`a duration such as ${least}`)
    .regex(/^[1-9]\d{0,6}[smhd]$/, 'a duration: a number with s, m, h or d, such as 90m')
    .transform(seconds)
    .refine((value) => value >= seconds(least) && value <= seconds(most), `from ${least} to ${most}`);
}

function seconds(text: string): number {
  return Number(text.slice(0, -1)) * units[text.slice(-1) as keyof typeof units];
}

/** Refuses unknown keys, and says which there are. */
function section<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === 'unrecognized_keys'
        ? `no such key; there are ${Object.keys(shape).join(', ')}`
        : `a mapping with ${Object.keys(shape).join(', ')}`,
  });
}

const path = z.string('a path').min(1, 'a path');
const port = z.int('a port, 0 to 65535').min(0, 'a port, 0 to 65535').max(65_535, 'a port, 0 to 65535');
const dnsName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const host = z
  .string('a host')
  .refine((text) => isIP(text) > 0 || dnsName.test(text), 'a DNS name in lower case, or an IP address');
const iss = z
  .string('a DNS name')
  .max(64, 'at most 64 characters')
  .regex(dnsName, 'a DNS name in lower case, without scheme and port');
const origin = z
  .string('an origin')
  .refine(isHttpsOrigin, 'an https origin without a path, such as https://latchkey.example.com:8443');
const count = z.int('a whole number, 1 or more').min(1, 'a whole number, 1 or more');
const rate = (perSecond: number, burst: number) =>
  section({
    perSecond: z.number('a number above 0').positive('a number above 0').default(perSecond),
    burst: count.default(burst),
  }).prefault({});

/**
 * An anchored pattern, compiled so that it holds for the whole ticket even where it has alternatives
 * on the outside: `^A-1|B-2$` by itself would match anything that begins with A-1.
 */
const pattern = z
  .string('a regular expression')
  .refine((text) => /^\^.*(?<!\\)\$$/.test(text), 'a regular expression from ^ to $')
  .transform((text, context) => {
    try {
      return new RegExp(`^(?:${text.slice(1, -1)})$`, 'u');
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'malformed' });
      return z.NEVER;
    }
  });

/** The file as it is written. Every key is optional. */
const file = section({
  iss: iss.default('localhost'),
  dataDir: path.default('/var/lib/latchkey'),
  kek: path.default('/etc/latchkey/kek'),
  roots: path.optional(),
  checkpointCopy: path.optional(),
  policyFile: path.optional(),
  api: section({
    host: host.default('127.0.0.1'),
    port: port.default(8443),
    origin: origin.optional(),
    names: z.array(host, 'a list of names').min(1, 'at least one name').optional(),
  }).prefault({}),
  ops: section({ host: host.default('127.0.0.1'), port: port.default(9443) }).prefault({}),
  certificates: section({
    person: section({
      life: duration('1m', '24h').prefault('12h'),
      grace: duration('1m', '7d').prefault('72h'),
      lineage: duration('1m', '30d').prefault('14d'),
    }).prefault({}),
    station: section({
      life: duration('1m', '90d').prefault('30d'),
      grace: duration('1m', '180d').prefault('90d'),
    }).prefault({}),
    module: section({ life: duration('1d', '10950d').prefault('3650d') }).prefault({}),
  }).prefault({}),
  enrolmentDeadline: duration('1m', '24h').prefault('15m'),
  offlineBundleLife: duration('1h', '365d').prefault('30d'),
  unlockDeadline: duration('1m', '7d').prefault('1h'),
  tickets: z
    .record(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/), pattern, {
      error: ({ code }) =>
        code === 'invalid_key' ? 'a name of a-z, 0-9 and -' : 'a mapping of names to regular expressions',
    })
    .default({}),
  passwordUser: z
    .string('a user name')
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'a user name')
    .default('root'),
  limits: section({
    address: rate(20, 60),
    principal: rate(20, 100),
    connections: count.default(4096),
  }).prefault({}),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      error: 'one of trace, debug, info, warn, error, fatal, silent',
    })
    .default('info'),
});

/**
 * @param written the file's content as parsed; an empty file is `{}`
 * @param base directory that relative paths start from
 * @returns the configuration, or every fault that was found
 */
export function resolveConfig(written: unknown, base: string): Config | z.ZodError {
  const checked = file.safeParse(written);
  if (!checked.success) return checked.error;
  const { api, ...rest } = checked.data;
  const dataDir = resolve(base, rest.dataDir);
  const at = (given: string | undefined, name: string) =>
    given ? resolve(base, given) : join(dataDir, name);
  const url = api.origin ?? new URL(`https://${rest.iss}:${api.port}`).origin;
  const config = {
    ...rest,
    dataDir,
    kek: resolve(base, rest.kek),
    roots: at(rest.roots, 'roots'),
    checkpointCopy: at(rest.checkpointCopy, 'checkpoint'),
    policyFile: rest.policyFile && resolve(base, rest.policyFile),
    api: { ...api, origin: url, names: api.names ?? defaultNames(url, api.host) },
  };
  return unnamedUrl(config) ?? config;
}

function defaultNames(url: string, listening: string): readonly string[] {
  const everywhere = ['0.0.0.0', '::'].includes(listening);
  return [...new Set([hostOf(url), ...(everywhere ? [] : [listening])])];
}

/** Clients would refuse the api's certificate if it did not name the host that they are told to call. */
function unnamedUrl({ api }: Pick<Config, 'api'>): z.ZodError | undefined {
  if (api.names.includes(hostOf(api.origin))) return undefined;
  const message = `must contain ${hostOf(api.origin)}, the host of api.origin`;
  return new z.ZodError([{ code: 'custom', path: ['api', 'names'], message, input: api.names }]);
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

function isHttpsOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:' && new URL(text).origin === text;
}

import { formatDuration } from './duration.ts';
import { Failure } from './failure.ts';
import { localTime } from './output.ts';
import { codeOf } from './system-error.ts';
import { shownChain } from './wire.ts';

/** The request was never sent, so that it can be repeated whatever it was. */
const unsent = new Set(['ECONNREFUSED', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH', 'ENOTFOUND']);
/** The connection broke: whether the server acted is not known. */
const broken = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED']);

/** Whether to try again: `never` where waiting cannot help, `unsent` where nothing was sent yet. */
export function retryOf(error: unknown): 'never' | 'unsent' | 'broken' {
  const code = codeOf(error);
  if (unsent.has(code) && code !== 'ENOTFOUND') return 'unsent';
  return broken.has(code) ? 'broken' : 'never';
}

const untrusted = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
]);

/** What went wrong on the way to the server, in words. */
export async function networkFailure(
  error: unknown,
  server: string,
  now: Date,
  signal: AbortSignal,
): Promise<Failure> {
  if (error instanceof Failure) return error;
  const code = codeOf(error);
  const { host, hostname, port } = new URL(server);
  if (untrusted.has(code)) return strangerFailure(server, error);
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') {
    return clockFailure(error, server, now, signal);
  }
  const [name, message, next] = words(code, host, hostname, port || '443', error);
  return new Failure('network', name, message, { next, cause: error });
}

type Words = readonly [code: string, message: string, next: string];

function words(code: string, host: string, hostname: string, port: string, error: unknown): Words {
  switch (code) {
    case 'ECONNREFUSED':
      return [
        'server-refused',
        `${hostname} answers, but nothing listens on port ${port}.`,
        'Check that latchkey-server is running there, and that the port is right.',
      ];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return [
        'name-unknown',
        `The name ${hostname} cannot be resolved.`,
        'Check the network and the name server.',
      ];
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return ['server-unreachable', `There is no route to ${host}.`, 'Check cable, wireless network or VPN.'];
    case 'ETIMEDOUT':
      return [
        'server-silent',
        `${host} does not answer.`,
        'Check network or VPN; a firewall may drop the traffic.',
      ];
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ECONNABORTED':
      return ['connection-broken', `The connection to ${host} broke.`, 'Run the command again.'];
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return [
        'name-wrong',
        `The server's certificate is not for the name ${hostname}.`,
        'Use a name that the server is configured with (api.names), or have an officer add this one.',
      ];
    default:
      return [
        'connection-failed',
        `Talking to ${host} failed: ${error instanceof Error ? error.message : String(error)}.`,
        'Check that this is the api port of a latchkey-server.',
      ];
  }
}

/** Another CA than the one that the enrolment code named. */
export function strangerFailure(server: string, cause?: unknown): Failure {
  return new Failure(
    'network',
    'server-untrusted',
    `What answers at ${server} is not the server that the enrolment code named: its certificate comes from another CA.`,
    {
      next: 'Somebody may stand in between, or the server was made anew. Ask an officer before going on.',
      cause,
    },
  );
}

async function clockFailure(
  error: unknown,
  server: string,
  now: Date,
  signal: AbortSignal,
): Promise<Failure> {
  const [shown] = await shownChain(server, signal).catch(() => []);
  const early = shown !== undefined && now < shown.from;
  const bound = early ? shown.from : shown?.to;
  const off =
    bound === undefined ? '' : ` by ${formatDuration(Math.abs(now.getTime() - bound.getTime()) / 1000)}`;
  const what = early ? `is not valid yet${off}` : `has expired${off}`;
  return new Failure(
    'network',
    'server-certificate-time',
    `The certificate of ${server} ${what}, by this computer's clock (${localTime(now)}).`,
    {
      next: 'Set this computer’s clock; where it is right, the server needs a new certificate.',
      cause: error,
    },
  );
}

import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

/** Members that hold secrets, should somebody ever hand one to a line (order rule 5). */
const SECRET = ['secret', 'password', 'token', 'challenge', 'bundle', 'pem', 'plain', 'dataKey', 'kek'];

/** JSON lines, times in RFC 3339. */
export function openDiagnostics(level: Config['logLevel'], to: DestinationStream): Logger {
  const paths = SECRET.flatMap((name) => [name, `*.${name}`]);
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return pino({ ...options, redact: { paths, censor: '[secret]' } }, to);
}

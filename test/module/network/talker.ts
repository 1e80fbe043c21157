import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * What runs on the hosts of the sandbox.
 *   serve PORT                           echoes over tcp, on every address
 *   hold HOST PORT [FROM [FROM-PORT]]    one connection: each line on stdin goes over it and back
 */
const [role, ...args] = process.argv.slice(2);
if (role === 'serve') await serve(Number(args[0]));
else await hold(String(args[0]), Number(args[1]), args[2], Number(args[3] ?? 0));

async function serve(port: number): Promise<void> {
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket));
  await once(server.listen(port, '::'), 'listening');
  console.log('serving');
}

async function hold(host: string, port: number, from: string | undefined, fromPort: number): Promise<void> {
  const socket = connect({ host, port, ...(from && { localAddress: from, localPort: fromPort }) });
  await once(socket, 'connect', { signal: AbortSignal.timeout(5000) });
  console.log('connected');
  process.stdin.pipe(socket).pipe(process.stdout);
}

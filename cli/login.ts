import type { Cli } from './context.ts';
import type { PortChoice } from './module.ts';
import { attachConsole } from './port/console.ts';
import { type Credentials, LoginConsole } from './port/login.ts';
import { usePort } from './port/open.ts';

/**
 * Logs in on a console port with a password that nobody sees, then attaches this terminal, until Ctrl-].
 * @param reveal asks the server for the password, once the module waits for it: that is an event
 */
export async function attachLoggedIn(
  cli: Cli,
  { port, baud }: PortChoice,
  reveal: () => Promise<Credentials>,
): Promise<void> {
  const { stdin: input, stdout: output } = cli.out.streams;
  await usePort(port, { baud, signal: cli.signal }, async (opened) => {
    const login = new LoginConsole(opened);
    cli.out.progress(`waiting for the login at ${port}`);
    const reached = await login.reach();
    if (reached === 'shell') cli.out.warn(`somebody is logged in at ${port} already: no password was typed`);
    const ready = reached === 'shell' ? login.handOver() : await login.logIn(await reveal());
    cli.out.progress(`attached to ${port}: Ctrl-] leaves`);
    await attachConsole(ready, { input, output });
  });
  cli.out.progress(`left ${port}`);
}

#!/usr/bin/env node
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { Login } from '../module/simulator/login.ts';

/**
 * What `console.start` names in the demo: `login.js PORT SHADOW HWID` puts the simulated module's login and shell
 * on the port PORT, with root's password from SHADOW, until it is ended. A real module has its getty there; the
 * demo must not offer a shell of this machine.
 */
const [port = '', shadow = '', hwid = ''] = process.argv.slice(2);

const file = openSync(port, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
discard(file);
const login = new Login(hwid, passwordHash, (text) => writeSync(file, text, null, 'latin1'));
const input = new ReadStream(file);
input.on('data', (bytes: Buffer) => login.receive(bytes));
input.on('close', () => closeSync(file));

function passwordHash(): string | undefined {
  return /^root:(\$6\$[^:]*):/m.exec(readFileSync(shadow, 'utf8'))?.[1];
}

/** What was typed while the port was dead is lost, as on a UART that nobody reads. */
function discard(descriptor: number): void {
  const away = Buffer.alloc(4096);
  try {
    while (readSync(descriptor, away) > 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
  }
}

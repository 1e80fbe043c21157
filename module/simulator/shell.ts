/** The commands that a simulated module offers; none of them reads or runs anything of this machine. */
const outputs: Readonly<Record<string, string>> = {
  'uname -a': 'Linux lte-module 4.14.206 #1 PREEMPT armv7l GNU/Linux',
  'cat /etc/os-release': [
    'ID=latchkey-module',
    'NAME="Latchkey simulated module"',
    'VERSION_ID=1',
    'PRETTY_NAME="Latchkey simulated module 1"',
  ].join('\n'),
  dmesg: [
    '[    0.000000] Booting Linux on physical CPU 0x0',
    '[    0.000000] Linux version 4.14.206 (PREEMPT)',
    '[    0.412345] ttyHSL0: console, locked at boot',
    '[    1.234567] latchkey: agent started',
  ].join('\n'),
};

/** What a command prints, lines separated by `\n`; `exit` is the caller's. */
export function run(command: string): string {
  const words = command.trim().replace(/ +/g, ' ');
  if (words === '') return '';
  if (Object.hasOwn(outputs, words)) return outputs[words] ?? '';
  return `-sh: ${words.split(' ')[0]}: not found`;
}

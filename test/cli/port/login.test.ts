import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encrypt } from 'unixcrypt';
import { PortError } from '../../../cli/port/fault.ts';
import { LoginConsole } from '../../../cli/port/login.ts';
import { mask } from '../../../cli/port/mask.ts';
import type { Port } from '../../../cli/port/port.ts';
import { promptOf } from '../../../cli/port/prompts.ts';
import { Login } from '../../../module/simulator/login.ts';
import { ScriptedPort, VirtualTimers } from './world.ts';

const PASSWORD = 'K7QD-3MZP-9RTV-X2HB-6WJN-4FCY';
const credentials = { user: 'root', password: PASSWORD };

/** What a person sees once a port is theirs. */
function seen(port: Port): { readonly text: string } {
  const screen = { text: '' };
  port.listen({
    data: (bytes) => {
      screen.text += Buffer.from(bytes).toString('latin1');
    },
    closed: () => {},
  });
  return screen;
}

type Respond = (line: string, port: ScriptedPort, timers: VirtualTimers) => void;

/** A console at whose other end `respond` answers each line; `whole` logs in on it. */
function desk(respond: Respond) {
  const timers = new VirtualTimers();
  const port = new ScriptedPort((line, end) => respond(line, end, timers));
  const login = new LoginConsole(port, timers);
  const work = async () => {
    const reached = await login.reach();
    return reached === 'shell' ? login.handOver() : login.logIn(credentials);
  };
  return { timers, port, whole: () => timers.finish(work()) };
}

/** The lines of a module's login, as `respond`. */
function asLogin(answers: Record<string, string>): Respond {
  return (line, port) => port.arrive(answers[line] ?? '');
}

const answers: Record<string, string> = {
  '': '\r\nLTE4-00A1 login: ',
  root: 'root\r\nPassword: ',
  [PASSWORD]: '\r\nWelcome\r\n~ # ',
};

test('name and password are typed at their prompts, and what came after is shown', async () => {
  const { port, whole } = desk(asLogin(answers));
  const screen = seen(await whole());
  assert.deepEqual(port.written, ['', 'root', PASSWORD]);
  assert.equal(screen.text, '\r\nWelcome\r\n~ # ');
  port.arrive('more');
  assert.equal(screen.text, '\r\nWelcome\r\n~ # more');
});

test('prompts in pieces, coloured, after kernel messages, and late', async () => {
  const slowly: Respond = (line, port, timers) => {
    const said = {
      '': '\r\n[    3.14] usb 1-1: new device\r\n\x1b[1mLTE4\x1b[0m login: ',
      root: 'root\r\n\x1b[?25hPassword: ',
      [PASSWORD]: '\r\n\x1b]0;title\x07$ ',
    }[line];
    for (const [place, piece] of [...(said ?? '')].entries()) {
      timers.after(100 * (place + 1), () => port.arrive(piece));
    }
  };
  const { port, whole } = desk(slowly);
  await whole();
  assert.deepEqual(port.written.slice(-2), ['root', PASSWORD]);
});

test('a password prompt that somebody left behind is left, not answered', async () => {
  let first = true;
  const { port, whole } = desk((line, end, timers) => {
    if (line === '' && first) {
      first = false;
      timers.after(2500, () => end.arrive('\r\nLogin incorrect\r\nlogin: '));
    } else end.arrive(answers[line] ?? '');
  });
  await whole();
  assert.deepEqual(port.written, ['', 'root', PASSWORD]);
  const { port: stuck, whole: never } = desk(asLogin({ '': '\r\nPassword: ' }));
  await assert.rejects(never(), code('login-missing'));
  assert.ok(!stuck.written.includes(PASSWORD) && !stuck.written.includes('root'));
});

test('a password prompt that was on its way before the name is not answered: the name’s echo ends a line first', async () => {
  const { port, whole } = desk(asLogin({ ...answers, root: 'Password: ' }));
  await assert.rejects(whole(), code('login-missing'));
  assert.ok(!port.written.includes(PASSWORD));
});

test('a shell that somebody left behind is handed over, with nothing typed', async () => {
  const { port, whole } = desk(asLogin({ '': '\r\n~ # ' }));
  const screen = seen(await whole());
  assert.deepEqual([port.written, screen.text], [[''], '\r\n~ # ']);
});

test('a login that fails is told, and the password is not typed again', async () => {
  for (const refusal of ['Login incorrect\r\nlogin: ', 'Login incorrect\r\nPassword: ']) {
    const { port, whole } = desk(asLogin({ ...answers, [PASSWORD]: `\r\n${refusal}` }));
    await assert.rejects(whole(), code('login-refused'));
    assert.equal(port.written.filter((line) => line === PASSWORD).length, 1);
  }
});

test('a module that falls silent, at any step, is told', async () => {
  for (const step of ['', 'root', PASSWORD]) {
    const { whole } = desk(asLogin({ ...answers, [step]: '' }));
    await assert.rejects(whole(), code('login-missing'));
  }
});

test('a console that goes away, at any step, is told', async () => {
  for (const step of ['', 'root', PASSWORD]) {
    const gone = new PortError('port-gone', 'gone.');
    const { whole } = desk((line, port) =>
      line === step ? port.vanish(gone) : port.arrive(answers[line] ?? ''),
    );
    await assert.rejects(whole(), gone);
  }
});

test('a shell with a prompt of its own is handed over once it is quiet', async () => {
  const { whole } = desk(asLogin({ ...answers, [PASSWORD]: '\r\nBusyBox\r\nmodule:/ »' }));
  assert.match(seen(await whole()).text, /BusyBox/);
});

test('what echoes the password is masked, however it is cut, and for as long as one is attached', async () => {
  const { port, whole } = desk(asLogin({ ...answers, [PASSWORD]: `${PASSWORD}\r\n~ # ` }));
  const screen = seen(await whole());
  for (const size of [4, 5, 11, 29]) {
    for (let at = 0; at < PASSWORD.length; at += size) port.arrive(PASSWORD.slice(at, at + size));
  }
  assert.equal(screen.text, `${'*'.repeat(29)}\r\n~ # ${'*'.repeat(29 * 4)}`);
});

test('the module’s own login takes it (module/simulator)', async () => {
  const hash = encrypt(PASSWORD, '$6$rounds=1000$saltsalt');
  let login: Login | undefined;
  const { whole, port } = desk((line, end) => {
    login ??= new Login(
      'LTE4-00A1B2C3D4E5',
      () => hash,
      (text) => end.arrive(text),
    );
    login.receive(Buffer.from(`${line}\r`));
  });
  const screen = seen(await whole());
  assert.ok(screen.text.endsWith('~ # '));
  await port.write(Buffer.from('uname -a\r'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.match(screen.text, /Linux lte-module/);
});

/** Bursts for each line that the console is sent: fragments, each so many milliseconds later. */
const fragment = fc.oneof(
  fc.constantFrom(
    ...['login: ', 'Password: ', 'PASSWORD', 'root', '\r\n', '\r', '\n', '# ', '$ ', 'Login incorrect'],
    ...['Last login: ', 'x login: ', "root's password: ", '\x1b[2J', '\x1b[', '\0', 'ECHO', '[ 1.0] usb'],
  ),
  fc.string({ maxLength: 8 }),
  fc.nat(28).map((end) => PASSWORD.slice(0, end)),
);
const script = fc.array(
  fc.array(fc.record({ delay: fc.nat(9000), text: fc.array(fragment, { maxLength: 6 }) }), { maxLength: 5 }),
  { minLength: 1, maxLength: 8 },
);

test('whatever a console says, the password is typed at most once, into a password prompt after the name, and never shown', async () => {
  let typedIn = 0;
  await fc.assert(
    fc.asyncProperty(script, fc.boolean(), async (steps, honest) => {
      let step = 0;
      let since = '';
      const typed: { line: string; after: string }[] = [];
      const { port, timers, whole } = desk((line, end) => {
        typed.push({ line, after: since });
        since = '';
        const say = (text: string) => {
          since += text;
          end.arrive(text);
        };
        if (honest && Object.hasOwn(answers, line)) say(answers[line] ?? '');
        for (const { delay, text } of steps[step++ % steps.length] ?? []) {
          timers.after(delay, () =>
            say(text.join('').replaceAll('ECHO', line).replaceAll('PASSWORD', PASSWORD)),
          );
        }
      });
      let screen = { text: '' };
      try {
        screen = seen(await whole());
        for (let end = 0; end < PASSWORD.length; end += 5) port.arrive(PASSWORD.slice(end, end + 5));
      } catch (error) {
        assert.ok(error instanceof PortError, String(error));
        assert.ok(!`${error.message}${error.next}`.includes(PASSWORD));
      }
      const at = typed.findIndex(({ line }) => line.includes(PASSWORD));
      if (at >= 0) {
        typedIn += 1;
        assert.equal(typed.filter(({ line }) => line.includes(PASSWORD)).length, 1);
        assert.equal(typed[at]?.line, PASSWORD);
        assert.equal(typed[at - 1]?.line, 'root');
        assert.match(typed[at]?.after ?? '', /[\r\n][^\r\n]*password[^\r\n]*: ?[^\r\n]{0,9}$/i);
      }
      if (at >= 0) assert.ok(!screen.text.includes(PASSWORD), 'never shown');
    }),
    { numRuns: 300 },
  );
  assert.ok(typedIn > 20, `it was typed ${typedIn} times`);
});

test('a secret that begins again within itself is masked wherever it stands', () => {
  const show = mask(Buffer.from('ABAB-ABAC'));
  assert.equal(
    Buffer.from(show(Buffer.from('ABAB-ABAB-ABAC.')))
      .toString()
      .slice(5),
    '*********.',
  );
});

test('a mask shows at most three bytes of the secret, and nothing else changes', () => {
  const bytes = fc.oneof(
    fc.constant(PASSWORD),
    fc.constant(PASSWORD.slice(0, 20)),
    fc.string({ maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 6 }), fc.array(fc.nat(40), { maxLength: 9 }), (texts, cuts) => {
      const stream = Buffer.from(texts.join(''), 'latin1');
      const show = mask(Buffer.from(PASSWORD));
      let [out, at] = ['', 0];
      for (const size of [...cuts, stream.length]) {
        out += Buffer.from(show(stream.subarray(at, at + size))).toString('latin1');
        at = Math.min(stream.length, at + size);
      }
      assert.equal(out.length, stream.length);
      for (let place = 0; place + 4 <= PASSWORD.length; place += 1) {
        const piece = PASSWORD.slice(place, place + 4);
        if (!texts.some((text) => text !== PASSWORD && text.length > 3 && !PASSWORD.startsWith(text))) {
          assert.ok(!out.includes(piece), piece);
        }
      }
      for (const [place, character] of [...out].entries()) {
        if (character !== '*') assert.equal(character, String.fromCharCode(stream[place] ?? 0));
      }
    }),
  );
});

test('prompts are told from what only looks like one', () => {
  const rows: [string, ReturnType<typeof promptOf>][] = [
    ['login: ', 'login'],
    ['\r\nLTE4-00A1 login:', 'login'],
    ['Login incorrect\r\nlogin: ', 'refusal'],
    ['Last login: ', undefined],
    ['login: root', undefined],
    ['Password: ', 'password'],
    ["root@module's password: ", 'password'],
    ['Password: \r\n', undefined],
    ['type your password: ', undefined],
    ['~ # ', 'shell'],
    ['', undefined],
  ];
  for (const [text, wanted] of rows) assert.equal(promptOf(text), wanted, JSON.stringify(text));
});

function code(wanted: string) {
  return (error: unknown) => error instanceof PortError && error.code === wanted;
}

// What scripts/guards/agent.mjs takes out of latchd between its lines and its signals, and of what it is put together
// from, in the form of agent-verbs.mjs. Not in it: EINTR, since signals come while the loop waits and at no other time;
// and what a failing write to a line that is closed would come to.
import { listed } from './take.mjs';

const processor = 'loop: costs no processor';

const byFile = {
  'port.c': {
    test: 'port',
    'muted in data': ['if (!port->muted) outbox', 'outbox', 'watch'],
    echo: ['port->echo = statement->echo; ', ''],
    'echo at first': ['port->echo = true;', 'port->echo = false;'],
    'a code': ['if (code != 0) say_code(port, code);', ''],
    'a chain ends with a code': ['return code == 0;', 'return true;'],
    'what it does not know': [
      '    port_say(port, span_of("ERROR"));\n    return false;\n}\n\nvoid port_run',
      '    return false;\n}\n\nvoid port_run',
    ],
    'what is no command': ['if (!at_begin(line, &rest)) return;', 'if (!at_begin(line, &rest)) rest = line;'],
    'what cannot be one': ['if (!at_clean(line)) {', 'if (false) {'],
    'no OK after a fault': [
      'if (!perform(port, &statement)) return;',
      'if (!perform(port, &statement)) break;',
    ],
    'a host that has gone': [
      'void port_host_gone(struct port *port)\n{\n    port->length = 0;',
      'void port_host_gone(struct port *port)\n{\n    (void)port;',
    ],
    backspace: ['if (byte == BACKSPACE) {', 'if (false) {'],
    'nothing to take back': ['if (port->length > 0) port->length--;', 'port->length--;'],
    'room for a line': ['} else if (port->length < sizeof port->line) {', '} else {'],
    'echo where it is on': ['if (port->echo) outbox_add', 'outbox_add'],
    'CR ends a line': ["if (byte != '\\r' && byte != '\\n') {", "if (byte != '\\n') {"],
    'LF ends a line': ["if (byte != '\\r' && byte != '\\n') {", "if (byte != '\\r') {"],
    'a line is over': ['        port->length = 0;\n        port_run', '        port_run'],
  },

  'outbox.c': {
    test: 'port: 64 KiB',
    'room in it': ['if (bytes.length > outbox_left(outbox)) return false;', ''],
    'room behind': ['if (outbox->start + outbox->length + bytes.length > OUTBOX_ROOM) {', 'if (false) {'],
    'from the front': ['        outbox->start = 0;\n', ''],
    'a host that does not read is there': ['return errno == EAGAIN;', 'return false;', 'loop: reads nothing'],
    'one that hears nothing is not': ['return errno == EAGAIN;', 'return true;', 'loop: hears nothing'],
    'what was written': ['outbox->length -= (size_t)put;', '', 'loop: hang-up'],
    'from where it was written': ['outbox->start += (size_t)put;', '', 'filter: does not read its data'],
  },

  'wire.c': {
    test: processor,
    'it is open': ['wire->in >= 0 || now', 'now'],
    'not at once again': [' || now - wire->tried < AGAIN) return;', ') return;'],
    'nobody waits for a host on standard output': [
      '        unblock(wire->out);\n',
      '',
      'loop: reads nothing',
    ],
    'no terminal': ['O_NOCTTY | ', '', 'loop: its terminal'],
    'a tty does not block': ['O_RDWR | O_NOCTTY | O_NONBLOCK', 'O_RDWR | O_NOCTTY', 'loop: its end'],
    'not for the next': [
      '    wire->waiting.start = wire->waiting.length = 0;\n',
      '',
      'filter: host that has gone',
    ],
    raw: ['cfmakeraw(&settings);', '', 'loop: its terminal'],
    'one word about it': ['else if (!wire->complained) complain', 'else complain'],
    'standard input ends': ['if (is_stdio(wire)) return -1;', '', 'loop: ends what it says'],
    'a tty is closed': ['    close(wire->in);\n', '', processor],
    'a broken line': [
      'outbox_flush(&wire->waiting, wire->out)) return 0;\n    return hang_up(wire);',
      'outbox_flush(&wire->waiting, wire->out)) return 0;\n    return 0;',
      'loop: hears nothing',
    ],
    'a tty that has hung up': [
      '    return hang_up(wire);\n}\n\nint wire_flush',
      '    return 0;\n}\n\nint wire_flush',
      processor,
    ],
  },

  'loop.c': {
    test: 'loop',
    'SIGUSR1 ends nothing': ['if (number != SIGUSR1) ending = 1;', 'ending = 1;', 'loop: reads nothing'],
    'an order ends': ['if (number != SIGUSR1) ending = 1;', '(void)number;', 'loop: SIGTERM'],
    'SIGTERM is an order': ['{SIGTERM, SIGINT, SIGUSR1}', '{SIGINT, SIGUSR1}', 'loop: SIGTERM'],
    'SIGINT is an order': ['{SIGTERM, SIGINT, SIGUSR1}', '{SIGTERM, SIGUSR1}', 'loop: SIGINT'],
    SIGPIPE: ['signal(SIGPIPE, SIG_IGN);', '', 'loop: hears nothing'],
    SIGHUP: ['signal(SIGHUP, SIG_IGN);', '', 'loop: hang-up'],
    'signals come while it waits': [
      'sigdelset(waiting, caught[i]);',
      'sigaddset(waiting, caught[i]);',
      'loop: SIGTERM',
    ],
    'a host that is not there': ['host.in < 0 || ', '', processor],
    'a filter that waits': [
      'if (sent_length > 0) lessen(&wait, filter_patience(&filter));',
      '',
      'filter: says nothing',
    ],
    'for as long as nothing happens': ['if (wait < 0) return NULL;', '', processor],
    'the machine may sleep': ['if (wait > LOOK) wait = LOOK;', '', 'loop: machine sleeps'],
    'what the host sends waits': [
      'reading(&host, sent_length == 0)',
      'reading(&host, true)',
      'filter: does not read its data',
    ],
    'the time is looked at': ['        latch_look(latch);\n', '', 'loop: machine sleeps'],
    'the end of what a host says': [
      ' && !from_host(latch)) return;',
      ') from_host(latch);',
      'loop: ends what it says',
    ],
    'a host that hears nothing': [
      'if (wire_flush(&host) < 0) return;',
      'wire_flush(&host);',
      'loop: hears nothing',
    ],
    'a host that has gone': ['if (host.in < 0) host_gone();', '', 'loop: begun to type'],
    'its line': ['    port_host_gone(&port);\n', '', 'loop: begun to type'],
    'a modem that has gone': [
      'if (filtering(latch) && modem.in < 0) filter_modem_gone(&filter);',
      '',
      'filter: owes nothing',
    ],
    'no start': [
      'if (!latch_start(latch, config)) return false;',
      'latch_start(latch, config);',
      'stored: make sense',
    ],
    'an orderly end': ['    latch_stop(latch);\n', '', 'loop: SIGTERM'],
  },

  'main.c': {
    test: 'config: called otherwise',
    'words, least': ['argc < 3 || ', ''],
    'its option': [' || strcmp(argv[1], "-c") != 0) {', ') {'],
    'words, most': ['if (argc > 3) {\n        complain(usage', 'if (false) {\n        complain(usage'],
    'descriptors 0 to 2': ['    file_fill_standard();\n', '', 'filter: descriptors 0 to 2'],
    'nobody reads': ['    never_wait_to_complain();\n', '', 'filter: nobody reads'],
    umask: ['    umask(077);\n', '', 'loop: its terminal'],
    configuration: [
      'if (!config_read(&config, argv[2])) return 1;',
      'config_read(&config, argv[2]);',
      'config: may write',
    ],
    'how it ended': [
      'return loop_run(&latch, &config) ? 0 : 1;',
      'return loop_run(&latch, &config), 0;',
      'stored: make sense',
    ],
  },

  'text.c': {
    test: 'messages',
    'as long': ['one.length == other.length && ', ''],
    'a copy fits': ['    if (text.length >= room) return false;\n', ''],
    'a copy ends': ["    to[text.length] = '\\0';\n", ''],
    'a text has room': [
      ' || more.length > text->room - text->length) {\n        text->full',
      ') {\n        text->full',
      'shadow: would not fit',
    ],
    'nothing is 0': ['} while (number > 0);', '} while (number > 9);', 'port'],
  },

  'device.c': {
    test: 'stored: make sense',
    'a key': ['if (!public_point(secret, point)) return false;', 'public_point(secret, point);'],
    'a number that is one': [
      'mbedtls_ecp_mul(&group, &q, &d, &group.G, entropy, NULL) == 0 &&',
      '(mbedtls_ecp_mul(&group, &q, &d, &group.G, entropy, NULL), true) &&',
    ],
  },
};

export const lineGuards = listed(byFile);

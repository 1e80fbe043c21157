// What scripts/guards/agent.mjs takes out of latchd as the keeper of other processes, in the form of agent-verbs.mjs.
// Not in it: what waits for a process that no signal ends, a call that fails in the next line too, and
// what tells the session's processes from all others of the machine, which would end with them.
import { listed } from './take.mjs';

const byFile = {
  'service.c': {
    test: 'service',
    'signals are set back': ['signal(changed[i], SIG_DFL);', '', 'service: as a program expects'],
    'signals come': [
      'signal(changed[i], SIG_DFL);\n    sigprocmask(SIG_SETMASK, &none, NULL);',
      'signal(changed[i], SIG_DFL);',
      'service: as a program expects',
    ],
    'a session of its own': [
      '    setsid();\n    plain_signals();\n    umask',
      '    plain_signals();\n    umask',
      'service: as a program expects',
    ],
    'its umask': ['    umask(022);\n', '', 'service: as a program expects'],
    'its directory': ['if (chdir("/") != 0) _exit(127);', '', 'service: as a program expects'],
    'its standard input': ['open("/dev/null", O_RDWR) != 0 || ', '', 'service: stop program'],
    'its standard output': ['dup2(0, 1) < 0 || ', '', 'service: stop program'],
    'its standard error': [' || dup2(0, 2) < 0) _exit(127);', ') _exit(127);', 'service: stop program'],
    'its environment': [
      'program->argv, environment);',
      'program->argv, environ);',
      'service: as a program expects',
    ],
    'SIGTERM is no order': ['signal(SIGTERM, SIG_IGN);', '', 'service: ends the keeper'],
    'SIGINT is no order': ['signal(SIGINT, SIG_IGN);', '', 'service: ends the keeper'],
    'SIGHUP is no order': ['signal(SIGHUP, SIG_IGN);', '', 'service: ends the keeper'],
    'it is over': [
      'if (ppoll(&look, 1, &look_again, waiting) > 0) return true;',
      'ppoll(&look, 1, &look_again, waiting);',
      'service: outlive a lock',
    ],
    'its agent has ended': ['getppid() != keeping->agent || ', '', 'outlive: pipes'],
    'its time is over': [' || clock_milliseconds() >= keeping->until;', ';', 'outlive: stop the time'],
    'so much later': ['over + GRACE}', 'over}', 'outlive: stop the time'],
    'nothing is left': ['if (gone < 0 && errno != EINTR) _exit(0);', '', 'service: has left daemons'],
    'it failed': ['if (failed || (gone', 'if ((gone', 'service: fails'],
    'the program itself failed': ['gone == program && (', '(gone > 0) && (', 'service: has left daemons'],
    'by a signal': ['!WIFEXITED(status) || ', 'WIFEXITED(status) && ', 'service: fails .kill'],
    'by its status': [' || WEXITSTATUS(status) != 0)', ')', 'service: fails .exit'],
    'not where it ended well': [
      '(!WIFEXITED(status) || WEXITSTATUS(status) != 0)',
      'true',
      'service: has left daemons',
    ],
    'what is over is killed': [
      '            family_kill(KILL_PATIENCE);\n            _exit(1);',
      '            _exit(1);',
      'service: outlive its agent',
    ],
    'it adopts': [
      'prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 ? fork()',
      'true ? fork()',
      'service: has left daemons',
    ],
    'the agent adopts': ['    prctl(PR_SET_CHILD_SUBREAPER, 1);\n}', '}', 'service: ends the keeper'],
    'it knows when it was executed': [
      '    close(started);\n    if (child < 0)',
      '    if (child < 0)',
      'service: as a program expects',
    ],
    'a keeper keeps what it needs': ['keep = keep || fd == kept[i];', '', 'service: as a program expects'],
    'and nothing else': ['if (!keep) close(fd);', '', 'service: outlive a lock'],
    'ended at once': ['return !readable_within(end, QUICK);', 'return true;', 'service: at once'],
    'its keeper forgets': [
      '        forget(secrets);\n',
      '        (void)forget;\n        (void)secrets;\n',
      'memory',
    ],
    'a stop is heard': ['    shut(service->life);\n    if', '    if', 'service: outlive a lock'],
    'what outlived its keeper': [
      "    /* What outlived its keeper is a child of the agent's now. */\n    family_kill(KILL_PATIENCE);\n",
      '',
      'service: ends the keeper',
    ],
    'a stop program gets nothing': ['close_others(NULL, 0);', '', 'service: stop program'],
    'a stop program ends': [' && clock_waiting() < end) {', ') {', 'service: stop program'],
    'what a stop program leaves': [
      'NULL);\n    }\n    family_kill(KILL_PATIENCE);',
      'NULL);\n    }',
      'service: stop program',
    ],
  },

  'family.c': {
    test: 'hidden',
    'a name that is none': ['if (length > 16) return 0;', ''],
    'a status that cannot be read': ['stat[got < 0 ? 0 : got]', 'stat[got]'],
    'a status without a name': ['behind == NULL || ', ''],
    'a status that is cut': ['strlen(behind) < 4 ? 0', 'false ? 0'],
    'where /proc shows none': [
      'if (!kill_shown(proc) || round % 64 == 0) kill_hidden();',
      'kill_shown(proc);',
    ],
    'where it shows another': [' || round % 64 == 0) kill_hidden();', ') kill_hidden();'],
  },
};

export const processGuards = listed(byFile);

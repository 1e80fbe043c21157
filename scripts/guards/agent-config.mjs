// What scripts/guards/agent.mjs takes out of the reading of latchd's configuration, as in agent-verbs.mjs.
import { listed } from './take.mjs';

const byFile = {
  'config.c': {
    test: 'config',
    once: ["to[0] == '\\0' && value.length", 'value.length', 'config: again|a second'],
    'some value': ['value.length > 0 && span_copy(to', 'span_copy(to', 'config: user without a name'],
    'an absolute path': [
      "return path.length > 0 && path.at[0] == '/';",
      'return true;',
      'config: not absolute',
    ],
    'a number has digits': ['return digits > 0 && ', 'return ', 'config: an empty file'],
    'firmware is a name': [
      'return cursor_done(&cursor) && set_text(config->firmware',
      'return set_text(config->firmware',
      'config: stand in a challenge',
    ],
    'user is one field': ["memchr(value.at, ':', value.length) == NULL &&", '', 'config: two fields'],
    'hwid is read': [
      'if (!read_number(path, part, sizeof part)) return false;',
      'read_number(path, part, sizeof part);',
      'config: hardware ID from',
    ],
    'hwid fits': ['return !hwid.full && ', 'return ', 'config: gets too long'],
    'imei once': ["config->imei[0] == '\\0' && read", 'read', 'config: second IMEI'],
    'imei digits': [' &&\n           strspn(config->imei, "0123456789") == 15;', ';', 'config: IMEI'],
    'root: members': [
      'else cursor_check(&cursor, (span_is(name, "kty") && span_is(value, "RSA")) ||\n                                       (span_is(name, "e") && span_is(value, "AQAB")));',
      '',
      'config: member of its own',
    ],
    'root: kty': [
      '(span_is(name, "kty") && span_is(value, "RSA"))',
      'span_is(name, "kty")',
      'config: another kind',
    ],
    'root: e': [
      '(span_is(name, "e") && span_is(value, "AQAB"))',
      'span_is(name, "e")',
      'config: another exponent',
    ],
    'root: whole': ['if (!cursor_done(&cursor) || ', 'if (', 'config: does not end|something behind'],
    'root: a key': [
      ' || !rsa_key_from(key, ROOT_BITS, n)) return false;',
      ' || (rsa_key_from(key, ROOT_BITS, n), false)) return false;',
      'config: too short',
    ],
    'root: its name': [
      'return kid.length == 0 || span_is(kid, key->kid);',
      'return true;',
      'config: another name',
    ],
    'two roots': ['config->root_count == ROOTS || ', '', 'config: third root'],
    'root: trusted': [
      'long length = file_read_trusted(path, text, sizeof text);\n    if (length < 0) return false;\n    struct span rest = {text, (size_t)length}, line;\n    struct rsa_key',
      'struct stat status; long length = file_read(-100, path, text, sizeof text, &status);\n    if (length < 0) return false;\n    struct span rest = {text, (size_t)length}, line;\n    struct rsa_key',
      'config: a root that others',
    ],
    'root: one line': [
      'if (!next_line(&rest, &line) || rest.length > 0 || ',
      'if (!next_line(&rest, &line) || ',
      'config: line behind',
    ],
    'root: read': [
      ' || !read_root(root, line)) return false;',
      ' || (read_root(root, line), false)) return false;',
      'config: is no key',
    ],
    'no root twice': [
      'return rsa_key_named(config->roots, config->root_count++, span_of(root->kid)) == NULL;',
      'config->root_count++; return true;',
      'config: two roots',
    ],
    'shadow is absolute': [
      'if (!is_absolute(value) || !set_text(config->shadow',
      'if (!set_text(config->shadow',
      'config: file that is not absolute',
    ],
    'shadow once': [
      '!set_text(config->shadow, sizeof config->shadow, value)) return false;',
      '(set_text(config->shadow, sizeof config->shadow, value), false)) return false;',
      'config: second password',
    ],
    'program once': ['program->argv[0] != NULL || ', '', 'config: second program'],
    'program: words': ['if (count == PROGRAM_WORDS) return false;', '', 'config: 17 words'],
    'program is absolute': [
      "return count > 0 && program->argv[0][0] == '/';",
      'return count > 0;',
      'config: program that is not absolute',
    ],
    'program is there': ['return count > 0 && program', 'return program', 'config: no value'],
    'doors: trusted': [
      'text[FILE_ROOM];\n    if (!span_copy(path, sizeof path, value)) return false;\n    long length = file_read_trusted(path, text, sizeof text);',
      'text[FILE_ROOM];\n    struct stat status;\n    if (!span_copy(path, sizeof path, value)) return false;\n    long length = file_read(-100, path, text, sizeof text, &status);',
      'config: back doors that others',
    ],
    'doors: fit': [
      'if (!words_add(&config->backdoors, line)) return false;',
      'words_add(&config->backdoors, line);',
      'config: doors that are none',
    ],
    'doors: some': [
      'return config->backdoors.count > 0;',
      'return true;',
      'config: no back doors|doors that are none',
    ],
    'a service that it knows': [
      '!scope_named(name, &scope) || ',
      '(scope = SCOPE_ADB, scope_named(name, &scope), false) || ',
      'config: none of the three',
    ],
    'a service that has programs': [
      ' || scope >= SERVICES) return false;',
      ') return false;',
      'config: without a service',
    ],
    'start or stop': ['if (!*known) return false;', '', 'config: neither'],
    'at is absolute': ['(span_is(value, "stdio") || is_absolute(value)) &&', '', 'config: port that is not'],
    'modem is absolute': [
      'return is_absolute(value) && set_text(config->modem',
      'return set_text(config->modem',
      'config: modem that is not',
    ],
    'store is absolute': [
      'return is_absolute(value) && set_text(config->store',
      'return set_text(config->store',
      'config: store that is not',
    ],
    'a line that is wrong': [
      'known ? ": not a value for this key, or one too many" : ": unknown key",\n             NULL);\n    return false;',
      '0);\n    return true;',
      'config: does not know|no .=.',
    ],
    complete: [
      'complain("the configuration lacks ", missing, NULL);\n    return false;',
      'return true;',
      'config: missing',
    ],
    'complete: hwid': [
      '!is_hwid(span_of(config->hwid))',
      "config->hwid[0] == '\\0'",
      'config: hardware ID of other',
    ],
    'complete: backdoors': [
      'config->modem[0] != \'\\0\' && config->backdoors.count == 0 ? "backdoors"',
      'false ? "backdoors"',
      'config: modem without any',
    ],
    'configuration: trusted': [
      'long length = file_read_trusted(path, text, sizeof text);\n    if (length < 0) return false;\n    struct span rest = {text, (size_t)length}, line;\n    while (next_line(&rest, &line)) {\n        if (!read_line',
      'struct stat status; long length = file_read(-100, path, text, sizeof text, &status);\n    if (length < 0) return false;\n    struct span rest = {text, (size_t)length}, line;\n    while (next_line(&rest, &line)) {\n        if (!read_line',
      'config: may write',
    ],
    'every line counts': [
      'if (!read_line(config, path, line, ++number)) return false;',
      'read_line(config, path, line, ++number);',
    ],
  },
};

export const configGuards = listed(byFile);

// What scripts/guards/agent.mjs takes out of what latchd keeps, in memory and on flash,
// in the form of agent-parsers.mjs. Tests are a file of test/module/agent, or the conformance suite, and behind the
// colon a pattern of test names.
import { listed } from './take.mjs';

const storage = 'conformance: cannot be stored';

const byFile = {
  'state.c': {
    test: 'state',
    'it does not end early': ['if (length > reader->left) reader->bad = true;', ''],
    lengths: ['if (length <= most) return length;\n    reader->bad = true;\n    return 0;', 'return length;'],
    'lengths are refused': ['    reader->bad = true;\n    return 0;', '    return 0;'],
    'a text has no NUL': ['if (strlen(text) != length) reader->bad = true;', ''],
    scope: ['state->session.scope < SCOPES && ', ''],
    'last is a jti': ['empty_or(is_uuid7, state->last) &&', ''],
    'session is a jti': ['empty_or(is_uuid7, state->session.jti) && ', ''],
    'a hash with each version': [
      "(state->pw.ver == 0) == (state->pw.hash[0] == '\\0')",
      "(state->pw.ver == 0 || state->pw.hash[0] != '\\0')",
    ],
    'a version with each hash': [
      "(state->pw.ver == 0) == (state->pw.hash[0] == '\\0')",
      "(state->pw.ver != 0 || state->pw.hash[0] == '\\0')",
    ],
    hash: ['empty_or(is_crypt, state->pw.hash) && ', ''],
    'provisioned by a manifest': [' && (!state->provisioned || state->manifest_length > 0)', ''],
    whole: ['return !reader.bad && ', 'return '],
    'nothing follows': ['reader.left == 0 && ', ''],
    flags: ['flags <= (PROVISIONED | HAS_ROOTS) && ', ''],
    'it makes sense': [' && makes_sense(state);', ';'],
    'receipts kept': ['if (state->receipts == RECEIPTS_KEPT) {', 'if (false) {', 'conformance: last 32'],
  },

  'seal.c': {
    test: 'state',
    least: ['length < SEAL_OVERHEAD || ', ''],
    format: ['memcmp(sealed, name, SEAL_NAME) != 0', 'false'],
    'the hardware ID': [
      ', (const unsigned char *)hwid, strlen(hwid)) == 0',
      ', (const unsigned char *)hwid, 0) == 0',
    ],
    'the tag': ['tag, SEAL_TAG, bytes, bytes) == 0;', 'tag, SEAL_TAG, bytes, bytes) != 1;'],
    'salt and name': [
      'sealed,\n                                         SEAL_NAME + SEAL_SALT, tag',
      'sealed,\n                                         SEAL_NAME, tag',
    ],
    'a key': ['bool ready = seal_key(key, hwid, salt) &&', 'bool ready ='],
  },

  'store.c': {
    test: 'store: agents|owner|closed|copied|bit',
    'one agent': ['if (lock(store->dir)) return true;', 'return true;', 'store: two agents'],
    'another waits only so long': [
      ' || tries == PATIENCE) return false;',
      ') return false;',
      'store: two agents',
    ],
    'a directory that cannot be made': [
      'if (mkdir(path, 0700) != 0 && errno != EEXIST) {',
      'if (mkdir(path, 0700), false) {',
      'stored: no directory',
    ],
    'a directory that is none': [
      'if (store->dir < 0 || fstat(store->dir, &status) != 0) {',
      'if (fstat(store->dir, &status), false) {',
      'stored: no directory',
    ],
    'its owner': ['status.st_uid != geteuid() || ', '', 'stored: closed to others'],
    'closed to others': [' || (status.st_mode & 077) != 0', '', 'stored: closed to others'],
    'mode of the file': ['.st_mode = 0600', '.st_mode = 0644', 'store: its owner'],
    sealed: ['bool done = seal(store->sealed, length, store->hwid) &&', 'bool done =', 'store: in the clear'],
    unsealed: [
      'bool whole = unseal(store->sealed, length, store->hwid) &&',
      'unseal(store->sealed, length, store->hwid); bool whole =',
      'stored: another module sealed',
    ],
    decoded: [
      'state_decode(&store->state, store->sealed + SEAL_OVERHEAD, length - SEAL_OVERHEAD);',
      '(state_decode(&store->state, store->sealed + SEAL_OVERHEAD, length - SEAL_OVERHEAD), true);',
      'stored: make sense',
    ],
    'a new store is written': [
      'device_make(store->draft.device) && store_commit(store)) return true;',
      'device_make(store->draft.device)) { store_commit(store); return true; }',
      'stored: a start fails',
    ],
    'a file that cannot be read': [
      'if (length < 0 && errno != ENOENT) {',
      'if (false) {',
      'stored: no directory',
    ],
    'what is not stored did not happen': [
      'if (done) store->state = store->draft;',
      'store->state = store->draft;',
      storage,
    ],
    'what is not stored is told': [
      '    return done;\n}\n\nvoid store_settle',
      '    return true;\n}\n\nvoid store_settle',
      storage,
    ],
    'seq goes on above its block': [
      'store->next = (uint64_t)store->state.reserved + 1;',
      'store->next = 1;',
      'conformance: never goes back',
    ],
    'seq is reserved': [
      'if (store->next > store->state.reserved) {',
      'if (false) {',
      'conformance: never goes back',
    ],
    'seq does not wrap': [
      'if (store->next + BLOCK - 1 > UINT32_MAX) return false;',
      '',
      'stored: last number',
    ],
    'seq is reserved on flash': [
      'if (!store_commit(store)) return false;',
      'store_commit(store);',
      'conformance: where no number',
    ],
    'what was read is wiped': [
      'length - SEAL_OVERHEAD);\n    mbedtls_platform_zeroize(store->sealed, sizeof store->sealed);',
      'length - SEAL_OVERHEAD);',
      'memory',
    ],
    'a draft is wiped': [
      'if (done) store->state = store->draft;\n    mbedtls_platform_zeroize(&store->draft, sizeof store->draft);',
      'if (done) store->state = store->draft;',
      'memory',
    ],
    'a draft that is settled is wiped': [
      '    store->state = store->draft;\n    mbedtls_platform_zeroize(&store->draft, sizeof store->draft);\n}\n\nbool store_seq',
      '    store->state = store->draft;\n}\n\nbool store_seq',
      'memory',
    ],
    'what is remembered is wiped': [
      'mbedtls_platform_zeroize(&store->state, sizeof store->state);',
      '',
      'memory',
    ],
  },

  'files.c': {
    test: 'files',
    'a file that is too long': ['errno = EFBIG;\n            return -1;', 'return (long)length;', 'shadow'],
    'a file that is not there': ['if (file < 0) return -1;', '', 'shadow'],
    'its owner': [
      'if ((now.st_uid != like->st_uid || now.st_gid != like->st_gid) &&',
      'if (false &&',
      'store: owner and mode',
    ],
    'its mode': ['return fchmod(file, like->st_mode & 07777) == 0;', 'return true;', 'shadow'],
    'what an earlier cut left': ['if (unlinkat(dir, aside, 0) != 0 && errno != ENOENT) return false;', ''],
    'what cannot be taken away': [' && errno != ENOENT) return false;', ') return false;'],
    'not opened again': ['O_CREAT | O_EXCL |', 'O_CREAT | O_TRUNC |'],
    'no link': ['O_NOFOLLOW | ', ''],
    'its own alone at first': ['O_CLOEXEC, 0600);', 'O_CLOEXEC, 0666);'],
    'bytes on flash first': [' && hook_step() && fsync(file) == 0;', ';'],
    'the name on flash': ['return hook_step() && fsync(dir) == 0;', 'return true;'],
    'a rename': [
      'bool written = write_aside(dir, aside, bytes, length, like) && hook_step() &&',
      'bool written = (write_aside(dir, aside, bytes, length, like), true) && hook_step() &&',
    ],
    'nothing is left beside it': ['if (hook_step()) unlinkat(dir, aside, 0);', ''],
    'a regular file': ['S_ISREG(status.st_mode) && ', '', 'config: not a regular'],
    'root’s or its own': [
      '(status.st_uid == 0 || status.st_uid == geteuid()) &&',
      '',
      'config: a root that others',
    ],
    'no group, no others': ['(status.st_mode & (S_IWGRP | S_IWOTH)) == 0;', 'true;', 'config: may write'],
    'no group': ['(S_IWGRP | S_IWOTH)', '(S_IWOTH)', 'config: may write'],
    'no others': ['(S_IWGRP | S_IWOTH)', '(S_IWGRP)', 'config: may write'],
    safe: ['if (safe) return length;', 'return length;', 'config: may write'],
    read: [
      'complain("cannot read ", path, ": ", strerror(errno), NULL);\n        return -1;',
      'length = 0;',
      'config: not there',
    ],
  },

  'shadow.c': {
    test: 'shadow',
    'a whole name': ["&& at[name] == ':') {", ') {'],
    'the name': ['memcmp(at, user, name) == 0 && ', ''],
    'a name in the line': ['length > name && ', ''],
    'the field ends with the line': [
      'size_t field_length = colon == NULL ? length - name - 1 : (size_t)(colon - field);',
      'size_t field_length = colon == NULL ? file.length - (size_t)(field - file.at) : (size_t)(colon - field);',
    ],
    'the field ends in the line': [
      "memchr(field, ':', length - name - 1)",
      "memchr(field, ':', file.length - (size_t)(field - file.at))",
    ],
    'locked by !': ["field.at[0] == '!' || ", ''],
    'locked by *': [" || field.at[0] == '*'", ''],
    'an empty password is none that locks': ['field.length > 0 && ', ''],
    'a line of its own': [
      'if (file->length > 0 && file->at[file->length - 1] != \'\\n\') text_add(file, "\\n");',
      '',
    ],
    'no line in front of the first': ['file->length > 0 && file->at', 'file->at'],
    'no room for the name': ['aside.full || ', ''],
    readable: ['bool done = length >= 0 || errno == ENOENT;', 'bool done = true;'],
    'a file that is not there': ['bool done = length >= 0 || errno == ENOENT;', 'bool done = length >= 0;'],
    locked: ["hash[0] == '\\0' ? LOCKED : hash);", 'hash);'],
    'written already': ['if (done && !is_as_wanted(&line, hash)) {', 'if (done) {'],
    'nobody to lock': ['return line->missing || is_locked', 'return is_locked'],
    room: ['!file.full && ', ''],
    'what was read is wiped': ['mbedtls_platform_zeroize(old, sizeof old);', '', 'memory'],
    'what was written is wiped': ['mbedtls_platform_zeroize(new, sizeof new);', '', 'memory'],
  },
};

export const storeGuards = listed(byFile);

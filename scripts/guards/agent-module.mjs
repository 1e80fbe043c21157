// What scripts/guards/agent.mjs takes out of what latchd does with what it has read: as in agent-parsers.mjs.
// Tests are a file of test/module/agent, or the conformance suite, and behind the colon a pattern of test names.
import { listed } from './agent-parsers.mjs';

const storage = 'conformance: cannot be stored';

const byFile = {
  'nonce.c': {
    test: 'conformance: nonce|pace|every 2 s',
    'the first challenge may be made': ['!nonce->made || ', ''],
    'one challenge every 2 s': ['now - nonce->made_at >= SPACING', 'true'],
    'spacing itself': ['>= SPACING', '> SPACING'],
    'it lives 600 s': ['if (nonce->live && now - nonce->made_at >= LIFE) nonce_kill(nonce);', ''],
    'life itself': ['>= LIFE', '> LIFE'],
    'the killed is dead': ['nonce->live = false;', ''],
    'three bad signatures': ['if (++nonce->bad_signatures >= MOST_BAD_SIGNATURES) nonce_kill(nonce);', ''],
    'three, not four': ['>= MOST_BAD_SIGNATURES', '> MOST_BAD_SIGNATURES'],
    'a newer one counts anew': [
      '    *nonce = (struct nonce){',
      '    unsigned bad = nonce->bad_signatures;\n    *nonce = (struct nonce){\n        .bad_signatures = bad, //',
    ],
  },

  'command.c': {
    test: 'conformance: what a|911|no time|908|seq|gap|8192|Where|lock',
    provisioned: ['if (!held->provisioned) return 911;', '', 'conformance: 911'],
    'some seconds': ['if (seconds == 0) return 907;', '', 'conformance: 907'],
    pace: ['if (!nonce_may_make(&latch->nonce, now)) return 908;', '', 'conformance: 908'],
    'a number': [
      '!store_seq(&latch->store, &seq) || ',
      '(store_seq(&latch->store, &seq), false) || ',
      'conformance: number|256',
    ],
    'no gap': ['if (offset > latch->length) return 912;', '', 'conformance: gap'],
    'room for data': ['if (piece.length > sizeof latch->data - offset) return 901;', '', 'conformance: 8192'],
    'a session is looked at first': [
      '    session_look(latch);\n    switch',
      '    switch',
      'conformance: time is over|ends by itself',
    ],
    'no receipt where it is locked': [
      'if (code == 0 && receipt.length > 0) answer_jws',
      'if (code == 0) answer_jws',
      'conformance: lock',
    ],
    'no receipt where there is none': [
      'if (code == 0 && receipt',
      'if (receipt',
      'conformance: where no number',
    ],
    'receipts that are asked for': [
      'if (held->receipt[i].seq > after) answer',
      'answer',
      'conformance: last 32',
    ],
  },

  'unlock.c': {
    test: 'conformance: refused/|spends|spent|opens once|bad signatures',
    provisioned: ['!latch->store.state.provisioned || ', '', 'conformance: 911|reset'],
    'a manifest is held': [' || held.manifest == NULL) return 911;', ') return 911;', 'conformance: 911'],
    'the nonce lives': [
      'live ? &latch->nonce : NULL',
      '&latch->nonce',
      'conformance: nonce lives|opens once',
    ],
    'the nonce dies': ['if (verdict.nonce_dies) nonce_kill(&latch->nonce);\n    else if', 'if'],
    'bad signatures are counted': ['else if (verdict.cme == 902) nonce_bad_signature(&latch->nonce);', ''],
    'and nothing else is': [
      'else if (verdict.cme == 902) nonce',
      'else if (verdict.cme != 0) nonce',
      'conformance: before its signature',
    ],
    'a refused receipt': ['if (verdict.why != NULL) session_refuse(latch, token->jti, verdict.why);', ''],
    'a refused token stops': ['return verdict.cme;', 'return 0;'],
    'a session is replaced': [
      'if (code == 0) code = session_end(latch, "replaced", &receipt);',
      '',
      'conformance: while open',
    ],
    'a refused token ends nothing': [
      'if (code == 0) code = session_end(latch, "replaced", &receipt);',
      '{ int ended = session_end(latch, "replaced", &receipt); if (code == 0) code = ended; }',
      'conformance: leaves an open session',
    ],
    'what is not accepted does not open': [
      'if (code == 0) code = session_accept(latch, &token);',
      'if (code == 0) session_accept(latch, &token);',
      storage,
    ],
    'reset: unprovisioned': ['draft->provisioned = false;', '', 'conformance: reset'],
    'reset: a new key': ['memcpy(draft->device, secret, sizeof secret);', '', 'conformance: reset'],
    'reset: no last': ["draft->last[0] = '\\0';", '', 'conformance: reset'],
    'reset: no session': ['memset(&draft->session, 0, sizeof draft->session);', '', 'conformance: reset'],
    'reset: the key is in use': [
      'if (done) done = device_load(&latch->device, secret);\n    else session',
      'if (!done) session',
      'conformance: reset',
    ],
    'reset: stored': [
      'done = store_commit(&latch->store);',
      'store_commit(&latch->store);',
      'conformance: reset',
    ],
    'reset: refused where it cannot be': [
      'else session_refuse(latch, jti, "storage");',
      '',
      'conformance: reset',
    ],
  },

  'provision.c': {
    test: 'conformance: manifest|bundle|provision|successors|keys',
    'a manifest passes': ['if (code != 0) return code;\n    struct state *draft', 'struct state *draft'],
    'a manifest is stored': [
      'if (!store_commit(&latch->store)) return 914;\n    latch->manifest',
      'store_commit(&latch->store);\n    latch->manifest',
    ],
    'a manifest is in force': ['latch->manifest = latch->next;', ''],
    'the first manifest is held': ['latch->has_manifest = true;', ''],
    'successors are stored': ['draft->has_roots = true;', ''],
    'successors are in force': [
      'if (latch->next.has_roots) memcpy(latch->roots, latch->next.roots, sizeof latch->roots);',
      '',
    ],
    'no successors': ['    if (latch->next.has_roots) {', '    {'],
    'the nonce dies': ['nonce_kill(&latch->nonce);', ''],
    'the same bytes again': [
      'bool again = held.length > 0 && span_equals(latch_message(latch), held);',
      'bool again = false;',
    ],
    'no bytes are not the same': ['held.length > 0 && ', ''],
    'provisioned once': ['if (latch->store.state.provisioned) return 909;', ''],
    'a bundle passes': ['if (code != 0) return code;\n    uint32_t', 'uint32_t'],
    'a receipt': [
      'if (!session_receipt(latch, &receipt, &provisioned)) return 914;',
      'session_receipt(latch, &receipt, &provisioned);',
      storage,
    ],
    'a bundle is stored': [
      'if (!store_commit(&latch->store)) return 914;\n    if',
      'store_commit(&latch->store);\n    if',
      storage,
    ],
    'an offline bundle has no password': ['if (bundle.bound) draft->pw', 'draft->pw'],
    'the password file': [
      'if (!shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash)) return 914;',
      '',
    ],
    'the password file is written': [
      'if (!shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash)) return 914;',
      'shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash);',
    ],
  },

  'session.c': {
    test: 'conformance: session|lock|opens|service|storage|stored|number|time|refused',
    'a number': [
      'if (!store_seq(&latch->store, &receipt->seq)) return false;',
      'store_seq(&latch->store, &receipt->seq);',
      'conformance: number',
    ],
    'a refusal leaves the session': [
      'return latch->session.open ? latch->session.what : none;',
      'return none;',
      'conformance: leaves an open session',
    ],
    'what is closed is not stored as open': [
      'return latch->session.open ? latch->session.what : none;',
      'return latch->session.what;',
      'conformance: reboot|ends the session',
    ],
    'a refusal without a number': [
      'if (!session_receipt(latch, &receipt, &refused)) return;',
      'session_receipt(latch, &receipt, &refused);',
      'conformance: number',
    ],
    last: ['memcpy(draft->last, token->jti, sizeof draft->last);', '', 'conformance: last is'],
    'the session is stored': [
      'memcpy(draft->session.jti, token->jti, sizeof draft->session.jti);',
      '',
      'conformance: reboot locks',
    ],
    'no password, none changed': [
      'if (token->pw.ver != 0) draft->pw = token->pw;',
      'draft->pw = token->pw;',
      'conformance: pw|last is|opens',
    ],
    'stored before it opens': [
      'if (store_commit(&latch->store) &&',
      'store_commit(&latch->store); if (',
      storage,
    ],
    'the password file before it opens': [
      'shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash)) {',
      'true) {',
      'conformance: pw is',
    ],
    'a refusal for storage': [
      '    session_refuse(latch, token->jti, "storage");\n    return 914;',
      '    return 914;',
      storage,
    ],
    'the service stops': ['service_stop(&latch->service);', '', 'conformance: lock ends'],
    'the stop program runs': ['program_run(&latch->config->stop[scope]);', '', 'stored: stop programs'],
    'a service that does not start': [
      'return refuse_start(latch, token, "service", 913);',
      '',
      'conformance: does not start',
    ],
    'what is refused is stopped': [
      '    stop_service(latch, token->scope);\n    session_refuse',
      '    session_refuse',
      'stored: nothing opens',
    ],
    'opened has a number': [
      'if (!session_receipt(latch, receipt, &opened)) return refuse_start(latch, token, "storage", 914);',
      'session_receipt(latch, receipt, &opened);',
      'stored: nothing opens',
    ],
    'opened is stored': [
      'if (!store_commit(&latch->store)) return refuse_start(latch, token, "storage", 914);',
      'store_commit(&latch->store);',
      'stored: be recorded',
    ],
    'nothing to end': ['if (!latch->session.open) return 0;\n    latch', 'latch', 'conformance: lock'],
    'it ends whatever can be stored': [
      '    latch->session.open = false;\n    stop_service',
      '    stop_service',
      'conformance: where no number',
    ],
    'closed has a number': [
      'if (!session_receipt(latch, receipt, &closed)) return 914;',
      'session_receipt(latch, receipt, &closed);',
      'conformance: where no number',
    ],
    'nothing to look at': [
      '    if (!latch->session.open) return;\n    if (elapsed',
      '    if (elapsed',
      'conformance: lock',
    ],
    'the time is over': [
      'if (elapsed(latch) >= (int64_t)latch->session.what.seconds * 1000) {',
      'if (false) {',
      'conformance: time is over',
    ],
    'the time itself': [
      'elapsed(latch) >= (int64_t)',
      'elapsed(latch) > (int64_t)',
      'conformance: time is over',
    ],
    'seconds do not wrap': [
      'elapsed(latch) >= (int64_t)latch->session.what.seconds * 1000',
      'elapsed(latch) >= (int32_t)(latch->session.what.seconds * 1000)',
      'stored: as long as',
    ],
    'the service has ended': [
      '} else if (has_ended(&latch->service)) {',
      '} else if (false) {',
      'conformance: ends by itself',
    ],
    'nothing remains where it is locked': [
      '    if (!latch->session.open) return 0;\n    int64_t left',
      '    int64_t left',
      'conformance: new module',
    ],
  },

  'latch.c': {
    test: 'conformance: reboot',
    'a manifest that was held': [
      'return envelope_open(&latch->envelope, &key_manifest, held) &&\n',
      'return\n',
      'conformance: higher manifest',
    ],
    successors: ['if (!state->has_roots) return true;', 'return true;', 'conformance: successors'],
    'no session, no receipt': ["if (record->jti[0] == '\\0') return true;", ''],
    'a receipt for the old session': [
      'if (!session_receipt(latch, &receipt, &closed)) return false;',
      'session_receipt(latch, &receipt, &closed);',
      'stored: a start fails',
    ],
    'the old session is over': [
      '    memset(&draft->session, 0, sizeof draft->session);\n',
      '',
      'conformance: reboot locks',
    ],
    'stop programs run first': [
      'for (enum scope scope = 0; scope < SERVICES; scope++) program_run(&config->stop[scope]);',
      '',
      'stored: stop programs',
    ],
    'a store that makes no sense': [
      '        complain("the store does not make sense", NULL);\n        return false;',
      '',
      'stored: make sense',
    ],
    'a device key': [
      '!device_load(&latch->device, latch->store.state.device) || ',
      '(device_load(&latch->device, latch->store.state.device), false) || ',
      'stored: make sense',
    ],
    'a manifest': ['!load_manifest(latch) ||', '(load_manifest(latch), false) ||', 'stored: make sense'],
    'the password file is finished': [
      'close_old_session(latch) && shadow_set(config->shadow, config->user, latch->store.state.pw.hash)',
      'close_old_session(latch)',
      'store: lost the password',
    ],
    'no start where nothing can be written': [
      '    complain("the store or the password file could not be written", NULL);\n    return false;',
      '    return true;',
      'stored: a start fails',
    ],
    'the store is open': [
      'return store_open(&latch->store, config->store, config->hwid) && start(latch);',
      'store_open(&latch->store, config->store, config->hwid); return start(latch);',
      'store: bit|two agents',
    ],
    'a stop closes': ['(void)session_end(latch, "stop", &receipt);', '', 'conformance: stopped'],
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
      'store: copied|bit',
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
  },

  'files.c': {
    test: 'files',
    'a file that is too long': ['errno = EFBIG;\n            return -1;', 'return (long)length;', 'shadow'],
    'a file that is not there': ['if (file < 0) return -1;', '', 'shadow'],
    'what fails writes nothing more': [
      'if (!hook_step()) return false;\n        ssize_t',
      'ssize_t',
      storage,
    ],
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

  'config.c': {
    test: 'config',
    once: ["to[0] == '\\0' && value.length", 'value.length', 'config: again|a second'],
    'some value': [
      'value.length > 0 && span_copy(to, room, value);',
      'span_copy(to, room, value);',
      'config: no value|without a name',
    ],
    'an absolute path': [
      "return path.length > 0 && path.at[0] == '/';",
      'return true;',
      'config: not absolute',
    ],
    'a number is there': ['if (length <= 0) {', 'if (length < 0) {', 'config: an empty file'],
    'a number has digits': ['return digits > 0 && ', 'return ', 'config: IMEI that is empty|empty hardware'],
    'firmware is a name': [
      'return !quoted.full && cursor_done(&cursor) && ',
      'return ',
      'config: stand in a challenge',
    ],
    'firmware fits': ['return !quoted.full && ', 'return ', 'config: 64 characters'],
    'user is one field': ["memchr(value.at, ':', value.length) == NULL &&", '', 'config: two fields'],
    'hwid is read': [
      'if (!read_number(path, part, sizeof part)) return false;',
      'read_number(path, part, sizeof part);',
      'config: hardware ID from',
    ],
    'hwid fits': ['return !hwid.full && ', 'return ', 'config: too long'],
    'imei once': ["config->imei[0] != '\\0' || ", '', 'config: second IMEI'],
    'imei is read': [
      '!read_number(value, imei, sizeof imei)) return false;',
      '(read_number(value, imei, sizeof imei), false)) return false;',
      'config: an IMEI from',
    ],
    'imei length': ['strlen(imei) == 15 && ', '', 'config: 15 digits'],
    'imei digits': ['strspn(imei, "0123456789") == 15 &&', '', 'config: IMEI of other'],
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
      'struct stat status; long length = file_read(AT_FDCWD, path, text, sizeof text, &status);\n    if (length < 0) return false;\n    struct span rest = {text, (size_t)length}, line;\n    struct rsa_key',
      'config: a root that others',
    ],
    'root: one line': [
      'if (!next_line(&rest, &line) || rest.length > 0 || ',
      'if (!next_line(&rest, &line) || ',
      'config: line behind',
    ],
    'root: a line': [
      'if (!next_line(&rest, &line) || rest',
      'if (next_line(&rest, &line), rest',
      'config: empty root',
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
    'program fits': [
      '!span_copy(program->text, sizeof program->text, value)) return false;',
      '(span_copy(program->text, sizeof program->text, value), false)) return false;',
      'config: 256',
    ],
    'program: words': ['if (count == PROGRAM_WORDS) return false;', '', 'config: 17 words'],
    'program is absolute': [
      "return count > 0 && program->argv[0][0] == '/';",
      'return count > 0;',
      'config: program that is not absolute',
    ],
    'program is there': ['return count > 0 && program', 'return program', 'config: no value'],
    'doors: trusted': [
      'text[FILE_ROOM];\n    if (!span_copy(path, sizeof path, value)) return false;\n    long length = file_read_trusted(path, text, sizeof text);',
      'text[FILE_ROOM];\n    struct stat status;\n    if (!span_copy(path, sizeof path, value)) return false;\n    long length = file_read(AT_FDCWD, path, text, sizeof text, &status);',
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
    'a service': [
      'if (dot == NULL) return false;',
      'if (dot == NULL) dot = key.at;',
      'config: does not know|no .=.',
    ],
    'a service that it knows': [
      '!scope_named(name, &scope) || ',
      '(scope_named(name, &scope), false) || ',
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
      'struct stat status; long length = file_read(AT_FDCWD, path, text, sizeof text, &status);\n    if (length < 0) return false;\n    struct span rest = {text, (size_t)length}, line;\n    while (next_line(&rest, &line)) {\n        if (!read_line',
      'config: may write',
    ],
    'every line counts': [
      'if (!read_line(config, path, line, ++number)) return false;',
      'read_line(config, path, line, ++number);',
    ],
  },
};

export const moduleGuards = listed(byFile);

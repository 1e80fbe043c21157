// What scripts/guards/agent.mjs takes out of a module's session and its start,
// in the form of agent-parsers.mjs. Tests are a file of test/module/agent, or the conformance suite, and behind the
// colon a pattern of test names.
import { listed } from './take.mjs';

const storage = 'conformance: cannot be stored';
const owed = 'conformance: no number|while a receipt is owed|within ten seconds';

const byFile = {
  'session.c': {
    test: 'conformance: session|lock|opens|service|storage|stored|number|time|refused',
    'a number': [
      'if (!store_seq(&latch->store, &receipt->seq)) return false;',
      'store_seq(&latch->store, &receipt->seq);',
      owed,
    ],
    'a refusal leaves the session': [
      'return latch->session.open || latch->session.owed.event != NULL ? latch->session.what : none;',
      'return none;',
      'conformance: leaves an open session',
    ],
    'what is closed is not stored as open': [
      'return latch->session.open || latch->session.owed.event != NULL ? latch->session.what : none;',
      'return latch->session.what;',
      'conformance: closes the session: closed',
    ],
    'what is owed stays on flash': [
      'return latch->session.open || latch->session.owed.event != NULL ?',
      'return latch->session.open ?',
      'stored: off flash',
    ],
    'a refusal without a number': [
      'if (session_receipt(latch, &receipt, &refused)) keep(latch, &receipt);',
      'session_receipt(latch, &receipt, &refused); keep(latch, &receipt);',
      'stored: for a refusal',
    ],
    'nothing is owed': ['if (owed->event == NULL) return 0;', '', 'conformance: unprovisioned|lock'],
    'what is owed has a number': [
      'if (!session_receipt(latch, receipt, &last)) return 914;',
      'session_receipt(latch, receipt, &last);',
      owed,
    ],
    'it is owed once': [
      '    owed->event = NULL;\n    keep',
      '    keep',
      'conformance: lock ends|closes the session',
    ],
    'a refusal that is owed': [
      'latch->session.owed = (struct owed){"refused", why, 0, 0};',
      '',
      'conformance: does not start',
    ],
    'whose refusal is owed': [
      'latch->session.what = latch->store.state.session;\n    latch->session.owed',
      'latch->session.owed',
      'conformance: does not start',
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
      'if (!store_commit(&latch->store)) {\n        session_refuse(latch, token->jti, "storage");\n        return 914;\n    }\n    if (shadow',
      'store_commit(&latch->store);\n    if (shadow',
      'stored: opens nothing',
    ],
    'a refusal for storage': [
      '        session_refuse(latch, token->jti, "storage");\n        return 914;',
      '        return 914;',
      storage,
    ],
    'the password file before it opens': [
      'if (shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash)) return 0;',
      'shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash); return 0;',
      'stored: opens nothing',
    ],
    'a refusal for the password file': [
      '    session_refuse_accepted(latch, "storage");\n    return 914;',
      '    return 914;',
      'stored: opens nothing',
    ],
    'the service stops': ['service_stop(&latch->service);', '', 'stored: without stop programs'],
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
    'nothing to end': [
      'if (latch->session.open) shut_down(latch, why);',
      'shut_down(latch, why);',
      'conformance: unprovisioned|lock',
    ],
    'it ends whatever can be stored': [
      '    latch->session.open = false;\n    stop_service',
      '    stop_service',
      'conformance: lock|ends',
    ],
    'what is owed is tried again': [
      '(void)settle(latch, &receipt);\n        }',
      '}',
      'conformance: within ten seconds',
    ],
    'the time is over': [
      '} else if (elapsed(latch) >= (int64_t)session->what.seconds * 1000) {',
      '} else if (false) {',
      'conformance: time is over',
    ],
    'the time itself': [
      'elapsed(latch) >= (int64_t)',
      'elapsed(latch) > (int64_t)',
      'conformance: time is over',
    ],
    'seconds do not wrap': [
      'elapsed(latch) >= (int64_t)session->what.seconds * 1000',
      'elapsed(latch) >= (int32_t)(session->what.seconds * 1000)',
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
      'conformance: lock',
    ],
    'the keeper forgets': ['latch_wipe(latch);', '(void)latch;', 'memory'],
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
    'stop programs run first': ['if (!latch->store.taken) stop_all(latch);', '', 'stored: stop programs'],
    'where the store is broken too': [
      'if (!latch->store.taken) stop_all(latch);',
      'if (opened) stop_all(latch);',
      'outlive: breaks the store',
    ],
    'not where another agent serves': [
      'if (!latch->store.taken) stop_all(latch);',
      'stop_all(latch);',
      'store: two agents',
    ],
    'no TLS key of before a reset': [
      'if (!latch->store.state.provisioned) (void)tls_forget(latch->store.dir);',
      '',
      'tls-key: off flash',
    ],
    'a TLS key is kept': [
      'if (!latch->store.state.provisioned) (void)tls',
      '(void)tls',
      'conformance: after a reboot',
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
      'return opened && start(latch);',
      'return start(latch);',
      'stored: another module sealed',
    ],
    'a stop closes': ['(void)session_end(latch, "stop", &receipt);', '', 'conformance: stopped'],
    'what is remembered is wiped': ['store_wipe(&latch->store);', '', 'memory'],
    'the device key is wiped': [
      'mbedtls_platform_zeroize(&latch->device, sizeof latch->device);',
      '',
      'memory',
    ],
    'data is wiped': ['mbedtls_platform_zeroize(latch->data, sizeof latch->data);', '', 'memory'],
    'what was decoded is wiped': [
      'mbedtls_platform_zeroize(&latch->envelope, sizeof latch->envelope);',
      '',
      'memory',
    ],
  },
};

export const sessionGuards = listed(byFile);

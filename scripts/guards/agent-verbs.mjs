// What scripts/guards/agent.mjs takes out of what latchd does with what it has read,
// in the form of agent-parsers.mjs. Tests are a file of test/module/agent, or the conformance suite, and behind the
// colon a pattern of test names.
import { listed } from './take.mjs';

const storage = 'conformance: cannot be stored';

const byFile = {
  'nonce.c': {
    test: 'conformance: nonce|pace|every 2 s',
    'a newer one counts anew': ['.bad_signatures = 0}', '.bad_signatures = nonce->bad_signatures}'],
    'the first challenge may be made': ['!nonce->made || ', '', 'stored: just booted'],
    'one challenge every 2 s': ['now - nonce->made_at >= SPACING', 'true'],
    'spacing itself': ['>= SPACING', '> SPACING'],
    'it lives 600 s': ['if (nonce->live && now - nonce->made_at >= LIFE) nonce_kill(nonce);', ''],
    'life itself': ['>= LIFE', '> LIFE'],
    'the killed is dead': ['nonce->live = false;', ''],
    'three bad signatures': ['if (++nonce->bad_signatures >= MOST_BAD_SIGNATURES) nonce_kill(nonce);', ''],
    'three, not four': ['>= MOST_BAD_SIGNATURES', '> MOST_BAD_SIGNATURES'],
  },

  'command.c': {
    test: 'conformance: what a|911|no time|908|seq|gap|8192|Where|lock',
    provisioned: ['if (!held->provisioned) return 911;', '', 'conformance: 911'],
    'some seconds': ['if (seconds == 0) return 907;', '', 'conformance: 907'],
    pace: ['if (!nonce_may_make(&latch->nonce, now)) return 908;', '', 'conformance: 908'],
    'the time is looked at': [
      '    session_look(latch);\n    switch',
      '    switch',
      'stored: before each command',
    ],
    'a number': [
      '!store_seq(&latch->store, &seq) || ',
      '(store_seq(&latch->store, &seq), false) || ',
      'stored: last number',
    ],
    'no gap': ['if (offset > latch->length) return 912;', '', 'conformance: gap'],
    'room for data': ['if (piece.length > sizeof latch->data - offset) return 901;', '', 'conformance: 8192'],
    'no receipt where it is locked': [
      'if (code == 0 && receipt.length > 0) answer_jws',
      'if (code == 0) answer_jws',
      'conformance: lock',
    ],
    'receipts that are asked for': [
      'if (held->receipt[i].seq > after) answer',
      'answer',
      'conformance: last 32',
    ],
  },

  'unlock.c': {
    test: 'conformance: refused/|spends|spent|opens once|bad signatures',
    provisioned: ['if (!latch->store.state.provisioned) return 911;', '', 'conformance: 911|reset'],
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
    'reset: no TLS key': ['if (done) (void)tls_forget(latch->store.dir);', '', 'tls-key: off flash'],
    'reset: the key is in use': [
      'if (done) done = device_load(&latch->device, secret);\n    else session',
      'if (!done) session',
      'conformance: reset',
    ],
    'the password is wiped': ['mbedtls_platform_zeroize(&token.pw, sizeof token.pw);', '', 'memory'],
  },

  'provision.c': {
    test: 'conformance: a manifest|manifest is|higher manifest|successors|a bundle|offline bundle|no bundle',
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
    'no bytes are not the same': ['held.length > 0 && ', '', 'conformance: new module'],
    'provisioned once': ['if (latch->store.state.provisioned) return 909;', ''],
    'a bundle passes': ['if (code != 0) return code;\n    uint32_t', 'uint32_t'],
    'a receipt': [
      'if (!session_receipt(latch, &receipt, &provisioned)) return 914;',
      'session_receipt(latch, &receipt, &provisioned);',
      'stored: last number',
    ],
    'no TLS key of before': ['!tls_forget(latch->store.dir) || ', '', 'tls-key: off flash'],
    'a bundle is stored': [
      'if (!store_commit(&latch->store)) return 914;\n    if',
      'store_commit(&latch->store);\n    if',
      'stored: provisions nothing',
    ],
    'an offline bundle has no password': ['if (bundle.bound) draft->pw', 'draft->pw'],
    'the password file': [
      'if (!shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash)) return 914;',
      '',
    ],
    'the password file is written': [
      'if (!shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash)) return 914;',
      'shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash);',
      'stored: is not answered',
    ],
    'the password is wiped': ['mbedtls_platform_zeroize(&bundle.pw, sizeof bundle.pw);', '', 'memory'],
  },
};

export const verbGuards = listed(byFile);

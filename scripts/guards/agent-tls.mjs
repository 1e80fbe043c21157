// What scripts/guards/agent.mjs takes out of the ways of the module's own TLS key (protocol.md §6.6): of latchd and of
// latch-tls, as in agent-verbs.mjs.
import { listed } from './take.mjs';

const certificate = 'conformance: csr|a certificate|no TLS key|flash fails no key';

const byFile = {
  'certify.c': {
    test: certificate,
    'csr: provisioned': [
      'if (!latch->store.state.provisioned) return 911;\n    if (latch->csr',
      'if (latch->csr',
    ],
    'csr: pace': [
      'if (latch->csr_made && now - latch->csr_made_at < SPACING) return 908;',
      '',
      'conformance: 908',
    ],
    'the first csr may be made': ['latch->csr_made && now', 'now', 'stored: just booted'],
    'csr: a key': ['if (code != 0) return code;\n    if (!store_seq', 'if (!store_seq'],
    'csr: a number': [
      'if (!store_seq(&latch->store, &seq)) return 914;',
      'store_seq(&latch->store, &seq);',
      'stored: last number',
    ],
    'certificate: provisioned': [
      'if (!latch->store.state.provisioned) return 911;\n    int code = check',
      'int code = check',
    ],
    'certificate: checked': ['if (code == 0) code = tls_accept', 'code = tls_accept'],
    'certificate: kept': [
      'if (code == 0) code = tls_accept(&latch->config->tls, certificate.der, certificate.length);',
      'if (code == 0) tls_accept(&latch->config->tls, certificate.der, certificate.length);',
    ],
  },

  'tls.c': {
    test: 'tls-key: another than a key',
    'another key': ['case TLS_OTHER_KEY: return 903;', '', certificate],
    storage: ['case TLS_STORAGE: return 914;', '', certificate],
    'a keeper that fails': ['default: return 913;', 'default: return 0;', 'tls-key: without a keeper'],
    'a public half has no other key': [
      'if (code != 0) return code == 903 ? 913 : code;',
      'if (code != 0) return code;',
    ],
    'a public half comes': ['if (code != 0) return code == 903 ? 913 : code;', ''],
    'a line of its length': ['if (line.length != 2 * COORDINATE_TEXT + 2) return false;', ''],
    'a space between': ["line.at[COORDINATE_TEXT] == ' ' && ", ''],
    'a line that ends': ["line.at[line.length - 1] == '\\n' && ", ''],
    x: ['is_bytes(first, DEVICE_BYTES) &&', ''],
    y: ['is_bytes(second, DEVICE_BYTES) && ', ''],
    'what is read': [
      'return read_public((struct span){line, length}, x, y) ? 0 : 913;',
      'read_public((struct span){line, length}, x, y); return 0;',
    ],
    'forgotten where it is not there': [' || errno == ENOENT);', ');', 'conformance: opens'],
    'forgotten, or not': [
      '(unlinkat(dir, name, 0) == 0 || errno == ENOENT);',
      '(unlinkat(dir, name, 0), true);',
      'tls-key: cannot be forgotten',
    ],
    'forgotten aside': ['remove_file(dir, TLS_ASIDE) && ', '', 'tls-key: off flash'],
  },

  'coprocess.c': {
    test: 'tls-key: another than a key',
    'it dies with the agent': [
      'prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ',
      '',
      'tls-key: dies with its agent',
    ],
    'room for what it says': [
      'size_t fits = room - *length < (size_t)got ? room - *length : (size_t)got;',
      'size_t fits = (size_t)got;',
    ],
    'its status': ['return done && WIFEXITED(status) ? WEXITSTATUS(status) : COPROCESS_FAILED;', 'return 0;'],
    'its end by a signal': [
      'return done && WIFEXITED(status) ? WEXITSTATUS(status)',
      'return done ? WEXITSTATUS(status)',
    ],
  },

  'tls/der.c': {
    test: 'der',
    'an element has two bytes': ['rest->left < 2 || ', ''],
    'its tag': [' || at[0] != tag) return false;', ') return false;'],
    'one byte more': ['at[1] == 0x81 && rest->left >= 3', 'at[1] == 0x81'],
    'a short length in one byte': ['if (length < 0x80) return false;', ''],
    'two bytes more': ['at[1] == 0x82 && rest->left >= 4', 'at[1] == 0x82'],
    'a length in two bytes': ['if (length < 0x100) return false;', ''],
    'no longer length': ['} else if (at[1] >= 0x80) {\n        return false;\n    }', '}'],
    'within what holds it': ['if (length > rest->left - head) return false;', ''],
    'nothing behind it': ['rest.left > 0 || ', ''],
    'what stands before the key': [
      'if (!take(&tbs, before_key[i], &content)) return false;',
      'take(&tbs, before_key[i], &content);',
    ],
    'its length': ['(size_t)(tbs.at - key) == sizeof p256 + COORDINATES &&\n           ', ''],
    'its kind': ['memcmp(key, p256, sizeof p256) == 0 && ', ''],
    itself: [' && memcmp(key + sizeof p256, point, COORDINATES) == 0;', ';'],
  },

  'tls/own.c': {
    test: 'tls-key: agent’s own file|closed to others|cannot be the TLS key',
    'its owner': ['status.st_uid == geteuid() && ', ''],
    'closed to others': [' && (status.st_mode & 077) == 0) {', ') {'],
    'long enough': ['length < head || ', ''],
    'its mark': [' || memcmp(clear, mark, sizeof mark) != 0) return false;', ') return false;'],
    'no key yet': ['if (length < 0 && why == ENOENT) return OWN_NONE;', 'if (length < 0) return OWN_NONE;'],
    decoded: [
      'decode(own, sealed + SEAL_OVERHEAD, (size_t)length - SEAL_OVERHEAD);',
      '(decode(own, sealed + SEAL_OVERHEAD, (size_t)length - SEAL_OVERHEAD), true);',
    ],
    sealed: ['bool done = seal(sealed, length, config->hwid) &&', 'bool done =', 'tls: sealed'],
    'its mode': ['.st_mode = 0600};', '.st_mode = 0644};', 'tls: sealed'],
  },

  'tls/main.c': {
    test: 'tls-key: keeps what it is given',
    'no new key for a broken one': [
      'if (state == OWN_BROKEN) return 1;',
      'if (state == OWN_BROKEN) state = OWN_NONE;',
      'tls-key: cannot be the TLS key',
    ],
    'a key is kept': [
      'if (!own_save(&own, &config)) return TLS_STORAGE;',
      'own_save(&own, &config);',
      certificate,
    ],
    'the end of a certificate': ['return !ferror(stdin) && getchar() == EOF;', 'return !ferror(stdin);'],
    'a certificate before the key': ['if (state == OWN_NONE) return TLS_OTHER_KEY;', ''],
    'a certificate that can be read': [
      ' || !read_certificate(certificate, &length) ||',
      ' || (read_certificate(certificate, &length), false) ||',
    ],
    'a certificate for the key': [
      'if (!der_certifies(certificate, length, point)) return TLS_OTHER_KEY;',
      '',
    ],
    'the same again is not written': [
      'if (length == own.length && memcmp(certificate, own.certificate, length) == 0) return 0;',
      '',
    ],
    'a certificate is kept': [
      'return own_save(&own, &config) ? 0 : TLS_STORAGE;',
      'own_save(&own, &config); return 0;',
      certificate,
    ],
    'words, least': ['if (count < 2 || count > 3) {', 'if (count > 3) {', 'tls: a word why'],
    'words, most': ['if (count < 2 || count > 3) {', 'if (count < 2) {', 'tls: a word why'],
  },

  'tls/connect.c': {
    test: 'tls: false server',
    'HOST:PORT': [
      "if (colon == NULL || colon == address || colon[1] == '\\0') return false;",
      '',
      'tls: a word why',
    ],
    'TLS 1.2 or later': ['    at_least_tls12(config);\n', '', 'tls: TLS 1.1'],
    'a server that is trusted': [
      'mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);',
      'mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_OPTIONAL);',
    ],
    'a server of that name': ['if (fault == 0) fault = mbedtls_ssl_set_hostname(&line->ssl, name);', ''],
    'the name that is given': ['peer->name == NULL ? host : peer->name;', 'host;'],
    'its CA': [
      'if (fault != 0) return failed("cannot read the CA file ", peer->ca, fault > 0 ? -fault : fault);',
      '',
      'tls: a word why',
    ],
  },
};

export const tlsGuards = listed(byFile);

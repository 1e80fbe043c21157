// What scripts/guards/agent.mjs takes out of the parts of latchd that read and decide: by file, what the guard
// holds → [where it stands, what stands there instead, the test that must notice where it is not the file's own].
// Not in it: what a call that cannot fail returns here, a failure that the next call
// meets again (a directory that does not open), and a decoding that gives no bytes, which their number
// refuses (of a header, of a signature, of a modulus).
import { listed } from './take.mjs';

const byFile = {
  'base64url.c': {
    test: 'messages',
    'whole bytes': ['if (text.length % 4 == 1) return false;', ''],
    'the alphabet': ['if (last < 0) return false;', ''],
    'the alphabet: -, not +': [
      "if (character == '-') return 62;",
      "if (character == '-' || character == '+') return 62;",
    ],
    'the alphabet: _, not /': [
      "if (character == '_') return 63;",
      "if (character == '_' || character == '/') return 63;",
    ],
    'trailing bits of one byte': ['if (text.length % 4 == 2) return (last & 15) == 0;', ''],
    'trailing bits of two bytes': ['if (text.length % 4 == 3) return (last & 3) == 0;', ''],
    'one spelling only': ['!base64url_valid(text) || ', ''],
    room: [' || text.length / 4 * 3 + text.length % 4 * 3 / 4 > room', ''],
  },

  'cursor.c': {
    test: 'messages',
    'a literal ends in the text': [
      'if ((size_t)(cursor->end - cursor->at) < length) return false;',
      '',
      'claims',
    ],
    'a literal is itself': ['if (memcmp(cursor->at, literal, length) != 0) return false;', ''],
    'a literal is needed': [
      'if (!cursor_take(cursor, literal)) cursor->bad = true;',
      'cursor_take(cursor, literal);',
    ],
    'a string ends in the text': ["cursor->at < cursor->end && *cursor->at != '\"'", "*cursor->at != '\"'"],
    'a string has no controls': ["character >= ' ' && ", ''],
    'a string has no delete': ["character <= '~' && ", ''],
    'a string has no escapes': [" && character != '\\\\'", ''],
    'a number ends in the text': [
      "cursor->at < cursor->end && *cursor->at >= '0'",
      "*cursor->at >= '0'",
      'at',
    ],
    'a digit is 0 or above': ["*cursor->at >= '0' && ", ''],
    'a digit is 9 or below': [" && *cursor->at <= '9'", ''],
    'a number has 32 bits': ['cursor_check(cursor, number <= UINT32_MAX);', ''],
    'a number has digits': ['cursor->at > first && ', '', 'claims'],
    'a number has no leading zero': ["(*first != '0' || cursor->at == first + 1)", 'true'],
    'a count is above 0': ['cursor_check(cursor, number > 0);', ''],
    'a check counts': ['if (!holds) cursor->bad = true;', ''],
    'bad is not done': ['return !cursor->bad && ', 'return '],
    'nothing follows': [' && cursor->at == cursor->end;', ';'],
  },

  'claims.c': {
    test: 'claims',
    'hash scheme': ['if (!skip_word(&text, "$6$")) return false;', 'skip_word(&text, "$6$");'],
    'hash length': ["text.length != 87 || text.at[0] != '$'", "text.at[0] != '$'"],
    'hash salt, end': [" || text.at[0] != '$') return false;", ') return false;'],
    'hash characters': ['crypt_characters(text) == 86 && ', ''],
    'hash trailing bits': [' && strchr("./01", text.at[85]) != NULL;', ';'],
    'a scope has its name': ['if (!span_is(name, scopes[known])) continue;', '', 'messages'],
    'hwid least': ['text.length < 8 || ', ''],
    'hwid least, 7': ['text.length < 8', 'text.length < 7'],
    'hwid most': [' || text.length > 64', ''],
    'hwid characters': [
      "if (!is_upper(at) && !is_digit(at) && at != '.' && at != '_' && at != '-') return false;",
      '',
    ],
    'hwid upper case': [
      'if (!is_upper(at) && !is_digit(at) && at',
      'if (!is_upper(at) && !is_lower(at) && !is_digit(at) && at',
    ],
    'jti length': ['if (text.length != sizeof shape - 1) return false;', ''],
    'jti characters': ['if (!fits) return false;', ''],
    'jti lower case': ["at >= 'a' && at <= 'f'", "(at | 32) >= 'a' && (at | 32) <= 'f'"],
    'jti hexadecimal': ["at >= 'a' && at <= 'f'", "at >= 'a' && at <= 'z'"],
    'jti version': ['xxxxxxxx-xxxx-7xxx-', 'xxxxxxxx-xxxx-xxxx-'],
    'jti variant': ['7xxx-vxxx', '7xxx-xxxx'],
    'jti variant, least': ["at == '8' || at == '9'", "at == '7' || at == '8' || at == '9'"],
    'jti variant, most': [" || at == 'b'", " || at == 'b' || at == 'c'"],
    'jti hyphens': [': at == shape[i];', ": at == shape[i] || shape[i] == '-';"],
    'hash rounds': [
      'if (skip_word(&text, "rounds=") && !skip_rounds(&text)) return false;',
      'if (skip_word(&text, "rounds=")) skip_rounds(&text);',
    ],
    'hash rounds, least': ['digits < 4 || ', ''],
    'hash rounds, most': ['digits > 9 || ', ''],
    'hash rounds, no leading zero': [" || text->at[0] == '0') return false;", ') return false;'],
    'hash rounds, end': ['return skip_word(text, "$");', 'skip_word(text, "$"); return true;'],
    'hash rounds end in the text': ['digits < text->length && is_digit', 'is_digit'],
    'hash salt, least': ['salt < 1 || ', ''],
    'hash salt, most': [' || salt > 16', ''],
    'the crypt alphabet': [
      "if (!is_digit(at) && !is_upper(at) && !is_lower(at) && at != '.' && at != '/') break;",
      '',
    ],
    'a word ends in the text': ['text->length < length || memcmp', 'memcmp'],
    'bytes have their length': ['text.length == base64url_length(length) && ', '', 'messages'],
    'bytes are base64url': [' && base64url_valid(text);', ';', 'messages'],
    'a name is not empty': ['text.length > 0 && span_copy(name', 'span_copy(name', 'messages'],
    'a name has 64 characters at most': [
      'cursor_check(cursor, text.length > 0 && span_copy(name, NAME_ROOM, text));',
      'span_copy(name, NAME_ROOM, text); cursor_check(cursor, text.length > 0);',
      'messages',
    ],
    'a hardware ID': ['cursor_check(cursor, is_hwid(text));', '', 'messages'],
    'a jti': ['cursor_check(cursor, is_uuid7(text));', '', 'messages'],
    'a hash': ['cursor_check(cursor, is_crypt(hash));', '', 'messages'],
    'a password has a version': [
      'password->ver = cursor_count(cursor);',
      'password->ver = cursor_uint(cursor);',
      'messages',
    ],
  },

  'jws.c': {
    test: 'messages',
    'two dots': ['if (dot == NULL) return false;', 'if (dot == NULL) dot = rest->at;'],
    'most bytes': ['if (jws.length > message->most) return false;', ''],
    'most bytes of a token': ['"latchkey-unlock+jwt", 2048', '"latchkey-unlock+jwt", 2052'],
    'most bytes of a manifest': [
      '"latchkey-keys+jwt", MESSAGE_MOST',
      '"latchkey-keys+jwt", MESSAGE_MOST + 1',
    ],
    'most bytes of a bundle': ['"latchkey-bundle+jwt", 2048', '"latchkey-bundle+jwt", 2049'],
    'most bytes of a certificate': ['"latchkey-certificate+jwt", 4096', '"latchkey-certificate+jwt", 4100'],
    'most bytes themselves': ['jws.length > message->most', 'jws.length >= message->most'],
    'header alg': [
      'cursor_need(&cursor, "{\\"alg\\":\\"PS256\\",\\"kid\\":");',
      'cursor_need(&cursor, "{\\"alg\\":"); cursor_string(&cursor); cursor_need(&cursor, ",\\"kid\\":");',
    ],
    'header typ': [
      'cursor_need(&cursor, message->typ);',
      'cursor_need(&cursor, "latchkey-"); while (cursor.at < cursor.end && *cursor.at != 34) cursor.at++;',
    ],
    'header end': ['cursor_need(&cursor, "\\"}");', 'cursor.at = cursor.end;'],
    'header byte for byte': ['if (!cursor_done(&cursor) || ', 'if ('],
    'kid length': [' || name.length != SHA256_TEXT) return false;', ') return false;'],
    'kid characters': ['return base64url_valid((struct span){name.at, SHA256_TEXT - 3}) &&', 'return'],
    'kid characters at the end': [
      ' &&\n           base64url_valid((struct span){name.at + SHA256_TEXT - 4, 4});',
      ';',
    ],
    'signature is base64url': ['return base64url_valid(rest) && ', 'return '],
    header: [
      'read_header(envelope->kid, message, header) &&',
      'read_header(envelope->kid, message, header), ',
    ],
    'payload is base64url': [
      'base64url_decode((unsigned char *)envelope->payload, sizeof envelope->payload, &envelope->length,\n                            payload);',
      '(base64url_decode((unsigned char *)envelope->payload, sizeof envelope->payload, &envelope->length, payload), true);',
    ],
    'form of a manifest or bundle': [
      'if (!envelope_open(envelope, message, jws)) return 901;',
      'envelope_open(envelope, message, jws);',
    ],
    'key of a manifest or bundle': ['if (key == NULL) return 905;', 'if (key == NULL) key = keys;'],
    'signature of a manifest or bundle': ['return signature_holds(envelope, key) ? 0 : 902;', 'return 0;'],
  },

  'ps256.c': {
    test: 'messages',
    'signature is as long as the modulus': ['length != key->bytes || ', ''],
    'salt is 32 bytes': ['#define SALT 32', '#define SALT MBEDTLS_RSA_SALT_LEN_ANY'],
    'MGF1 is over SHA-256': [
      'SHA256_BYTES, digest, MBEDTLS_MD_SHA256, SALT',
      'SHA256_BYTES, digest, MBEDTLS_MD_SHA1, SALT',
    ],
    'PSS, not PKCS #1': [
      'mbedtls_rsa_rsassa_pss_verify_ext(rsa, NULL, NULL, MBEDTLS_RSA_PUBLIC, MBEDTLS_MD_SHA256,\n                                             SHA256_BYTES, digest, MBEDTLS_MD_SHA256, SALT, signature);',
      'mbedtls_rsa_rsassa_pkcs1_v15_verify(rsa, NULL, NULL, MBEDTLS_RSA_PUBLIC, MBEDTLS_MD_SHA256, SHA256_BYTES, digest, signature);',
    ],
    'the signature holds': [' && verify(&rsa, digest, signature) == 0', ''],
  },

  'jwk.c': {
    test: 'messages',
    'modulus: length': ['key->bytes == bits / 8 && ', ''],
    'modulus: top bit': ['key->n[0] >= 0x80 && ', ''],
    'RSA thumbprint': [' && span_is(kid, key->kid));', ');'],
    'log key bytes': ['is_bytes(x, 32) && ', ''],
    'log key thumbprint': ['cursor_check(cursor, span_is(given, kid));', ''],
    'a key is found by its name': ['if (span_is(kid, keys[i].kid)) return', 'return'],
  },

  'messages.c': {
    test: 'messages',
    bytes: ['cursor_check(cursor, is_bytes(given, bytes));', ''],
    scope: [
      'cursor_check(cursor, scope_named(cursor_string(cursor), scope));',
      'scope_named(cursor_string(cursor), scope);',
    ],
    'a token lives': ['token->exp > iat && ', ''],
    'a token does not live long': [' && token->exp - iat <= LONGEST_TOKEN', ''],
    'longest life': ['#define LONGEST_TOKEN 3600', '#define LONGEST_TOKEN 3601'],
    by: ['read_name(&cursor, by);', 'cursor_string(&cursor);'],
    'no more of a token': [
      'return cursor_done(&cursor);\n}\n\nstatic void read_keys',
      'return !cursor.bad;\n}\n\nstatic void read_keys',
    ],
    'issuer keys, most': ['cursor_check(cursor, manifest->count < ISSUER_KEYS_MOST);', ''],
    'log keys, most': ['cursor_check(cursor, count < LOG_KEYS_MOST);', ''],
    'successors, two': [
      'cursor_need(cursor, ",");\n    read_rsa_key(cursor, ROOT_BITS, &manifest->roots[1]);',
      '',
    ],
    'manifest ver': ['manifest->ver = cursor_count(&cursor);', 'manifest->ver = cursor_uint(&cursor);'],
    'no issuer key twice': [
      'if (rsa_key_named(manifest->keys, i, span_of(manifest->keys[i].kid)) != NULL) return false;',
      '',
    ],
    'no log key twice': ['if (logs == 2 && strcmp(kids[0], kids[1]) == 0) return false;', ''],
    'no successor twice': [
      'return !manifest->has_roots || strcmp(manifest->roots[0].kid, manifest->roots[1].kid) != 0;',
      'return true;',
    ],
    'manifest keys differ': [' && all_differ(manifest, count, logs);', ';'],
    'no more of a manifest': ['return cursor_done(&cursor) && all', 'return !cursor.bad && all'],
    'sub with dkt': [
      'cursor_need(&cursor, ",\\"dkt\\":");\n        read_bytes',
      'if (cursor_take(&cursor, ",\\"dkt\\":"))\n        read_bytes',
    ],
    'dkt with pw': [
      'cursor_need(&cursor, ",\\"pw\\":");\n        read_password',
      'if (cursor_take(&cursor, ",\\"pw\\":"))\n        read_password',
    ],
    'no more of a bundle': [
      'return cursor_done(&cursor);\n}\n\nbool decode_certificate',
      'return !cursor.bad;\n}\n\nbool decode_certificate',
    ],
    'a certificate has bytes': ['cursor_check(&cursor, crt.length > 0 && ', 'cursor_check(&cursor, '],
    'a certificate is base64url': [
      'cursor_check(&cursor, crt.length > 0 && base64url_decode(',
      'cursor_check(&cursor, crt.length > 0); ((void)base64url_decode(',
    ],
    'no more of a certificate': [
      'crt));\n    cursor_need(&cursor, "}");\n    return cursor_done(&cursor);',
      'crt));\n    cursor_need(&cursor, "}");\n    return !cursor.bad;',
    ],
  },

  'check.c': {
    test: 'messages',
    'token form': [
      'if (!envelope_open(envelope, &unlock_token, jws)) return (struct verdict){901, NULL, false};',
      'envelope_open(envelope, &unlock_token, jws);',
    ],
    'live challenge': ['if (live == NULL) return (struct verdict){904, NULL, false};', ''],
    'live challenge before the key': [
      '    if (live == NULL) return (struct verdict){904, NULL, false};\n    const struct rsa_key *key = rsa_key_named(manifest->keys, manifest->count, span_of(envelope->kid));\n    if (key == NULL) return (struct verdict){905, NULL, false};\n',
      '    const struct rsa_key *key = rsa_key_named(manifest->keys, manifest->count, span_of(envelope->kid));\n    if (key == NULL) return (struct verdict){905, NULL, false};\n    if (live == NULL) return (struct verdict){904, NULL, false};\n',
    ],
    'unknown key': [
      'if (key == NULL) return (struct verdict){905, NULL, false};',
      'if (key == NULL) key = manifest->keys;',
    ],
    'signature of a token': [
      'if (!signature_holds(envelope, key)) return (struct verdict){902, NULL, false};',
      '',
    ],
    'a bad signature spends no nonce': [
      '(struct verdict){902, NULL, false}',
      '(struct verdict){902, NULL, true}',
    ],
    'a good signature spends the nonce': [
      '(struct verdict){cme, why, true}',
      '(struct verdict){cme, why, false}',
    ],
    'token payload': [
      'if (!decode_token(token, envelope_payload(envelope))) return refuse(901, NULL);',
      'decode_token(token, envelope_payload(envelope));',
    ],
    'token aud': ['!same(token->aud, AUDIENCE) || ', ''],
    'token iss': [' || !same(token->iss, beliefs->manifest->iss)', ''],
    'token sub': ['if (!same(token->sub, beliefs->hwid)) return refuse(903, "module");', ''],
    'token nonce': ['if (!same(token->nonce, live->text)) return refuse(904, "nonce");', ''],
    'token exp': ['if (is_expired(token)) return refuse(906, "expired");', ''],
    'token exp itself': ['now >= token->exp', 'now > token->exp'],
    'no clock, no exp': [
      'return clock_trusted(&now) && now',
      'return (clock_trusted(&now) || (now = UINT32_MAX)) && now',
    ],
    'token scope': ['token->scope != live->scope || ', ''],
    'token for': [' || token->seconds > live->seconds', ''],
    'token pw': [
      'if (token->pw.ver != 0 && token->pw.ver <= beliefs->pwv) return refuse(915, "password");',
      '',
    ],
    'token pw, same version': ['token->pw.ver <= beliefs->pwv', 'token->pw.ver < beliefs->pwv'],
    'token pw, none': ['token->pw.ver != 0 && ', ''],
    'manifest envelope': [
      'int fault = envelope_verify(envelope, &key_manifest, jws, beliefs->roots, ROOTS);\n    if (fault != 0) return fault;',
      'envelope_open(envelope, &key_manifest, jws);',
    ],
    'manifest payload': [
      'if (!decode_manifest(manifest, envelope_payload(envelope))) return 901;',
      'decode_manifest(manifest, envelope_payload(envelope));',
    ],
    'stale manifest': [
      'return beliefs->manifest != NULL && manifest->ver <= beliefs->manifest->ver ? 910 : 0;',
      'return 0;',
    ],
    'stale manifest of the same version': ['manifest->ver <= beliefs', 'manifest->ver < beliefs'],
    'no manifest held': ['if (held == NULL) return envelope_open(envelope, kind, jws) ? 905 : 901;', ''],
    'no manifest held: form first': ['return envelope_open(envelope, kind, jws) ? 905 : 901;', 'return 905;'],
    'bundle envelope': [
      'int fault = verify_issued(envelope, &provisioning_bundle, jws, held);\n    if (fault != 0) return fault;',
      'envelope_open(envelope, &provisioning_bundle, jws);',
    ],
    'bundle payload': [
      'if (!decode_bundle(bundle, envelope_payload(envelope))) return 901;',
      'decode_bundle(bundle, envelope_payload(envelope));',
    ],
    'bundle aud': ['!same(bundle->aud, AUDIENCE) || ', ''],
    'bundle iss': [' || !same(bundle->iss, held->iss)', ''],
    'bundle sub': ['!same(bundle->sub, beliefs->hwid) || ', ''],
    'bundle dkt': [' || !same(bundle->dkt, beliefs->dkt)', ''],
    'bundle pw': ['return bundle->bound && bundle->pw.ver <= beliefs->pwv ? 915 : 0;', 'return 0;'],
    'bundle pw, same version': ['bundle->pw.ver <= beliefs->pwv', 'bundle->pw.ver < beliefs->pwv'],
    'offline bundle has no sub': ['if (bundle->bound && (!same', 'if ((!same'],
    'certificate envelope': [
      'int fault = verify_issued(envelope, &tls_certificate, jws, held);\n    if (fault != 0) return fault;',
      'envelope_open(envelope, &tls_certificate, jws);',
    ],
    'certificate payload': [
      'if (!decode_certificate(certificate, envelope_payload(envelope))) return 901;',
      'decode_certificate(certificate, envelope_payload(envelope));',
    ],
    'certificate aud': ['!same(certificate->aud, AUDIENCE) || ', ''],
    'certificate iss': [' || !same(certificate->iss, held->iss)', ''],
    'certificate sub': ['same(certificate->sub, beliefs->hwid) && ', ''],
    'certificate dkt': [' && same(certificate->dkt, beliefs->dkt) ? 0 : 903;', ' ? 0 : 903;'],
  },

  'at.c': {
    test: 'at',
    'spaces end with the line': ["rest->length > 0 && rest->at[0] == ' '", "rest->at[0] == ' '"],
    'a character that is wanted': ['rest->length == 0 || rest->at[0] != wanted', 'rest->length == 0'],
    'a line that has ended': ['rest->length == 0 || rest->at[0] != wanted', 'rest->at[0] != wanted'],
    'a word ends in the line': ['if (rest->length < length) return false;\n    for', 'for'],
    'a word is itself': ['if (at != word[i]) return false;', ''],
    'a word in either case': ["if (at >= 'a' && at <= 'z') at = (char)(at - 'a' + 'A');", ''],
    AT: ['if (!take_word(rest, "AT")) return false;', 'take_word(rest, "AT");'],
    'most characters': ['if (line.length > COMMAND_MOST) return false;', ''],
    'no controls': ["line.at[i] < ' ' || ", ''],
    'no delete': [" || line.at[i] > '~'", ''],
    'basic: E or I': ['if (!echo && !take_word(&at, "I")) return false;', 'if (!echo) take_word(&at, "I");'],
    'basic: 1 is of E alone': ['bool one = echo && at.length', 'bool one = at.length'],
    'basic: digits end with the line': ['bool one = echo && at.length > 0 && ', 'bool one = echo && '],
    'basic: 0 ends with the line': ["(at.length > 0 && at.at[0] == '0')", "at.at[0] == '0'"],
    'basic: another digit ends with the line': [
      'if (at.length > 0 && is_digit(at.at[0]))',
      'if (is_digit(at.at[0]))',
    ],
    'basic: no more digits': ["if (bare.length == 0 || bare.at[0] != ' ') return false;", ''],
    'a string ends in the line': ["rest->length > 0 && rest->at[0] != '\"'", "rest->at[0] != '\"'"],
    'a string has no escapes': [" && rest->at[0] != '\\\\') {", ') {'],
    'a string is closed': ["return take(rest, '\"');", "take(rest, '\"'); return true;"],
    'a number': ['if (cursor.bad) return false;', ''],
    'parameters, most': ['count == PARAMETERS_MOST || ', ''],
    'parameters are read': [
      '!take_parameter(rest, &parameters[count++])',
      '(take_parameter(rest, &parameters[count++]), false)',
    ],
    'parameters end': [
      "return rest->length == 0 || take(rest, ';') ? count : 0;",
      "take(rest, ';'); return count;",
    ],
    'challenge: three': ['if (count != 3 || given[2].is_text)', 'if (given[2].is_text)'],
    'challenge: seconds': ['if (count != 3 || given[2].is_text)', 'if (count != 3)'],
    'challenge: the scope is known': [
      'return scope_named(given[1].text, &command->scope);',
      'scope_named(given[1].text, &command->scope); return true;',
    ],
    'data: three': ['if (count != 3 || given[1].is_text || !', 'if (given[1].is_text || !'],
    'data: an offset': ['if (count != 3 || given[1].is_text || !', 'if (count != 3 || !'],
    'data: a piece': [
      ' || !given[2].is_text) return false;\n        command->number = given[1]',
      ') return false;\n        command->number = given[1]',
    ],
    'data: most characters': ['return command->piece.length <= PIECE_MOST;', 'return true;'],
    'receipts: two': ['return count == 2 && ', 'return '],
    'receipts: a number': ['return count == 2 && !given[1].is_text;', 'return count == 2;'],
    'a verb': ['default: return verb < VERBS && count == 1;', 'default: return count == 1;'],
    'a verb alone': ['default: return verb < VERBS && count == 1;', 'default: return verb < VERBS;'],
    QLATCH: ['if (!take_word(rest, "+QLATCH")) return false;', 'take_word(rest, "+QLATCH");'],
    'a question ends': ["return rest->length == 0 || take(rest, ';');", "take(rest, ';'); return true;"],
    'an equals sign': ['return equals && read_command', 'return read_command'],
    'what is none': [
      'return equals && read_command(&statement->command, parameters, take_parameters(rest, parameters));',
      'return equals && (read_command(&statement->command, parameters, take_parameters(rest, parameters)), true);',
    ],
  },
};

export const parserGuards = listed(byFile);

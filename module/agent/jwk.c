#include "jwk.h"

#include <string.h>

#include "base64url.h"
#include "claims.h"

/* RFC 7638 §3: the required members in the order of their names. */
static bool rsa_thumbprint(char kid[SHA256_TEXT + 1], struct span n)
{
    TEXT(json, 768);
    text_add(&json, "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"");
    text_add_span(&json, n);
    text_add(&json, "\"}");
    return sha256_text(kid, span_of_text(&json));
}

bool rsa_key_from(struct rsa_key *key, unsigned bits, struct span n)
{
    if (!base64url_decode(key->n, sizeof key->n, &key->bytes, n)) return false;
    return key->bytes == bits / 8 && key->n[0] >= 0x80 && rsa_thumbprint(key->kid, n);
}

bool rsa_key_from_bytes(struct rsa_key *key, unsigned bits, const unsigned char *n)
{
    TEXT(text, 768);
    text_add_base64url(&text, n, bits / 8);
    return rsa_key_from(key, bits, span_of_text(&text));
}

void read_rsa_key(struct cursor *cursor, unsigned bits, struct rsa_key *key)
{
    cursor_need(cursor, "{\"kty\":\"RSA\",\"n\":");
    struct span n = cursor_string(cursor);
    cursor_need(cursor, ",\"e\":\"AQAB\",\"kid\":");
    struct span kid = cursor_string(cursor);
    cursor_need(cursor, "}");
    cursor_check(cursor, rsa_key_from(key, bits, n) && span_is(kid, key->kid));
}

void read_log_key(struct cursor *cursor, char kid[SHA256_TEXT + 1])
{
    cursor_need(cursor, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":");
    struct span x = cursor_string(cursor);
    cursor_need(cursor, ",\"kid\":");
    struct span given = cursor_string(cursor);
    cursor_need(cursor, "}");
    TEXT(json, 128);
    text_add(&json, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
    text_add_span(&json, x);
    text_add(&json, "\"}");
    kid[0] = '\0';
    cursor_check(cursor, is_bytes(x, 32) && sha256_text(kid, span_of_text(&json)));
    cursor_check(cursor, span_is(given, kid));
}

const struct rsa_key *rsa_key_named(const struct rsa_key *keys, size_t count, struct span kid)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(kid, keys[i].kid)) return &keys[i];
    }
    return NULL;
}

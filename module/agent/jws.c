#include "jws.h"

#include <string.h>

#include "base64url.h"
#include "ps256.h"

const struct message unlock_token = {"latchkey-unlock+jwt", 2048};
const struct message key_manifest = {"latchkey-keys+jwt", MESSAGE_MOST};
const struct message provisioning_bundle = {"latchkey-bundle+jwt", 2048};
const struct message tls_certificate = {"latchkey-certificate+jwt", 4096};

/* What lies before the next dot; `rest` is what lies behind it. False where there is no dot. */
static bool split(struct span *rest, struct span *part)
{
    const char *dot = memchr(rest->at, '.', rest->length);
    if (dot == NULL) return false;
    part->at = rest->at;
    part->length = (size_t)(dot - rest->at);
    rest->length -= part->length + 1;
    rest->at = dot + 1;
    return true;
}

/* The header is compared, not parsed: only its `kid` is free, and that is 43 characters of base64url. */
static bool read_header(char kid[SHA256_TEXT + 1], const struct message *message, struct span part)
{
    unsigned char header[160];
    size_t length;
    if (!base64url_decode(header, sizeof header, &length, part)) return false;
    struct cursor cursor = cursor_over((struct span){(const char *)header, length});
    cursor_need(&cursor, "{\"alg\":\"PS256\",\"kid\":");
    struct span name = cursor_string(&cursor);
    cursor_need(&cursor, ",\"typ\":\"");
    cursor_need(&cursor, message->typ);
    cursor_need(&cursor, "\"}");
    if (!cursor_done(&cursor) || name.length != SHA256_TEXT) return false;
    span_copy(kid, SHA256_TEXT + 1, name);
    /* Any 43 characters of the alphabet: trailing bits are not looked at, such a name is unknown (905). */
    return base64url_valid((struct span){name.at, SHA256_TEXT - 3}) &&
           base64url_valid((struct span){name.at + SHA256_TEXT - 4, 4});
}

bool envelope_open(struct envelope *envelope, const struct message *message, struct span jws)
{
    struct span header, payload, rest = jws;
    if (jws.length > message->most) return false;
    if (!split(&rest, &header) || !split(&rest, &payload)) return false;
    envelope->input = (struct span){jws.at, header.length + 1 + payload.length};
    envelope->signature = rest;
    return base64url_valid(rest) && read_header(envelope->kid, message, header) &&
           base64url_decode((unsigned char *)envelope->payload, sizeof envelope->payload, &envelope->length,
                            payload);
}

bool signature_holds(const struct envelope *envelope, const struct rsa_key *key)
{
    unsigned char signature[MODULUS_MOST];
    size_t length;
    if (!base64url_decode(signature, sizeof signature, &length, envelope->signature)) return false;
    return ps256_verify(key, envelope->input, signature, length);
}

struct cursor envelope_payload(const struct envelope *envelope)
{
    return cursor_over((struct span){envelope->payload, envelope->length});
}

int envelope_verify(struct envelope *envelope, const struct message *message, struct span jws,
                    const struct rsa_key *keys, size_t count)
{
    if (!envelope_open(envelope, message, jws)) return 901;
    const struct rsa_key *key = rsa_key_named(keys, count, span_of(envelope->kid));
    if (key == NULL) return 905;
    return signature_holds(envelope, key) ? 0 : 902;
}

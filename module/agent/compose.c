#include "compose.h"

static void text_claim(struct text *json, const char *name, const char *value)
{
    text_add(json, name);
    text_add(json, "\"");
    text_add(json, value);
    text_add(json, "\"");
}

static void uint_claim(struct text *json, const char *name, uint32_t value)
{
    text_add(json, name);
    text_add_uint(json, value);
}

static void add_encoded(struct text *jws, const struct text *part)
{
    jws->full = jws->full || part->full;
    text_add_base64url(jws, (const unsigned char *)part->at, part->length);
}

/* header "." payload "." signature (RFC 7515 §7.1). */
static bool sign(struct text *jws, const char *typ, const struct text *payload, const struct device *device)
{
    unsigned char signature[ES256_BYTES];
    TEXT(header, 160);
    text_claim(&header, "{\"alg\":\"ES256\",\"kid\":", device->kid);
    text_claim(&header, ",\"typ\":", typ);
    text_add(&header, "}");
    jws->length = 0;
    jws->full = false;
    add_encoded(jws, &header);
    text_add(jws, ".");
    add_encoded(jws, payload);
    if (jws->full || !device_sign(device, span_of_text(jws), signature)) return false;
    text_add(jws, ".");
    text_add_base64url(jws, signature, sizeof signature);
    return !jws->full;
}

bool compose_challenge(struct text *jws, const struct challenge *challenge, const struct device *device)
{
    TEXT(json, SIGNED_MOST);
    text_claim(&json, "{\"sub\":", challenge->sub);
    text_claim(&json, ",\"nonce\":", challenge->nonce);
    uint_claim(&json, ",\"seq\":", challenge->seq);
    text_claim(&json, ",\"scope\":", scope_name(challenge->scope));
    uint_claim(&json, ",\"for\":", challenge->seconds);
    uint_claim(&json, ",\"keys\":", challenge->keys);
    uint_claim(&json, ",\"pwv\":", challenge->pwv);
    text_claim(&json, ",\"fw\":", challenge->fw);
    if (challenge->last[0] != '\0') text_claim(&json, ",\"last\":", challenge->last);
    text_add(&json, "}");
    return sign(jws, "latchkey-challenge+jwt", &json, device);
}

bool compose_receipt(struct text *jws, const struct happening *happening, const struct device *device)
{
    TEXT(json, SIGNED_MOST);
    text_claim(&json, "{\"sub\":", happening->sub);
    text_claim(&json, ",\"jti\":", happening->jti);
    text_claim(&json, ",\"event\":", happening->event);
    if (happening->why != NULL) text_claim(&json, ",\"why\":", happening->why);
    uint_claim(&json, ",\"elapsed\":", happening->elapsed);
    uint_claim(&json, ",\"seq\":", happening->seq);
    uint_claim(&json, ",\"pwv\":", happening->pwv);
    if (happening->dig != NULL) text_claim(&json, ",\"dig\":", happening->dig);
    text_add(&json, "}");
    return sign(jws, "latchkey-receipt+jwt", &json, device);
}

bool compose_csr(struct text *jws, const struct csr *csr, const struct device *device)
{
    TEXT(json, SIGNED_MOST);
    text_claim(&json, "{\"sub\":", csr->sub);
    text_claim(&json, ",\"x\":", csr->x);
    text_claim(&json, ",\"y\":", csr->y);
    uint_claim(&json, ",\"seq\":", csr->seq);
    text_add(&json, "}");
    return sign(jws, "latchkey-csr+jwt", &json, device);
}

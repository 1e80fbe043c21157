#include <string.h>

#include "base64url.h"
#include "check.h"
#include "tls/der.h"
#include "hold.h"
#include "stage.h"

/* The module of protocol/vectors, so that its payloads are accepted here. */
#define HWID "LTE4-00A1B2C3D4E5"
#define DKT "2103n4x68J-xzIWSknKHXxdMkDpItFgNtZ-v4muPwBk"
#define ISSUER "unlock.example.com"
#define NONCE "q83vEjRWeJCrze8SNFZ4kA"

static const char key_name[] = "GhkHalXyFhBc2ytSMtkjjd-B2o1k1_DZF9wlBqdWJb0";

/* The first byte of an input: which message, and in what module. */
#define KIND 0x3f
#define BARE 0x40  /* no live challenge, or no manifest held */
#define CLOCK 0x80 /* a clock that is trusted */
#define DATE 1752739800

static void hold_password(const struct password *pw)
{
    if (pw->ver != 0) hold(is_crypt(span_of(pw->hash)));
}

/* The message of that payload, with a signature that fuzz/stub.c takes. */
static void sign(struct text *jws, const struct message *kind, struct span payload, size_t bytes)
{
    static const unsigned char signature[MODULUS_MOST];
    TEXT(header, 160);
    text_add(&header, "{\"alg\":\"PS256\",\"kid\":\"");
    text_add(&header, key_name);
    text_add(&header, "\",\"typ\":\"");
    text_add(&header, kind->typ);
    text_add(&header, "\"}");
    text_add_base64url(jws, (const unsigned char *)header.at, header.length);
    text_add(jws, ".");
    text_add_base64url(jws, (const unsigned char *)payload.at, payload.length);
    text_add(jws, ".");
    text_add_base64url(jws, signature, bytes);
}

static void token_case(struct envelope *envelope, struct span jws, const struct beliefs *beliefs)
{
    static struct token token;
    struct nonce live = {.live = true, .text = NONCE, .scope = SCOPE_CONSOLE, .seconds = 900};
    struct verdict verdict = check_token(&token, envelope, jws, beliefs, beliefs->manifest == NULL ? NULL : &live);
    if (verdict.why != NULL) hold(verdict.cme != 0 && verdict.nonce_dies && is_uuid7(span_of(token.jti)));
    if (verdict.cme != 0) return;
    hold(verdict.nonce_dies && is_uuid7(span_of(token.jti)) && strcmp(token.sub, HWID) == 0);
    hold(beliefs->manifest != NULL && stage.date < token.exp);
    hold(token.scope == live.scope && token.seconds <= live.seconds && strcmp(token.nonce, NONCE) == 0);
    hold(token.pw.ver == 0 || token.pw.ver > beliefs->pwv);
    hold_password(&token.pw);
}

static void bundle_case(struct envelope *envelope, struct span jws, const struct beliefs *beliefs)
{
    static struct bundle bundle;
    if (check_bundle(&bundle, envelope, jws, beliefs) != 0) return;
    hold(is_uuid7(span_of(bundle.jti)) && (bundle.pw.ver != 0) == bundle.bound);
    if (bundle.bound) hold(strcmp(bundle.sub, HWID) == 0 && strcmp(bundle.dkt, DKT) == 0);
    hold_password(&bundle.pw);
}

static void manifest_case(struct envelope *envelope, struct span jws, const struct beliefs *beliefs)
{
    static struct manifest manifest;
    if (check_manifest(&manifest, envelope, jws, beliefs) != 0) return;
    hold(beliefs->manifest == NULL || manifest.ver > beliefs->manifest->ver);
    hold(manifest.count >= 1 && manifest.count <= ISSUER_KEYS_MOST);
    for (size_t i = 0; i < manifest.count; i++) {
        hold(manifest.keys[i].bytes == ISSUER_BITS / 8);
        for (size_t j = 0; j < i; j++) hold(strcmp(manifest.keys[i].kid, manifest.keys[j].kid) != 0);
    }
}

static void certificate_case(struct envelope *envelope, struct span jws, const struct beliefs *beliefs)
{
    static struct certificate certificate;
    static const unsigned char point[COORDINATES];
    if (check_certificate(&certificate, envelope, jws, beliefs) != 0) return;
    hold(strcmp(certificate.sub, HWID) == 0 && strcmp(certificate.dkt, DKT) == 0);
    hold(certificate.length >= 1 && certificate.length <= CERTIFICATE_MOST);
    hold(!der_certifies(certificate.der, certificate.length, point));
}

/* Behind the first byte comes a payload: what lies behind a good signature. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct message *const kinds[] = {&unlock_token, &provisioning_bundle, &key_manifest,
                                                 &tls_certificate};
    static void (*const cases[])(struct envelope *, struct span, const struct beliefs *) = {
        token_case, bundle_case, manifest_case, certificate_case};
    static struct envelope envelope;
    static struct manifest held = {.iss = ISSUER, .ver = 1, .count = 1};
    static struct rsa_key roots[ROOTS];
    static struct beliefs beliefs = {.hwid = HWID, .dkt = DKT, .roots = roots};
    if (size == 0) return 0;
    size_t kind = (data[0] & KIND) % (sizeof kinds / sizeof kinds[0]);
    stage.date = (data[0] & CLOCK) != 0 ? DATE : 0;
    beliefs.manifest = (data[0] & BARE) != 0 ? NULL : &held;
    held.keys[0].bytes = ISSUER_BITS / 8;
    roots[0].bytes = ROOT_BITS / 8;
    memcpy(held.keys[0].kid, key_name, sizeof key_name);
    memcpy(roots[0].kid, key_name, sizeof key_name);
    beliefs.pwv = kinds[kind] == &provisioning_bundle ? 0 : 3;
    TEXT(jws, 2 * MESSAGE_MOST);
    sign(&jws, kinds[kind], (struct span){(const char *)data + 1, size - 1},
         kinds[kind] == &key_manifest ? ROOT_BITS / 8 : ISSUER_BITS / 8);
    if (!jws.full) cases[kind](&envelope, span_of_text(&jws), &beliefs);
    return 0;
}

#include "check.h"

#include <string.h>

#include "clock.h"

static bool same(const char *one, const char *other)
{
    return strcmp(one, other) == 0;
}

static struct verdict refuse(int cme, const char *why)
{
    return (struct verdict){cme, why, true};
}

static bool is_expired(const struct token *token)
{
    uint32_t now;
    return clock_trusted(&now) && now >= token->exp;
}

/* What a token with a good signature and a good form may still be refused for. */
static struct verdict check_claims(const struct token *token, const struct beliefs *beliefs,
                                   const struct nonce *live)
{
    if (!same(token->aud, AUDIENCE) || !same(token->iss, beliefs->manifest->iss)) {
        return refuse(901, "audience");
    }
    if (!same(token->sub, beliefs->hwid)) return refuse(903, "module");
    if (!same(token->nonce, live->text)) return refuse(904, "nonce");
    if (is_expired(token)) return refuse(906, "expired");
    if (token->scope != live->scope || token->seconds > live->seconds) return refuse(907, "scope");
    if (token->pw.ver != 0 && token->pw.ver <= beliefs->pwv) return refuse(915, "password");
    return refuse(0, NULL);
}

struct verdict check_token(struct token *token, struct envelope *envelope, struct span jws,
                           const struct beliefs *beliefs, const struct nonce *live)
{
    const struct manifest *manifest = beliefs->manifest;
    if (!envelope_open(envelope, &unlock_token, jws)) return (struct verdict){901, NULL, false};
    if (live == NULL) return (struct verdict){904, NULL, false};
    const struct rsa_key *key = rsa_key_named(manifest->keys, manifest->count, span_of(envelope->kid));
    if (key == NULL) return (struct verdict){905, NULL, false};
    if (!signature_holds(envelope, key)) return (struct verdict){902, NULL, false};
    if (!decode_token(token, envelope_payload(envelope))) return refuse(901, NULL);
    return check_claims(token, beliefs, live);
}

int check_manifest(struct manifest *manifest, struct envelope *envelope, struct span jws,
                   const struct beliefs *beliefs)
{
    int fault = envelope_verify(envelope, &key_manifest, jws, beliefs->roots, ROOTS);
    if (fault != 0) return fault;
    if (!decode_manifest(manifest, envelope_payload(envelope))) return 901;
    return beliefs->manifest != NULL && manifest->ver <= beliefs->manifest->ver ? 910 : 0;
}

/* Without a manifest no issuer key is known. */
static int verify_issued(struct envelope *envelope, const struct message *kind, struct span jws,
                         const struct manifest *held)
{
    if (held == NULL) return envelope_open(envelope, kind, jws) ? 905 : 901;
    return envelope_verify(envelope, kind, jws, held->keys, held->count);
}

int check_bundle(struct bundle *bundle, struct envelope *envelope, struct span jws,
                 const struct beliefs *beliefs)
{
    const struct manifest *held = beliefs->manifest;
    int fault = verify_issued(envelope, &provisioning_bundle, jws, held);
    if (fault != 0) return fault;
    if (!decode_bundle(bundle, envelope_payload(envelope))) return 901;
    if (!same(bundle->aud, AUDIENCE) || !same(bundle->iss, held->iss)) return 901;
    if (bundle->bound && (!same(bundle->sub, beliefs->hwid) || !same(bundle->dkt, beliefs->dkt))) return 903;
    return bundle->bound && bundle->pw.ver <= beliefs->pwv ? 915 : 0;
}

int check_certificate(struct certificate *certificate, struct envelope *envelope, struct span jws,
                      const struct beliefs *beliefs)
{
    const struct manifest *held = beliefs->manifest;
    int fault = verify_issued(envelope, &tls_certificate, jws, held);
    if (fault != 0) return fault;
    if (!decode_certificate(certificate, envelope_payload(envelope))) return 901;
    if (!same(certificate->aud, AUDIENCE) || !same(certificate->iss, held->iss)) return 901;
    return same(certificate->sub, beliefs->hwid) && same(certificate->dkt, beliefs->dkt) ? 0 : 903;
}

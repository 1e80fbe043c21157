#include "nonce.h"

#include <mbedtls/platform_util.h>

#include "base64url.h"
#include "entropy.h"
#include "hooks.h"

/* Milliseconds. */
#define SPACING 2000
#define LIFE 600000

#define MOST_BAD_SIGNATURES 3

static bool fill(unsigned char bytes[NONCE_BYTES])
{
#ifdef LATCHD_TEST
    if (hook_nonce(bytes)) return true;
#endif
    return entropy(NULL, bytes, NONCE_BYTES) == 0;
}

bool nonce_may_make(const struct nonce *nonce, int64_t now)
{
    return !nonce->made || now - nonce->made_at >= SPACING;
}

bool nonce_make(struct nonce *nonce, enum scope scope, uint32_t seconds, int64_t now)
{
    unsigned char bytes[NONCE_BYTES];
    if (!fill(bytes)) return false;
    *nonce = (struct nonce){
        .live = true, .scope = scope, .seconds = seconds, .made = true, .made_at = now, .bad_signatures = 0};
    nonce->text[base64url_encode(nonce->text, bytes, sizeof bytes)] = '\0';
    return true;
}

bool nonce_live(struct nonce *nonce, int64_t now)
{
    if (nonce->live && now - nonce->made_at >= LIFE) nonce_kill(nonce);
    return nonce->live;
}

void nonce_kill(struct nonce *nonce)
{
    nonce->live = false;
    mbedtls_platform_zeroize(nonce->text, sizeof nonce->text);
}

void nonce_bad_signature(struct nonce *nonce)
{
    if (++nonce->bad_signatures >= MOST_BAD_SIGNATURES) nonce_kill(nonce);
}

#include "provision.h"

#include <string.h>

#include <mbedtls/platform_util.h>

#include "answer.h"
#include "session.h"
#include "shadow.h"

/* A manifest that is new and passes takes the place of the one held, and of the roots if it names others. */
static int accept_manifest(struct latch *latch)
{
    const struct beliefs held = latch_beliefs(latch);
    int code = check_manifest(&latch->next, &latch->envelope, latch_message(latch), &held);
    if (code != 0) return code;
    struct state *draft = store_draft(&latch->store);
    memcpy(draft->manifest, latch->data, latch->length);
    draft->manifest_length = latch->length;
    if (latch->next.has_roots) {
        draft->has_roots = true;
        for (size_t i = 0; i < ROOTS; i++) memcpy(draft->roots[i], latch->next.roots[i].n, MODULUS_MOST);
    }
    if (!store_commit(&latch->store)) return 914;
    latch->manifest = latch->next;
    latch->has_manifest = true;
    if (latch->next.has_roots) memcpy(latch->roots, latch->next.roots, sizeof latch->roots);
    nonce_kill(&latch->nonce);
    return 0;
}

int provision_keys(struct latch *latch)
{
    struct span held = {latch->store.state.manifest, latch->store.state.manifest_length};
    bool again = held.length > 0 && span_equals(latch_message(latch), held);
    int code = again ? 0 : accept_manifest(latch);
    if (code != 0) return code;
    TEXT(line, ANSWER_MOST);
    answer_word(&line, span_of("keys"));
    answer_number(&line, latch->manifest.ver);
    answer_say(latch, &line);
    return 0;
}

int provision(struct latch *latch)
{
    struct bundle bundle;
    struct receipt receipt;
    char digest[SHA256_TEXT + 1];
    const struct beliefs held = latch_beliefs(latch);
    if (latch->store.state.provisioned) return 909;
    int code = check_bundle(&bundle, &latch->envelope, latch_message(latch), &held);
    if (code != 0) return code;
    uint32_t pwv = bundle.bound ? bundle.pw.ver : held.pwv;
    struct event provisioned = {bundle.jti, "provisioned", NULL, 0, pwv, digest};
    if (!tls_forget(latch->store.dir) || !sha256_text(digest, latch_message(latch))) return 914;
    if (!session_receipt(latch, &receipt, &provisioned)) return 914;
    struct state *draft = store_draft(&latch->store);
    draft->provisioned = true;
    if (bundle.bound) draft->pw = bundle.pw;
    mbedtls_platform_zeroize(&bundle.pw, sizeof bundle.pw);
    state_keep(draft, &receipt);
    if (!store_commit(&latch->store)) return 914;
    if (!shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash)) return 914;
    answer_jws(latch, "provisioned", receipt_jws(&receipt));
    return 0;
}

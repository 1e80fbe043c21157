#include "unlock.h"

#include <string.h>

#include <mbedtls/platform_util.h>

#include "answer.h"
#include "clock.h"
#include "session.h"

/* Checks 1 to 11 of §5.2, what they cost the nonce, and a `refused` receipt. */
static int check(struct latch *latch, struct token *token)
{
    const struct beliefs held = latch_beliefs(latch);
    if (!latch->store.state.provisioned) return 911;
    bool live = nonce_live(&latch->nonce, clock_milliseconds());
    struct verdict verdict =
        check_token(token, &latch->envelope, latch_message(latch), &held, live ? &latch->nonce : NULL);
    if (verdict.nonce_dies) nonce_kill(&latch->nonce);
    else if (verdict.cme == 902) nonce_bad_signature(&latch->nonce);
    if (verdict.why != NULL) session_refuse(latch, token->jti, verdict.why);
    return verdict.cme;
}

/* Back to unprovisioned, with a new device key and no TLS key. The old key signs how that went, in the same write;
 * the TLS key goes after it, and if not now then before the module is provisioned again. */
static int reset(struct latch *latch, const char *jti, struct receipt *opened)
{
    struct receipt closed;
    unsigned char secret[DEVICE_BYTES];
    uint32_t pwv = latch->store.state.pw.ver;
    struct event opening = {jti, "opened", NULL, 0, pwv, NULL}, closing = {jti, "closed", "stop", 0, pwv, NULL};
    bool done = session_receipt(latch, opened, &opening) && session_receipt(latch, &closed, &closing) &&
                device_make(secret);
    if (done) {
        struct state *draft = store_draft(&latch->store);
        memcpy(draft->device, secret, sizeof secret);
        draft->provisioned = false;
        draft->last[0] = '\0';
        memset(&draft->session, 0, sizeof draft->session);
        state_keep(draft, opened);
        state_keep(draft, &closed);
        done = store_commit(&latch->store);
    }
    if (done) (void)tls_forget(latch->store.dir);
    if (done) done = device_load(&latch->device, secret);
    else session_refuse_accepted(latch, "storage");
    mbedtls_platform_zeroize(secret, sizeof secret);
    return done ? 0 : 914;
}

int unlock(struct latch *latch)
{
    struct token token;
    struct receipt receipt;
    int code = check(latch, &token);
    if (code == 0) code = session_end(latch, "replaced", &receipt);
    if (code == 0) code = session_accept(latch, &token);
    /* The keeper of a session starts as a copy of all that stands here. */
    mbedtls_platform_zeroize(&token.pw, sizeof token.pw);
    if (code == 0) {
        code = token.scope == SCOPE_RESET ? reset(latch, token.jti, &receipt)
                                          : session_open(latch, &token, &receipt);
    }
    if (code != 0) return code;
    TEXT(line, ANSWER_MOST);
    answer_word(&line, span_of("open"));
    answer_word(&line, span_of(scope_name(token.scope)));
    answer_number(&line, token.seconds);
    answer_word(&line, receipt_jws(&receipt));
    answer_say(latch, &line);
    return 0;
}

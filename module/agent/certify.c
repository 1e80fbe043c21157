#include "certify.h"

#include "answer.h"
#include "clock.h"

/* In milliseconds. A csr takes a number, and they end (protocol.md §6.3). */
#define SPACING 2000

int certify_csr(struct latch *latch)
{
    TEXT(jws, SIGNED_MOST);
    char x[COORDINATE_TEXT + 1], y[COORDINATE_TEXT + 1];
    uint32_t seq;
    int64_t now = clock_milliseconds();
    if (!latch->store.state.provisioned) return 911;
    if (latch->csr_made && now - latch->csr_made_at < SPACING) return 908;
    int code = tls_public(&latch->config->tls, x, y);
    if (code != 0) return code;
    if (!store_seq(&latch->store, &seq)) return 914;
    latch->csr_made = true;
    latch->csr_made_at = now;
    struct csr claims = {latch->config->hwid, x, y, seq};
    if (!compose_csr(&jws, &claims, &latch->device)) return 914;
    answer_jws(latch, "csr", span_of_text(&jws));
    return 0;
}

int certify(struct latch *latch)
{
    struct certificate certificate;
    const struct beliefs held = latch_beliefs(latch);
    if (!latch->store.state.provisioned) return 911;
    int code = check_certificate(&certificate, &latch->envelope, latch_message(latch), &held);
    if (code == 0) code = tls_accept(&latch->config->tls, certificate.der, certificate.length);
    if (code != 0) return code;
    TEXT(line, ANSWER_MOST);
    answer_word(&line, span_of("certificate"));
    answer_say(latch, &line);
    return 0;
}

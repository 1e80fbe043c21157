#include "session.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "shadow.h"

/* So often, in milliseconds, a receipt that is owed is tried: flash that fails is not worn out by it. */
#define AGAIN 10000

static void forget(void *latch)
{
    latch_wipe(latch);
}

bool session_receipt(struct latch *latch, struct receipt *receipt, const struct event *event)
{
    struct text jws = {receipt->jws, sizeof receipt->jws, 0, false};
    if (!store_seq(&latch->store, &receipt->seq)) return false;
    struct happening happening = {latch->config->hwid, event->jti,   event->event, event->why,
                                  event->elapsed,      receipt->seq, event->pwv,   event->dig};
    bool made = compose_receipt(&jws, &happening, &latch->device);
    receipt->length = (uint32_t)jws.length;
    return made;
}

/* The session as it stands on flash: until its last receipt does too. */
static struct session_record stored(const struct latch *latch)
{
    struct session_record none = {"", SCOPE_CONSOLE, 0};
    return latch->session.open || latch->session.owed.event != NULL ? latch->session.what : none;
}

static void keep(struct latch *latch, const struct receipt *receipt)
{
    struct state *draft = store_draft(&latch->store);
    draft->session = stored(latch);
    state_keep(draft, receipt);
    store_settle(&latch->store);
}

void session_refuse(struct latch *latch, const char *jti, const char *why)
{
    struct receipt receipt;
    struct event refused = {jti, "refused", why, 0, latch->store.state.pw.ver, NULL};
    if (session_receipt(latch, &receipt, &refused)) keep(latch, &receipt);
}

/* Makes the receipt that is owed, if one is. */
static int settle(struct latch *latch, struct receipt *receipt)
{
    struct owed *owed = &latch->session.owed;
    struct event last = {latch->session.what.jti, owed->event, owed->why, owed->elapsed,
                         latch->store.state.pw.ver, NULL};
    receipt->length = 0;
    if (owed->event == NULL) return 0;
    owed->again = clock_milliseconds() + AGAIN;
    if (!session_receipt(latch, receipt, &last)) return 914;
    owed->event = NULL;
    keep(latch, receipt);
    return 0;
}

void session_refuse_accepted(struct latch *latch, const char *why)
{
    struct receipt receipt;
    latch->session.what = latch->store.state.session;
    latch->session.owed = (struct owed){"refused", why, 0, 0};
    (void)settle(latch, &receipt);
}

int session_accept(struct latch *latch, const struct token *token)
{
    struct state *draft = store_draft(&latch->store);
    memcpy(draft->last, token->jti, sizeof draft->last);
    memcpy(draft->session.jti, token->jti, sizeof draft->session.jti);
    draft->session.scope = token->scope;
    draft->session.seconds = token->seconds;
    if (token->pw.ver != 0) draft->pw = token->pw;
    if (!store_commit(&latch->store)) {
        session_refuse(latch, token->jti, "storage");
        return 914;
    }
    if (shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash)) return 0;
    session_refuse_accepted(latch, "storage");
    return 914;
}

static void stop_service(struct latch *latch, enum scope scope)
{
    service_stop(&latch->service);
    program_run(&latch->config->stop[scope]);
}

static int refuse_start(struct latch *latch, const struct token *token, const char *why, int code)
{
    stop_service(latch, token->scope);
    session_refuse_accepted(latch, why);
    return code;
}

int session_open(struct latch *latch, const struct token *token, struct receipt *receipt)
{
    int64_t since = clock_milliseconds();
    struct event opened = {token->jti, "opened", NULL, 0, latch->store.state.pw.ver, NULL};
    int64_t over = since + (int64_t)token->seconds * 1000;
    if (!service_start(&latch->service, &latch->config->start[token->scope], over, forget, latch)) {
        return refuse_start(latch, token, "service", 913);
    }
    if (!session_receipt(latch, receipt, &opened)) return refuse_start(latch, token, "storage", 914);
    state_keep(store_draft(&latch->store), receipt);
    if (!store_commit(&latch->store)) return refuse_start(latch, token, "storage", 914);
    latch->session.open = true;
    latch->session.what = latch->store.state.session;
    latch->session.since = since;
    return 0;
}

static int64_t elapsed(const struct latch *latch)
{
    return clock_milliseconds() - latch->session.since;
}

/* What is open is no longer, whether that can be written down or not. */
static void shut_down(struct latch *latch, const char *why)
{
    latch->session.open = false;
    stop_service(latch, latch->session.what.scope);
    int64_t seconds = elapsed(latch) / 1000;
    uint32_t counted = seconds < 0 ? 0 : seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
    latch->session.owed = (struct owed){"closed", why, counted, 0};
}

int session_end(struct latch *latch, const char *why, struct receipt *receipt)
{
    if (latch->session.open) shut_down(latch, why);
    return settle(latch, receipt);
}

/* True once nothing of the service is left. */
static bool has_ended(const struct service *service)
{
    struct pollfd look = {.fd = service->end, .events = POLLIN};
    return service->end >= 0 && poll(&look, 1, 0) > 0;
}

void session_look(struct latch *latch)
{
    struct receipt receipt;
    const struct session *session = &latch->session;
    if (!session->open) {
        if (session->owed.event != NULL && clock_milliseconds() >= session->owed.again) {
            (void)settle(latch, &receipt);
        }
    } else if (elapsed(latch) >= (int64_t)session->what.seconds * 1000) {
        (void)session_end(latch, "timeout", &receipt);
        latch->say(latch->listener, span_of("+QLATCHIND: \"locked\",\"timeout\""));
    } else if (has_ended(&latch->service)) {
        (void)session_end(latch, "service", &receipt);
    }
}

int64_t session_remaining(const struct latch *latch)
{
    if (!latch->session.open) return 0;
    int64_t left = (int64_t)latch->session.what.seconds * 1000 - elapsed(latch);
    return left < 0 ? 0 : left;
}

int64_t session_patience(const struct latch *latch)
{
    const struct session *session = &latch->session;
    if (session->open) return session_remaining(latch);
    if (session->owed.event == NULL) return -1;
    int64_t left = session->owed.again - clock_milliseconds();
    return left < 0 ? 0 : left;
}

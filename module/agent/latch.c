#include "latch.h"

#include <string.h>

#include <mbedtls/platform_util.h>

#include "clock.h"
#include "session.h"
#include "shadow.h"

/* The longest line of an answer (protocol.md §8.1). */
#define ANSWER_MOST 1024

static uint32_t manifest_version(const struct latch *latch)
{
    return latch->has_manifest ? latch->manifest.ver : 0;
}

static struct beliefs beliefs(const struct latch *latch)
{
    return (struct beliefs){latch->config->hwid, latch->device.kid,
                            latch->has_manifest ? &latch->manifest : NULL, latch->roots,
                            latch->store.state.pw.ver};
}

static struct span message(const struct latch *latch)
{
    return (struct span){latch->data, latch->length};
}

/* ---- answers: `+QLATCH: `, then strings and numbers with commas between them ---- */

static void add_word(struct text *line, struct span word)
{
    text_add(line, line->length == 0 ? "+QLATCH: \"" : ",\"");
    text_add_span(line, word);
    text_add(line, "\"");
}

static void add_number(struct text *line, uint32_t number)
{
    text_add(line, ",");
    text_add_uint(line, number);
}

static void say(const struct latch *latch, const struct text *line)
{
    latch->say(latch->listener, span_of_text(line));
}

static void say_jws(const struct latch *latch, const char *name, struct span jws)
{
    TEXT(line, ANSWER_MOST);
    add_word(&line, span_of(name));
    add_word(&line, jws);
    say(latch, &line);
}

static struct span receipt_jws(const struct receipt *receipt)
{
    return (struct span){receipt->jws, receipt->length};
}

/* ---- start and end ---- */

/* Its signature was checked when it came; the root that made it may be forgotten by now. */
static bool load_manifest(struct latch *latch)
{
    struct span held = {latch->store.state.manifest, latch->store.state.manifest_length};
    latch->has_manifest = held.length > 0;
    if (!latch->has_manifest) return true;
    return envelope_open(&latch->envelope, &key_manifest, held) &&
           decode_manifest(&latch->manifest, envelope_payload(&latch->envelope));
}

static bool load_roots(struct latch *latch)
{
    const struct state *state = &latch->store.state;
    memcpy(latch->roots, latch->config->roots, sizeof latch->roots);
    if (!state->has_roots) return true;
    return rsa_key_from_bytes(&latch->roots[0], ROOT_BITS, state->roots[0]) &&
           rsa_key_from_bytes(&latch->roots[1], ROOT_BITS, state->roots[1]);
}

/* What was open when the agent died is closed. */
static bool close_old_session(struct latch *latch)
{
    struct receipt receipt;
    struct session_record *record = &latch->store.state.session;
    struct event closed = {record->jti, "closed", "reboot", 0, latch->store.state.pw.ver, NULL};
    if (record->jti[0] == '\0') return true;
    if (!session_receipt(latch, &receipt, &closed)) return false;
    struct state *draft = store_draft(&latch->store);
    memset(&draft->session, 0, sizeof draft->session);
    state_keep(draft, &receipt);
    return store_commit(&latch->store);
}

static bool start(struct latch *latch)
{
    const struct config *config = latch->config;
    service_init(&latch->service, latch->store.dir);
    for (enum scope scope = 0; scope < SERVICES; scope++) program_run(&config->stop[scope]);
    if (!device_load(&latch->device, latch->store.state.device) || !load_manifest(latch) ||
        !load_roots(latch)) {
        complain("the store does not make sense", NULL);
        return false;
    }
    if (close_old_session(latch) && shadow_set(config->shadow, config->user, latch->store.state.pw.hash)) {
        return true;
    }
    complain("the store or the password file could not be written", NULL);
    return false;
}

bool latch_start(struct latch *latch, const struct config *config)
{
    latch->config = config;
    return store_open(&latch->store, config->store, config->hwid) && start(latch);
}

void latch_wipe(struct latch *latch)
{
    nonce_kill(&latch->nonce);
    store_wipe(&latch->store);
    mbedtls_platform_zeroize(&latch->device, sizeof latch->device);
    mbedtls_platform_zeroize(latch->data, sizeof latch->data);
    mbedtls_platform_zeroize(&latch->envelope, sizeof latch->envelope);
}

void latch_stop(struct latch *latch)
{
    struct receipt receipt;
    (void)session_end(latch, "stop", &receipt);
    latch_wipe(latch);
}

void latch_look(struct latch *latch)
{
    session_look(latch);
}

int64_t latch_patience(const struct latch *latch)
{
    return latch->session.open ? session_remaining(latch) : -1;
}

/* ---- what each command does (protocol.md §8.2) ---- */

static int verbs(struct latch *latch)
{
    TEXT(line, ANSWER_MOST);
    text_add(&line, "+QLATCH: (");
    for (enum verb verb = VERB_IDENTITY; verb < VERBS; verb++) {
        text_add(&line, verb == VERB_IDENTITY ? "\"" : ",\"");
        text_add(&line, verb_name(verb));
        text_add(&line, "\"");
    }
    text_add(&line, ")");
    say(latch, &line);
    return 0;
}

static int state(struct latch *latch)
{
    TEXT(line, ANSWER_MOST);
    add_word(&line, span_of(latch->session.open               ? "open"
                            : latch->store.state.provisioned ? "locked"
                                                             : "unprovisioned"));
    add_number(&line, (uint32_t)((session_remaining(latch) + 999) / 1000));
    add_word(&line, span_of(latch->config->hwid));
    add_number(&line, manifest_version(latch));
    say(latch, &line);
    return 0;
}

static int identity(struct latch *latch)
{
    TEXT(line, ANSWER_MOST);
    add_word(&line, span_of("identity"));
    add_word(&line, span_of(latch->config->hwid));
    add_word(&line, span_of(latch->config->imei));
    add_word(&line, span_of(latch->device.x));
    add_word(&line, span_of(latch->device.y));
    say(latch, &line);
    return 0;
}

static int challenge(struct latch *latch, enum scope scope, uint32_t seconds)
{
    TEXT(jws, SIGNED_MOST);
    uint32_t seq;
    const struct state *held = &latch->store.state;
    int64_t now = clock_milliseconds();
    if (!held->provisioned) return 911;
    if (seconds == 0) return 907;
    if (!nonce_may_make(&latch->nonce, now)) return 908;
    if (!store_seq(&latch->store, &seq) || !nonce_make(&latch->nonce, scope, seconds, now)) return 914;
    struct challenge claims = {latch->config->hwid, latch->nonce.text,       seq,
                               scope,               seconds,                 manifest_version(latch),
                               held->pw.ver,        latch->config->firmware, held->last};
    if (!compose_challenge(&jws, &claims, &latch->device)) {
        nonce_kill(&latch->nonce);
        return 914;
    }
    say_jws(latch, "challenge", span_of_text(&jws));
    return 0;
}

static int data(struct latch *latch, uint32_t offset, struct span piece)
{
    if (offset > latch->length) return 912;
    if (piece.length > sizeof latch->data - offset) return 901;
    memcpy(latch->data + offset, piece.at, piece.length);
    latch->length = offset + piece.length;
    return 0;
}

/* Checks 1 to 11 of §5.2, what they cost the nonce, and a `refused` receipt. */
static int check(struct latch *latch, struct token *token)
{
    const struct beliefs held = beliefs(latch);
    if (!latch->store.state.provisioned || held.manifest == NULL) return 911;
    bool live = nonce_live(&latch->nonce, clock_milliseconds());
    struct verdict verdict =
        check_token(token, &latch->envelope, message(latch), &held, live ? &latch->nonce : NULL);
    if (verdict.nonce_dies) nonce_kill(&latch->nonce);
    else if (verdict.cme == 902) nonce_bad_signature(&latch->nonce);
    if (verdict.why != NULL) session_refuse(latch, token->jti, verdict.why);
    return verdict.cme;
}

/* Back to unprovisioned, with a new device key. The old key signs how that went, in the same write. */
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
    if (done) done = device_load(&latch->device, secret);
    else session_refuse(latch, jti, "storage");
    mbedtls_platform_zeroize(secret, sizeof secret);
    return done ? 0 : 914;
}

static int unlock(struct latch *latch)
{
    struct token token;
    struct receipt receipt;
    int code = check(latch, &token);
    if (code == 0) code = session_end(latch, "replaced", &receipt);
    if (code == 0) code = session_accept(latch, &token);
    if (code == 0) {
        code = token.scope == SCOPE_RESET ? reset(latch, token.jti, &receipt)
                                          : session_open(latch, &token, &receipt);
    }
    mbedtls_platform_zeroize(&token.pw, sizeof token.pw);
    if (code != 0) return code;
    TEXT(line, ANSWER_MOST);
    add_word(&line, span_of("open"));
    add_word(&line, span_of(scope_name(token.scope)));
    add_number(&line, token.seconds);
    add_word(&line, receipt_jws(&receipt));
    say(latch, &line);
    return 0;
}

/* A manifest that is new and passes takes the place of the one held, and of the roots if it names others. */
static int accept_manifest(struct latch *latch)
{
    const struct beliefs held = beliefs(latch);
    int code = check_manifest(&latch->next, &latch->envelope, message(latch), &held);
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

/* The same manifest again is no fault, and leaves the nonce alive. */
static int keys(struct latch *latch)
{
    struct span held = {latch->store.state.manifest, latch->store.state.manifest_length};
    bool again = held.length > 0 && span_equals(message(latch), held);
    int code = again ? 0 : accept_manifest(latch);
    if (code != 0) return code;
    TEXT(line, ANSWER_MOST);
    add_word(&line, span_of("keys"));
    add_number(&line, latch->manifest.ver);
    say(latch, &line);
    return 0;
}

static int provision(struct latch *latch)
{
    struct bundle bundle;
    struct receipt receipt;
    char digest[SHA256_TEXT + 1];
    const struct beliefs held = beliefs(latch);
    if (latch->store.state.provisioned) return 909;
    int code = check_bundle(&bundle, &latch->envelope, message(latch), &held);
    if (code != 0) return code;
    uint32_t pwv = bundle.bound ? bundle.pw.ver : held.pwv;
    struct event provisioned = {bundle.jti, "provisioned", NULL, 0, pwv, digest};
    if (!sha256_text(digest, message(latch)) || !session_receipt(latch, &receipt, &provisioned)) return 914;
    struct state *draft = store_draft(&latch->store);
    draft->provisioned = true;
    if (bundle.bound) draft->pw = bundle.pw;
    mbedtls_platform_zeroize(&bundle.pw, sizeof bundle.pw);
    state_keep(draft, &receipt);
    if (!store_commit(&latch->store)) return 914;
    if (!shadow_set(latch->config->shadow, latch->config->user, latch->store.state.pw.hash)) return 914;
    say_jws(latch, "provisioned", receipt_jws(&receipt));
    return 0;
}

/* Nothing is answered where it is locked already. */
static int lock(struct latch *latch)
{
    struct receipt receipt;
    int code = session_end(latch, "lock", &receipt);
    if (code == 0 && receipt.length > 0) say_jws(latch, "locked", receipt_jws(&receipt));
    return code;
}

static int receipts(struct latch *latch, uint32_t after)
{
    const struct state *held = &latch->store.state;
    for (size_t i = 0; i < held->receipts; i++) {
        if (held->receipt[i].seq > after) say_jws(latch, "receipt", receipt_jws(&held->receipt[i]));
    }
    return 0;
}

int latch_execute(struct latch *latch, const struct command *command)
{
    session_look(latch);
    switch (command->verb) {
    case VERB_VERBS: return verbs(latch);
    case VERB_STATE: return state(latch);
    case VERB_IDENTITY: return identity(latch);
    case VERB_CHALLENGE: return challenge(latch, command->scope, command->number);
    case VERB_DATA: return data(latch, command->number, command->piece);
    case VERB_UNLOCK: return unlock(latch);
    case VERB_KEYS: return keys(latch);
    case VERB_PROVISION: return provision(latch);
    case VERB_LOCK: return lock(latch);
    case VERB_RECEIPTS: return receipts(latch, command->number);
    case VERBS: break;
    }
    return 901;
}

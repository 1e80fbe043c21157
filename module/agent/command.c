#include "command.h"

#include <string.h>

#include "answer.h"
#include "certify.h"
#include "clock.h"
#include "provision.h"
#include "session.h"
#include "unlock.h"

static uint32_t manifest_version(const struct latch *latch)
{
    return latch->has_manifest ? latch->manifest.ver : 0;
}

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
    answer_say(latch, &line);
    return 0;
}

static int state(struct latch *latch)
{
    TEXT(line, ANSWER_MOST);
    answer_word(&line, span_of(latch->session.open               ? "open"
                               : latch->store.state.provisioned ? "locked"
                                                                : "unprovisioned"));
    answer_number(&line, (uint32_t)((session_remaining(latch) + 999) / 1000));
    answer_word(&line, span_of(latch->config->hwid));
    answer_number(&line, manifest_version(latch));
    answer_say(latch, &line);
    return 0;
}

static int identity(struct latch *latch)
{
    TEXT(line, ANSWER_MOST);
    answer_word(&line, span_of("identity"));
    answer_word(&line, span_of(latch->config->hwid));
    answer_word(&line, span_of(latch->config->imei));
    answer_word(&line, span_of(latch->device.x));
    answer_word(&line, span_of(latch->device.y));
    answer_say(latch, &line);
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
    answer_jws(latch, "challenge", span_of_text(&jws));
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

/* Nothing is answered where it is locked already. */
static int lock(struct latch *latch)
{
    struct receipt receipt;
    int code = session_end(latch, "lock", &receipt);
    if (code == 0 && receipt.length > 0) answer_jws(latch, "locked", receipt_jws(&receipt));
    return code;
}

static int receipts(struct latch *latch, uint32_t after)
{
    const struct state *held = &latch->store.state;
    for (size_t i = 0; i < held->receipts; i++) {
        if (held->receipt[i].seq > after) answer_jws(latch, "receipt", receipt_jws(&held->receipt[i]));
    }
    return 0;
}

int command_execute(struct latch *latch, const struct command *command)
{
    /* What was asked before in the same line may have taken its time. */
    session_look(latch);
    switch (command->verb) {
    case VERB_VERBS: return verbs(latch);
    case VERB_STATE: return state(latch);
    case VERB_IDENTITY: return identity(latch);
    case VERB_CHALLENGE: return challenge(latch, command->scope, command->number);
    case VERB_DATA: return data(latch, command->number, command->piece);
    case VERB_UNLOCK: return unlock(latch);
    case VERB_KEYS: return provision_keys(latch);
    case VERB_PROVISION: return provision(latch);
    case VERB_LOCK: return lock(latch);
    case VERB_RECEIPTS: return receipts(latch, command->number);
    case VERB_CSR: return certify_csr(latch);
    case VERB_CERTIFICATE: return certify(latch);
    case VERBS: break;
    }
    return 901;
}

#include "latch.h"

#include <string.h>

#include <mbedtls/platform_util.h>

#include "session.h"
#include "shadow.h"

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

/* Nothing is open, not even where the store is broken and nobody can say what was. */
static void stop_all(const struct latch *latch)
{
    for (enum scope scope = 0; scope < SERVICES; scope++) program_run(&latch->config->stop[scope]);
}

static bool start(struct latch *latch)
{
    const struct config *config = latch->config;
    if (!device_load(&latch->device, latch->store.state.device) || !load_manifest(latch) ||
        !load_roots(latch)) {
        complain("the store does not make sense", NULL);
        return false;
    }
    /* A reset whose power was cut has left it. */
    if (!latch->store.state.provisioned) (void)tls_forget(latch->store.dir);
    if (close_old_session(latch) && shadow_set(config->shadow, config->user, latch->store.state.pw.hash)) {
        return true;
    }
    complain("the store or the password file could not be written", NULL);
    return false;
}

bool latch_start(struct latch *latch, const struct config *config)
{
    latch->config = config;
    bool opened = store_open(&latch->store, config->store, config->hwid);
    service_init(&latch->service, latch->store.dir);
    if (!latch->store.taken) stop_all(latch);
    return opened && start(latch);
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
    return session_patience(latch);
}

struct beliefs latch_beliefs(const struct latch *latch)
{
    return (struct beliefs){latch->config->hwid, latch->device.kid,
                            latch->has_manifest ? &latch->manifest : NULL, latch->roots,
                            latch->store.state.pw.ver};
}

struct span latch_message(const struct latch *latch)
{
    return (struct span){latch->data, latch->length};
}

#ifndef LATCHD_LATCH_H
#define LATCHD_LATCH_H

#include "at.h"
#include "check.h"
#include "config.h"
#include "store.h"

/* The last receipt of a session that is over, while it cannot be made. */
struct owed {
    /* NULL where none is owed. */
    const char *event;
    const char *why;
    uint32_t elapsed;
    /* When it is tried again, on clock_milliseconds. */
    int64_t again;
};

/* The session that is open, or was and owes a receipt; its times are those of clock_milliseconds. */
struct session {
    bool open;
    struct session_record what;
    int64_t since;
    struct owed owed;
};

/* A module that is switched on. */
struct latch {
    const struct config *config;
    struct store store;
    struct device device;
    struct nonce nonce;
    /* The last csr since the start, if `csr_made`, on clock_milliseconds. */
    bool csr_made;
    int64_t csr_made_at;
    struct session session;
    struct service service;
    /* The manifest held, if `has_manifest`, and room for the next. */
    bool has_manifest;
    struct manifest manifest;
    struct manifest next;
    /* The two in force: the firmware's, or their successors. */
    struct rsa_key roots[ROOTS];
    /* What `data` has put together. */
    size_t length;
    char data[MESSAGE_MOST];
    struct envelope envelope;
    /* Takes the lines of answers, and unsolicited ones, without their line ends. */
    void (*say)(void *listener, struct span line);
    void *listener;
};

/* Locked, whatever it was before; what a power cut left half done is finished. Complains and gives false
 * where it cannot be. */
bool latch_start(struct latch *latch, const struct config *config);

/* Locks if the time of the session is over, or its service has ended. */
void latch_look(struct latch *latch);

/* Milliseconds until latch_look must be called for the time's sake; -1 for no time. */
int64_t latch_patience(const struct latch *latch);

/* What a message is held against now. */
struct beliefs latch_beliefs(const struct latch *latch);

/* What `data` has put together. */
struct span latch_message(const struct latch *latch);

/* Forgets what is secret. */
void latch_wipe(struct latch *latch);

/* An orderly end: what is open is closed, with a receipt, and what is secret forgotten. */
void latch_stop(struct latch *latch);

#endif

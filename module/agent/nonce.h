#ifndef LATCHD_NONCE_H
#define LATCHD_NONCE_H

#include "claims.h"

/* The one live challenge, in RAM only, so that a reboot forgets it (protocol.md §6.2). Times are those of
 * clock_milliseconds. */
struct nonce {
    bool live;
    char text[NONCE_ROOM];
    enum scope scope;
    uint32_t seconds;
    /* False until the first challenge since the start. */
    bool made;
    int64_t made_at;
    unsigned bad_signatures;
};

/* False within 2 s of the last challenge. */
bool nonce_may_make(const struct nonce *nonce, int64_t now);

/* A new random nonce: the older one is dead. False, with nothing changed, where there is no entropy. */
bool nonce_make(struct nonce *nonce, enum scope scope, uint32_t seconds, int64_t now);

/* True while it may be answered: 600 s at most. */
bool nonce_live(struct nonce *nonce, int64_t now);

void nonce_kill(struct nonce *nonce);

/* The third kills it. */
void nonce_bad_signature(struct nonce *nonce);

#endif

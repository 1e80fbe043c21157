#ifndef LATCHD_COMPOSE_H
#define LATCHD_COMPOSE_H

#include "claims.h"
#include "device.h"

/* The longest message that a module signs (protocol.md §5.1, §5.3, §5.6). */
#define SIGNED_MOST 768

/* A challenge's claims (§5.1). */
struct challenge {
    const char *sub;
    const char *nonce;
    uint32_t seq;
    enum scope scope;
    uint32_t seconds;
    uint32_t keys;
    uint32_t pwv;
    const char *fw;
    /* "" where there is none. */
    const char *last;
};

/* A receipt's claims (§5.3); `why` and `dig` are NULL where they are absent. */
struct happening {
    const char *sub;
    const char *jti;
    const char *event;
    const char *why;
    uint32_t elapsed;
    uint32_t seq;
    uint32_t pwv;
    const char *dig;
};

/* A csr's claims (§5.6). */
struct csr {
    const char *sub;
    const char *x;
    const char *y;
    uint32_t seq;
};

/* Encode and sign; false where mbedTLS or the kernel's entropy fails. `jws` has room for SIGNED_MOST. */
bool compose_challenge(struct text *jws, const struct challenge *challenge, const struct device *device);
bool compose_receipt(struct text *jws, const struct happening *happening, const struct device *device);
bool compose_csr(struct text *jws, const struct csr *csr, const struct device *device);

#endif

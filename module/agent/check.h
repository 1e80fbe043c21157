#ifndef LATCHD_CHECK_H
#define LATCHD_CHECK_H

#include "jws.h"
#include "messages.h"
#include "nonce.h"

/* What a module holds a message against. */
struct beliefs {
    const char *hwid;
    /* Thumbprint of the device key. */
    const char *dkt;
    /* NULL before the first manifest. */
    const struct manifest *manifest;
    /* The two root keys in force. */
    const struct rsa_key *roots;
    /* Version of the password in force. */
    uint32_t pwv;
};

struct verdict {
    /* 0, or the number of `+CME ERROR`. */
    int cme;
    /* The word of the `refused` receipt; NULL where none is made. */
    const char *why;
    /* The signature was good: the nonce is spent, whatever else is wrong. */
    bool nonce_dies;
};

/* Each makes the checks of protocol.md §5 in their order and stops at the first fault; `envelope` is room to
 * work in. What is decoded is to be used only where the code is 0, but for a refused token's `jti` where
 * there is a `why`. */

/* §5.2, checks 1 to 11. `live` is the live challenge, or NULL. */
struct verdict check_token(struct token *token, struct envelope *envelope, struct span jws,
                           const struct beliefs *beliefs, const struct nonce *live);

/* §5.4, checks 2 to 6. */
int check_manifest(struct manifest *manifest, struct envelope *envelope, struct span jws,
                   const struct beliefs *beliefs);

/* §5.5, checks 2 to 8. */
int check_bundle(struct bundle *bundle, struct envelope *envelope, struct span jws,
                 const struct beliefs *beliefs);

/* §5.7, checks 2 to 7. */
int check_certificate(struct certificate *certificate, struct envelope *envelope, struct span jws,
                      const struct beliefs *beliefs);

#endif

#ifndef LATCHD_CERTIFY_H
#define LATCHD_CERTIFY_H

#include "latch.h"

/* The certificate of the module's TLS key. Each says its answer, and returns 0 or the number of `+CME ERROR`. */

/* Asks for it (protocol.md §5.6); the key is made at the first call. */
int certify_csr(struct latch *latch);

/* Acts on the data as the certificate (§5.7). The one that is held, again, is no fault. */
int certify(struct latch *latch);

#endif

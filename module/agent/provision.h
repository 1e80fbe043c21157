#ifndef LATCHD_PROVISION_H
#define LATCHD_PROVISION_H

#include "latch.h"

/* What makes a module the server's. Each acts on the data, and returns 0 or the number of `+CME ERROR`. */

/* A key manifest (protocol.md §5.4). The one that is held, again, is no fault and leaves the nonce alive. */
int provision_keys(struct latch *latch);

/* A bundle (§5.5). */
int provision(struct latch *latch);

#endif

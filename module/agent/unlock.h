#ifndef LATCHD_UNLOCK_H
#define LATCHD_UNLOCK_H

#include "latch.h"

/* Acts on the data as a token (protocol.md §5.2): a session of its scope, or the module's reset. What is open ends
 * first. Returns 0, or the number of `+CME ERROR`. */
int unlock(struct latch *latch);

#endif

#ifndef LATCHD_OUTBOX_H
#define LATCHD_OUTBOX_H

#include "text.h"

/* What waits to be written: the agent never waits for a host that does not read, or it could not lock. */
#define OUTBOX_ROOM 65536

struct outbox {
    size_t start;
    size_t length;
    char bytes[OUTBOX_ROOM];
};

/* Adds all of it or, where it does not fit, none: like a UART's, what nobody reads is lost in the end. */
bool outbox_add(struct outbox *outbox, struct span bytes);

/* How much fits. */
size_t outbox_left(const struct outbox *outbox);

/* Writes as much as `fd`, which does not block, will take; false where it is broken. */
bool outbox_flush(struct outbox *outbox, int fd);

#endif

#ifndef LATCHD_LOOP_H
#define LATCHD_LOOP_H

#include "latch.h"

/* Starts the module and serves its AT port until SIGTERM, SIGINT, or the end of standard input; then ends in
 * order. Complains and gives false where it cannot start. */
bool loop_run(struct latch *latch, const struct config *config);

#endif

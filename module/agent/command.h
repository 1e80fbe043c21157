#ifndef LATCHD_COMMAND_H
#define LATCHD_COMMAND_H

#include "latch.h"

/* Does what a command asks for, and says the lines of its answer. Returns 0, or the number of `+CME ERROR`. */
int command_execute(struct latch *latch, const struct command *command);

#endif

#ifndef LATCHD_COPROCESS_H
#define LATCHD_COPROCESS_H

#include "service.h"
#include "text.h"

/* A program that the agent speaks with over two pipes, its standard input and output: the one that keeps the TLS
 * key. How one ended that was not run, or did not end by itself: */
#define COPROCESS_FAILED (-1)

/* Runs a program with one more argument to its end, which it is given 10 seconds for: `input` on its standard
 * input, the first `room` bytes of its standard output into `output`. It is executed, never given to a shell,
 * and dies with the agent; a session that is open goes on meanwhile. Returns its exit status, or COPROCESS_FAILED. */
int coprocess_run(const struct program *program, const char *verb, struct span input, char *output, size_t room,
               size_t *length);

#endif

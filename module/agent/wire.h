#ifndef LATCHD_WIRE_H
#define LATCHD_WIRE_H

#include "outbox.h"

/* A serial line to somebody: a tty, or standard input and output. */
struct wire {
    const char *path;
    /* -1 while it is not there. */
    int in;
    int out;
    /* When it was last opened, or could not be, on clock_waiting. */
    int64_t tried;
    bool complained;
    struct outbox waiting;
};

void wire_init(struct wire *wire, const char *path);

/* Opens it if it is not open: a tty raw, and never as the agent's controlling terminal. One that is not there
 * (a USB port may come later) is tried again by a later call, once a second. */
void wire_open(struct wire *wire);

/* Reads what is there, of a wire that is open, at most `room` bytes. 0 for nothing yet; a tty that has hung up is closed, and -1 means
 * that standard input has ended. */
int wire_read(struct wire *wire, char *bytes, size_t room);

/* Writes what waits, as far as it is taken without waiting. -1 as for wire_read. */
int wire_flush(struct wire *wire);

#endif

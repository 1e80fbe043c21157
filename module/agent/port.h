#ifndef LATCHD_PORT_H
#define LATCHD_PORT_H

#include "latch.h"
#include "outbox.h"

/* A V.250 line: bytes of the host in, bytes for the host out. It echoes (§6.2.4) until `ATE0`, takes CR and LF
 * in every mixture for the end of a line, and gives results as words between CR LF (§6.2.6). */
struct port {
    struct latch *latch;
    struct outbox *host;
    bool echo;
    /* The host hears data of another's: nothing is said in between. */
    bool muted;
    size_t length;
    /* One character more than a command may have is enough to know that it is too long. */
    char line[COMMAND_MOST + 1];
};

void port_init(struct port *port, struct latch *latch, struct outbox *host);

/* Answers every command that ends in these bytes. */
void port_receive(struct port *port, struct span bytes);

/* The host has gone: its unfinished line is forgotten. */
void port_host_gone(struct port *port);

/* Answers one line, given without its line end. */
void port_run(struct port *port, struct span line);

/* Sends a line of the module's own; `port` as the latch's listener. */
void port_say(void *port, struct span line);

#endif

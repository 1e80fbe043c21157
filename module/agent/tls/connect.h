#ifndef LATCH_TLS_CONNECT_H
#define LATCH_TLS_CONNECT_H

#include "tls/own.h"

/* Where to, and whom to believe. */
struct peer {
    /* `host:port`; an IPv6 address in brackets. */
    const char *address;
    /* A file of CA certificates, PEM; the server's must be from one of them. */
    const char *ca;
    /* The name that the server's certificate must be for; NULL for the address's host. */
    const char *name;
};

/* Connects as the module, both ends proved, and copies standard input to the server and what it says to standard
 * output, until the server ends. With `check` nothing is copied: it says in a line what was agreed. Complains and
 * gives false where the server is not proved, refuses the module, or cannot be reached. */
bool connect_to(const struct peer *peer, const struct own *own, bool check);

#endif

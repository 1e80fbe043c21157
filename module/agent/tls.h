#ifndef LATCHD_TLS_H
#define LATCHD_TLS_H

#include "device.h"
#include "service.h"

/* The module's own TLS key, which a program of its own keeps (protocol.md §5.6): the agent knows neither X.509 nor
 * TLS. That program has the file TLS_FILE in the store's directory, and writes it aside first. */
#define TLS_FILE "tls"
#define TLS_ASIDE "tls.new"

/* The longest certificate (§5.7). */
#define CERTIFICATE_MOST 1536

/* How the program says what the matter is. */
#define TLS_OTHER_KEY 3
#define TLS_STORAGE 4

/* The public half, made at the first call. Returns 0, 913 where the program fails, or 914. */
int tls_public(const struct program *program, char x[COORDINATE_TEXT + 1], char y[COORDINATE_TEXT + 1]);

/* Has a certificate kept. Returns 0, 903 where it is not for the TLS key, 913 or 914. */
int tls_accept(const struct program *program, const unsigned char *certificate, size_t length);

/* Key and certificate are gone from `dir`, the store's, with what a cut may have left aside; false where that cannot
 * be done. */
bool tls_forget(int dir);

#endif

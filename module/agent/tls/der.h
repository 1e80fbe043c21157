#ifndef LATCH_TLS_DER_H
#define LATCH_TLS_DER_H

#include <stdbool.h>
#include <stddef.h>

/* Coordinates of a point on P-256. */
#define COORDINATES 64

/* True where the X.509 certificate in DER is for the key of these coordinates, x and y side by side: check 8 of
 * protocol.md §5.7. */
bool der_certifies(const unsigned char *der, size_t length, const unsigned char point[COORDINATES]);

#endif

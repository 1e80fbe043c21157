#ifndef LATCHD_ENTROPY_H
#define LATCHD_ENTROPY_H

#include <stddef.h>

/* Fills `bytes` from getrandom(2), which waits until the kernel's generator is seeded. In the form that
 * mbedTLS asks for: `unused` is not looked at, 0 is success. */
int entropy(void *unused, unsigned char *bytes, size_t length);

#endif

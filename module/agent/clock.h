#ifndef LATCHD_CLOCK_H
#define LATCHD_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since some moment before the agent started. Nobody can set this clock, and it goes on while
 * the module sleeps. */
int64_t clock_milliseconds(void);

/* The same for waiting on processes and ports: not even a test winds it, and it stands still while the module
 * sleeps, as they do. */
int64_t clock_waiting(void);

/* Unix time, in builds whose clock is trusted (-DLATCHD_TRUSTED_CLOCK); false in all others, where a false
 * base station could set it (protocol.md §6.2). */
bool clock_trusted(uint32_t *seconds);

#endif

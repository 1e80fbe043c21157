#ifndef LATCHD_HOOKS_H
#define LATCHD_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

/* What tests can do to an agent built with -DLATCHD_TEST, all of it by the environment; any other build
 * has none of it.
 *
 *   LATCHD_TEST_CLOCK=FILE   monotonic milliseconds as decimal text, read whenever the time is asked
 *   LATCHD_TEST_NONCES=FILE  nonces are taken from the front of FILE while it has any
 *   LATCHD_TEST_NOW=SECONDS  a build whose clock is trusted, and stands still
 *   LATCHD_TEST_FAIL=FILE    while FILE exists nothing can be written
 *   LATCHD_TEST_CUT=N        the power goes just before step N on the store or the password file: _exit(99)
 *   SIGUSR1                  the time has been changed: look at it
 */
#ifdef LATCHD_TEST

/* Called before every open, write, fsync, rename and unlink of the store and the password file; false
 * where it is to fail. */
bool hook_step(void);

/* Each is false where the environment does not ask for it. */
bool hook_clock(int64_t *milliseconds);
bool hook_now(uint32_t *seconds);
bool hook_nonce(unsigned char *nonce);

#else

static inline bool hook_step(void)
{
    return true;
}

#endif
#endif

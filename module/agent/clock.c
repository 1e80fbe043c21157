#include "clock.h"

#include <time.h>

#include "hooks.h"

static int64_t read_clock(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_milliseconds(void)
{
#ifdef LATCHD_TEST
    int64_t milliseconds;
    if (hook_clock(&milliseconds)) return milliseconds;
#endif
    return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_waiting(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

bool clock_trusted(uint32_t *seconds)
{
#ifdef LATCHD_TEST
    return hook_now(seconds);
#elif defined(LATCHD_TRUSTED_CLOCK)
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < 0) return false;
    *seconds = now.tv_sec > UINT32_MAX ? UINT32_MAX : (uint32_t)now.tv_sec;
    return true;
#else
    (void)seconds;
    return false;
#endif
}

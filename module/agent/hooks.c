#include "hooks.h"

#ifdef LATCHD_TEST

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "claims.h"

#define CUT 99

bool hook_step(void)
{
    static unsigned long steps;
    const char *cut = getenv("LATCHD_TEST_CUT");
    const char *fail = getenv("LATCHD_TEST_FAIL");
    if (cut != NULL && ++steps == strtoul(cut, NULL, 10)) _exit(CUT);
    return fail == NULL || access(fail, F_OK) != 0;
}

bool hook_clock(int64_t *milliseconds)
{
    char text[32];
    const char *path = getenv("LATCHD_TEST_CLOCK");
    if (path == NULL) return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    text[length < 0 ? 0 : length] = '\0';
    *milliseconds = strtoll(text, NULL, 10);
    return true;
}

bool hook_now(uint32_t *seconds)
{
    const char *now = getenv("LATCHD_TEST_NOW");
    if (now == NULL) return false;
    *seconds = (uint32_t)strtoul(now, NULL, 10);
    return true;
}

bool hook_nonce(unsigned char *nonce)
{
    unsigned char rest[4096];
    const char *path = getenv("LATCHD_TEST_NONCES");
    if (path == NULL) return false;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return false;
    bool taken = read(file, nonce, NONCE_BYTES) == NONCE_BYTES;
    ssize_t left = taken ? read(file, rest, sizeof rest) : 0;
    if (taken && (ftruncate(file, 0) != 0 || pwrite(file, rest, (size_t)left, 0) != left)) taken = false;
    close(file);
    return taken;
}

#else

/* ISO C wants something in every file. */
typedef int no_hooks;

#endif

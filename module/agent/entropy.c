#include "entropy.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

int entropy(void *unused, unsigned char *bytes, size_t length)
{
    (void)unused;
    while (length > 0) {
        ssize_t got = getrandom(bytes, length, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        bytes += got;
        length -= (size_t)got;
    }
    return 0;
}

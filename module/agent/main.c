#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/stat.h>

#include "files.h"
#include "loop.h"
#include "place.h"

static const char usage[] = "usage: latchd -c FILE";

static struct config config;
static struct latch latch;

/* Nobody may read what it complains of, and a session must end all the same. */
static void never_wait_to_complain(void)
{
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    if (flags >= 0) fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
}

int main(int argc, char **argv)
{
    if (argc < 3 || strcmp(argv[1], "-c") != 0) {
        complain(usage, NULL);
        return 2;
    }
    file_fill_standard();
    never_wait_to_complain();
    umask(077);
#ifndef LATCHD_TEST
    /* No core file, and nobody but root looks into the memory. */
    prctl(PR_SET_DUMPABLE, 0);
#endif
    if (!config_read(&config, argv[2])) return 1;
#ifdef LATCHD_TEST
    if (argc > 3 && strcmp(argv[3], "place") == 0) return place(&config, argv + 4) ? 0 : 1;
#endif
    if (argc > 3) {
        complain(usage, NULL);
        return 2;
    }
    return loop_run(&latch, &config) ? 0 : 1;
}

#ifndef LATCHD_FUZZ_STAGE_H
#define LATCHD_FUZZ_STAGE_H

#include <stdint.h>

#include "text.h"

/* What stub.c puts in place of the world: a clock, files in memory, and a count of complaints. Nothing here asks
 * the system, so that an input means the same every time and takes microseconds. */
struct stage {
    /* Both clocks of clock.h, in milliseconds. */
    int64_t now;
    /* The clock that is trusted, in seconds; 0 for none. */
    uint32_t date;
    unsigned complaints;
    /* One file for each digit that a path may end in; `at` is NULL where there is none. */
    struct span file[10];
    /* What file_replace was last given, and whether it is to fail. */
    struct text replaced;
    unsigned replacements;
    bool full;
};

extern struct stage stage;

#endif

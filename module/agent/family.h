#ifndef LATCHD_FAMILY_H
#define LATCHD_FAMILY_H

#include <stdint.h>

/* Kills the calling process's children until none is left, or the time is over. Where it is a subreaper
 * (prctl(2)) the children of each that dies become its own, so that all its descendants go, whatever
 * sessions and groups they have made. */
void family_kill(int64_t milliseconds);

#endif

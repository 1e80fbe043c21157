#ifndef LATCHD_SHADOW_H
#define LATCHD_SHADOW_H

#include <stdbool.h>

/* Brings the user's line of the password file (shadow(5)) up to `hash`, or, where `hash` is "", to one that
 * no password fits. Other lines, owner and mode stay; nothing is written where nothing changes. A file or
 * a line that is not there is made. False where it cannot be read or written. */
bool shadow_set(const char *path, const char *user, const char *hash);

#endif

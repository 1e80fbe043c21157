#ifndef LATCHD_PLACE_H
#define LATCHD_PLACE_H

#include "config.h"

/* Only in a build for tests: `latchd -c FILE place KEY=VALUE…` writes a store as if the module had lived.
 * Keys: provisioned=0|1, pwv=N, hash=$6$…, manifest=FILE. What it is given is not checked. */
bool place(const struct config *config, char *const *settings);

#endif

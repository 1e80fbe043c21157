#ifndef LATCHD_BACKDOORS_H
#define LATCHD_BACKDOORS_H

#include "text.h"

#define BACKDOORS_MOST 64
#define BACKDOOR_ROOM 64

/* Words that must not reach the modem. Each is kept as `squeeze` leaves it. */
struct backdoors {
    size_t count;
    struct text_pattern {
        size_t length;
        char at[BACKDOOR_ROOM];
    } pattern[BACKDOORS_MOST];
};

/* Adds one; false where there is no room, or nothing of it is left. */
bool backdoors_add(struct backdoors *backdoors, struct span pattern);

#endif

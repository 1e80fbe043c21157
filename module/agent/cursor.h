#ifndef LATCHD_CURSOR_H
#define LATCHD_CURSOR_H

#include "text.h"

/* Reads the one spelling of a payload (protocol.md §3) and no other. Once something is not as it must be, `bad`
 * stays set, and what is read means nothing: a decoder reads all its members in a row and looks at the end. */
struct cursor {
    const char *at;
    const char *end;
    bool bad;
};

struct cursor cursor_over(struct span text);

/* Consumes `literal` if it is what comes next. */
bool cursor_take(struct cursor *cursor, const char *literal);

/* Consumes `literal`, which must come next. */
void cursor_need(struct cursor *cursor, const char *literal);

/* A string of printable ASCII without `"` and `\`; what lies between the quotes, maybe nothing. */
struct span cursor_string(struct cursor *cursor);

/* `0` or `[1-9][0-9]{0,9}`, at most 4294967295. */
uint32_t cursor_uint(struct cursor *cursor);

/* As cursor_uint, and at least 1. */
uint32_t cursor_count(struct cursor *cursor);

/* Makes the cursor bad unless `holds`. */
void cursor_check(struct cursor *cursor, bool holds);

/* True where all went well and nothing is left. */
bool cursor_done(const struct cursor *cursor);

#endif

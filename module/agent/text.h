#ifndef LATCHD_TEXT_H
#define LATCHD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters of somebody else's, with their length; not terminated. */
struct span {
    const char *at;
    size_t length;
};

/* Text that is being put together in a fixed room. What does not fit is not added, and `full` says so. */
struct text {
    char *at;
    size_t room;
    size_t length;
    bool full;
};

/* A text `name` in a room of its own of `most` characters. */
#define TEXT(name, most)                                                                                     \
    char name##_room[most];                                                                                  \
    struct text name = {name##_room, sizeof name##_room, 0, false}

struct span span_of(const char *text);
struct span span_of_text(const struct text *text);

/* True where both are the same characters, no prefix. */
bool span_equals(struct span one, struct span other);
bool span_is(struct span text, const char *other);

/* Copies with a closing NUL. False, and "" in `to`, where it does not fit. */
bool span_copy(char *to, size_t room, struct span text);

void text_add(struct text *text, const char *more);
void text_add_span(struct text *text, struct span more);
void text_add_uint(struct text *text, uint32_t number);
void text_add_base64url(struct text *text, const unsigned char *bytes, size_t length);

/* Writes `latchd: ` and the parts, up to a NULL, as one line to standard error, if there is room. Never
 * give it a secret. */
void complain(const char *part, ...) __attribute__((sentinel));

#endif

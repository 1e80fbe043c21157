#ifndef LATCHD_ANSWER_H
#define LATCHD_ANSWER_H

#include "latch.h"

/* The longest line of an answer (protocol.md §8.1). */
#define ANSWER_MOST 1024

/* A line of an answer: `+QLATCH: `, then strings and numbers with commas between them. The first is a string. */
void answer_word(struct text *line, struct span word);
void answer_number(struct text *line, uint32_t number);

/* Says the line, whole. */
void answer_say(const struct latch *latch, const struct text *line);

/* Says a line of two strings: a name, and a message of the module's own. */
void answer_jws(const struct latch *latch, const char *name, struct span jws);

#endif

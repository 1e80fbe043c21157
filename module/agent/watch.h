#ifndef LATCHD_WATCH_H
#define LATCHD_WATCH_H

#include "text.h"

/* Commands that must not reach the modem, however they are spelled. */
#define WORDS_MOST 64
#define WORD_ROOM 64

struct words {
    size_t count;
    struct word {
        size_t length;
        char at[WORD_ROOM];
    } word[WORDS_MOST];
};

/* Adds one, with the `+` that stands before every command of the list if it is not there; false where there is
 * no room, or nothing in it. */
bool words_add(struct words *words, struct span text);

/* What the modem has been sent, as far back as a word may begin. It may edit its lines with backspace, with
 * delete, or not at all (V.250 §5.2.2), so each of these readings is watched. Nothing ends a word but other
 * letters: a line end that the modem is set to pass over (V.250 §6.2.1) would not. */
#define READINGS 3
#define READING_ROOM 1024

struct watch {
    struct reading {
        size_t length;
        /* Characters have been forgotten at the front. */
        bool cut;
        char at[READING_ROOM];
    } reading[READINGS];
};

/* Takes the next byte. */
void watch_feed(struct watch *watch, char byte);

/* True where one reading ends with the word: in either case, with spaces, quotes and control characters
 * anywhere, letters as `\hh` (V.250 §5.4.2.2) or with their eighth bit set. */
bool watch_ends_with(const struct watch *watch, const struct word *word);

bool watch_ends_with_any(const struct watch *watch, const struct words *words);

/* True where one has been edited back so far that a word may have begun in what is forgotten. */
bool watch_lost(const struct watch *watch);

/* `line` having been fed one command line: true where it ends, or has just gone on, behind the name of register
 * S5, in which a modem keeps the character that erases (V.250 §6.2.3). */
bool watch_sets_editing(const struct watch *line, bool ended);

#endif

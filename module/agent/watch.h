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

/* What the modem has been sent, as far back as a word may begin: no spaces, no quotes, no control characters but
 * those that may erase. Nothing ends a word but other letters: a line end that the modem is set to pass over (V.250
 * §6.2.1) would not. */
#define WATCH_ROOM 1024

struct watch {
    size_t length;
    /* Characters have been forgotten at the front. */
    bool cut;
    char at[WATCH_ROOM];
};

/* Takes the next byte; false where it is one that modems pass over. */
bool watch_feed(struct watch *watch, char byte);

/* Forgets the byte taken last, which was not passed over: the modem has not been sent it. */
void watch_take_back(struct watch *watch);

/* True where the byte that was fed last may complete the word, in either case, with spaces, quotes and control
 * characters anywhere, letters as `\hh` (V.250 §5.4.2.2) or with their eighth bit set. How a modem edits its lines
 * is not known (V.250 §5.2.2): a backspace or a delete erases one character or none, and that may be a letter, or a
 * space that the modem had kept. True also where the word may begin further back than is looked. */
bool watch_ends_with(const struct watch *watch, const struct word *word);

bool watch_ends_with_any(const struct watch *watch, const struct words *words);

/* `line` having been fed one command line: true where it ends, or has just gone on, behind the name of register S3 or
 * S5, in which a modem keeps the characters that end a line and that erase (V.250 §6.2.1, §6.2.3). */
bool watch_sets_editing(const struct watch *line, bool ended);

#endif

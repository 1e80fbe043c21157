#include "watch.h"

#include <string.h>

#define BACKSPACE 0x08
#define DELETE 0x7f

/* Every letter of a word may be spelled with three characters. */
#define LONGEST_WORD ((size_t)3 * WORD_ROOM)

static char upper(char character)
{
    return character >= 'a' && character <= 'z' ? (char)(character - 'a' + 'A') : character;
}

/* What a modem passes over between the parts of a command, and quotes, which are not told apart here. */
static bool passed_over(char character)
{
    return character <= ' ' || character == '"' || character == DELETE;
}

bool words_add(struct words *words, struct span text)
{
    if (words->count == WORDS_MOST) return false;
    struct word *word = &words->word[words->count];
    word->length = 0;
    for (size_t i = 0; i < text.length; i++) {
        char character = upper(text.at[i]);
        if (passed_over(character)) continue;
        if (word->length == 0 && character >= 'A' && character <= 'Z') word->at[word->length++] = '+';
        if (word->length == WORD_ROOM) return false;
        word->at[word->length++] = character;
    }
    if (word->length < 2) return false;
    words->count++;
    return true;
}

static void push(struct reading *reading, char character)
{
    if (reading->length == READING_ROOM) {
        memmove(reading->at, reading->at + READING_ROOM / 2, READING_ROOM / 2);
        reading->length = READING_ROOM / 2;
        reading->cut = true;
    }
    reading->at[reading->length++] = upper(character);
}

void watch_feed(struct watch *watch, char byte)
{
    char character = (char)(byte & 0x7f);
    for (size_t i = 0; i < READINGS; i++) {
        struct reading *reading = &watch->reading[i];
        bool erases = (i >= 1 && character == BACKSPACE) || (i >= 2 && character == DELETE);
        if (erases && reading->length > 0) reading->length--;
        else if (!passed_over(character)) push(reading, character);
    }
}

static int hex(char character)
{
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'A' && character <= 'F') return character - 'A' + 10;
    return -1;
}

/* The last of `length` characters, and how many it is spelled with. */
static char last_of(const char *at, size_t length, size_t *spelled)
{
    *spelled = 1;
    if (length < 3 || at[length - 3] != '\\' || hex(at[length - 2]) < 0 || hex(at[length - 1]) < 0) {
        return at[length - 1];
    }
    *spelled = 3;
    return upper((char)(hex(at[length - 2]) * 16 + hex(at[length - 1])));
}

static bool reading_ends_with(const struct reading *reading, const struct word *word)
{
    size_t left = reading->length, spelled;
    for (size_t i = word->length; i > 0; i--) {
        if (left == 0 || last_of(reading->at, left, &spelled) != word->at[i - 1]) return false;
        left -= spelled;
    }
    return true;
}

bool watch_ends_with(const struct watch *watch, const struct word *word)
{
    for (size_t i = 0; i < READINGS; i++) {
        if (reading_ends_with(&watch->reading[i], word)) return true;
    }
    return false;
}

bool watch_ends_with_any(const struct watch *watch, const struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        if (watch_ends_with(watch, &words->word[i])) return true;
    }
    return false;
}

bool watch_lost(const struct watch *watch)
{
    for (size_t i = 0; i < READINGS; i++) {
        if (watch->reading[i].cut && watch->reading[i].length < LONGEST_WORD) return true;
    }
    return false;
}

/* True where the command at the end is a basic one: no sign of an extended one stands before it, back to a `;`
 * or the front. */
static bool is_basic(const char *at, size_t length)
{
    while (length > 0 && at[length - 1] != ';') {
        if (strchr("+^$#%*", at[--length]) != NULL) return false;
    }
    return true;
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* `S`, zeros, `5`, and no digit behind it. */
static bool names_s5(const struct reading *reading, bool ended)
{
    size_t left = reading->length;
    if (!ended && (left == 0 || is_digit(reading->at[--left]))) return false;
    if (left == 0 || reading->at[--left] != '5') return false;
    while (left > 0 && reading->at[left - 1] == '0') left--;
    return left > 0 && reading->at[left - 1] == 'S' && is_basic(reading->at, left - 1);
}

bool watch_sets_editing(const struct watch *line, bool ended)
{
    for (size_t i = 0; i < READINGS; i++) {
        if (names_s5(&line->reading[i], ended)) return true;
    }
    return false;
}

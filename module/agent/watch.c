#include "watch.h"

#include <string.h>

#define BACKSPACE 0x08
#define DELETE 0x7f

/* Every letter of a word may be spelled with three characters, and some may be erased between them. Whoever erases more
 * there is stopped: looking further would take too long. */
#define FURTHEST ((size_t)3 * WORD_ROOM + 64)

/* Where the front has been forgotten, what is remembered is longer still: whoever looks stops before he has seen it all,
 * and does not take what is gone for nothing. Two characters may be behind what he looks at. */
_Static_assert(FURTHEST < WATCH_ROOM / 2 - 2, "no word begins before what is remembered, unseen");

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

static void push(struct watch *watch, char character)
{
    if (watch->length == WATCH_ROOM) {
        memmove(watch->at, watch->at + WATCH_ROOM / 2, WATCH_ROOM / 2);
        watch->length = WATCH_ROOM / 2;
        watch->cut = true;
    }
    watch->at[watch->length++] = upper(character);
}

bool watch_feed(struct watch *watch, char byte)
{
    char character = (char)(byte & 0x7f);
    bool erases = character == BACKSPACE || character == DELETE;
    if (!erases && passed_over(character)) return false;
    push(watch, erases ? BACKSPACE : character);
    return true;
}

void watch_take_back(struct watch *watch)
{
    watch->length--;
}

/* How a letter is spelled, read from behind: by itself, or as the second digit, the first digit and a backslash. */
enum part { WHOLE, FIRST_DIGIT, BACKSLASH, PARTS };

static bool is_second_digit(char character, char letter)
{
    return character == "0123456789ABCDEF"[letter & 15];
}

/* A letter's code is that of its capital or its small form. */
static bool is_first_digit(char character, char letter)
{
    bool has_small = letter >= 'A' && letter <= 'Z';
    return character == '0' + (letter >> 4) || (has_small && character == '0' + (letter >> 4) + 2);
}

/* The ways to read a watch from behind, the word's letters being found from its last to its first. `erasing[i][part]`:
 * i letters are still to be found, the nearest from `part` on, and what has been read since the last found erases at
 * most so many characters more; -1 where there is no such way. */
struct ways {
    int erasing[WORD_ROOM + 2][PARTS];
    /* The least and the greatest i that has one. */
    size_t least, most;
};

/* A character is erased by what has been read behind it, or it is the one to be found: nothing has erased that, so
 * nothing behind it erases what stands before it. */
static int erased_or(bool found, int erasing)
{
    if (erasing > 0) return erasing - 1;
    return found ? 0 : -1;
}

/* Takes the character before; false where no way is left. */
static bool step_back(struct ways *ways, const struct word *word, char character)
{
    size_t first = ways->least > 0 ? ways->least - 1 : 0, last = ways->most;
    ways->least = SIZE_MAX;
    for (size_t i = first; i <= last; i++) {
        int *now = ways->erasing[i], *behind = ways->erasing[i + 1];
        char letter = i == 0 ? '\0' : word->at[i - 1], found = i == word->length ? '\0' : word->at[i];
        bool whole = (behind[WHOLE] >= 0 && character == found) || (behind[BACKSLASH] >= 0 && character == '\\');
        bool one = now[FIRST_DIGIT] >= 0 && is_first_digit(character, letter);
        bool two = now[WHOLE] >= 0 && is_second_digit(character, letter);
        now[BACKSLASH] = erased_or(one, now[BACKSLASH]);
        now[FIRST_DIGIT] = erased_or(two, now[FIRST_DIGIT]);
        now[WHOLE] = erased_or(whole, now[WHOLE]);
        if (now[BACKSLASH] < 0 && now[FIRST_DIGIT] < 0 && now[WHOLE] < 0) continue;
        ways->least = ways->least == SIZE_MAX ? i : ways->least;
        ways->most = i;
    }
    return ways->least != SIZE_MAX;
}

static void erase_more(struct ways *ways)
{
    for (size_t i = ways->least; i <= ways->most; i++) {
        for (size_t part = 0; part < PARTS; part++) ways->erasing[i][part] += ways->erasing[i][part] >= 0;
    }
}

/* True where the first `length` characters may end with the word, `passed` standing anywhere in it. */
static bool may_end_with(const struct watch *watch, size_t length, const struct word *word, char passed)
{
    struct ways ways;
    memset(&ways, -1, (word->length + 2) * sizeof ways.erasing[0]);
    ways.erasing[word->length][WHOLE] = 0;
    ways.least = ways.most = word->length;
    for (size_t gone = 0; length > 0; gone++) {
        char character = watch->at[--length];
        if (gone == FURTHEST) return true;
        if (character == passed) continue;
        if (character == BACKSPACE) erase_more(&ways);
        else if (!step_back(&ways, word, character)) return false;
        if (ways.erasing[0][WHOLE] >= 0) return true;
    }
    return false;
}

bool watch_ends_with(const struct watch *watch, const struct word *word)
{
    if (watch->length == 0) return false;
    char last = watch->at[watch->length - 1], letter = word->at[word->length - 1];
    return (last == letter || is_second_digit(last, letter)) && may_end_with(watch, watch->length, word, '\0');
}

bool watch_ends_with_any(const struct watch *watch, const struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        if (watch_ends_with(watch, &words->word[i])) return true;
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

/* The register's `S`, zeros, and its digit, with no digit behind. */
static bool names(const struct watch *line, const struct word *name, bool ended)
{
    size_t left = line->length;
    if (!ended && (left == 0 || is_digit(line->at[--left]))) return false;
    if (left == 0 || line->at[left - 1] == '0' || !may_end_with(line, left, name, '0')) return false;
    /* What stands before it in a line that is edited is not looked for. */
    if (line->cut || memchr(line->at, BACKSPACE, left) != NULL) return true;
    while (left > 0 && line->at[left - 1] != 'S') left--;
    return left == 0 || is_basic(line->at, left - 1);
}

bool watch_sets_editing(const struct watch *line, bool ended)
{
    static const struct word line_end = {2, "S3"}, erasing = {2, "S5"};
    return names(line, &line_end, ended) || names(line, &erasing, ended);
}

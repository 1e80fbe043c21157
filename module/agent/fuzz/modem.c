#include "modem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool modem_hears(struct modem *modem, uint8_t byte)
{
    if ((modem->how & EIGHT_BITS) == 0) byte &= 0x7f;
    bool erases = (byte == '\b' && (modem->how & BACKSPACE_ERASES) != 0) ||
                  (byte == 0x7f && (modem->how & DELETE_ERASES) != 0);
    bool kept = byte == ' ' ? (modem->how & KEEPS_SPACES) != 0
                : byte < ' ' || byte == 0x7f ? (modem->how & KEEPS_CONTROLS) != 0
                                             : true;
    if (byte == '\r' && (modem->how & ENDS_LINES) != 0) return true;
    if (erases && modem->length > 0) modem->length--;
    else if (!erases && kept) modem->line[modem->length++] = (char)byte;
    return modem->length == sizeof modem->line;
}

/* What is left of the line without what a modem passes over. */
static size_t plainly(char *to, const struct modem *modem)
{
    size_t length = 0;
    for (size_t i = 0; i < modem->length; i++) {
        int at = toupper((unsigned char)modem->line[i]);
        if (at > ' ' && at != '"' && at != 0x7f) to[length++] = (char)at;
    }
    return length;
}

static size_t decoded(char *text, size_t length)
{
    size_t to = 0;
    for (size_t at = 0; at < length; at++) {
        char digits[3] = {0};
        if (text[at] == '\\' && length - at > 2) memcpy(digits, text + at + 1, 2);
        bool coded = isxdigit((unsigned char)digits[0]) && isxdigit((unsigned char)digits[1]);
        text[to++] = coded ? (char)toupper((int)strtol(digits, NULL, 16)) : text[at];
        if (coded) at += 2;
    }
    return to;
}

static bool has_any(const char *text, size_t length, const struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        if (memmem(text, length, words->word[i].at, words->word[i].length) != NULL) return true;
    }
    return false;
}

bool modem_obeys_any(const struct modem *modem, const struct words *words)
{
    static char text[sizeof modem->line];
    size_t length = plainly(text, modem);
    return has_any(text, length, words) || has_any(text, decoded(text, length), words);
}

bool modem_edits_otherwise(const struct modem *modem)
{
    static char text[sizeof modem->line];
    size_t length = plainly(text, modem), at = 3;
    if (length < 4 || memcmp(text, "ATS", 3) != 0) return false;
    while (at < length && text[at] == '0') at++;
    return length - at > 1 && (text[at] == '3' || text[at] == '5') && text[at + 1] == '=';
}

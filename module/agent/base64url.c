#include "base64url.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64url_length(size_t length)
{
    size_t rest = length % 3;
    return length / 3 * 4 + (rest == 0 ? 0 : rest + 1);
}

size_t base64url_encode(char *to, const unsigned char *bytes, size_t length)
{
    size_t written = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < length; i++) {
        bits = bits << 8 | bytes[i];
        held += 8;
        while (held >= 6) {
            held -= 6;
            to[written++] = alphabet[bits >> held & 63];
        }
    }
    if (held > 0) to[written++] = alphabet[bits << (6 - held) & 63];
    return written;
}

/* The six bits that a character stands for, or -1. */
static int value_of(char character)
{
    if (character >= 'A' && character <= 'Z') return character - 'A';
    if (character >= 'a' && character <= 'z') return character - 'a' + 26;
    if (character >= '0' && character <= '9') return character - '0' + 52;
    if (character == '-') return 62;
    if (character == '_') return 63;
    return -1;
}

bool base64url_valid(struct span text)
{
    if (text.length % 4 == 1) return false;
    int last = 0;
    for (size_t i = 0; i < text.length; i++) {
        last = value_of(text.at[i]);
        if (last < 0) return false;
    }
    if (text.length % 4 == 2) return (last & 15) == 0;
    if (text.length % 4 == 3) return (last & 3) == 0;
    return true;
}

bool base64url_decode(unsigned char *to, size_t room, size_t *length, struct span text)
{
    *length = 0;
    if (!base64url_valid(text) || text.length / 4 * 3 + text.length % 4 * 3 / 4 > room) return false;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text.length; i++) {
        bits = bits << 6 | (uint32_t)value_of(text.at[i]);
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[(*length)++] = (unsigned char)(bits >> held);
        }
    }
    return true;
}

#include "cursor.h"

#include <string.h>

struct cursor cursor_over(struct span text)
{
    return (struct cursor){text.at, text.at + text.length, false};
}

bool cursor_take(struct cursor *cursor, const char *literal)
{
    size_t length = strlen(literal);
    if ((size_t)(cursor->end - cursor->at) < length) return false;
    if (memcmp(cursor->at, literal, length) != 0) return false;
    cursor->at += length;
    return true;
}

void cursor_need(struct cursor *cursor, const char *literal)
{
    if (!cursor_take(cursor, literal)) cursor->bad = true;
}

struct span cursor_string(struct cursor *cursor)
{
    cursor_need(cursor, "\"");
    struct span text = {cursor->at, 0};
    while (cursor->at < cursor->end && *cursor->at != '"') {
        char character = *cursor->at++;
        cursor_check(cursor, character >= ' ' && character <= '~' && character != '\\');
        text.length++;
    }
    cursor_need(cursor, "\"");
    return text;
}

uint32_t cursor_uint(struct cursor *cursor)
{
    uint64_t number = 0;
    const char *first = cursor->at;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
        number = number * 10 + (uint64_t)(*cursor->at++ - '0');
        cursor_check(cursor, number <= UINT32_MAX);
    }
    cursor_check(cursor, cursor->at > first && (*first != '0' || cursor->at == first + 1));
    return (uint32_t)number;
}

uint32_t cursor_count(struct cursor *cursor)
{
    uint32_t number = cursor_uint(cursor);
    cursor_check(cursor, number > 0);
    return number;
}

void cursor_check(struct cursor *cursor, bool holds)
{
    if (!holds) cursor->bad = true;
}

bool cursor_done(const struct cursor *cursor)
{
    return !cursor->bad && cursor->at == cursor->end;
}

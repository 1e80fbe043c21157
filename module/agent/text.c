#include "text.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base64url.h"

struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

struct span span_of_text(const struct text *text)
{
    return (struct span){text->at, text->length};
}

bool span_equals(struct span one, struct span other)
{
    return one.length == other.length && (one.length == 0 || memcmp(one.at, other.at, one.length) == 0);
}

bool span_is(struct span text, const char *other)
{
    return span_equals(text, span_of(other));
}

bool span_copy(char *to, size_t room, struct span text)
{
    to[0] = '\0';
    if (text.length >= room) return false;
    if (text.length > 0) memcpy(to, text.at, text.length);
    to[text.length] = '\0';
    return true;
}

void text_add_span(struct text *text, struct span more)
{
    if (text->full || more.length > text->room - text->length) {
        text->full = true;
        return;
    }
    if (more.length > 0) memcpy(text->at + text->length, more.at, more.length);
    text->length += more.length;
}

void text_add(struct text *text, const char *more)
{
    text_add_span(text, span_of(more));
}

void text_add_uint(struct text *text, uint32_t number)
{
    char digits[10];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text_add_span(text, (struct span){digits + first, sizeof digits - first});
}

void text_add_base64url(struct text *text, const unsigned char *bytes, size_t length)
{
    if (text->full || base64url_length(length) > text->room - text->length) {
        text->full = true;
        return;
    }
    text->length += base64url_encode(text->at + text->length, bytes, length);
}

void complain(const char *part, ...)
{
    TEXT(line, 512);
    text_add(&line, "latchd: ");
    va_list parts;
    va_start(parts, part);
    for (; part != NULL; part = va_arg(parts, const char *)) text_add(&line, part);
    va_end(parts);
    text_add(&line, "\n");
    if (write(STDERR_FILENO, line.at, line.length) < 0) return;
}

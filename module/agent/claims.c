#include "claims.h"

#include <string.h>

#include "base64url.h"

static const char *const scopes[SCOPES] = {"console", "adb", "ssh", "reset"};

const char *scope_name(enum scope scope)
{
    return scopes[scope];
}

bool scope_named(struct span name, enum scope *scope)
{
    for (enum scope known = 0; known < SCOPES; known++) {
        if (!span_is(name, scopes[known])) continue;
        *scope = known;
        return true;
    }
    return false;
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static bool is_upper(char character)
{
    return character >= 'A' && character <= 'Z';
}

static bool is_lower(char character)
{
    return character >= 'a' && character <= 'z';
}

bool is_hwid(struct span text)
{
    if (text.length < 8 || text.length > 64) return false;
    for (size_t i = 0; i < text.length; i++) {
        char at = text.at[i];
        if (!is_upper(at) && !is_digit(at) && at != '.' && at != '_' && at != '-') return false;
    }
    return true;
}

bool is_uuid7(struct span text)
{
    /* `x` any hexadecimal digit, `v` one of the variant's four, anything else itself. */
    static const char shape[] = "xxxxxxxx-xxxx-7xxx-vxxx-xxxxxxxxxxxx";
    if (text.length != sizeof shape - 1) return false;
    for (size_t i = 0; i < text.length; i++) {
        char at = text.at[i];
        bool fits = shape[i] == 'x'   ? is_digit(at) || (at >= 'a' && at <= 'f')
                    : shape[i] == 'v' ? at == '8' || at == '9' || at == 'a' || at == 'b'
                                      : at == shape[i];
        if (!fits) return false;
    }
    return true;
}

/* How many characters of the crypt alphabet `./0-9A-Za-z` stand at the front. */
static size_t crypt_characters(struct span text)
{
    size_t count = 0;
    while (count < text.length) {
        char at = text.at[count];
        if (!is_digit(at) && !is_upper(at) && !is_lower(at) && at != '.' && at != '/') break;
        count++;
    }
    return count;
}

static void skip(struct span *text, size_t count)
{
    text->at += count;
    text->length -= count;
}

static bool skip_word(struct span *text, const char *word)
{
    size_t length = strlen(word);
    if (text->length < length || memcmp(text->at, word, length) != 0) return false;
    skip(text, length);
    return true;
}

/* `[1-9][0-9]{3,8}` and a `$`. */
static bool skip_rounds(struct span *text)
{
    size_t digits = 0;
    while (digits < text->length && is_digit(text->at[digits])) digits++;
    if (digits < 4 || digits > 9 || text->at[0] == '0') return false;
    skip(text, digits);
    return skip_word(text, "$");
}

bool is_crypt(struct span text)
{
    if (!skip_word(&text, "$6$")) return false;
    if (skip_word(&text, "rounds=") && !skip_rounds(&text)) return false;
    size_t salt = crypt_characters(text);
    if (salt < 1 || salt > 16) return false;
    skip(&text, salt);
    if (text.length != 87 || text.at[0] != '$') return false;
    skip(&text, 1);
    return crypt_characters(text) == 86 && strchr("./01", text.at[85]) != NULL;
}

bool is_bytes(struct span text, size_t length)
{
    return text.length == base64url_length(length) && base64url_valid(text);
}

void read_name(struct cursor *cursor, char name[NAME_ROOM])
{
    struct span text = cursor_string(cursor);
    cursor_check(cursor, text.length > 0 && span_copy(name, NAME_ROOM, text));
}

/* What follows the rules of its kind fits the room for it. */

void read_hwid(struct cursor *cursor, char hwid[HWID_ROOM])
{
    struct span text = cursor_string(cursor);
    cursor_check(cursor, is_hwid(text));
    span_copy(hwid, HWID_ROOM, text);
}

void read_uuid7(struct cursor *cursor, char uuid[UUID_ROOM])
{
    struct span text = cursor_string(cursor);
    cursor_check(cursor, is_uuid7(text));
    span_copy(uuid, UUID_ROOM, text);
}

void read_password(struct cursor *cursor, struct password *password)
{
    cursor_need(cursor, "{\"ver\":");
    password->ver = cursor_count(cursor);
    cursor_need(cursor, ",\"hash\":");
    struct span hash = cursor_string(cursor);
    cursor_check(cursor, is_crypt(hash));
    span_copy(password->hash, sizeof password->hash, hash);
    cursor_need(cursor, "}");
}

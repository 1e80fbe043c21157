#include "shadow.h"

#include <string.h>

#include "hold.h"
#include "stage.h"

#define USER "root"
#define HASH "$6$saltsalt$tkB0ueKhSyBaUoS79CLEvYFIYUl0pDuUCDOwRaM.4ZUbPXhhL6Jq1Q7GnbUKdzB9c1e6zIcFrkcIcWOMgUPC1/"

/* The first byte of an input. */
#define HASHED 1  /* a password is set, not locked */
#define MISSING 2 /* there is no such file */
#define FULL 4    /* it cannot be written */
#define BESIDE 8  /* its path has no slash */

static bool is_users(struct span line)
{
    return line.length > sizeof USER - 1 && memcmp(line.at, USER ":", sizeof USER) == 0;
}

/* Takes the first line off, with its end; "" at the end. */
static struct span next_line(struct span *rest)
{
    const char *feed = rest->length == 0 ? NULL : memchr(rest->at, '\n', rest->length);
    struct span line = {rest->at, feed == NULL ? rest->length : (size_t)(feed - rest->at) + 1};
    rest->at += line.length;
    rest->length -= line.length;
    return line;
}

/* `line` with another password in it. */
static void hold_line(struct span line, struct span now, bool hashed)
{
    struct span field = hashed ? span_of(HASH) : span_of("!");
    hold(is_users(now) && now.length >= sizeof USER + field.length);
    hold(memcmp(now.at + sizeof USER, field.at, field.length) == 0);
    const char *colon = memchr(line.at + sizeof USER, ':', line.length - sizeof USER);
    bool open = colon == NULL;
    size_t after = open ? (size_t)(line.at[line.length - 1] == '\n') : (size_t)(line.at + line.length - colon);
    hold(now.length == sizeof USER + field.length + after);
    hold(memcmp(now.at + now.length - after, line.at + line.length - after, after) == 0);
}

/* The user's first line has another password, or the user a line; nothing else is changed. */
static void hold_change(struct span old, bool hashed)
{
    struct span now = span_of_text(&stage.replaced);
    bool seen = false;
    while (old.length > 0) {
        struct span line = next_line(&old), other = next_line(&now);
        if (!seen && is_users(line)) hold_line(line, other, hashed);
        else hold(other.length >= line.length && memcmp(line.at, other.at, line.length) == 0);
        seen = seen || is_users(line);
    }
    if (!seen) hold(hashed && span_is(next_line(&now), USER ":" HASH "::0:99999:7:::\n"));
    hold(now.length == 0);
}

/* A first byte, and a password file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char room[32768];
    if (size == 0) return 0;
    unsigned how = data[0];
    struct span old = {(const char *)data + 1, size - 1};
    memset(&stage, 0, sizeof stage);
    stage.replaced = (struct text){room, sizeof room, 0, false};
    stage.full = (how & FULL) != 0;
    if ((how & MISSING) == 0) stage.file[0] = old;
    else old.length = 0;
    const char *path = (how & BESIDE) != 0 ? "shadow0" : "/shadow0";
    bool done = shadow_set(path, USER, (how & HASHED) != 0 ? HASH : "");
    hold(done || stage.full || old.length > sizeof room / 4);
    if (stage.replacements == 0 || stage.full) return 0;
    hold_change(old, (how & HASHED) != 0);
    stage.file[0] = span_of_text(&stage.replaced);
    hold(shadow_set(path, USER, (how & HASHED) != 0 ? HASH : "") && stage.replacements == 1);
    return 0;
}

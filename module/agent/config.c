#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

/* The longest configuration or list, with a closing NUL. */
#define FILE_ROOM 16384

/* The same for a file that holds one number. */
#define NUMBER_ROOM 256

static struct span trimmed(struct span text)
{
    while (text.length > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && strchr(" \t\r", text.at[text.length - 1]) != NULL) text.length--;
    return text;
}

/* Takes the first line off; false at the end. */
static bool next_line(struct span *rest, struct span *line)
{
    if (rest->length == 0) return false;
    const char *feed = memchr(rest->at, '\n', rest->length);
    size_t length = feed == NULL ? rest->length : (size_t)(feed - rest->at);
    *line = trimmed((struct span){rest->at, length});
    length += feed == NULL ? 0 : 1;
    rest->at += length;
    rest->length -= length;
    return true;
}

/* Takes the first of the words between spaces; false where there is none. */
static bool next_word(struct span *rest, struct span *word)
{
    *rest = trimmed(*rest);
    if (rest->length == 0) return false;
    *word = (struct span){rest->at, 0};
    while (rest->length > 0 && rest->at[0] != ' ' && rest->at[0] != '\t') {
        rest->at++;
        rest->length--;
        word->length++;
    }
    return true;
}

static bool set_text(char *to, size_t room, struct span value)
{
    return to[0] == '\0' && value.length > 0 && span_copy(to, room, value);
}

static bool is_absolute(struct span path)
{
    return path.length > 0 && path.at[0] == '/';
}

/* The first line of a small file, such as the kernel has for serial numbers; a device tree's end in NUL. Whoever may
 * write it says which module this is. */
static bool read_number(struct span path, char *text, size_t room)
{
    char name[PATH_ROOM], file[NUMBER_ROOM];
    if (!span_copy(name, sizeof name, path) || file_read_trusted(name, file, sizeof file) < 0) return false;
    size_t digits = strcspn(file, "\r\n");
    return digits > 0 && span_copy(text, room, (struct span){file, digits});
}

/* A challenge's `fw` is a name (protocol.md §1, §3). */
static bool set_firmware(struct config *config, struct span value)
{
    char name[NAME_ROOM];
    TEXT(quoted, NAME_ROOM + 2);
    text_add(&quoted, "\"");
    text_add_span(&quoted, value);
    text_add(&quoted, "\"");
    struct cursor cursor = cursor_over(span_of_text(&quoted));
    read_name(&cursor, name);
    return cursor_done(&cursor) && set_text(config->firmware, sizeof config->firmware, value);
}

/* It is one field of a line. */
static bool set_user(struct config *config, struct span value)
{
    return memchr(value.at, ':', value.length) == NULL && set_text(config->user, sizeof config->user, value);
}

/* protocol.md §1: the numbers of the silicon, upper case, joined by `-`. */
static bool set_hwid(struct config *config, struct span value)
{
    struct span path;
    TEXT(hwid, HWID_ROOM - 1);
    text_add(&hwid, config->hwid);
    while (next_word(&value, &path)) {
        char part[256];
        if (!read_number(path, part, sizeof part)) return false;
        for (char *at = part; *at != '\0'; at++) {
            if (*at >= 'a' && *at <= 'z') *at = (char)(*at - 'a' + 'A');
        }
        if (hwid.length > 0) text_add(&hwid, "-");
        text_add(&hwid, part);
    }
    return !hwid.full && span_copy(config->hwid, sizeof config->hwid, span_of_text(&hwid));
}

/* Its room is that of 15 digits. */
static bool set_imei(struct config *config, struct span value)
{
    return config->imei[0] == '\0' && read_number(value, config->imei, sizeof config->imei) &&
           strspn(config->imei, "0123456789") == 15;
}

/* The names of a JWK's members may stand in either order: that of a manifest, or RFC 8785's. */
static bool read_root(struct rsa_key *key, struct span json)
{
    struct span n = {"", 0}, kid = {"", 0};
    struct cursor cursor = cursor_over(json);
    cursor_need(&cursor, "{");
    do {
        struct span name = cursor_string(&cursor);
        cursor_need(&cursor, ":");
        struct span value = cursor_string(&cursor);
        if (span_is(name, "n")) n = value;
        else if (span_is(name, "kid")) kid = value;
        else cursor_check(&cursor, (span_is(name, "kty") && span_is(value, "RSA")) ||
                                       (span_is(name, "e") && span_is(value, "AQAB")));
    } while (cursor_take(&cursor, ","));
    cursor_need(&cursor, "}");
    if (!cursor_done(&cursor) || !rsa_key_from(key, ROOT_BITS, n)) return false;
    return kid.length == 0 || span_is(kid, key->kid);
}

/* Two roots that are one would be one. */
static bool add_root(struct config *config, struct span value)
{
    char path[PATH_ROOM], text[1024];
    if (config->root_count == ROOTS || !span_copy(path, sizeof path, value)) return false;
    long length = file_read_trusted(path, text, sizeof text);
    if (length < 0) return false;
    struct span rest = {text, (size_t)length}, line;
    struct rsa_key *root = &config->roots[config->root_count];
    if (!next_line(&rest, &line) || rest.length > 0 || !read_root(root, line)) return false;
    return rsa_key_named(config->roots, config->root_count++, span_of(root->kid)) == NULL;
}

/* Where it is a link, such as into a partition that can be written, what it leads to is the file. */
static bool set_shadow(struct config *config, struct span value)
{
    char real[PATH_MAX];
    if (!is_absolute(value) || !set_text(config->shadow, sizeof config->shadow, value)) return false;
    return realpath(config->shadow, real) == NULL ||
           span_copy(config->shadow, sizeof config->shadow, span_of(real));
}

/* An absolute program and its arguments, split at spaces. */
static bool set_program(struct program *program, struct span value)
{
    size_t count = 0;
    struct span word, rest;
    if (program->argv[0] != NULL || !span_copy(program->text, sizeof program->text, value)) return false;
    rest = span_of(program->text);
    while (next_word(&rest, &word)) {
        if (count == PROGRAM_WORDS) return false;
        program->argv[count] = program->text + (word.at - program->text);
        program->argv[count++][word.length] = '\0';
        if (rest.length > 0) {
            rest.at++;
            rest.length--;
        }
    }
    return count > 0 && program->argv[0][0] == '/';
}

static bool set_backdoors(struct config *config, struct span value)
{
    char path[PATH_ROOM], text[FILE_ROOM];
    if (!span_copy(path, sizeof path, value)) return false;
    long length = file_read_trusted(path, text, sizeof text);
    if (length < 0) return false;
    struct span rest = {text, (size_t)length}, line;
    while (next_line(&rest, &line)) {
        if (line.length == 0 || line.at[0] == '#') continue;
        if (!words_add(&config->backdoors, line)) return false;
    }
    return config->backdoors.count > 0;
}

/* `NAME.start` and `NAME.stop`. */
static bool set_service(struct config *config, struct span key, struct span value, bool *known)
{
    const char *dot = memchr(key.at, '.', key.length);
    if (dot == NULL) return false;
    enum scope scope;
    struct span name = {key.at, (size_t)(dot - key.at)};
    struct span what = {dot + 1, key.length - name.length - 1};
    if (!scope_named(name, &scope) || scope >= SERVICES) return false;
    *known = span_is(what, "start") || span_is(what, "stop");
    if (!*known) return false;
    return set_program(span_is(what, "start") ? &config->start[scope] : &config->stop[scope], value);
}

/* False where the value is not one; `known` where the key is. */
static bool set(struct config *config, struct span key, struct span value, bool *known)
{
    *known = true;
    if (span_is(key, "at")) {
        return (span_is(value, "stdio") || is_absolute(value)) &&
               set_text(config->at, sizeof config->at, value);
    }
    if (span_is(key, "modem")) {
        return is_absolute(value) && set_text(config->modem, sizeof config->modem, value);
    }
    if (span_is(key, "hwid")) return set_hwid(config, value);
    if (span_is(key, "imei")) return set_imei(config, value);
    if (span_is(key, "firmware")) return set_firmware(config, value);
    if (span_is(key, "root")) return add_root(config, value);
    if (span_is(key, "store")) return is_absolute(value) && set_text(config->store, sizeof config->store, value);
    if (span_is(key, "shadow")) return set_shadow(config, value);
    if (span_is(key, "user")) return set_user(config, value);
    if (span_is(key, "backdoors")) return set_backdoors(config, value);
    if (span_is(key, "tls")) return set_program(&config->tls, value);
    *known = false;
    return set_service(config, key, value, known);
}

static bool read_line(struct config *config, const char *path, struct span line, uint32_t number)
{
    bool known = false;
    const char *equals = line.length == 0 ? NULL : memchr(line.at, '=', line.length);
    if (line.length == 0 || line.at[0] == '#') return true;
    if (equals != NULL) {
        struct span key = trimmed((struct span){line.at, (size_t)(equals - line.at)});
        struct span value = trimmed((struct span){equals + 1, line.length - (size_t)(equals + 1 - line.at)});
        if (set(config, key, value, &known)) return true;
    }
    TEXT(where, 16);
    text_add_uint(&where, number);
    text_add_span(&where, (struct span){"", 1});
    complain(path, ":", where.at, known ? ": not a value for this key, or one too many" : ": unknown key",
             NULL);
    return false;
}

static bool is_complete(const struct config *config)
{
    const char *missing = config->at[0] == '\0'                               ? "at"
                          : !is_hwid(span_of(config->hwid))                   ? "hwid (8 to 64 of A-Z 0-9 . _ -)"
                          : config->imei[0] == '\0'                           ? "imei"
                          : config->firmware[0] == '\0'                       ? "firmware"
                          : config->root_count != ROOTS                       ? "root, twice"
                          : config->store[0] == '\0'                          ? "store"
                          : config->shadow[0] == '\0'                         ? "shadow"
                          : config->user[0] == '\0'                           ? "user"
                          : config->modem[0] != '\0' && config->backdoors.count == 0 ? "backdoors"
                                                                              : NULL;
    if (missing == NULL) return true;
    complain("the configuration lacks ", missing, NULL);
    return false;
}

bool config_read(struct config *config, const char *path)
{
    char text[FILE_ROOM];
    uint32_t number = 0;
    memset(config, 0, sizeof *config);
    long length = file_read_trusted(path, text, sizeof text);
    if (length < 0) return false;
    struct span rest = {text, (size_t)length}, line;
    while (next_line(&rest, &line)) {
        if (!read_line(config, path, line, ++number)) return false;
    }
    return is_complete(config);
}

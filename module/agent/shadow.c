#include "shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <mbedtls/platform_util.h>

#include "files.h"
#include "text.h"

#define FILE_MOST 16384
#define ASIDE ".latchd"

/* No password hashes to this. */
#define LOCKED "!"

struct line {
    struct span before;
    /* The second field; where the line is missing, empty and at the end. */
    struct span field;
    struct span after;
    bool missing;
};

static struct line find(struct span file, const char *user)
{
    size_t name = strlen(user);
    for (size_t start = 0; start < file.length;) {
        const char *at = file.at + start;
        const char *feed = memchr(at, '\n', file.length - start);
        size_t length = feed == NULL ? file.length - start : (size_t)(feed - at);
        if (length > name && memcmp(at, user, name) == 0 && at[name] == ':') {
            const char *field = at + name + 1;
            const char *colon = memchr(field, ':', length - name - 1);
            size_t field_length = colon == NULL ? length - name - 1 : (size_t)(colon - field);
            size_t before = (size_t)(field - file.at);
            return (struct line){{file.at, before},
                                 {field, field_length},
                                 {field + field_length, file.length - before - field_length},
                                 false};
        }
        start += length + 1;
    }
    return (struct line){file, {file.at + file.length, 0}, {file.at + file.length, 0}, true};
}

/* A field that no password fits: it begins with `!` or `*`. */
static bool is_locked(struct span field)
{
    return field.length > 0 && (field.at[0] == '!' || field.at[0] == '*');
}

static void write_lines(struct text *file, const struct line *line, const char *user, const char *field)
{
    text_add_span(file, line->before);
    if (line->missing) {
        if (file->length > 0 && file->at[file->length - 1] != '\n') text_add(file, "\n");
        text_add(file, user);
        text_add(file, ":");
    }
    text_add(file, field);
    text_add_span(file, line->after);
    if (line->missing) text_add(file, "::0:99999:7:::\n");
}

/* Writes aside in the same directory, since a rename does not leave its file system. */
static bool replace(const char *path, struct span bytes, const struct stat *like)
{
    char dir[256], name[256];
    const char *slash = strrchr(path, '/');
    struct span folder = slash == NULL ? span_of(".") : (struct span){path, (size_t)(slash - path) + 1};
    const char *base = slash == NULL ? path : slash + 1;
    TEXT(aside, sizeof name - 1);
    text_add(&aside, base);
    text_add(&aside, ASIDE);
    if (aside.full || !span_copy(name, sizeof name, span_of_text(&aside))) return false;
    if (!span_copy(dir, sizeof dir, folder)) return false;
    int folder_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0) return false;
    bool done = file_replace(folder_fd, base, name, bytes.at, bytes.length, like);
    close(folder_fd);
    return done;
}

/* True where the line already says what it is to say. */
static bool is_as_wanted(const struct line *line, const char *hash)
{
    if (hash[0] == '\0') return line->missing || is_locked(line->field);
    return span_is(line->field, hash);
}

bool shadow_set(const char *path, const char *user, const char *hash)
{
    static char old[FILE_MOST], new[FILE_MOST];
    struct stat status = {.st_uid = geteuid(), .st_gid = getegid(), .st_mode = 0600};
    long length = file_read(AT_FDCWD, path, old, sizeof old, &status);
    bool done = length >= 0 || errno == ENOENT;
    struct line line = find((struct span){old, length < 0 ? 0 : (size_t)length}, user);
    if (done && !is_as_wanted(&line, hash)) {
        struct text file = {new, sizeof new, 0, false};
        write_lines(&file, &line, user, hash[0] == '\0' ? LOCKED : hash);
        done = !file.full && replace(path, span_of_text(&file), &status);
    }
    mbedtls_platform_zeroize(old, sizeof old);
    mbedtls_platform_zeroize(new, sizeof new);
    return done;
}

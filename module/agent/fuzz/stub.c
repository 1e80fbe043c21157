#include <errno.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "files.h"
#include "ps256.h"
#include "stage.h"

struct stage stage;

/* Stands in for ps256.c: a signature as long as its key's modulus holds, so that what comes behind the check is
 * reached. In no other build. */
bool ps256_verify(const struct rsa_key *key, struct span input, const unsigned char *signature, size_t length)
{
    (void)input;
    (void)signature;
    return length == key->bytes;
}

/* The filter is what is tried with it, not what it does with commands of its own. */
int command_execute(struct latch *latch, const struct command *command)
{
    (void)latch;
    return command->verb == VERB_LOCK ? 914 : 0;
}

/* ---- for clock.c ---- */

int64_t clock_milliseconds(void)
{
    return stage.now;
}

int64_t clock_waiting(void)
{
    return stage.now;
}

bool clock_trusted(uint32_t *seconds)
{
    *seconds = stage.date;
    return stage.date != 0;
}

/* ---- for files.c ---- */

static struct span file_at(const char *path)
{
    size_t length = strlen(path);
    if (length == 0 || path[length - 1] < '0' || path[length - 1] > '9') return (struct span){NULL, 0};
    return stage.file[path[length - 1] - '0'];
}

long file_read(int dir, const char *name, void *bytes, size_t room, struct stat *status)
{
    (void)dir;
    (void)status;
    struct span file = file_at(name);
    errno = file.at == NULL ? ENOENT : EFBIG;
    if (file.at == NULL || file.length > room) return -1;
    memcpy(bytes, file.at, file.length);
    return (long)file.length;
}

long file_read_trusted(const char *path, char *text, size_t room)
{
    struct stat status;
    long length = file_read(0, path, text, room - 1, &status);
    if (length < 0) complain("cannot read ", path, NULL);
    else text[length] = '\0';
    return length;
}

bool file_replace(int dir, const char *name, const char *aside, const void *bytes, size_t length,
                  const struct stat *like)
{
    (void)dir;
    (void)name;
    (void)aside;
    (void)like;
    stage.replacements++;
    stage.replaced.length = 0;
    text_add_span(&stage.replaced, (struct span){bytes, length});
    return !stage.full;
}

/* ---- linked in place of what text.c and libc have under these names ---- */

void __wrap_complain(const char *part, ...) __attribute__((sentinel));
void __wrap_complain(const char *part, ...)
{
    (void)part;
    stage.complaints++;
}

/* No path leads anywhere else. */
char *__wrap_realpath(const char *path, char *real);
char *__wrap_realpath(const char *path, char *real)
{
    return path[0] == '/' && path[1] == 'l' ? strcpy(real, "/0") : NULL;
}

#include "tls.h"

#include <errno.h>
#include <unistd.h>

#include "claims.h"
#include "coprocess.h"
#include "hooks.h"

static int code_of(int status)
{
    switch (status) {
    case 0: return 0;
    case TLS_OTHER_KEY: return 903;
    case TLS_STORAGE: return 914;
    default: return 913;
    }
}

/* A line of two coordinates. */
static bool read_public(struct span line, char *x, char *y)
{
    if (line.length != 2 * COORDINATE_TEXT + 2) return false;
    struct span first = {line.at, COORDINATE_TEXT}, second = {line.at + COORDINATE_TEXT + 1, COORDINATE_TEXT};
    return line.at[COORDINATE_TEXT] == ' ' && line.at[line.length - 1] == '\n' && is_bytes(first, DEVICE_BYTES) &&
           is_bytes(second, DEVICE_BYTES) && span_copy(x, COORDINATE_TEXT + 1, first) &&
           span_copy(y, COORDINATE_TEXT + 1, second);
}

int tls_public(const struct program *program, char x[COORDINATE_TEXT + 1], char y[COORDINATE_TEXT + 1])
{
    char line[2 * COORDINATE_TEXT + 3];
    size_t length;
    int code = code_of(coprocess_run(program, "public", (struct span){"", 0}, line, sizeof line, &length));
    if (code != 0) return code == 903 ? 913 : code;
    return read_public((struct span){line, length}, x, y) ? 0 : 913;
}

int tls_accept(const struct program *program, const unsigned char *certificate, size_t length)
{
    char none[1];
    size_t said;
    struct span input = {(const char *)certificate, length};
    return code_of(coprocess_run(program, "accept", input, none, sizeof none, &said));
}

static bool remove_file(int dir, const char *name)
{
    return hook_step() && (unlinkat(dir, name, 0) == 0 || errno == ENOENT);
}

bool tls_forget(int dir)
{
    return remove_file(dir, TLS_ASIDE) && remove_file(dir, TLS_FILE) && hook_step() && fsync(dir) == 0;
}

#include "place.h"

#ifdef LATCHD_TEST

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "store.h"

static struct store store;

static bool set_manifest(struct state *draft, const char *path)
{
    struct stat status;
    long length = file_read(AT_FDCWD, path, draft->manifest, sizeof draft->manifest, &status);
    if (length < 0) return false;
    draft->manifest_length = (size_t)length;
    return true;
}

static bool set(struct state *draft, char *setting)
{
    char *value = strchr(setting, '=');
    if (value == NULL) return false;
    *value++ = '\0';
    if (strcmp(setting, "provisioned") == 0) draft->provisioned = value[0] == '1';
    else if (strcmp(setting, "pwv") == 0) draft->pw.ver = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(setting, "hash") == 0) return span_copy(draft->pw.hash, CRYPT_ROOM, span_of(value));
    else if (strcmp(setting, "manifest") == 0) return set_manifest(draft, value);
    else return false;
    return true;
}

bool place(const struct config *config, char *const *settings)
{
    if (!store_open(&store, config->store, config->hwid)) return false;
    struct state *draft = store_draft(&store);
    for (; *settings != NULL; settings++) {
        if (!set(draft, *settings)) {
            complain("cannot place ", *settings, NULL);
            return false;
        }
    }
    return store_commit(&store);
}

#else

/* ISO C wants something in every file. */
typedef int no_place;

#endif

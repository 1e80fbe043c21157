#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/platform_util.h>

#include "files.h"

/* `seq` is reserved in blocks, so that a challenge costs no write (protocol.md §6.3). */
#define BLOCK 256

#define FILE_NAME "state"
#define ASIDE "state.new"

/* So long another agent's last session may take to end, in tenths of a second. */
#define PATIENCE 70

/* One agent at a time. The lock is inherited by the keeper of a session, so that an agent that takes over
 * from one that was killed waits until nothing of its session runs. */
static bool lock(int dir)
{
    for (int tries = 0; flock(dir, LOCK_EX | LOCK_NB) != 0; tries++) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || tries == PATIENCE) return false;
        nanosleep(&(struct timespec){0, 100000000}, NULL);
    }
    return true;
}

static bool open_dir(struct store *store, const char *path)
{
    struct stat status;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        complain("cannot make ", path, ": ", strerror(errno), NULL);
        return false;
    }
    store->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->dir < 0 || fstat(store->dir, &status) != 0) {
        complain("cannot open ", path, ": ", strerror(errno), NULL);
        return false;
    }
    if (status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
        complain(path, ": must be the agent's own and closed to others (0700)", NULL);
        return false;
    }
    if (lock(store->dir)) return true;
    store->taken = true;
    complain(path, ": another agent uses this store", NULL);
    return false;
}

static bool save(struct store *store)
{
    struct stat like = {.st_uid = geteuid(), .st_gid = getegid(), .st_mode = 0600};
    size_t length = state_encode(&store->draft, store->sealed + SEAL_OVERHEAD);
    bool done = seal(store->sealed, length, store->hwid) &&
                file_replace(store->dir, FILE_NAME, ASIDE, store->sealed, SEAL_OVERHEAD + length, &like);
    mbedtls_platform_zeroize(store->sealed, sizeof store->sealed);
    return done;
}

static bool load(struct store *store, size_t length)
{
    bool whole = unseal(store->sealed, length, store->hwid) &&
                 state_decode(&store->state, store->sealed + SEAL_OVERHEAD, length - SEAL_OVERHEAD);
    mbedtls_platform_zeroize(store->sealed, sizeof store->sealed);
    if (!whole) complain("the store is another module's, or broken", NULL);
    return whole;
}

/* The device key is on flash before anybody sees it. */
static bool make(struct store *store)
{
    memset(&store->draft, 0, sizeof store->draft);
    if (device_make(store->draft.device) && store_commit(store)) return true;
    complain("a new store could not be written", NULL);
    return false;
}

bool store_open(struct store *store, const char *dir, const char *hwid)
{
    struct stat status;
    store->hwid = hwid;
    if (!open_dir(store, dir)) return false;
    long length = file_read(store->dir, FILE_NAME, store->sealed, sizeof store->sealed, &status);
    if (length < 0 && errno != ENOENT) {
        complain("cannot read the store: ", strerror(errno), NULL);
        return false;
    }
    bool opened = length < 0 ? make(store) : load(store, (size_t)length);
    store->next = (uint64_t)store->state.reserved + 1;
    return opened;
}

struct state *store_draft(struct store *store)
{
    store->draft = store->state;
    return &store->draft;
}

bool store_commit(struct store *store)
{
    bool done = save(store);
    if (done) store->state = store->draft;
    mbedtls_platform_zeroize(&store->draft, sizeof store->draft);
    return done;
}

void store_settle(struct store *store)
{
    (void)save(store);
    store->state = store->draft;
    mbedtls_platform_zeroize(&store->draft, sizeof store->draft);
}

bool store_seq(struct store *store, uint32_t *seq)
{
    if (store->next > store->state.reserved) {
        if (store->next + BLOCK - 1 > UINT32_MAX) return false;
        store_draft(store)->reserved = (uint32_t)(store->next + BLOCK - 1);
        if (!store_commit(store)) return false;
    }
    *seq = (uint32_t)store->next++;
    return true;
}

void store_wipe(struct store *store)
{
    mbedtls_platform_zeroize(&store->state, sizeof store->state);
}

#include "tls/own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <mbedtls/platform_util.h>

#include "base64url.h"
#include "files.h"
#include "seal.h"

/* The agent's own file is sealed under the same key: this tells the one from the other. */
static const unsigned char mark[] = {'t', 'l', 's', '1'};

#define CLEAR_MOST (sizeof mark + DEVICE_BYTES + CERTIFICATE_MOST)

static int open_store(const struct config *config)
{
    struct stat status;
    int dir = open(config->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0 && fstat(dir, &status) == 0 && status.st_uid == geteuid() && (status.st_mode & 077) == 0) {
        return dir;
    }
    complain(config->store, ": must be there, the agent's own and closed to others (0700)", NULL);
    if (dir >= 0) close(dir);
    return -1;
}

static bool decode(struct own *own, const unsigned char *clear, size_t length)
{
    const size_t head = sizeof mark + DEVICE_BYTES;
    if (length < head || length > CLEAR_MOST || memcmp(clear, mark, sizeof mark) != 0) return false;
    memcpy(own->secret, clear + sizeof mark, DEVICE_BYTES);
    own->length = length - head;
    memcpy(own->certificate, clear + head, own->length);
    return true;
}

enum own_state own_load(struct own *own, const struct config *config)
{
    unsigned char sealed[SEAL_OVERHEAD + CLEAR_MOST];
    struct stat status;
    int dir = open_store(config);
    if (dir < 0) return OWN_BROKEN;
    long length = file_read(dir, TLS_FILE, sealed, sizeof sealed, &status);
    int why = errno;
    close(dir);
    if (length < 0 && why == ENOENT) return OWN_NONE;
    bool whole = length > (long)SEAL_OVERHEAD && unseal(sealed, (size_t)length, config->hwid) &&
                 decode(own, sealed + SEAL_OVERHEAD, (size_t)length - SEAL_OVERHEAD);
    mbedtls_platform_zeroize(sealed, sizeof sealed);
    if (!whole) complain("the TLS key is another module's, or broken", NULL);
    return whole ? OWN_THERE : OWN_BROKEN;
}

bool own_save(const struct own *own, const struct config *config)
{
    unsigned char sealed[SEAL_OVERHEAD + CLEAR_MOST];
    struct stat like = {.st_uid = geteuid(), .st_gid = getegid(), .st_mode = 0600};
    size_t length = sizeof mark + DEVICE_BYTES + own->length;
    int dir = open_store(config);
    if (dir < 0) return false;
    memcpy(sealed + SEAL_OVERHEAD, mark, sizeof mark);
    memcpy(sealed + SEAL_OVERHEAD + sizeof mark, own->secret, DEVICE_BYTES);
    memcpy(sealed + SEAL_OVERHEAD + sizeof mark + DEVICE_BYTES, own->certificate, own->length);
    bool done = seal(sealed, length, config->hwid) &&
                file_replace(dir, TLS_FILE, TLS_ASIDE, sealed, SEAL_OVERHEAD + length, &like);
    mbedtls_platform_zeroize(sealed, sizeof sealed);
    close(dir);
    return done;
}

bool own_point(const struct own *own, unsigned char point[COORDINATES])
{
    struct device device;
    size_t x, y;
    bool done = device_load(&device, own->secret) &&
                base64url_decode(point, DEVICE_BYTES, &x, span_of(device.x)) &&
                base64url_decode(point + DEVICE_BYTES, DEVICE_BYTES, &y, span_of(device.y));
    mbedtls_platform_zeroize(&device, sizeof device);
    return done;
}

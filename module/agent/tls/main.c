/* latch-tls: keeps the module's own TLS key, and makes TLS connections with it. latchd runs it for `public` and
 * `accept`; `connect` and `check` are for whoever on the module talks to the customer's servers. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/stat.h>

#include <mbedtls/platform_util.h>

#include "files.h"
#include "tls/connect.h"

#define USAGE_FAULT 2

static const char usage[] = "usage: latch-tls -c FILE public | accept | connect HOST:PORT CA [NAME] | check HOST:PORT CA [NAME]";

static struct config config;
static struct own own;

/* The public half as a line; the key is made where there is none. */
static int say_public(void)
{
    struct device device;
    enum own_state state = own_load(&own, &config);
    if (state == OWN_BROKEN) return 1;
    if (state == OWN_NONE) {
        memset(&own, 0, sizeof own);
        if (!device_make(own.secret)) return 1;
        if (!own_save(&own, &config)) return TLS_STORAGE;
    }
    bool made = device_load(&device, own.secret);
    if (made) printf("%s %s\n", device.x, device.y);
    mbedtls_platform_zeroize(&device, sizeof device);
    return made && fflush(stdout) == 0 ? 0 : 1;
}

/* The whole of standard input; false where that is too long. */
static bool read_certificate(unsigned char *certificate, size_t *length)
{
    *length = fread(certificate, 1, CERTIFICATE_MOST, stdin);
    return !ferror(stdin) && getchar() == EOF;
}

static int accept_certificate(void)
{
    unsigned char certificate[CERTIFICATE_MOST], point[COORDINATES];
    size_t length;
    enum own_state state = own_load(&own, &config);
    if (state == OWN_NONE) return TLS_OTHER_KEY;
    if (state == OWN_BROKEN || !read_certificate(certificate, &length) || !own_point(&own, point)) return 1;
    if (!der_certifies(certificate, length, point)) return TLS_OTHER_KEY;
    if (length == own.length && memcmp(certificate, own.certificate, length) == 0) return 0;
    memcpy(own.certificate, certificate, length);
    own.length = length;
    return own_save(&own, &config) ? 0 : TLS_STORAGE;
}

static int use(int count, char **words, bool check)
{
    if (count < 2 || count > 3) {
        complain(usage, NULL);
        return USAGE_FAULT;
    }
    const struct peer peer = {words[0], words[1], count == 3 ? words[2] : NULL};
    enum own_state state = own_load(&own, &config);
    if (state == OWN_NONE || (state == OWN_THERE && own.length == 0)) {
        complain("the TLS key has no certificate yet: latchkey tls-key brings one", NULL);
    }
    return state == OWN_THERE && own.length > 0 && connect_to(&peer, &own, check) ? 0 : 1;
}

static int act(int count, char **words)
{
    if (count == 1 && strcmp(words[0], "public") == 0) return say_public();
    if (count == 1 && strcmp(words[0], "accept") == 0) return accept_certificate();
    if (count > 1 && strcmp(words[0], "connect") == 0) return use(count - 1, words + 1, false);
    if (count > 1 && strcmp(words[0], "check") == 0) return use(count - 1, words + 1, true);
    complain(usage, NULL);
    return USAGE_FAULT;
}

int main(int argc, char **argv)
{
    if (argc < 4 || strcmp(argv[1], "-c") != 0) {
        complain(usage, NULL);
        return USAGE_FAULT;
    }
    file_fill_standard();
    umask(077);
#ifndef LATCHD_TEST
    prctl(PR_SET_DUMPABLE, 0);
#endif
    if (!config_read(&config, argv[2])) return 1;
    int status = act(argc - 3, argv + 3);
    mbedtls_platform_zeroize(&own, sizeof own);
    return status;
}

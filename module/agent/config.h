#ifndef LATCHD_CONFIG_H
#define LATCHD_CONFIG_H

#include "claims.h"
#include "messages.h"
#include "service.h"
#include "watch.h"

#define PATH_ROOM 256
#define IMEI_ROOM 16
#define USER_ROOM 33

/* What a configuration file says, and what the files say that it names. */
struct config {
    /* A tty, or `stdio`. */
    char at[PATH_ROOM];
    /* The AT processor behind it; "" where the agent is alone. */
    char modem[PATH_ROOM];
    char hwid[HWID_ROOM];
    char imei[IMEI_ROOM];
    char firmware[NAME_ROOM];
    size_t root_count;
    struct rsa_key roots[ROOTS];
    char store[PATH_ROOM];
    char shadow[PATH_ROOM];
    char user[USER_ROOM];
    struct program start[SERVICES];
    struct program stop[SERVICES];
    /* Keeps the TLS key; none where there is no such key. */
    struct program tls;
    struct words backdoors;
};

/* Reads the configuration; complains with file and line, and gives false, where something is unknown,
 * missing, stands twice, or is in a file that somebody else may write. */
bool config_read(struct config *config, const char *path);

#endif

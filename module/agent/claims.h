#ifndef LATCHD_CLAIMS_H
#define LATCHD_CLAIMS_H

#include "cursor.h"

/* The kinds of claims that recur (protocol.md §5), and how much room each takes with a closing NUL. */
#define NAME_ROOM 65
#define HWID_ROOM 65
#define UUID_ROOM 37
#define NONCE_BYTES 16
#define NONCE_ROOM 23
#define CRYPT_ROOM 124

enum scope { SCOPE_CONSOLE, SCOPE_ADB, SCOPE_SSH, SCOPE_RESET, SCOPES };

/* The scopes that have a service: all before this one. */
#define SERVICES SCOPE_RESET

/* A password: its version and its SHA-512 crypt hash. Version 0 is none. */
struct password {
    uint32_t ver;
    char hash[CRYPT_ROOM];
};

const char *scope_name(enum scope scope);

/* False where no scope has that name. */
bool scope_named(struct span name, enum scope *scope);

bool is_hwid(struct span text);

/* UUIDv7 in lower case (RFC 9562 §5.7). */
bool is_uuid7(struct span text);

/* `$6$`, perhaps `rounds=`, a salt, and 86 characters. */
bool is_crypt(struct span text);

/* Exactly `length` bytes in base64url. */
bool is_bytes(struct span text, size_t length);

/* Members of a payload: each reads one value into its room and makes the cursor bad where it is not one. */
void read_name(struct cursor *cursor, char name[NAME_ROOM]);
void read_hwid(struct cursor *cursor, char hwid[HWID_ROOM]);
void read_uuid7(struct cursor *cursor, char uuid[UUID_ROOM]);
void read_password(struct cursor *cursor, struct password *password);

#endif

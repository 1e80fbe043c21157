#ifndef LATCHD_MESSAGES_H
#define LATCHD_MESSAGES_H

#include "claims.h"
#include "jwk.h"
#include "tls.h"

#define AUDIENCE "latchkey:module"
#define ISSUER_KEYS_MOST 3
#define LOG_KEYS_MOST 2
#define ROOTS 2

/* What a module reads of an unlock token (protocol.md §5.2). */
struct token {
    char iss[NAME_ROOM];
    char aud[NAME_ROOM];
    char sub[HWID_ROOM];
    char nonce[NONCE_ROOM];
    char jti[UUID_ROOM];
    uint32_t exp;
    enum scope scope;
    uint32_t seconds;
    /* Version 0 where the token brings none. */
    struct password pw;
};

/* A key manifest (§5.4). */
struct manifest {
    char iss[NAME_ROOM];
    uint32_t ver;
    size_t count;
    struct rsa_key keys[ISSUER_KEYS_MOST];
    bool has_roots;
    struct rsa_key roots[ROOTS];
};

/* A bundle (§5.5). */
struct bundle {
    char iss[NAME_ROOM];
    char aud[NAME_ROOM];
    char jti[UUID_ROOM];
    /* False for the offline bundle, which has none of the three below. */
    bool bound;
    char sub[HWID_ROOM];
    char dkt[SHA256_TEXT + 1];
    struct password pw;
};

/* A certificate (§5.7). */
struct certificate {
    char iss[NAME_ROOM];
    char aud[NAME_ROOM];
    char sub[HWID_ROOM];
    char dkt[SHA256_TEXT + 1];
    /* X.509 in DER; nobody has looked into it. */
    size_t length;
    unsigned char der[CERTIFICATE_MOST];
};

/* Each takes the one spelling of a payload, keeps the rules between its claims, and refuses all else. */
bool decode_token(struct token *token, struct cursor cursor);
bool decode_manifest(struct manifest *manifest, struct cursor cursor);
bool decode_bundle(struct bundle *bundle, struct cursor cursor);
bool decode_certificate(struct certificate *certificate, struct cursor cursor);

#endif

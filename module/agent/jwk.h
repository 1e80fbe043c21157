#ifndef LATCHD_JWK_H
#define LATCHD_JWK_H

#include "cursor.h"
#include "sha256.h"

#define ROOT_BITS 4096
#define ISSUER_BITS 3072
#define MODULUS_MOST (ROOT_BITS / 8)

/* An RSA public key; its exponent is always 65537. */
struct rsa_key {
    size_t bytes;
    unsigned char n[MODULUS_MOST];
    /* RFC 7638 thumbprint, the key's only name. */
    char kid[SHA256_TEXT + 1];
};

/* A modulus of exactly `bits` bits in base64url, and the thumbprint that belongs to it. */
bool rsa_key_from(struct rsa_key *key, unsigned bits, struct span n);

/* The same from bytes. */
bool rsa_key_from_bytes(struct rsa_key *key, unsigned bits, const unsigned char *n);

/* `{"kty":"RSA","n":…,"e":"AQAB","kid":…}` of exactly `bits` bits whose `kid` is its thumbprint. */
void read_rsa_key(struct cursor *cursor, unsigned bits, struct rsa_key *key);

/* `{"kty":"OKP","crv":"Ed25519","x":…,"kid":…}` whose `kid` is its thumbprint; a module keeps no more of it. */
void read_log_key(struct cursor *cursor, char kid[SHA256_TEXT + 1]);

/* The key of that name, compared as text; NULL where there is none. */
const struct rsa_key *rsa_key_named(const struct rsa_key *keys, size_t count, struct span kid);

#endif

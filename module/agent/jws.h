#ifndef LATCHD_JWS_H
#define LATCHD_JWS_H

#include "jwk.h"

/* What the server signs, all of it PS256 (protocol.md §5). */
struct message {
    const char *typ;
    /* The most bytes of the compact form. */
    size_t most;
};

extern const struct message unlock_token;
extern const struct message key_manifest;
extern const struct message provisioning_bundle;
extern const struct message tls_certificate;

/* The longest message, and its longest payload. */
#define MESSAGE_MOST 8192
#define PAYLOAD_MOST (MESSAGE_MOST / 4 * 3)

/* A compact JWS taken apart. Nothing in it has been proved yet. */
struct envelope {
    char kid[SHA256_TEXT + 1];
    /* Header and payload as they arrived, with the dot: what is signed. */
    struct span input;
    /* The signature's base64url. */
    struct span signature;
    size_t length;
    char payload[PAYLOAD_MOST];
};

/* Check 1 of §4: length, three parts of base64url, the one header that this message has. */
bool envelope_open(struct envelope *envelope, const struct message *message, struct span jws);

/* Check 3 of §4: the signature is the key's, PSS with a salt of exactly 32 bytes. */
bool signature_holds(const struct envelope *envelope, const struct rsa_key *key);

/* The payload, for a decoder. */
struct cursor envelope_payload(const struct envelope *envelope);

/* Checks 1 to 3. Returns 0, 901, 905 or 902. */
int envelope_verify(struct envelope *envelope, const struct message *message, struct span jws,
                    const struct rsa_key *keys, size_t count);

#endif

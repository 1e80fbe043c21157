#ifndef LATCHD_PS256_H
#define LATCHD_PS256_H

#include "jwk.h"

/* RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of exactly 32 bytes (RFC 7518 §3.5). A signature
 * that is not as long as the modulus does not hold. */
bool ps256_verify(const struct rsa_key *key, struct span input, const unsigned char *signature,
                  size_t length);

#endif

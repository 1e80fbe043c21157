#ifndef LATCHD_DEVICE_H
#define LATCHD_DEVICE_H

#include "sha256.h"

#define DEVICE_BYTES 32
#define COORDINATE_TEXT 43
#define ES256_BYTES 64

/* The device key: what makes this module this module. */
struct device {
    unsigned char secret[DEVICE_BYTES];
    char x[COORDINATE_TEXT + 1];
    char y[COORDINATE_TEXT + 1];
    /* RFC 7638 thumbprint of the public half. */
    char kid[SHA256_TEXT + 1];
};

/* A new P-256 private key. */
bool device_make(unsigned char secret[DEVICE_BYTES]);

/* The device of a private key; false where that is not a key. */
bool device_load(struct device *device, const unsigned char secret[DEVICE_BYTES]);

/* ES256 over `input`: r and s, 32 bytes each side by side (RFC 7518 §3.4). */
bool device_sign(const struct device *device, struct span input, unsigned char signature[ES256_BYTES]);

#endif

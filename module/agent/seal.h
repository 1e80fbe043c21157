#ifndef LATCHD_SEAL_H
#define LATCHD_SEAL_H

#include <stdbool.h>
#include <stddef.h>

/* A sealed file: a name of the format, a salt, an IV, a tag, and so many bytes more. */
#define SEAL_NAME 16
#define SEAL_SALT 32
#define SEAL_IV 12
#define SEAL_TAG 16
#define SEAL_OVERHEAD (SEAL_NAME + SEAL_SALT + SEAL_IV + SEAL_TAG)
#define SEAL_KEY 32

/* The key that seals a store: HMAC-SHA-256 under the store's salt over the hardware ID. It binds the store to
 * this silicon, so that a copy does not open on another module; whoever reads the file and the hardware ID
 * on this module can make the key as well. Silicon that can keep a key (a TEE, a TPM, fuses) replaces this
 * one function by a derivation there, of the same inputs, and nothing else changes. An RPMB would besides
 * keep an old store from being put back. */
bool seal_key(unsigned char key[SEAL_KEY], const char *hwid, const unsigned char salt[SEAL_SALT]);

/* Seals the `length` bytes at sealed + SEAL_OVERHEAD where they are, AES-256-GCM with a new IV and salt.
 * The name and the salt are the associated data. */
bool seal(unsigned char *sealed, size_t length, const char *hwid);

/* The reverse; `length` is the whole file's. False where it is not this format, not this module's, or not
 * whole. */
bool unseal(unsigned char *sealed, size_t length, const char *hwid);

#endif

#include "ps256.h"

/* Stands in for ps256.c in fuzz builds: a signature as long as its key's modulus holds, so that what comes behind
 * the check is reached. In no other build. */
bool ps256_verify(const struct rsa_key *key, struct span input, const unsigned char *signature, size_t length)
{
    (void)input;
    (void)signature;
    return length == key->bytes;
}

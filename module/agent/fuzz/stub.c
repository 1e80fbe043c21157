#include "command.h"
#include "ps256.h"

/* Stands in for ps256.c in fuzz builds: a signature as long as its key's modulus holds, so that what comes behind
 * the check is reached. In no other build. */
bool ps256_verify(const struct rsa_key *key, struct span input, const unsigned char *signature, size_t length)
{
    (void)input;
    (void)signature;
    return length == key->bytes;
}

/* The filter is what is tried with it, not what it does with commands of its own. */
int command_execute(struct latch *latch, const struct command *command)
{
    (void)latch;
    (void)command;
    return 0;
}

#include "jws.h"

#include <string.h>

#include "hold.h"

/* A message as it lies in the data buffer: three parts, the one header, the signature's text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct message *const kinds[] = {&unlock_token, &key_manifest, &provisioning_bundle};
    static struct envelope envelope;
    struct span jws = {(const char *)data, size};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!envelope_open(&envelope, kinds[i], jws)) continue;
        struct rsa_key key = {.bytes = ISSUER_BITS / 8};
        memcpy(key.kid, envelope.kid, sizeof key.kid);
        hold(size <= kinds[i]->most && strlen(key.kid) == SHA256_TEXT);
        (void)signature_holds(&envelope, &key);
        (void)envelope_verify(&envelope, kinds[i], jws, &key, 1);
    }
    return 0;
}

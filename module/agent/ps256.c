#include "ps256.h"

#include <mbedtls/rsa.h>
#include <mbedtls/version.h>

#define SALT 32

static const unsigned char exponent[] = {1, 0, 1};

/* The plain rsassa_pss_verify takes any salt length; only the _ext form takes one. */
static int verify(mbedtls_rsa_context *rsa, const unsigned char *digest, const unsigned char *signature)
{
#if MBEDTLS_VERSION_MAJOR < 3
    return mbedtls_rsa_rsassa_pss_verify_ext(rsa, NULL, NULL, MBEDTLS_RSA_PUBLIC, MBEDTLS_MD_SHA256,
                                             SHA256_BYTES, digest, MBEDTLS_MD_SHA256, SALT, signature);
#else
    return mbedtls_rsa_rsassa_pss_verify_ext(rsa, MBEDTLS_MD_SHA256, SHA256_BYTES, digest, MBEDTLS_MD_SHA256,
                                             SALT, signature);
#endif
}

static bool init(mbedtls_rsa_context *rsa)
{
#if MBEDTLS_VERSION_MAJOR < 3
    mbedtls_rsa_init(rsa, MBEDTLS_RSA_PKCS_V21, MBEDTLS_MD_SHA256);
    return true;
#else
    mbedtls_rsa_init(rsa);
    return mbedtls_rsa_set_padding(rsa, MBEDTLS_RSA_PKCS_V21, MBEDTLS_MD_SHA256) == 0;
#endif
}

bool ps256_verify(const struct rsa_key *key, struct span input, const unsigned char *signature,
                  size_t length)
{
    unsigned char digest[SHA256_BYTES];
    if (length != key->bytes || !sha256(digest, input)) return false;
    mbedtls_rsa_context rsa;
    bool holds = init(&rsa) &&
                 mbedtls_rsa_import_raw(&rsa, key->n, key->bytes, NULL, 0, NULL, 0, NULL, 0, exponent,
                                        sizeof exponent) == 0 &&
                 mbedtls_rsa_complete(&rsa) == 0 && verify(&rsa, digest, signature) == 0;
    mbedtls_rsa_free(&rsa);
    return holds;
}

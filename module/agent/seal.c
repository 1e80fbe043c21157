#include "seal.h"

#include <string.h>

#include <mbedtls/gcm.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>

#include "entropy.h"

/* Another format gets another name. */
static const unsigned char name[SEAL_NAME] = "latchd store 1\n";

static const char purpose[] = "latchd seal 1 ";

bool seal_key(unsigned char key[SEAL_KEY], const char *hwid, const unsigned char salt[SEAL_SALT])
{
    mbedtls_md_context_t md;
    mbedtls_md_init(&md);
    bool made = mbedtls_md_setup(&md, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 1) == 0 &&
                mbedtls_md_hmac_starts(&md, salt, SEAL_SALT) == 0 &&
                mbedtls_md_hmac_update(&md, (const unsigned char *)purpose, sizeof purpose - 1) == 0 &&
                mbedtls_md_hmac_update(&md, (const unsigned char *)hwid, strlen(hwid)) == 0 &&
                mbedtls_md_hmac_finish(&md, key) == 0;
    mbedtls_md_free(&md);
    return made;
}

static bool open_gcm(mbedtls_gcm_context *gcm, const char *hwid, const unsigned char *salt)
{
    unsigned char key[SEAL_KEY];
    mbedtls_gcm_init(gcm);
    bool ready = seal_key(key, hwid, salt) &&
                 mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, key, SEAL_KEY * 8) == 0;
    mbedtls_platform_zeroize(key, sizeof key);
    return ready;
}

bool seal(unsigned char *sealed, size_t length, const char *hwid)
{
    unsigned char *salt = sealed + SEAL_NAME, *iv = salt + SEAL_SALT, *tag = iv + SEAL_IV;
    unsigned char *bytes = sealed + SEAL_OVERHEAD;
    memcpy(sealed, name, SEAL_NAME);
    if (entropy(NULL, salt, SEAL_SALT + SEAL_IV) != 0) return false;
    mbedtls_gcm_context gcm;
    bool done = open_gcm(&gcm, hwid, salt) &&
                mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, length, iv, SEAL_IV, sealed,
                                          SEAL_NAME + SEAL_SALT, bytes, bytes, SEAL_TAG, tag) == 0;
    mbedtls_gcm_free(&gcm);
    return done;
}

bool unseal(unsigned char *sealed, size_t length, const char *hwid)
{
    unsigned char *salt = sealed + SEAL_NAME, *iv = salt + SEAL_SALT, *tag = iv + SEAL_IV;
    unsigned char *bytes = sealed + SEAL_OVERHEAD;
    if (length < SEAL_OVERHEAD || memcmp(sealed, name, SEAL_NAME) != 0) return false;
    mbedtls_gcm_context gcm;
    bool done = open_gcm(&gcm, hwid, salt) &&
                mbedtls_gcm_auth_decrypt(&gcm, length - SEAL_OVERHEAD, iv, SEAL_IV, sealed,
                                         SEAL_NAME + SEAL_SALT, tag, SEAL_TAG, bytes, bytes) == 0;
    mbedtls_gcm_free(&gcm);
    return done;
}

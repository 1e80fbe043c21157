#include "sha256.h"

#include <mbedtls/md.h>

#include "base64url.h"

bool sha256(unsigned char digest[SHA256_BYTES], struct span text)
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    return mbedtls_md(info, (const unsigned char *)text.at, text.length, digest) == 0;
}

bool sha256_text(char digest[SHA256_TEXT + 1], struct span text)
{
    unsigned char bytes[SHA256_BYTES];
    digest[0] = '\0';
    if (!sha256(bytes, text)) return false;
    digest[base64url_encode(digest, bytes, sizeof bytes)] = '\0';
    return true;
}

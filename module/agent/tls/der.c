#include "der.h"

#include <string.h>

#define SEQUENCE 0x30

/* version, serialNumber, signature, issuer, validity, subject (RFC 5280 §4.1). */
static const unsigned char before_key[] = {0xa0, 0x02, 0x30, 0x30, 0x30, 0x30};

/* AlgorithmIdentifier of an EC key on P-256, and the head of its uncompressed point (RFC 5480 §2). */
static const unsigned char p256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                     0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                     0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

/* What has not been read yet. */
struct rest {
    const unsigned char *at;
    size_t left;
};

/* Takes an element of `tag` off the front, its length in the shortest form and not above 65535 (X.690 §10.1). */
static bool take(struct rest *rest, unsigned char tag, struct rest *content)
{
    const unsigned char *at = rest->at;
    if (rest->left < 2 || at[0] != tag) return false;
    size_t length = at[1], head = 2;
    if (at[1] == 0x81 && rest->left >= 3) {
        length = at[2];
        head = 3;
        if (length < 0x80) return false;
    } else if (at[1] == 0x82 && rest->left >= 4) {
        length = (size_t)at[2] << 8 | at[3];
        head = 4;
        if (length < 0x100) return false;
    } else if (at[1] >= 0x80) {
        return false;
    }
    if (length > rest->left - head) return false;
    *content = (struct rest){at + head, length};
    rest->at += head + length;
    rest->left -= head + length;
    return true;
}

bool der_certifies(const unsigned char *der, size_t length, const unsigned char point[COORDINATES])
{
    struct rest rest = {der, length}, certificate, tbs, content;
    if (!take(&rest, SEQUENCE, &certificate) || rest.left > 0 || !take(&certificate, SEQUENCE, &tbs)) return false;
    for (size_t i = 0; i < sizeof before_key; i++) {
        if (!take(&tbs, before_key[i], &content)) return false;
    }
    const unsigned char *key = tbs.at;
    return take(&tbs, SEQUENCE, &content) && (size_t)(tbs.at - key) == sizeof p256 + COORDINATES &&
           memcmp(key, p256, sizeof p256) == 0 && memcmp(key + sizeof p256, point, COORDINATES) == 0;
}

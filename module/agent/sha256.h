#ifndef LATCHD_SHA256_H
#define LATCHD_SHA256_H

#include "text.h"

#define SHA256_BYTES 32
/* A SHA-256 in base64url: thumbprints and digests. */
#define SHA256_TEXT 43

/* False only where mbedTLS cannot; `digest` is then not to be used. */
bool sha256(unsigned char digest[SHA256_BYTES], struct span text);

/* The digest in base64url, with a closing NUL. */
bool sha256_text(char digest[SHA256_TEXT + 1], struct span text);

#endif

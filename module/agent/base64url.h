#ifndef LATCHD_BASE64URL_H
#define LATCHD_BASE64URL_H

#include "text.h"

/* Unpadded base64url (RFC 4648 §5) in its one spelling: no padding, no white space, unused bits zero. */

/* Characters that `length` bytes take. */
size_t base64url_length(size_t length);

/* Writes base64url_length(length) characters, and returns how many; no NUL. */
size_t base64url_encode(char *to, const unsigned char *bytes, size_t length);

/* True for the one spelling of some bytes. */
bool base64url_valid(struct span text);

/* Decodes into `to`; false for any other spelling, and for more than `room` bytes. */
bool base64url_decode(unsigned char *to, size_t room, size_t *length, struct span text);

#endif

/* Runs cases of published suites through the verifier that the agent is built with. Standard input has one case a
 * line, bytes in hexadecimal and "-" for none:
 *   ps256 BITS MODULUS MESSAGE SIGNATURE
 *   es256 X Y MESSAGE SIGNATURE
 *   base64url TEXT TEXT TEXT
 * Each is answered with a line, "holds" or "refused". The agent itself only makes ES256 signatures and verifies none:
 * these cases go through the ECDSA of the mbedTLS that it is linked with, r and s side by side. */
#include <mbedtls/ecdsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "ps256.h"

#define BYTES_MOST 1024
#define COORDINATE 32

struct bytes {
    unsigned char at[BYTES_MOST];
    size_t length;
};

static void give_up(const char *why)
{
    fprintf(stderr, "verify: %s\n", why);
    exit(2);
}

static void next_bytes(struct bytes *bytes)
{
    const char *word = strtok(NULL, " \n");
    if (word == NULL) give_up("a case has too few words");
    bytes->length = 0;
    if (strcmp(word, "-") == 0) return;
    for (; word[0] != '\0'; word += 2) {
        char digits[3] = {word[0], word[1], '\0'}, *end;
        if (bytes->length == BYTES_MOST) give_up("a case is too long");
        bytes->at[bytes->length++] = (unsigned char)strtoul(digits, &end, 16);
        if (end != digits + 2) give_up("a case is not hexadecimal");
    }
}

static bool ps256_case(void)
{
    static struct bytes modulus, message, signature;
    const char *bits = strtok(NULL, " \n");
    if (bits == NULL) give_up("a case has too few words");
    next_bytes(&modulus);
    next_bytes(&message);
    next_bytes(&signature);
    struct rsa_key key;
    if (!rsa_key_from_bytes(&key, (unsigned)strtoul(bits, NULL, 10), modulus.at)) give_up("no such RSA key");
    return ps256_verify(&key, (struct span){(const char *)message.at, message.length}, signature.at,
                        signature.length);
}

static bool es256_holds(const struct bytes *x, const struct bytes *y, const unsigned char *digest,
                        const struct bytes *signature)
{
    unsigned char point[1 + 2 * COORDINATE] = {4};
    memcpy(point + 1, x->at, COORDINATE);
    memcpy(point + 1 + COORDINATE, y->at, COORDINATE);
    mbedtls_ecp_group group;
    mbedtls_ecp_point key;
    mbedtls_mpi r, s;
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&key);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    bool holds = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
                 mbedtls_ecp_point_read_binary(&group, &key, point, sizeof point) == 0 &&
                 mbedtls_ecp_check_pubkey(&group, &key) == 0 &&
                 mbedtls_mpi_read_binary(&r, signature->at, COORDINATE) == 0 &&
                 mbedtls_mpi_read_binary(&s, signature->at + COORDINATE, COORDINATE) == 0 &&
                 mbedtls_ecdsa_verify(&group, digest, SHA256_BYTES, &key, &r, &s) == 0;
    mbedtls_mpi_free(&s);
    mbedtls_mpi_free(&r);
    mbedtls_ecp_point_free(&key);
    mbedtls_ecp_group_free(&group);
    return holds;
}

static bool es256_case(void)
{
    static struct bytes x, y, message, signature;
    unsigned char digest[SHA256_BYTES];
    next_bytes(&x);
    next_bytes(&y);
    next_bytes(&message);
    next_bytes(&signature);
    if (x.length != COORDINATE || y.length != COORDINATE) give_up("no such P-256 key");
    if (!sha256(digest, (struct span){(const char *)message.at, message.length})) give_up("no SHA-256");
    return signature.length == 2 * COORDINATE && es256_holds(&x, &y, digest, &signature);
}

/* The three parts of a compact JWS, each in the one spelling. */
static bool base64url_case(void)
{
    static struct bytes part;
    bool all = true;
    for (int i = 0; i < 3; i++) {
        next_bytes(&part);
        all = base64url_valid((struct span){(const char *)part.at, part.length}) && all;
    }
    return all;
}

int main(void)
{
    static const struct {
        const char *kind;
        bool (*holds)(void);
    } kinds[] = {{"ps256", ps256_case}, {"es256", es256_case}, {"base64url", base64url_case}};
    static char line[8 * BYTES_MOST];
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *kind = strtok(line, " \n");
        size_t i = 0;
        while (i < sizeof kinds / sizeof kinds[0] && (kind == NULL || strcmp(kind, kinds[i].kind) != 0)) i++;
        if (i == sizeof kinds / sizeof kinds[0]) give_up("a case of no known kind");
        puts(kinds[i].holds() ? "holds" : "refused");
    }
    return 0;
}

#include "device.h"

#include <string.h>

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>

#include "base64url.h"
#include "entropy.h"

bool device_make(unsigned char secret[DEVICE_BYTES])
{
    mbedtls_ecp_group group;
    mbedtls_mpi d;
    mbedtls_ecp_group_init(&group);
    mbedtls_mpi_init(&d);
    bool made = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
                mbedtls_ecp_gen_privkey(&group, &d, entropy, NULL) == 0 &&
                mbedtls_mpi_write_binary(&d, secret, DEVICE_BYTES) == 0;
    mbedtls_mpi_free(&d);
    mbedtls_ecp_group_free(&group);
    return made;
}

/* The uncompressed point: 4, x, y (SEC 1 §2.3.3). What is no private key mbedtls_ecp_mul refuses. */
static bool public_point(const unsigned char secret[DEVICE_BYTES], unsigned char point[1 + 2 * DEVICE_BYTES])
{
    size_t length = 0;
    mbedtls_ecp_group group;
    mbedtls_ecp_point q;
    mbedtls_mpi d;
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&q);
    mbedtls_mpi_init(&d);
    bool done = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
                mbedtls_mpi_read_binary(&d, secret, DEVICE_BYTES) == 0 &&
                mbedtls_ecp_mul(&group, &q, &d, &group.G, entropy, NULL) == 0 &&
                mbedtls_ecp_point_write_binary(&group, &q, MBEDTLS_ECP_PF_UNCOMPRESSED, &length, point,
                                               1 + 2 * DEVICE_BYTES) == 0;
    mbedtls_mpi_free(&d);
    mbedtls_ecp_point_free(&q);
    mbedtls_ecp_group_free(&group);
    return done;
}

bool device_load(struct device *device, const unsigned char secret[DEVICE_BYTES])
{
    unsigned char point[1 + 2 * DEVICE_BYTES];
    if (!public_point(secret, point)) return false;
    memcpy(device->secret, secret, DEVICE_BYTES);
    device->x[base64url_encode(device->x, point + 1, DEVICE_BYTES)] = '\0';
    device->y[base64url_encode(device->y, point + 1 + DEVICE_BYTES, DEVICE_BYTES)] = '\0';
    TEXT(json, 192);
    text_add(&json, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
    text_add(&json, device->x);
    text_add(&json, "\",\"y\":\"");
    text_add(&json, device->y);
    text_add(&json, "\"}");
    return sha256_text(device->kid, span_of_text(&json));
}

bool device_sign(const struct device *device, struct span input, unsigned char signature[ES256_BYTES])
{
    unsigned char digest[SHA256_BYTES];
    if (!sha256(digest, input)) return false;
    mbedtls_ecp_group group;
    mbedtls_mpi d, r, s;
    mbedtls_ecp_group_init(&group);
    mbedtls_mpi_init(&d);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    bool done = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
                mbedtls_mpi_read_binary(&d, device->secret, DEVICE_BYTES) == 0 &&
                mbedtls_ecdsa_sign(&group, &r, &s, &d, digest, sizeof digest, entropy, NULL) == 0 &&
                mbedtls_mpi_write_binary(&r, signature, DEVICE_BYTES) == 0 &&
                mbedtls_mpi_write_binary(&s, signature + DEVICE_BYTES, DEVICE_BYTES) == 0;
    mbedtls_mpi_free(&s);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&d);
    mbedtls_ecp_group_free(&group);
    return done;
}

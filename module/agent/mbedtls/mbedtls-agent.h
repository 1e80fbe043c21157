/**
 * What the agent needs of mbedTLS, for 2.28 and 3.6: RSASSA-PSS verification, ECDSA on P-256, SHA-256, AES-GCM.
 * No TLS, no X.509, no PEM, no self tests, no files, no sockets, no entropy pool (the agent asks getrandom).
 * Compiled in with -DMBEDTLS_CONFIG_FILE='"mbedtls-agent.h"'; a header named config.h would be mistaken for 2.28's.
 */
#ifndef LATCHD_MBEDTLS_CONFIG_H
#define LATCHD_MBEDTLS_CONFIG_H

/* SHA-256, and MGF1 over it. */
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA256_SMALLER
#define MBEDTLS_MD_C

/* RSASSA-PSS, public keys only. */
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_OID_C
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_RSA_C
/* With an exponent of 65537 a window saves nothing: 17 squarings and one multiplication. */
#define MBEDTLS_MPI_WINDOW_SIZE 1
/* An RSA-4096 root is the longest number there is. */
#define MBEDTLS_MPI_MAX_SIZE 512

/* ECDSA on P-256. It wants ASN.1 at compile time; the linker drops it, since the agent's signatures are r and s. */
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_WINDOW_SIZE 4
#define MBEDTLS_ECP_FIXED_POINT_OPTIM 0
/* 2.28 would blind multiplications by a generator of its own where it is given none; signing is given one. */
#define MBEDTLS_ECP_NO_INTERNAL_RNG

/* AES-256-GCM for the store: tables made of fewer bytes, since it runs a few times an hour. */
#define MBEDTLS_AES_C
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_CIPHER_C
#define MBEDTLS_GCM_C

#if defined(__x86_64__) || defined(__i386__) || defined(__arm__) || defined(__aarch64__)
#define MBEDTLS_HAVE_ASM
#endif

/* 3.6 names its version before it reads this file, and checks the configuration by itself afterwards. */
#if !defined(MBEDTLS_VERSION_MAJOR)
#include "mbedtls/check_config.h"
#endif

#endif

#!/bin/sh
# Compiles the parts of mbedTLS that a program uses: compile.sh agent|tls OBJECTS SOURCES COMPILER [FLAG…]
set -eu
program=$1 objects=$2 sources=$3
shift 3
here=$(dirname "$0")

# 2.28 and 3.6 cut their files differently; each has those of these that it needs.
parts="aes asn1parse asn1write bignum bignum_core cipher cipher_wrap constant_time ecdsa ecp ecp_curves gcm md oid
  platform_util rsa rsa_alt_helpers rsa_internal sha256"

if [ "$program" = tls ]; then
  parts="$parts base64 bignum_mod bignum_mod_raw block_cipher ecdh ecp_curves_new hash_info net_sockets pem pk pk_ecc
    pk_wrap pkparse platform sha512 ssl_ciphersuites ssl_cli ssl_client ssl_debug_helpers_generated ssl_msg ssl_tls
    ssl_tls12_client x509 x509_crt"
fi

rm -rf "$objects"
mkdir -p "$objects"
for part in $parts; do
  [ -e "$sources/library/$part.c" ] || continue
  "$@" -std=c99 -Wall -Wextra -Werror -DMBEDTLS_CONFIG_FILE="\"mbedtls-$program.h\"" -I"$here" -I"$sources/include" \
    -c "$sources/library/$part.c" -o "$objects/$part.o"
done

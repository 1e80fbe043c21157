#!/bin/sh
# Compiles the parts of mbedTLS that the agent uses: compile.sh OBJECTS SOURCES COMPILER [FLAG…]
set -eu
objects=$1 sources=$2
shift 2
here=$(dirname "$0")

# 2.28 and 3.6 cut their files differently; each has those of these that it needs.
parts="aes asn1parse asn1write bignum bignum_core cipher cipher_wrap constant_time ecdsa ecp ecp_curves gcm md oid
  platform_util rsa rsa_alt_helpers rsa_internal sha256"

rm -rf "$objects"
mkdir -p "$objects"
for part in $parts; do
  [ -e "$sources/library/$part.c" ] || continue
  "$@" -std=c99 -Wall -Wextra -Werror -DMBEDTLS_CONFIG_FILE='"mbedtls-agent.h"' -I"$here" -I"$sources/include" \
    -c "$sources/library/$part.c" -o "$objects/$part.o"
done

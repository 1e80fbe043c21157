#!/bin/sh
# Puts the sources of mbedTLS as Debian has them into a directory.
#   fetch.sh 2.28|3.6 DIRECTORY
set -eu

case "${1-} ${2-}" in
  "2.28 "?*) suite=bookworm ;;
  "3.6 "?*) suite=trixie ;;
  *) echo "usage: fetch.sh 2.28|3.6 DIRECTORY" >&2; exit 2 ;;
esac
[ ! -e "$2/library/rsa.c" ] || exit 0
if ! "$(dirname "$0")/../tools/debian.sh" source "$suite" mbedtls "$2"; then
  echo "fetch.sh: or unpack the sources of mbedTLS $1 yourself, and say make … MBEDTLS=DIRECTORY." >&2
  exit 1
fi
if ! grep -rqs "MBEDTLS_VERSION_STRING  *\"$1\." "$2/include/mbedtls"; then
  echo "fetch.sh: Debian $suite has no mbedTLS $1 any more." >&2
  rm -rf "$2"
  exit 1
fi

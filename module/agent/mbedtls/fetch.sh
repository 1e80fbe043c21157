#!/bin/sh
# Puts the sources of mbedTLS as Debian has them into a directory: apt checks the .dsc and all that it names
# under Debian's archive key, dpkg-source checks each file by the .dsc's sums once more (--no-check leaves out
# only the uploader's own signature). The machine's package lists stay as they are.
#   fetch.sh 2.28|3.6 DIRECTORY
set -eu

case "${1-} ${2-}" in
  "2.28 "?*) suite=bookworm ;;
  "3.6 "?*) suite=trixie ;;
  *) echo "usage: fetch.sh 2.28|3.6 DIRECTORY" >&2; exit 2 ;;
esac
into=$2
[ ! -e "$into/library/rsa.c" ] || exit 0

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
for need in "$keyring" /usr/bin/dpkg-source /usr/bin/apt-get; do
  if [ ! -e "$need" ]; then
    echo "fetch.sh: $need is missing. On Debian: apt-get install debian-archive-keyring dpkg-dev." >&2
    echo "fetch.sh: elsewhere unpack the sources of mbedTLS $1 yourself, and say make … MBEDTLS=DIRECTORY." >&2
    exit 1
  fi
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
mkdir -p "$scratch/lists/partial" "$scratch/sources"
# apt fetches as a user of its own, where that user exists.
chown -R _apt "$scratch/lists" "$scratch/sources" 2>/dev/null || true
# From where this machine has its own packages.
sites=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | sort -u)
archive=$(echo "$sites" | grep -v security | head -n 1)
security=$(echo "$sites" | grep security | head -n 1)
if [ -z "$archive" ]; then
  echo "fetch.sh: apt knows no archive of Debian's; put one into /etc/apt/sources.list." >&2
  exit 1
fi
echo "deb-src [signed-by=$keyring] $archive $suite main" >"$scratch/sources.list"
if [ -n "$security" ]; then
  echo "deb-src [signed-by=$keyring] $security $suite-security main" >>"$scratch/sources.list"
fi

apt() {
  apt-get -qq -o Dir::Etc::sourcelist="$scratch/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$scratch/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}
apt update
cd "$scratch/sources"
apt source --download-only mbedtls
cd - >/dev/null

for dsc in "$scratch"/sources/mbedtls_"$1"*.dsc; do
  [ -e "$dsc" ] || { echo "fetch.sh: Debian $suite has no mbedTLS $1 any more." >&2; exit 1; }
  dpkg-source --no-check -x "$dsc" "$scratch/tree" >/dev/null
  mkdir -p "$(dirname "$into")"
  rm -rf "$into"
  mv "$scratch/tree" "$into"
  echo "$(basename "$dsc" .dsc) is in $into"
done

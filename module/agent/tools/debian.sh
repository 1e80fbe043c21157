#!/bin/sh
# Unpacks a package of a Debian release, whichever release this machine runs: apt checks it under Debian's archive
# key. The machine's own package lists stay as they are.
#   debian.sh source|binary bookworm|trixie PACKAGE DIRECTORY
set -eu

case "$#:${1-}:${2-}" in
  4:source:bookworm | 4:source:trixie | 4:binary:bookworm | 4:binary:trixie) ;;
  *) echo "usage: debian.sh source|binary bookworm|trixie PACKAGE DIRECTORY" >&2; exit 2 ;;
esac
kind=$1 suite=$2 package=$3 into=$4

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
for need in "$keyring" /usr/bin/dpkg-source /usr/bin/apt-get; do
  if [ ! -e "$need" ]; then
    echo "debian.sh: $need is missing. On Debian: apt-get install debian-archive-keyring dpkg-dev." >&2
    echo "debian.sh: elsewhere unpack $package of Debian $suite into $into yourself." >&2
    exit 1
  fi
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
mkdir -p "$scratch/lists/partial" "$scratch/files"
# apt fetches as a user of its own, where that user exists.
chown -R _apt "$scratch/lists" "$scratch/files" 2>/dev/null || true
# From where this machine has its own packages: by what the archive says of itself, or, before the first
# `apt-get update`, by the release that this is.
ID='' VERSION_CODENAME=''
[ ! -e /etc/os-release ] || . /etc/os-release
site() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "$@" | sort -u | head -n 1; }
archive=$(site 'Label: Debian')
security=$(site 'Label: Debian-Security')
if [ -z "$archive" ] && [ "$ID" = debian ]; then
  archive=$(site --no-release-info "Release: $VERSION_CODENAME")
  security=$(site --no-release-info "Release: $VERSION_CODENAME-security")
fi
if [ -z "$archive" ]; then
  echo "debian.sh: apt knows no archive of Debian's; put one into /etc/apt/sources.list." >&2
  exit 1
fi
case $kind in source) type=deb-src ;; binary) type=deb ;; esac
echo "$type [signed-by=$keyring] $archive $suite main" >"$scratch/sources.list"
if [ -n "$security" ]; then
  echo "$type [signed-by=$keyring] $security $suite-security main" >>"$scratch/sources.list"
fi

apt() {
  apt-get -qq -o Dir::Etc::sourcelist="$scratch/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State::lists="$scratch/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}
apt update
cd "$scratch/files"
case $kind in
  source)
    apt source --download-only "$package"
    # dpkg-source checks each file by the .dsc's sums once more; --no-check leaves out only the uploader's signature.
    set -- *.dsc
    dpkg-source --no-check -x "$1" "$scratch/tree" >/dev/null
    ;;
  binary)
    apt download "$package"
    set -- *.deb
    dpkg-deb -x "$1" "$scratch/tree"
    ;;
esac
cd - >/dev/null
mkdir -p "$(dirname "$into")"
rm -rf "$into"
mv "$scratch/tree" "$into"
echo "${1%.*} is in $into"

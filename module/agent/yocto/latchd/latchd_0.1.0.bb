SUMMARY = "Latchkey agent: the lock of a module's console"
DESCRIPTION = "Opens the console of this module on a signed token of the vendor's server, and for nothing else"
LICENSE = "CLOSED"

# Set both to where the vendor keeps Latchkey, and to the release that was reviewed.
LATCHKEY_GIT ?= "git://git.example.com/latchkey.git;protocol=https;branch=main"
SRCREV ?= "0000000000000000000000000000000000000000"

# The product's layer brings these four in a latchd_%.bbappend, with
#   FILESEXTRAPATHS:prepend := "${THISDIR}/files:"
# There are no defaults: an image without its vendor's root keys is not built.
SRC_URI = "${LATCHKEY_GIT};subpath=module/agent \
           file://latchd.conf \
           file://backdoors.conf \
           file://root-a.json \
           file://root-b.json"

# Releases before 5.1 unpack into WORKDIR.
UNPACKDIR ??= "${WORKDIR}"
S = "${UNPACKDIR}/agent"

# 2.28 or 3.6, of meta-oe.
DEPENDS = "mbedtls"

inherit systemd
SYSTEMD_SERVICE:${PN} = "latchd.service"

# The Makefile sets FORTIFY itself, and another number would be an error.
lcl_maybe_fortify = ""

do_compile() {
    oe_runmake all
}

do_install() {
    oe_runmake install DESTDIR=${D} PREFIX=${prefix}
    install -D -m 0644 ${UNPACKDIR}/latchd.conf ${D}${sysconfdir}/latchd.conf
    for file in backdoors.conf root-a.json root-b.json; do
        install -D -m 0644 ${UNPACKDIR}/$file ${D}${sysconfdir}/latchd/$file
    done
    if ${@bb.utils.contains('DISTRO_FEATURES', 'systemd', 'true', 'false', d)}; then
        install -D -m 0644 ${S}/init/latchd.service ${D}${systemd_system_unitdir}/latchd.service
    fi
}

# Without systemd the image's inittab gets the line of init/inittab. It stands in busybox-inittab or
# sysvinit-inittab, which the product's layer has a bbappend for anyhow, to take its gettys out.

SUMMARY = "Latchkey agent: the lock of a module's console"
DESCRIPTION = "Opens the console of this module on a signed token of the vendor's server, and for nothing else"
# After 6.0 a LicenseRef of the vendor's own takes its place.
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

# Where the release unpacks: 5.1 and later into UNPACKDIR, earlier ones into WORKDIR.
LATCHKEY_UNPACKED = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}"
S = "${LATCHKEY_UNPACKED}/agent"

# 2.28 or 3.6, of meta-networking.
DEPENDS = "mbedtls"

inherit systemd
SYSTEMD_SERVICE:${PN} = "latchd.service"

do_compile() {
    oe_runmake all
}

do_install() {
    install -D -m 0644 ${LATCHKEY_UNPACKED}/latchd.conf ${D}${sysconfdir}/latchd.conf
    for file in backdoors.conf root-a.json root-b.json; do
        install -D -m 0644 ${LATCHKEY_UNPACKED}/$file ${D}${sysconfdir}/latchd/$file
    done
    oe_runmake install DESTDIR=${D} PREFIX=${prefix} UNITDIR=${systemd_system_unitdir} \
        INIT=${@bb.utils.contains('DISTRO_FEATURES', 'systemd', 'systemd', '', d)}
}

# Without systemd the image's inittab gets the line of init/inittab. It stands in busybox-inittab or
# sysvinit-inittab, which the product's layer has a bbappend for anyhow, to take its gettys out.

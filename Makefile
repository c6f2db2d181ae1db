# sotto: build. `make help` lists the targets.
#
# Everything is made under $(B). Each component is compiled with the include
# path of the layers below it and no other: that is what keeps includes one-way.

PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC = gcc
endif
PROTOC_C ?= protoc-c
JOBS ?= $(shell nproc)
TIME ?= 60

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS) --no-print-directory
endif

# Variants, each in a folder of its own: SANITIZE=1 finds memory errors, FUZZER=1
# (clang) is the same for libFuzzer, FAULTS=1 has the points of shared/fault.h.
SAN = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
ifdef SANITIZE
B ?= build/asan
CFLAGS ?= -O1 -g
VARIANT = $(SAN)
else ifdef FUZZER
B ?= build/fuzz
CC = clang
CFLAGS ?= -O1 -g
VARIANT = $(SAN) -fsanitize=fuzzer-no-link
else ifdef FAULTS
B ?= build/faults
VARIANT = -DSOTTO_FAULTS
endif
B ?= build
CFLAGS ?= -O2 -g

WARN = -Wall -Wextra -Wformat=2 -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wpointer-arith -Wundef -Wvla \
	-Wimplicit-fallthrough $(WERROR)
# The first that the compiler knows: clang before 16 takes pattern alone.
INIT := $(firstword $(foreach v,zero pattern,$(shell $(CC) -x c -fsyntax-only \
	-ftrivial-auto-var-init=$(v) /dev/null 2>/dev/null && \
	echo -ftrivial-auto-var-init=$(v))))
HARDEN ?= -fstack-protector-strong -fstack-clash-protection $(INIT) -fPIE \
	$(if $(SANITIZE)$(FUZZER),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
HARDEN_LD ?= -pie -Wl,-z,relro,-z,now
BASE = -std=c11 -D_GNU_SOURCE $(WARN) $(HARDEN) $(VARIANT) \
	-include shared/ban.h -MMD -MP

pkg_c = $(shell pkg-config --cflags $(1))
pkg_l = $(shell pkg-config --libs $(1))
say = @printf '  %-7s %s\n'

PKGS_shared = libsodium libprotobuf-c
PKGS_relay = libuv libwebsockets libssl libcrypto
PKGS_api = jansson libutf8proc
PKGS_agent = libuv libwebsockets jansson libsignal-protocol-c sqlcipher libssl libcrypto libutf8proc
PKGS_cli = jansson libqrencode libutf8proc
PKGS_tui = jansson ncursesw libutf8proc libqrencode

INC_shared = -iquote shared -iquote $(B)/shared/proto
INC_relay = $(INC_shared) -iquote relay
INC_api = $(INC_shared) -iquote client/api
INC_agent = $(INC_api) -iquote client/agent -iquote $(B)/client/proto
INC_cli = $(INC_api) -iquote client/cli
INC_tui = $(INC_api) -iquote client/tui

# What a program or test of a component is linked with: archives and libraries.
AR_shared = $(B)/libshared.a
AR_relay = $(B)/librelay.a $(AR_shared)
AR_api = $(B)/libapi.a $(AR_shared)
AR_agent = $(B)/libagent.a $(AR_api)
AR_cli = $(B)/libcli.a $(AR_api)
AR_tui = $(B)/libtui.a $(AR_api)
LIBS_shared = $(call pkg_l,$(PKGS_shared))
LIBS_relay = $(call pkg_l,$(PKGS_relay)) -linih -lrocksdb -lpthread $(LIBS_shared)
LIBS_api = $(call pkg_l,$(PKGS_api)) $(LIBS_shared)
# libsignal-protocol-c exports an old protobuf-c of its own, which crashes on
# proto3: the real one has to come first.
LIBS_agent = $(LIBS_shared) $(call pkg_l,$(PKGS_agent)) -linih
LIBS_cli = $(call pkg_l,$(PKGS_cli)) $(LIBS_shared)
LIBS_tui = $(call pkg_l,$(PKGS_tui)) $(LIBS_shared)
LIBS_cmocka = $(call pkg_l,cmocka)

DIR_shared = shared
DIR_relay = relay
DIR_api = client/api
DIR_agent = client/agent
DIR_cli = client/cli
DIR_tui = client/tui
COMPONENTS = shared relay api agent cli tui

PROGRAMS = sotto sotto-agent sotto-tui sotto-relay

.PHONY: all
all: $(PROGRAMS:%=$(B)/%)

# Protocol buffers.
PB_shared = $(patsubst %.proto,$(B)/%.pb-c.c,$(wildcard shared/proto/*.proto))
PB_agent = $(patsubst %.proto,$(B)/%.pb-c.c,$(wildcard client/proto/*.proto))
PB_H = $(PB_shared:.c=.h) $(PB_agent:.c=.h)
.SECONDARY:

$(B)/shared/proto/%.pb-c.c $(B)/shared/proto/%.pb-c.h: shared/proto/%.proto
	@mkdir -p $(@D)
	$(say) PROTO $<
	@$(PROTOC_C) -Ishared/proto --c_out=$(B)/shared/proto $<
$(B)/client/proto/%.pb-c.c $(B)/client/proto/%.pb-c.h: client/proto/%.proto
	@mkdir -p $(@D)
	$(say) PROTO $<
	@$(PROTOC_C) -Ishared/proto -Iclient/proto --c_out=$(B)/client/proto $<

# Another compiler or other flags compile everything again.
FLAGS = $(CC) $(filter-out -Werror%,$(BASE)) $(CFLAGS)
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(FLAGS)' | cmp -s - $@ || printf '%s\n' '$(FLAGS)' >$@
.PHONY: FORCE

compile = $(CC) $(BASE) $(CFLAGS) $(INC_$(1)) \
	$(call pkg_c,$(PKGS_shared) $(PKGS_$(1))) -c -o $@ $<
link = $(CC) $(CFLAGS) $(VARIANT) $(HARDEN_LD) $(LDFLAGS) -Wl,--as-needed \
	-o $@ $(filter %.o %.a,$^)

# One rule set for each component: objects, a library of all but main.c, and the
# unit tests (foo_test.c beside foo.c, with cmocka; test_foo.c is what they share).
define component
SHARED_$(1) = $$(wildcard $$(DIR_$(1))/test_*.c)
SRC_$(1) = $$(filter-out %_test.c $$(SHARED_$(1)),$$(wildcard $$(DIR_$(1))/*.c))
OBJ_$(1) = $$(patsubst %.c,$$(B)/%.o,$$(SRC_$(1))) $$(patsubst %.c,%.o,$$(PB_$(1)))
LIBOBJ_$(1) = $$(filter-out %/main.o,$$(OBJ_$(1)))
TEST_$(1) = $$(patsubst %.c,$$(B)/%,$$(wildcard $$(DIR_$(1))/*_test.c))
$$(B)/lib$(1).a: $$(LIBOBJ_$(1))
	@rm -f $$@
	@ar rcs $$@ $$^
$$(B)/$$(DIR_$(1))/%.o: $$(DIR_$(1))/%.c $$(B)/flags | $$(PB_H)
	@mkdir -p $$(@D)
	$$(say) CC $$<
	@$$(call compile,$(1))
$$(B)/lib$(1)_test.a: $$(patsubst %.c,$$(B)/%.o,$$(SHARED_$(1)))
	@rm -f $$@
	@ar rcs $$@ $$^
$$(B)/$$(DIR_$(1))/%_test: $$(B)/$$(DIR_$(1))/%_test.o $$(B)/lib$(1)_test.a $$(AR_$(1))
	$$(say) LINK $$@
	@$$(link) $$(LIBS_$(1)) $$(LIBS_cmocka)
endef
$(foreach c,$(COMPONENTS),$(eval $(call component,$(c))))

# Generated code is compiled without our warnings.
$(B)/%.pb-c.o: $(B)/%.pb-c.c $(PB_H) $(B)/flags
	@$(CC) -std=c11 $(HARDEN) $(VARIANT) $(CFLAGS) -MMD -MP \
		-I$(B)/shared/proto -I$(B)/client/proto -c -o $@ $<

define program
$$(B)/$(1): $$(B)/$$(DIR_$(2))/main.o $$(AR_$(2))
	$$(say) LINK $$@
	@$$(link) $$(LIBS_$(2))
endef
$(eval $(call program,sotto,cli))
$(eval $(call program,sotto-agent,agent))
$(eval $(call program,sotto-tui,tui))
$(eval $(call program,sotto-relay,relay))

# Tests that stand in tests/: those of storage engines, and libraries to preload.
TEST_store = $(patsubst %.c,$(B)/%,$(wildcard tests/store/*_test.c))
PRELOADS = $(B)/tests/power/powerfail.so
POWER = $(B)/tests/power/power_driver
$(B)/tests/store/%.o: tests/store/%.c $(B)/flags | $(PB_H)
	@mkdir -p $(@D)
	$(say) CC $<
	@$(call compile,relay)
$(B)/tests/store/%_test: $(B)/tests/store/%_test.o $(patsubst %.c,$(B)/%.o,\
		$(filter-out %_test.c,$(wildcard tests/store/*.c))) $(AR_relay)
	$(say) LINK $@
	@$(link) $(LIBS_relay) $(LIBS_cmocka)
$(PRELOADS): $(wildcard tests/power/powerfail*) $(B)/flags
	@mkdir -p $(@D)
	$(say) CC $@
	@$(CC) -std=c11 -D_GNU_SOURCE $(WARN) $(CFLAGS) -shared -fPIC -o $@ \
		$(filter %.c,$^) -ldl -lpthread
$(B)/tests/power/%.o: tests/power/%.c $(B)/flags | $(PB_H)
	@mkdir -p $(@D)
	$(say) CC $<
	@$(call compile,relay)
$(POWER): $(POWER).o $(B)/tests/power/check.o $(AR_relay)
	$(say) LINK $@
	@$(link) $(LIBS_relay)

# Fuzz targets: the first line of tests/fuzz/fuzz_NAME.c names the component that
# it is linked with. Under FUZZER they search; else they run their corpus once.
FUZZ_SRC = $(wildcard tests/fuzz/fuzz_*.c)
FUZZ = $(patsubst %.c,$(B)/%,$(FUZZ_SRC))
FUZZ_MAIN = $(if $(FUZZER),,$(B)/tests/fuzz/main.o)
define fuzz
$$(B)/tests/fuzz/$(1).o: tests/fuzz/$(1).c $$(B)/flags | $$(PB_H)
	@mkdir -p $$(@D)
	$$(say) CC $$<
	@$$(call compile,$(2))
$$(B)/tests/fuzz/$(1): $$(B)/tests/fuzz/$(1).o $$(FUZZ_MAIN) $$(AR_$(2))
	$$(say) LINK $$@
	@$$(link) $$(if $$(FUZZER),-fsanitize=fuzzer) $$(LIBS_$(2))
endef
component_of = $(or $(shell sed -n '1s/.*component: *\([a-z]*\).*/\1/p' $(1)),shared)
$(foreach f,$(FUZZ_SRC),$(eval $(call fuzz,$(basename $(notdir $(f))),$(call component_of,$(f)))))
$(B)/tests/fuzz/main.o: tests/fuzz/main.c $(B)/flags
	@mkdir -p $(@D)
	$(say) CC $<
	@$(call compile,shared)

# Measurements in C: a first line as that of a fuzz target. What tests/bench/load/
# holds is for those of the relay.
BENCH_SRC = $(wildcard tests/bench/*.c)
BENCH = $(patsubst %.c,$(B)/%,$(BENCH_SRC))
AR_load = $(B)/libload.a
$(AR_load): $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/load/*.c))
	@rm -f $@
	@ar rcs $@ $^
$(B)/tests/bench/load/%.o: tests/bench/load/%.c $(B)/flags | $(PB_H)
	@mkdir -p $(@D)
	$(say) CC $<
	@$(call compile,relay)
define bench
$$(B)/$(1).o: $(1).c $$(B)/flags | $$(PB_H)
	@mkdir -p $$(@D)
	$$(say) CC $$<
	@$$(call compile,$(2))
$$(B)/$(1): $$(B)/$(1).o $$(if $$(filter relay,$(2)),$$(AR_load)) $$(AR_$(2))
	$$(say) LINK $$@
	@$$(link) $$(LIBS_$(2)) -lm
endef
$(foreach f,$(BENCH_SRC),$(eval $(call bench,$(basename $(f)),$(call component_of,$(f)))))

.PHONY: tests fuzz-targets benches
benches: $(BENCH)
tests: $(foreach c,$(COMPONENTS),$(TEST_$(c))) $(TEST_store) $(PRELOADS) $(POWER)
fuzz-targets: $(FUZZ)

# What people call. The tests run also what others failed to build, and count it.
.PHONY: try check check-long check-13 bench fuzz check-build
try:
	@packaging/deps build try
	@+$(MAKE) all
	@packaging/try --build $(B)
check-build:
	@packaging/deps build test
	-@+$(MAKE) -k all tests
	-@+$(MAKE) -k B=$(B)/asan SANITIZE=1 tests fuzz-targets
	-@+$(MAKE) -k B=$(B)/faults FAULTS=1 all
check: check-build
	@tests/run --build $(B) --jobs $(JOBS)
check-long: check-build
	@packaging/deps build test long
	-@+$(MAKE) -k B=$(B)/fuzz FUZZER=1 fuzz-targets
	@tests/run --build $(B) --jobs $(JOBS) --long --fuzz-time $(TIME)
check-13:
	@packaging/deps long
	@tests/check-13 $(B)/debian13
bench:
	@packaging/deps build test
	@+$(MAKE) all benches
	@tests/run --build $(B) --bench
fuzz:
	@packaging/deps build test
	@+$(MAKE) B=$(B)/fuzz FUZZER=1 fuzz-targets
	@tests/run --build $(B) --jobs $(JOBS) --only fuzz --fuzz-time $(TIME)

BINDIR = $(DESTDIR)$(PREFIX)/bin
SBINDIR = $(DESTDIR)$(PREFIX)/sbin
LIBEXECDIR = $(DESTDIR)$(PREFIX)/libexec/sotto
MANDIR = $(DESTDIR)$(PREFIX)/share/man
MAN = $(wildcard man/*.[1-9])
man_path = $(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

.PHONY: install uninstall clean help
install: all
	install -d $(BINDIR) $(SBINDIR) $(LIBEXECDIR)
	install -m 755 $(B)/sotto $(BINDIR)
	install -m 755 $(B)/sotto-relay $(SBINDIR)
	install -m 755 $(B)/sotto-agent $(B)/sotto-tui $(LIBEXECDIR)
	$(foreach m,$(MAN),install -D -m 644 $(m) $(call man_path,$(m)) &&) :
uninstall:
	rm -f $(BINDIR)/sotto $(SBINDIR)/sotto-relay
	rm -f $(LIBEXECDIR)/sotto-agent $(LIBEXECDIR)/sotto-tui
	rm -f $(foreach m,$(MAN),$(call man_path,$(m)))

clean:
	rm -rf $(B)

help:
	@echo 'make              build everything under build/'
	@echo 'make try          install what is missing, build, open a conversation'
	@echo 'make check        install what is missing, build, run all tests'
	@echo 'make check-long   the same with more kills, 60 s a fuzz target, Debian 13'
	@echo 'make check-13     build and unit tests in a Debian 13 chroot (root)'
	@echo 'make bench        measure'
	@echo 'make fuzz TIME=60 each fuzz target for TIME seconds'
	@echo 'make install      PREFIX=/usr/local DESTDIR=; also make uninstall'
	@echo 'make clean        remove build/'
	@echo 'CC=clang, CFLAGS=, WERROR=-Werror; SANITIZE=1 and FAULTS=1 build in'
	@echo 'build/asan and build/faults'

-include $(wildcard $(addprefix $(B)/,shared/*.d shared/proto/*.d relay/*.d client/*/*.d tests/*/*.d tests/bench/load/*.d))

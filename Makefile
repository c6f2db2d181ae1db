# sotto: build. `make help` lists the targets.
#
# Everything is made under $(B). Each component is compiled with the include
# path of the layers below it and no other: that is what keeps includes one-way.

PREFIX ?= /usr/local
DESTDIR ?=
B ?= build
CC ?= gcc
CFLAGS ?= -O2 -g
PROTOC_C ?= protoc-c

WARN = -Wall -Wextra -Wformat=2 -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wpointer-arith -Wundef -Wvla \
	-Wimplicit-fallthrough $(WERROR)
HARDEN ?= -fstack-protector-strong -fstack-clash-protection \
	-D_FORTIFY_SOURCE=2 -fPIE
HARDEN_LD ?= -pie -Wl,-z,relro,-z,now
BASE = -std=c11 -D_GNU_SOURCE $(WARN) $(HARDEN) -include shared/ban.h -MMD -MP

pkg_c = $(shell pkg-config --cflags $(1))
pkg_l = $(shell pkg-config --libs $(1))

PKGS_shared = libsodium libprotobuf-c
PKGS_relay = libuv libwebsockets
PKGS_api = jansson libutf8proc
PKGS_agent = libuv libwebsockets jansson libsignal-protocol-c sqlcipher libcrypto libutf8proc
PKGS_cli = jansson libqrencode libutf8proc
PKGS_tui = jansson ncursesw libutf8proc libqrencode

LIBS_shared = $(call pkg_l,$(PKGS_shared))
LIBS_relay = $(call pkg_l,$(PKGS_relay)) -lrocksdb -lpthread
LIBS_api = $(call pkg_l,$(PKGS_api))
LIBS_agent = $(call pkg_l,$(PKGS_agent)) -linih
LIBS_cli = $(call pkg_l,$(PKGS_cli))
LIBS_tui = $(call pkg_l,$(PKGS_tui))

INC_shared = -Ishared -I$(B)/shared/proto
INC_relay = $(INC_shared) -Irelay
INC_api = $(INC_shared) -Iclient/api
INC_agent = $(INC_api) -Iclient/agent -I$(B)/client/proto
INC_cli = $(INC_api) -Iclient/cli
INC_tui = $(INC_api) -Iclient/tui

DIR_shared = shared
DIR_relay = relay
DIR_api = client/api
DIR_agent = client/agent
DIR_cli = client/cli
DIR_tui = client/tui
COMPONENTS = shared relay api agent cli tui

.PHONY: all
all: $(B)/sotto $(B)/sotto-agent $(B)/sotto-tui $(B)/sotto-relay

# Protocol buffers.
PB_shared = $(patsubst %.proto,$(B)/%.pb-c.c,$(wildcard shared/proto/*.proto))
PB_agent = $(patsubst %.proto,$(B)/%.pb-c.c,$(wildcard client/proto/*.proto))
PB_H = $(PB_shared:.c=.h) $(PB_agent:.c=.h)
.SECONDARY: $(PB_shared) $(PB_agent)

$(B)/shared/proto/%.pb-c.c $(B)/shared/proto/%.pb-c.h: shared/proto/%.proto
	@mkdir -p $(@D)
	$(PROTOC_C) -Ishared/proto --c_out=$(B)/shared/proto $<
$(B)/client/proto/%.pb-c.c $(B)/client/proto/%.pb-c.h: client/proto/%.proto
	@mkdir -p $(@D)
	$(PROTOC_C) -Ishared/proto -Iclient/proto --c_out=$(B)/client/proto $<

# One rule set for each component: objects, and for all but programs a library.
define component
SRC_$(1) = $$(filter-out %_test.c,$$(wildcard $$(DIR_$(1))/*.c))
OBJ_$(1) = $$(patsubst %.c,$$(B)/%.o,$$(SRC_$(1))) $$(patsubst %.c,%.o,$$(PB_$(1)))
LIBOBJ_$(1) = $$(filter-out %/main.o,$$(OBJ_$(1)))
TEST_$(1) = $$(patsubst %.c,$$(B)/%,$$(wildcard $$(DIR_$(1))/*_test.c))
$$(B)/lib$(1).a: $$(LIBOBJ_$(1))
	@rm -f $$@
	ar rcs $$@ $$^
$$(B)/$$(DIR_$(1))/%.o: $$(DIR_$(1))/%.c | $$(PB_H)
	@mkdir -p $$(@D)
	$$(CC) $$(BASE) $$(CFLAGS) $$(INC_$(1)) $$(call pkg_c,$$(PKGS_shared) $$(PKGS_$(1))) -c -o $$@ $$<
endef
$(foreach c,$(COMPONENTS),$(eval $(call component,$(c))))

# Generated code is compiled without our warnings.
$(B)/%.pb-c.o: $(B)/%.pb-c.c $(PB_H)
	$(CC) -std=c11 $(HARDEN) $(CFLAGS) -MMD -MP -I$(B)/shared/proto -I$(B)/client/proto -c -o $@ $<

link = $(CC) $(CFLAGS) $(HARDEN_LD) $(LDFLAGS) -Wl,--as-needed -o $@ $(filter %.o %.a,$^)

$(B)/sotto-relay: $(B)/relay/main.o $(B)/librelay.a $(B)/libshared.a
	$(link) $(LIBS_relay) $(LIBS_shared)
$(B)/sotto-agent: $(B)/client/agent/main.o $(B)/libagent.a $(B)/libapi.a $(B)/libshared.a
	$(link) $(LIBS_agent) $(LIBS_shared)
$(B)/sotto: $(B)/client/cli/main.o $(B)/libcli.a $(B)/libapi.a $(B)/libshared.a
	$(link) $(LIBS_cli) $(LIBS_shared)
$(B)/sotto-tui: $(B)/client/tui/main.o $(B)/libtui.a $(B)/libapi.a $(B)/libshared.a
	$(link) $(LIBS_tui) $(LIBS_shared)

# Unit tests: foo_test.c beside foo.c, with cmocka.
TESTS = $(foreach c,$(COMPONENTS),$(TEST_$(c)))
LIBS_cmocka = $(call pkg_l,cmocka)
$(B)/shared/%_test: $(B)/shared/%_test.o $(B)/libshared.a
	$(link) $(LIBS_shared) $(LIBS_cmocka)
$(B)/relay/%_test: $(B)/relay/%_test.o $(B)/librelay.a $(B)/libshared.a
	$(link) $(LIBS_relay) $(LIBS_shared) $(LIBS_cmocka)
$(B)/client/api/%_test: $(B)/client/api/%_test.o $(B)/libapi.a $(B)/libshared.a
	$(link) $(LIBS_api) $(LIBS_shared) $(LIBS_cmocka)
$(B)/client/agent/%_test: $(B)/client/agent/%_test.o $(B)/libagent.a $(B)/libapi.a $(B)/libshared.a
	$(link) $(LIBS_agent) $(LIBS_shared) $(LIBS_cmocka)
$(B)/client/cli/%_test: $(B)/client/cli/%_test.o $(B)/libcli.a $(B)/libapi.a $(B)/libshared.a
	$(link) $(LIBS_cli) $(LIBS_shared) $(LIBS_cmocka)
$(B)/client/tui/%_test: $(B)/client/tui/%_test.o $(B)/libtui.a $(B)/libapi.a $(B)/libshared.a
	$(link) $(LIBS_tui) $(LIBS_shared) $(LIBS_cmocka)
.SECONDARY:

.PHONY: tests
tests: $(TESTS)

.PHONY: clean
clean:
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

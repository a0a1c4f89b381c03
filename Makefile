# SPDX-License-Identifier: MIT
# dcmfs: `make run` shows it, `make check` tests it, `make install` installs it.
#
#   SRC=DIR MNT=DIR   what `make run` mounts, and where
#   SAN=address,undefined | thread   a sanitizer build, beside the normal one
#   CC=clang          another compiler, beside the normal one
#   NOFUSE=1          without libfuse: --ls and --cat alone
#   WERROR=1          warnings are errors (CI)
#   V=1               show the commands

VERSION := $(shell sed -n 's/.*DCMFS_VERSION "\(.*\)"/\1/p' include/main/version.h)
PREFIX ?= /usr/local
DESTDIR ?=

comma := ,
empty :=
space := $(empty) $(empty)
BUILD ?= build$(if $(filter clang%,$(CC)),/clang)$(if $(SAN),/$(subst $(comma),-,$(SAN)))$(if $(NOFUSE),/nofuse)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)';)

# libfuse first: without it there is no mount, with NOFUSE=1 it is not asked for.
PKGS := zlib libopenjp2 libjpeg charls sqlite3
PKGS += $(if $(NOFUSE),,fuse3)
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wundef -Wvla -Wformat=2 -Wconversion $(if $(WERROR),-Werror)
OPT ?= $(if $(SAN),-O1 -g -fno-omit-frame-pointer,-O2 -g)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Iinclude $(if $(NOFUSE),-DDCMFS_NOFUSE)
# Each product and sum of geometry is rounded by itself, or its bytes differ from the reference's.
CFLAGS += -std=c11 $(OPT) $(WARN) -ffp-contract=off -pthread $(SANFLAGS)
LDFLAGS += -pthread $(SANFLAGS)
LIBS = $(PKG_LIBS) -lm

PROGRAM_DIRS := src/main src/cli $(if $(NOFUSE),,src/fuse)
LIB_SRC := $(filter-out src/main/% src/cli/% src/fuse/%,$(wildcard src/*/*.c))
PROGRAM_SRC := $(foreach d,$(PROGRAM_DIRS),$(wildcard $(d)/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
PROGRAM_OBJ := $(PROGRAM_SRC:%.c=$(BUILD)/%.o)

.PHONY: all
all: $(BUILD)/dcmfs

$(BUILD)/dcmfs: $(PROGRAM_OBJ) $(BUILD)/libdcmfs.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libdcmfs.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Loops over samples are worth vectorising.
$(BUILD)/src/volume/%.o $(BUILD)/src/codec/%.o: OPT := $(if $(SAN),-O1 -g -fno-omit-frame-pointer,-O3 -g)

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard $(BUILD)/*/*/*.d $(BUILD)/*/*/*/*.d)

# One test program a module: tests/unit/<layer>_<module>.c; T=name for one alone.
UNIT_SRC := $(wildcard tests/unit/$(if $(T),$(T),*).c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
SUPPORT_SRC := $(wildcard tests/support/*.c)
SUPPORT_OBJ := $(SUPPORT_SRC:%.c=$(BUILD)/%.o)

.PHONY: unit
unit: $(UNIT_BIN)
	$(Q)for t in $(UNIT_BIN); do echo "  TEST  $$t"; $$t --jobs=2 || exit 1; done

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(SUPPORT_OBJ) $(BUILD)/libdcmfs.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ -lcriterion $(LIBS)

$(BUILD)/tests/%.o: CPPFLAGS += -Itests
.PRECIOUS: $(BUILD)/tests/unit/%.o

.PHONY: check-layers
check-layers:
	$(Q)awk -f tests/support/layers.awk src/LAYERS $$(find src include -name '*.[ch]' | sort)

.PHONY: clean
clean:
	rm -rf build

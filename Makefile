# SPDX-License-Identifier: MIT
# dcmfs: `make run` shows it, `make check` tests it, `make install` installs it.
#
#   make run          mount what SRC names (or real files of a Debian package) at MNT
#   make check        everything that is tested; its last line is the sum
#   make bench        the figures of the README; BENCH=full for the large archives, DATA=DIR keeps
#                     what it reads
#   make soak         readers and changes side by side for SOAK_SECONDS (an hour)
#   make fuzz         each fuzz target for FUZZ_SECONDS
#   make tidy, make format-check, make clean
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
MNT ?= build/mnt
FUZZ_SECONDS ?= 60
# `make check` soaks for a short while, `make soak` for an hour.
soak: SOAK_SECONDS ?= 3600

comma := ,
SANDIR := $(subst $(comma),-,$(SAN))
BUILD ?= build$(if $(filter clang%,$(CC)),/clang)$(if $(SAN),/$(SANDIR))$(if $(NOFUSE),/nofuse)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)';)

# What Debian calls what is needed to build, to test, and to compare with.
BUILD_DEBS := gcc pkg-config libc6-dev zlib1g-dev libopenjp2-7-dev libjpeg62-turbo-dev nettle-dev \
	libsqlite3-dev libunistring-dev $(if $(NOFUSE),,fuse3 libfuse3-dev)
SHOW_DEBS := python3-pydicom libjxl-dev
CHECK_DEBS := libcriterion-dev libcharls-dev clang clang-tidy clang-format cppcheck shellcheck mandoc \
	rsync attr sqlite3 util-linux python3 python3-numpy python3-pydicom python3-nibabel python3-fuse dcmtk dcm2niix libgdcm-tools \
	libjpeg-turbo-progs libopenjp2-tools openjph-tools libjxl-tools medcon

PKGS := zlib libopenjp2 libjpeg sqlite3 nettle
PKGS += $(if $(NOFUSE),,fuse3)
# JPEG XL where its library is: by the name under which it is loaded when a frame needs it.
JXL := $(shell pkg-config --exists libjxl && \
	readelf -d "$$($(CC) -print-file-name=libjxl.so)" 2>/dev/null | sed -n 's/.*SONAME.*\[\(.*\)\].*/\1/p')
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) $(if $(JXL),libjxl) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wundef -Wvla -Wformat=2 -Wconversion $(if $(WERROR),-Werror)
OPT ?= $(if $(SAN),-O1 -g -fno-omit-frame-pointer,-O2 -g)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Iinclude $(if $(NOFUSE),-DDCMFS_NOFUSE) \
	$(if $(JXL),'-DDCMFS_JXL="$(JXL)"')
# Each product and sum of geometry is rounded by itself, or its bytes differ from the reference's.
CFLAGS += -std=c11 $(OPT) $(WARN) -ffp-contract=off -pthread $(SANFLAGS)
LDFLAGS += -pthread $(SANFLAGS)
# What tests and yardsticks compare ourselves with.
TEST_LIBS = $(shell pkg-config --libs charls $(if $(JXL),libjxl) 2>/dev/null)
# libunistring has no .pc file.
LIBS = $(PKG_LIBS) -lunistring -lm $(if $(JXL),-ldl)

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

# What is missing is installed, as root or with sudo; otherwise it is named.
.PHONY: deps deps-check run install
deps:
	$(Q)tests/support/deps.sh $(BUILD_DEBS) -- $(SHOW_DEBS)
deps-check:
	$(Q)tests/support/deps.sh $(BUILD_DEBS) libcriterion-dev -- $(CHECK_DEBS)

run: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/support/demo.sh $(BUILD)/dcmfs '$(MNT)' '$(SRC)'

install: all
	install -D -m 755 $(BUILD)/dcmfs $(DESTDIR)$(PREFIX)/bin/dcmfs
	install -D -m 644 man/dcmfs.1 $(DESTDIR)$(PREFIX)/share/man/man1/dcmfs.1

# One test program a module: tests/unit/<layer>_<module>.c; T=name for one alone. Criterion and
# ThreadSanitizer cannot live in one process: that build has a small stand-in for it.
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/$(if $(T),$(T),*).c))
SUPPORT_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
TSAN := $(filter thread,$(SAN))
$(BUILD)/tests/%.o: CPPFLAGS += -Itests $(if $(TSAN),-Itests/support/tsan)

# The program without its main(), for the tests of main/ and cli/.
$(BUILD)/libprogram.a: $(filter-out %/main.o,$(PROGRAM_OBJ))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(SUPPORT_OBJ) $(BUILD)/libprogram.a $(BUILD)/libdcmfs.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ $(if $(TSAN),,-lcriterion) $(TEST_LIBS) $(LIBS)

# A fuzz target is linked with libFuzzer, or with a main that replays files.
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
LIBFUZZER := $(findstring fuzzer,$(SAN))

$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(if $(LIBFUZZER),,$(BUILD)/tests/fuzz/standalone.o) \
		$(SUPPORT_OBJ) $(BUILD)/libdcmfs.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) $(if $(LIBFUZZER),-fsanitize=fuzzer) -o $@ $^ $(LIBS)
.SECONDARY:

# Each of these ends with `N passed, N failed`; `make check` runs them all and adds up.
export DCMFS := $(abspath $(BUILD)/dcmfs)
# ThreadSanitizer wants the addresses of old kernels.
RUN_TESTS := $(if $(TSAN),$(shell setarch -R true 2>/dev/null && echo setarch -R)) tests/support/runtests.sh

.PHONY: check unit replay mount real docs check-layers
check: deps-check
	$(Q)MAKE='$(MAKE)' tests/support/check.sh
unit: $(UNIT_BIN)
	$(Q)ARGS=--jobs=2 $(RUN_TESTS) $(UNIT_BIN)
replay: $(FUZZ_BIN)
	$(Q)ARGS='-m 50 tests/data' $(RUN_TESTS) $(FUZZ_BIN)
mount: all
	$(Q)$(RUN_TESTS) $(wildcard tests/mount/*.sh tests/mount/*.py)
real: all
	$(Q)$(RUN_TESTS) $(wildcard tests/real/*.sh tests/real/*.py)
docs: all
	$(Q)$(RUN_TESTS) tests/support/docs.sh
check-layers:
	$(Q)awk -f tests/support/layers.awk src/LAYERS $$(find src include -name '*.[ch]' | sort)

.PHONY: soak fuzz bench tidy format-check clean
soak: all
	$(Q)SOAK_SECONDS=$(SOAK_SECONDS) tests/mount/soak.py
fuzz:
	$(Q)$(MAKE) --no-print-directory CC=clang SAN=fuzzer-no-link,address,undefined BUILD=build/libfuzzer fuzz-run
fuzz-run: $(FUZZ_BIN)
	$(Q)tests/support/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_BIN)

BENCH_BIN := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(SUPPORT_OBJ) $(BUILD)/libdcmfs.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)
bench: deps-check
	$(Q)$(MAKE) --no-print-directory all $(BENCH_BIN)
	$(Q)tests/bench/bench.py --build $(BUILD) $(if $(BENCH),--size $(BENCH)) $(if $(DATA),--data '$(DATA)') $(if $(ROWS),--rows $(ROWS))

tidy:
	$(Q)cppcheck --std=c11 -q -j 2 --enable=warning,performance,portability --error-exitcode=1 \
		$(addprefix --suppress=,uninitvar invalidPointerCast negativeIndex shiftTooManyBitsSigned) $(CPPFLAGS) src
	$(Q)printf '%s\n' $(wildcard src/*/*.c) | xargs -P 2 -I{} clang-tidy --quiet {} -- \
		-std=c11 $(CPPFLAGS) $(PKG_CFLAGS)
format-check:
	$(Q)clang-format --dry-run $(wildcard src/*/*.c include/*/*.h tests/*/*.c)
clean:
	rm -rf build

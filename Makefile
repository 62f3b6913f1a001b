# socksify: `make help` lists the targets; `make V=1` shows the commands.

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR    ?=
BINDIR      = $(PREFIX)/bin
LIBDIR      = $(PREFIX)/lib
MANDIR      = $(PREFIX)/share/man
# Where shells look for completions; zsh in other places, too.
BASHDIR     = $(PREFIX)/share/bash-completion/completions
ZSHDIR      = $(PREFIX)/share/zsh/site-functions
FISHDIR     = $(PREFIX)/share/fish/vendor_completions.d

BUILD   ?= build
CC      ?= cc
CC32    ?= $(CC) -m32
CFLAGS  ?= -O2 -g
CLANG   ?= clang
VERSION := 0.1.0

# What loaders put in place of $LIB: Debian's and its kin's, then others'.
LIB_NAMES   ?= lib/x86_64-linux-gnu lib64 lib
LIB32_NAMES ?= lib/i386-linux-gnu lib32

# User flags come last, so that they win. Fortification asks for an optimizing compiler; it is not for
# tests, in which poll is to be poll, and not where a function is defined that it makes an inline one.
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wwrite-strings -Wvla -Wformat=2 -Wundef
IS_FORTIFIED = $(and $(filter-out -O0,$(filter -O%,$(CFLAGS))), \
                     $(filter-out tests/% $(addprefix preload/,messages.c poll.c transfer.c),$<), \
                     $(if $(findstring _FORTIFY_SOURCE,$(CFLAGS)),,yes))
HARDENING  = -fstack-protector-strong \
             $(if $(IS_FORTIFIED),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
# In 32 bits, for files with large inode numbers; these have the functions of both sizes.
LARGE_FILES = $(if $(filter-out tests/% $(addprefix preload/,dup.c syscall.c time64.c transfer.c),$<),\
                   -D_FILE_OFFSET_BITS=64)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. $(WARNINGS) -MMD -MP '-ffile-prefix-map=$(CURDIR)=.' \
             $(HARDENING) $(LARGE_FILES) \
             -DVERSION='"$(VERSION)"' -DSYSCONFDIR='"$(SYSCONFDIR)"' -DLIBDIR='"$(LIBDIR)"' \
             -DBINDIR='"$(BINDIR)"' $(CFLAGS)
SANITIZERS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
             -U_FORTIFY_SOURCE

LIBRARY   = $(BUILD)/libsocksify.so
LIBRARY32 = $(BUILD)/lib32/libsocksify.so
WRAPPER   = $(BUILD)/socksify
EXPORTS   = preload/exports.map
SUPPORT   = tests/support

# The library has its own core/sys.c: preload/real.c.
LIBRARY_SOURCES = $(sort $(filter-out core/sys.c,$(wildcard core/*.c)) $(wildcard preload/*.c))
LIBRARY_OBJECTS = $(LIBRARY_SOURCES:%.c=$(BUILD)/pic/%.o)
LIBRARY32_OBJECTS = $(LIBRARY_SOURCES:%.c=$(BUILD)/pic32/%.o)
WRAPPER_OBJECTS = $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard core/*.c cli/*.c cli/*/*.c)))
UNIT_CORE       = $(patsubst %.c,$(BUILD)/san/%.o,$(wildcard core/*.c))
UNIT_CLI        = $(patsubst %.c,$(BUILD)/san/%.o,$(filter-out cli/main.c,$(wildcard cli/*.c cli/*/*.c)))
UNIT_TESTS      = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZERS         = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%, \
                               $(filter-out %/replay.c,$(wildcard tests/fuzz/*.c)))
PROBES          = $(patsubst $(SUPPORT)/%.c,$(BUILD)/support/%,$(wildcard $(SUPPORT)/*.c)) \
                  $(addprefix $(BUILD)/support/,$(UNREACHED)) $(BUILD)/bench/proxy
# Probes that no preloaded library reaches: static, of another libc, of 32 bits, in Go.
UNREACHED       = $(addprefix static/,probe-async-life probe-async-outcome probe-async-wait \
                    probe-calls probe-connect probe-datagram probe-dns probe-fetch probe-hostile \
                    probe-local probe-loopback probe-many probe-race probe-raw probe-tasks) \
                  musl/probe-fetch musl-static/probe-fetch go/probe-go \
                  $(addprefix m32/,probe-fetch probe-local probe-raw probe-tasks)
BENCHES         = $(BUILD)/bench/empty.so \
                  $(patsubst tests/%.c,$(BUILD)/%,$(filter-out %/empty.c,$(wildcard tests/bench/*.c))) \
                  $(addprefix $(BUILD)/bench/static/,calls connects download nothing) \
                  $(addprefix $(BUILD)/support/,probe-forbid static/probe-many go/probe-go)
MANUALS         = $(wildcard cli/*.1 conf/*.5 preload/*.7)
# What `socksify --shell` has shells read, as the wrapper looks for it beside itself and in LIBDIR.
MARKS           = $(addprefix shell/,mark.bash mark.fish mark.sh zsh/.zshenv)

# Once asked for, the 32-bit library is built and installed with all else.
WITH_LIB32      = $(if $(or $(wildcard $(LIBRARY32)),$(filter lib32,$(MAKECMDGOALS))),lib32)
# LD_PRELOAD says $LIB: beside the two libraries in a directory, links to them by all names.
link_libraries  = cd $(1) && mkdir -p $(LIB_NAMES) $(LIB32_NAMES) && \
    for name in $(LIB_NAMES); do \
        ln -sf $$(echo $$name | sed 's|[^/]*|..|g')/libsocksify.so $$name/ || exit; \
    done && \
    for name in $(filter-out lib32,$(LIB32_NAMES)); do \
        ln -sf $$(echo $$name | sed 's|[^/]*|..|g')/lib32/libsocksify.so $$name/ || exit; \
    done

ifeq ($(V),1)
  Q =
  say = @:
else
  Q = @
  MAKEFLAGS += --no-print-directory
  say = @printf '  %-7s %s\n'
endif
# For targets that first install packages and then build: on all processors unless told otherwise.
PARALLEL = $(MAKE) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

all: $(LIBRARY) $(WRAPPER) $(WITH_LIB32) $(MARKS:%=$(BUILD)/%) ## build the library and the wrapper (the default)

library: $(LIBRARY) ## build the library alone (CC=musl-gcc: for programs of musl)

lib32: $(LIBRARY) $(LIBRARY32) ## build the library for 32-bit programs, too (needs gcc-multilib)
	$(Q)$(call link_libraries,$(BUILD))

.PHONY: library lib32 deb
deb: ## build a Debian package, with both libraries
	@$(SUPPORT)/install-packages build deb
	@MAKE='$(PARALLEL)' conf/debian/build $(BUILD)

demo: ## see a program fetch a page through a proxy that is asked for the page's name
	@$(SUPPORT)/install-packages build demo
	$(Q)$(PARALLEL) all $(BUILD)/support/scripted-server
	@$(SUPPORT)/demo $(BUILD)

check: ## build and run all tests: unit, e2e, each fuzzer for a moment, and what `threads` does
	@$(SUPPORT)/install-packages build unit fuzz e2e sanitize
	$(Q)$(PARALLEL) all $(UNIT_TESTS) $(FUZZERS) $(PROBES) $(BUILD)/debian.tgz
	@tests/sanitize/build $(BUILD) threads
	@$(SUPPORT)/run-tests $(BUILD) e2e san unit fuzz

unit: ## run the unit tests of core, under address and undefined-behaviour sanitizers
	@$(SUPPORT)/install-packages build unit
	$(Q)$(PARALLEL) $(UNIT_TESTS)
	@$(SUPPORT)/run-tests $(BUILD) unit

e2e: ## run real programs through real proxies, in network namespaces (needs root or sudo)
	@$(SUPPORT)/install-packages build e2e
	$(Q)$(PARALLEL) all $(PROBES) $(BUILD)/debian.tgz
	@$(SUPPORT)/run-tests $(BUILD) e2e

soak: ## the e2e test of many connections, with ten times as many and more
	@$(SUPPORT)/install-packages build e2e
	$(Q)$(PARALLEL) all $(BUILD)/support/probe-soak
	@$(SUPPORT)/isolated env BUILD=$(abspath $(BUILD)) SOAK_HELD=10000 SOAK_MADE=100000 \
	    bats tests/e2e/soak.bats

fuzz: ## look for input that breaks those who read it, for FUZZ_SECONDS (60) in each harness
	@$(SUPPORT)/install-packages build fuzz
	$(Q)$(PARALLEL) $(FUZZERS)
	@FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) $(SUPPORT)/run-tests $(BUILD) fuzz

coverage: ## which lines of core the unit tests and the fuzzers' seeds run
	@$(SUPPORT)/install-packages build unit
	@$(SUPPORT)/coverage $(BUILD)

threads: ## many threads that connect at once, under ThreadSanitizer and in valgrind
	@$(SUPPORT)/install-packages build e2e sanitize
	$(Q)$(PARALLEL) all $(BUILD)/support/probe-threads $(BUILD)/support/scripted-server
	@tests/sanitize/build $(BUILD) threads
	@$(SUPPORT)/run-tests $(BUILD) san

sanitize: threads ## these, and unit and e2e tests under ThreadSanitizer and AddressSanitizer
	@$(SUPPORT)/install-packages unit
	$(Q)$(PARALLEL) all $(PROBES)
	@tests/sanitize/build $(BUILD) units addresses
	@$(SUPPORT)/run-tests $(BUILD) tsan asan

bench: ## measure, beside the other socksifiers that are installed
	@$(SUPPORT)/install-packages build bench
	$(Q)$(PARALLEL) all $(BENCHES)
	@tests/bench/run $(BUILD) $(TOPICS)

lint: ## formatting, warnings of two compilers, clang-tidy, layers, scripts, manuals
	@$(SUPPORT)/install-packages build unit lint
	@WARNINGS='$(WARNINGS)' $(SUPPORT)/lint $(BUILD)

install: all ## install under PREFIX and SYSCONFDIR; an existing configuration is kept
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/socksify $(DESTDIR)$(SYSCONFDIR)
	install -m 755 $(WRAPPER) $(DESTDIR)$(BINDIR)/socksify
	install -m 644 $(LIBRARY) $(DESTDIR)$(LIBDIR)/socksify/libsocksify.so
	$(if $(WITH_LIB32),install -D -m 644 $(LIBRARY32) $(DESTDIR)$(LIBDIR)/socksify/lib32/libsocksify.so)
	$(if $(WITH_LIB32),$(call link_libraries,$(DESTDIR)$(LIBDIR)/socksify))
	for page in $(MANUALS); do \
	    install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; \
	done
	for mark in $(MARKS); do \
	    install -D -m 644 $(BUILD)/$$mark $(DESTDIR)$(LIBDIR)/socksify/$$mark || exit; \
	done
	install -D -m 644 cli/shell/complete.bash $(DESTDIR)$(BASHDIR)/socksify
	install -D -m 644 cli/shell/complete.zsh $(DESTDIR)$(ZSHDIR)/_socksify
	install -D -m 644 cli/shell/complete.fish $(DESTDIR)$(FISHDIR)/socksify.fish
	test -e $(DESTDIR)$(SYSCONFDIR)/socksify.conf || \
	    install -m 644 conf/socksify.conf $(DESTDIR)$(SYSCONFDIR)/socksify.conf

uninstall: ## remove what install put there; an edited configuration stays
	rm -f $(DESTDIR)$(BINDIR)/socksify
	rm -rf $(DESTDIR)$(LIBDIR)/socksify
	for page in $(MANUALS); do \
	    rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; \
	done
	rm -f $(DESTDIR)$(BASHDIR)/socksify $(DESTDIR)$(ZSHDIR)/_socksify \
	    $(DESTDIR)$(FISHDIR)/socksify.fish
	! cmp -s conf/socksify.conf $(DESTDIR)$(SYSCONFDIR)/socksify.conf || \
	    rm -f $(DESTDIR)$(SYSCONFDIR)/socksify.conf

clean: ## remove the build directory
	rm -rf $(BUILD)

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo 'Variables: PREFIX SYSCONFDIR DESTDIR ZSHDIR CC CC32 CFLAGS HARDENING LDFLAGS BUILD V=1'

# Without -z now, which binds all that it calls, used or not: to the 38,000 instructions that the
# library adds to the start of each program it adds 63,000, to its 39 us three and a half; and the
# table of real functions stays writable anyway. LDFLAGS=-Wl,-z,now has it, and the Debian package.
$(LIBRARY): $(LIBRARY_OBJECTS)
$(LIBRARY32): $(LIBRARY32_OBJECTS)
$(LIBRARY32): CC := $(CC32)
$(LIBRARY) $(LIBRARY32): $(EXPORTS)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -shared -o $@ $(filter %.o,$^) -Wl,--version-script=$(EXPORTS) \
	    -Wl,-soname,libsocksify.so -Wl,-z,defs -Wl,-z,relro -Wl,-O1 -Wl,--as-needed $(LDFLAGS) -ldl

$(WRAPPER): $(WRAPPER_OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -o $@ $(WRAPPER_OBJECTS) -Wl,-z,relro -Wl,-z,now -Wl,-O1 -Wl,--as-needed \
	    $(LDFLAGS)

$(BUILD)/shell/mark.%: cli/shell/mark.%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(BUILD)/shell/zsh/.zshenv: cli/shell/mark.zsh
	@mkdir -p $(@D)
	$(Q)cp $< $@

# Compiled-in paths: the objects are made again when PREFIX or SYSCONFDIR change.
PATHS = $(VERSION) $(SYSCONFDIR) $(BINDIR) $(LIBDIR)
$(BUILD)/paths: FORCE
	@mkdir -p $(@D)
	@echo '$(PATHS)' | cmp -s - $@ || echo '$(PATHS)' > $@

define compile_for_library
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -fPIC -fvisibility=hidden -ftls-model=initial-exec -c -o $@ $<
endef
$(BUILD)/pic/%.o: %.c $(BUILD)/paths
	$(compile_for_library)
$(BUILD)/pic32/%.o: %.c $(BUILD)/paths
	$(compile_for_library)

$(BUILD)/obj/%.o: %.c $(BUILD)/paths
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/san/%.o: %.c $(BUILD)/paths
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SANITIZERS) -c -o $@ $<

$(BUILD)/clang/%.o: %.c $(BUILD)/paths
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CLANG) $(ALL_CFLAGS) -O1 $(SANITIZERS) -fsanitize=fuzzer-no-link -c -o $@ $<

# A test of core links core alone; one of the wrapper's modules, the wrapper without its main.
$(addprefix $(BUILD)/unit/test_,$(notdir $(basename $(wildcard cli/*.c cli/*/*.c)))): $(UNIT_CLI)

$(BUILD)/unit/%: $(BUILD)/san/tests/unit/%.o $(UNIT_CORE)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(SANITIZERS) -o $@ $^ $(LDFLAGS) -lcheck -lsubunit -lm -lrt -lpthread

# An archive, for a harness may include the module that it is about.
$(BUILD)/%/core.a: $(foreach source,$(wildcard core/*.c),$(BUILD)/%/$(source:.c=.o))
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The same harnesses with a fuzzer, and with a main that replays files.
$(BUILD)/fuzz/%: $(BUILD)/clang/tests/fuzz/%.o $(BUILD)/clang/core.a
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CLANG) $(SANITIZERS) -fsanitize=fuzzer -o $@ $^ $(LDFLAGS)

$(BUILD)/replay/%: $(BUILD)/san/tests/fuzz/%.o $(BUILD)/san/tests/fuzz/replay.o $(BUILD)/san/core.a
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(SANITIZERS) -o $@ $^ $(LDFLAGS)

$(BUILD)/support/%: $(BUILD)/obj/$(SUPPORT)/%.o
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -o $@ $< $(LDFLAGS)

# getaddrinfo(3) draws a warning here: it wants this very libc when it runs, and has it.
$(BUILD)/support/static/%: $(BUILD)/obj/$(SUPPORT)/%.o
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -static -o $@ $< -Wl,--no-warnings $(LDFLAGS)

$(BUILD)/support/m32/%: $(SUPPORT)/%.c
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) -m32 -static $(ALL_CFLAGS) -o $@ $< -Wl,--no-warnings $(LDFLAGS)

$(BUILD)/support/musl/%: $(SUPPORT)/%.c
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)musl-gcc $(ALL_CFLAGS) -o $@ $<

$(BUILD)/support/musl-static/%: $(SUPPORT)/%.c
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)musl-gcc -static $(ALL_CFLAGS) -o $@ $<

$(BUILD)/support/go/%: $(SUPPORT)/%.go
	@mkdir -p $(@D)
	$(say) GO $@
	$(Q)CGO_ENABLED=0 GO111MODULE=off GOCACHE=$(abspath $(BUILD))/go-cache go build -o $@ $<

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -o $@ $< $(LDFLAGS) -lpthread

$(BUILD)/bench/static/%: $(BUILD)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -static -o $@ $< -Wl,--no-warnings $(LDFLAGS)

$(BUILD)/bench/%.so: $(BUILD)/pic/tests/bench/%.o
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -shared -o $@ $< $(LDFLAGS)

# What the tests of the Debian package unpack.
$(BUILD)/debian.tgz:
	@mkdir -p $(@D)
	$(say) FETCH $@
	$(Q)$(SUPPORT)/fetch-debian $@

FORCE:
.PHONY: all demo check unit e2e soak fuzz coverage threads sanitize bench lint install uninstall clean help FORCE
.SECONDARY:
-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)

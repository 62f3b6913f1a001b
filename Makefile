# socksify: `make help` lists the targets; `make V=1` shows the commands.

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR    ?=
BINDIR      = $(PREFIX)/bin
LIBDIR      = $(PREFIX)/lib
MANDIR      = $(PREFIX)/share/man

BUILD   ?= build
CC      ?= cc
CFLAGS  ?= -O2 -g
VERSION := 0.1.0

# User flags come last, so that they win.
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wwrite-strings -Wvla -Wformat=2 -Wundef
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. $(WARNINGS) -MMD -MP \
             -DVERSION='"$(VERSION)"' -DSYSCONFDIR='"$(SYSCONFDIR)"' -DLIBDIR='"$(LIBDIR)"' $(CFLAGS)
SANITIZERS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

LIBRARY = $(BUILD)/libsocksify.so
WRAPPER = $(BUILD)/socksify
SUPPORT = tests/support

# The library has its own core/sys.c: preload/real.c.
LIBRARY_OBJECTS = $(patsubst %.c,$(BUILD)/pic/%.o,$(filter-out core/sys.c,$(wildcard core/*.c)) \
                                                  $(wildcard preload/*.c))
WRAPPER_OBJECTS = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard core/*.c cli/*.c))
UNIT_CORE       = $(patsubst %.c,$(BUILD)/san/%.o,$(wildcard core/*.c))
UNIT_CLI        = $(patsubst %.c,$(BUILD)/san/%.o,$(filter-out cli/main.c,$(wildcard cli/*.c)))
UNIT_TESTS      = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
PROBES          = $(patsubst $(SUPPORT)/%.c,$(BUILD)/support/%,$(wildcard $(SUPPORT)/*.c))
BENCHES         = $(BUILD)/bench/empty.so \
                  $(patsubst tests/%.c,$(BUILD)/%,$(filter-out %/empty.c,$(wildcard tests/bench/*.c)))
MANUALS         = $(wildcard cli/*.1 conf/*.5 preload/*.7)

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

all: $(LIBRARY) $(WRAPPER) ## build the library and the wrapper (the default)

demo: ## see a program fetch a page through a proxy that is asked for the page's name
	@$(SUPPORT)/install-packages build demo
	$(Q)$(PARALLEL) all $(BUILD)/support/scripted-server
	@$(SUPPORT)/demo $(BUILD)

check: ## build and run all tests: unit and e2e
	@$(SUPPORT)/install-packages build unit e2e
	$(Q)$(PARALLEL) all $(UNIT_TESTS) $(PROBES)
	@$(SUPPORT)/run-tests $(BUILD) unit e2e

unit: ## run the unit tests of core, under address and undefined-behaviour sanitizers
	@$(SUPPORT)/install-packages build unit
	$(Q)$(PARALLEL) $(UNIT_TESTS)
	@$(SUPPORT)/run-tests $(BUILD) unit

e2e: ## run real programs through real proxies, in network namespaces (needs root or sudo)
	@$(SUPPORT)/install-packages build e2e
	$(Q)$(PARALLEL) all $(PROBES)
	@$(SUPPORT)/run-tests $(BUILD) e2e

bench: ## measure, beside the other socksifiers that are installed
	@$(SUPPORT)/install-packages build bench
	$(Q)$(PARALLEL) all $(BENCHES)
	@tests/bench/run $(BUILD) $(TOPICS)

lint: ## formatting, warnings of two compilers, clang-tidy, layers, scripts, manuals
	@$(SUPPORT)/install-packages build unit lint
	@$(SUPPORT)/lint $(BUILD)

install: all ## install under PREFIX and SYSCONFDIR; an existing configuration is kept
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/socksify $(DESTDIR)$(SYSCONFDIR)
	install -m 755 $(WRAPPER) $(DESTDIR)$(BINDIR)/socksify
	install -m 644 $(LIBRARY) $(DESTDIR)$(LIBDIR)/socksify/libsocksify.so
	for page in $(MANUALS); do \
	    install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; \
	done
	test -e $(DESTDIR)$(SYSCONFDIR)/socksify.conf || \
	    install -m 644 conf/socksify.conf $(DESTDIR)$(SYSCONFDIR)/socksify.conf

uninstall: ## remove what install put there; an edited configuration stays
	rm -f $(DESTDIR)$(BINDIR)/socksify $(DESTDIR)$(LIBDIR)/socksify/libsocksify.so
	-rmdir $(DESTDIR)$(LIBDIR)/socksify
	for page in $(MANUALS); do \
	    rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; \
	done
	! cmp -s conf/socksify.conf $(DESTDIR)$(SYSCONFDIR)/socksify.conf || \
	    rm -f $(DESTDIR)$(SYSCONFDIR)/socksify.conf

clean: ## remove the build directory
	rm -rf $(BUILD)

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo 'Variables: PREFIX SYSCONFDIR DESTDIR CC CFLAGS LDFLAGS BUILD V=1'

$(LIBRARY): $(LIBRARY_OBJECTS) preload/exports.map
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -shared -o $@ $(LIBRARY_OBJECTS) -Wl,--version-script=preload/exports.map \
	    -Wl,-soname,libsocksify.so -Wl,-z,defs -Wl,-z,relro -Wl,-O1 -Wl,--as-needed $(LDFLAGS) -ldl

$(WRAPPER): $(WRAPPER_OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -o $@ $(WRAPPER_OBJECTS) -Wl,-z,relro -Wl,-O1 -Wl,--as-needed $(LDFLAGS)

# Compiled-in paths: the objects are made again when PREFIX or SYSCONFDIR change.
PATHS = $(VERSION) $(SYSCONFDIR) $(LIBDIR)
$(BUILD)/paths: FORCE
	@mkdir -p $(@D)
	@echo '$(PATHS)' | cmp -s - $@ || echo '$(PATHS)' > $@

$(BUILD)/pic/%.o: %.c $(BUILD)/paths
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -fPIC -fvisibility=hidden -ftls-model=initial-exec -c -o $@ $<

$(BUILD)/obj/%.o: %.c $(BUILD)/paths
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/san/%.o: %.c $(BUILD)/paths
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SANITIZERS) -c -o $@ $<

# A test of core links core alone; one of the wrapper's modules, the wrapper without its main.
$(patsubst cli/%.c,$(BUILD)/unit/test_%,$(wildcard cli/*.c)): $(UNIT_CLI)

$(BUILD)/unit/%: $(BUILD)/san/tests/unit/%.o $(UNIT_CORE)
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(SANITIZERS) -o $@ $^ $(LDFLAGS) -lcheck -lsubunit -lm -lrt -lpthread

$(BUILD)/support/%: $(BUILD)/obj/$(SUPPORT)/%.o
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -o $@ $< $(LDFLAGS)

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -o $@ $< $(LDFLAGS) -lpthread

$(BUILD)/bench/%.so: $(BUILD)/pic/tests/bench/%.o
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) -shared -o $@ $< $(LDFLAGS)

FORCE:
.PHONY: all demo check unit e2e bench lint install uninstall clean help FORCE
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

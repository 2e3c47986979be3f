# SPDX-License-Identifier: GPL-2.0
#
# tunnel: kernel module, daemon and tool. `make help` lists the targets.

# dkms.conf is the one place of the version.
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr
DESTDIR ?=
LAB_KERNELS := $(shell sed -n 's,^\t"\([^ ]*\) .*,\1,p' tests/vm/kernels.sh 2>/dev/null)
KERNEL ?= 6.12

B := build

# One short line per file; V=1 shows the commands.
say = $(if $(V),,@printf '  %-6s  %s\n' $1 $@;)

.PHONY: all
all: userspace $(if $(wildcard $(KDIR)/Makefile),modules,no-modules) ## user space, and the module when KDIR exists

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  KDIR=$(KDIR)  PREFIX=$(PREFIX)  DESTDIR=$(DESTDIR)  V=1 (commands)"
	@echo "  lab kernels: $(LAB_KERNELS)"

# ---- the kernel module ----------------------------------------------------

# Each kernel gets a tree of links to our sources, so that the objects of one
# do not disturb those of another. KERNELID names it.
KERNELID ?= $(or $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null),unknown)
KSRC = Kbuild dkms.conf $(shell find include kmod -name '*.[chS]' \
	! -name '*.mod.c' ! -name generated.h -o -name '*.sh')
# Its KUnit suites, for the debug kernels of the lab only.
KTEST = $(wildcard tests/kunit/*.[ch] tests/unit/kmod_*_test.c tests/unit/pure_test.h)

# Headers with BTF of the kernel ask for pahole; without it the build fails.
KFLAGS := $(if $(shell command -v pahole),,CONFIG_DEBUG_INFO_BTF_MODULES=)

.PHONY: modules
modules: ## the module for KDIR, into build/RELEASE/tunnel.ko
	@test -e "$(KDIR)/Makefile" || { echo "no kernel headers in $(KDIR); pass KDIR=..." >&2; exit 1; }
	@set -e; dir=$(B)/$(KERNELID); mkdir -p $$dir; \
	for f in $(KSRC) $(KTEST); do \
		[ "$$dir/$$f" -ef "$$f" ] && continue; \
		mkdir -p "$$dir/$$(dirname $$f)"; ln -sfn "$(CURDIR)/$$f" "$$dir/$$f"; \
	done; \
	find $$dir -xtype l -delete
	+$(MAKE) -C $(KDIR) M=$(CURDIR)/$(B)/$(KERNELID) W=1 $(KFLAGS) modules

.PHONY: no-modules
no-modules:
	@echo "note: no kernel headers in $(KDIR), so no module is built (KDIR=... or make lab-modules)"

.PHONY: lab-modules
lab-modules: $(LAB_KERNELS:%=lab-module-%) ## the module for every kernel of the test lab, build/ID/tunnel.ko

# Warnings are errors where we know the compiler; LAB_KCFLAGS= to see them all.
LAB_KCFLAGS ?= -Werror
lab-module-%:
	+@kdir=$$(tests/vm/fetch.sh --kdir $*) && \
	tests/vm/suite.sh --run $* $(MAKE) --no-print-directory modules KERNELID=$* KDIR=$$kdir KCFLAGS="$(LAB_KCFLAGS)" \
		$(if $(filter %-debug,$*),TUNNEL_KUNIT=1)

# ---- user space -----------------------------------------------------------

CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
PACKAGES := libnl-genl-3.0 libevent_core libevent_extra libnghttp2 libfyaml libseccomp
override CPPFLAGS += -Iinclude/uapi -Iuserspace/lib -Iuserspace/policy -D_GNU_SOURCE -DTUNNEL_VERSION='"$(VERSION)"' \
	$(shell $(PKG_CONFIG) --cflags $(PACKAGES))
override CFLAGS += -std=gnu11 -Wall -Wextra -Werror
LDLIBS = -Wl,--as-needed $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lmbedtls -lmbedx509 -lmbedcrypto

LIB := $(wildcard userspace/lib/*.c)
POLICY := $(wildcard userspace/policy/*.c)
DAEMON := $(wildcard userspace/tunneld/*.c) $(POLICY)
TOOL := $(wildcard userspace/tunnelctl/*.c) userspace/preload/map.c \
	$(addprefix userspace/policy/,rules.c edge.c gate.c route.c http.c egress.c destination.c target.c)

# Libraries, where tunnelctl looks for the second: beside the folder it is in.
LIBTUNNEL := $(wildcard userspace/libtunnel/*.c)
PRELOAD := $(wildcard userspace/preload/*.c)
SONAME := libtunnel.so.0
LIBRARIES := $(B)/lib/$(SONAME) $(B)/lib/libtunnel.a
PRELOADED := $(B)/lib/tunnel/libtunnel-preload.so

.PHONY: userspace
userspace: $(B)/bin/tunnelctl $(B)/bin/tunneld $(LIBRARIES) $(PRELOADED) ## build/bin/tunnelctl, build/bin/tunneld, libraries in build/lib

$(B)/bin/tunnelctl: $(patsubst %.c,$(B)/obj/%.o,$(LIB) $(TOOL))
$(B)/bin/tunneld: $(patsubst %.c,$(B)/obj/%.o,$(LIB) $(DAEMON))
$(B)/bin/%:
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# They are loaded into programs that are not ours: nothing else comes with them.
$(B)/lib/$(SONAME): $(LIBTUNNEL:%.c=$(B)/pic/%.o)
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs -o $@ $^ && \
		ln -sf $(SONAME) $(@D)/libtunnel.so

$(B)/lib/libtunnel.a: $(LIBTUNNEL:%.c=$(B)/pic/%.o)
	@mkdir -p $(@D)
	$(call say,AR)rm -f $@ && $(AR) rcs $@ $^

$(PRELOADED): $(PRELOAD:%.c=$(B)/pic/%.o) $(B)/lib/libtunnel.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,defs,-z,now -Wl,--exclude-libs,ALL -o $@ $^

$(B)/pic/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

# ---- programs of the network tests ----------------------------------------

.PHONY: test-tools
test-tools: $(addprefix $(B)/bin/,traffic cost strain in_ns) ## build/bin/traffic, cost, strain, in_ns: programs that the tests run

$(B)/bin/traffic: tests/net/traffic.c
$(B)/bin/cost: tests/net/cost.c
$(B)/bin/strain: tests/debug/strain.c
$(B)/bin/traffic $(B)/bin/strain: tests/net/where.h
$(B)/bin/traffic $(B)/bin/cost $(B)/bin/strain: tests/net/pattern.h include/uapi/linux/tunnel.h
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -Iinclude/uapi $(CFLAGS) -pthread -o $@ $(filter %.c,$^)
$(B)/bin/in_ns: tests/net/in_ns.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CFLAGS) -static -o $@ $^

# ---- unit tests -----------------------------------------------------------

# A program per test, with the sources it is about, under the sanitizers.
#   userspace_*  userspace/lib
#   tunneld_*    userspace/lib and the daemon but its main.c
#   kmod_*       the pure kmod files named in the test: /* links: kmod/frame.c */
#   others       the files named in the same way, if any
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT := $(wildcard tests/unit/*_test.c)
UNIT_BINS := $(UNIT:tests/unit/%.c=$(B)/unit/%)

links_of = $(shell sed -n 's,^/\* links: \(.*\) \*/$$,\1,p' $1)
sources_of = $1 $(if $(filter userspace_% tunneld_%,$(notdir $1)),$(LIB)) \
	$(if $(filter tunneld_%,$(notdir $1)),$(filter-out %/main.c,$(DAEMON))) $(call links_of,$1)

.PHONY: unit
unit: ## build and run the unit tests
	+@tests/check.sh unit

.PHONY: unit-build
unit-build: $(UNIT_BINS)

define UNIT_RULE
$(B)/unit/$(basename $(notdir $1)): $(patsubst %.c,$(B)/san/%.o,$(call sources_of,$1))
endef
$(foreach t,$(UNIT),$(eval $(call UNIT_RULE,$t)))

$(UNIT_BINS):
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

# The kernel's own files see no user-space headers of ours, and the reverse.
$(B)/san/kmod/%.o $(B)/san/tests/unit/kmod_%.o: override CPPFLAGS = -Ikmod -Iinclude/uapi -D_GNU_SOURCE
$(B)/san/tests/unit/tunneld_%.o: override CPPFLAGS += -Iuserspace/tunneld

$(B)/san/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

# ---- fuzzing --------------------------------------------------------------

# A program per target, with the sources that it names: /* links: FILE... FOLDER/... */
FUZZCC ?= clang
FUZZ := $(wildcard tests/fuzz/*.c)
FUZZ_BINS := $(FUZZ:tests/fuzz/%.c=$(B)/fuzz/bin/%)
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

.PHONY: fuzz
fuzz: ## fuzz for long: SECONDS=600 each, TARGET=PATTERN; findings in build/fuzz
	+@tests/fuzz/run.sh long $(or $(SECONDS),600) '$(TARGET)'

.PHONY: fuzz-build
fuzz-build: $(FUZZ_BINS)

define FUZZ_RULE
$(B)/fuzz/bin/$(basename $(notdir $1)): $(patsubst %.c,$(B)/fuzz/obj/%.o,$1 $(foreach l,$(call links_of,$1),$(if $(filter %/,$l),$(wildcard $l*.c),$l)))
endef
$(foreach t,$(FUZZ),$(eval $(call FUZZ_RULE,$t)))

$(FUZZ_BINS):
	@mkdir -p $(@D)
	$(call say,LD)$(FUZZCC) $(CFLAGS) -fsanitize=fuzzer $(FUZZ_SANITIZE) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/fuzz/obj/kmod/%.o $(B)/fuzz/obj/tests/fuzz/kmod_%.o: override CPPFLAGS = -Ikmod -Iinclude/uapi -D_GNU_SOURCE
$(B)/fuzz/obj/tests/fuzz/%.o: override CPPFLAGS += -Iuserspace/tunnelctl -Iuserspace/tunneld
$(B)/fuzz/obj/userspace/tunnelctl/main.o: override CPPFLAGS += -Dmain=tunnelctl_main

$(B)/fuzz/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(FUZZCC) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer-no-link $(FUZZ_SANITIZE) -MMD -MP -c -o $@ $<

-include $(shell [ ! -d $(B) ] || find $(B)/obj $(B)/pic $(B)/san $(B)/fuzz/obj -name '*.d' 2>/dev/null)

# ---- installation ---------------------------------------------------------

SBIN := $(DESTDIR)$(PREFIX)/sbin
UNITDIR := $(DESTDIR)$(PREFIX)/lib/systemd/system
MANDIR := $(DESTDIR)$(PREFIX)/share/man
LIBDIR := $(DESTDIR)$(PREFIX)/lib
INCDIR := $(DESTDIR)$(PREFIX)/include
COMPDIR := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
DKMSDIR := $(DESTDIR)/usr/src/tunnel-$(VERSION)

SERVICES := $(wildcard userspace/*/*.service)
MANPAGES := $(wildcard docs/man/*.8)
# libtunnel.3, and a link to it for each function
LIBPAGES := $(wildcard docs/man/*.3)
UAPI := tunnel.h tunnel_netlink.h
# all that `install` puts below PREFIX for programs that use the sockets
LIBFILES := $(LIBDIR)/$(SONAME) $(LIBDIR)/libtunnel.so $(LIBDIR)/libtunnel.a \
	$(LIBDIR)/pkgconfig/libtunnel.pc $(LIBDIR)/tunnel/libtunnel-preload.so \
	$(INCDIR)/tunnel/tunnel.h $(addprefix $(INCDIR)/linux/,$(UAPI)) \
	$(addprefix $(MANDIR)/man3/,$(notdir $(LIBPAGES)))
COMPLETIONS := $(wildcard userspace/*/*.bash)

# tunneld is not to be read by the user that its worker becomes: so the kernel lets nobody
# trace that from its first instruction on (ptrace(2), "dumpable").
.PHONY: install
install: userspace ## install under DESTDIR, PREFIX=/usr; with DKMS=1 the module by dkms
	install -D -t $(SBIN) $(B)/bin/tunnelctl
	install -D -m 711 -t $(SBIN) $(B)/bin/tunneld
	$(foreach f,$(SERVICES),install -d $(UNITDIR) && sed 's,/usr/sbin/,$(PREFIX)/sbin/,' $f \
		>$(UNITDIR)/$(notdir $f) && chmod 644 $(UNITDIR)/$(notdir $f);)
	$(if $(MANPAGES),install -D -m 644 -t $(MANDIR)/man8 $(MANPAGES))
	install -D -m 644 -t $(MANDIR)/man3 $(LIBPAGES)
	install -D -m 644 -t $(LIBDIR) $(LIBRARIES) && ln -sf $(SONAME) $(LIBDIR)/libtunnel.so
	install -D -m 644 -t $(LIBDIR)/tunnel $(PRELOADED)
	install -D -m 644 -t $(INCDIR)/tunnel userspace/libtunnel/tunnel.h
	install -D -m 644 -t $(INCDIR)/linux $(UAPI:%=include/uapi/linux/%)
	install -d $(LIBDIR)/pkgconfig && sed 's,@PREFIX@,$(PREFIX),; s,@VERSION@,$(VERSION),' \
		userspace/libtunnel/libtunnel.pc.in >$(LIBDIR)/pkgconfig/libtunnel.pc
	@[ -n "$(DESTDIR)" ] || ldconfig
	$(foreach f,$(COMPLETIONS),install -D -m 644 $f $(COMPDIR)/$(basename $(notdir $f));)
	+@if [ "$(DKMS)" = 1 ]; then \
		$(MAKE) --no-print-directory dkms-install; \
	elif [ -e $(B)/$(KERNELID)/tunnel.ko ]; then \
		$(MAKE) -C $(KDIR) M=$(CURDIR)/$(B)/$(KERNELID) INSTALL_MOD_PATH=$(DESTDIR) \
			$(KFLAGS) modules_install && \
		echo "installed: tools, and the module for $(KERNELID)"; \
	else \
		echo "installed: tools; not the module (DKMS=1, or make modules KDIR=... first)"; \
	fi

.PHONY: uninstall
uninstall: ## undo install; a module of modules_install stays
	rm -f $(SBIN)/tunnelctl $(SBIN)/tunneld
	rm -f $(addprefix $(UNITDIR)/,$(notdir $(SERVICES))) $(addprefix $(MANDIR)/man8/,$(notdir $(MANPAGES)))
	rm -f $(LIBFILES)
	@rmdir $(LIBDIR)/tunnel $(INCDIR)/tunnel 2>/dev/null || true
	rm -f $(addprefix $(COMPDIR)/,$(basename $(notdir $(COMPLETIONS))))
	@if [ -d "$(DKMSDIR)" ]; then \
		[ -n "$(DESTDIR)" ] || dkms remove tunnel/$(VERSION) --all || true; \
		rm -rf "$(DKMSDIR)"; echo "removed: tools, and the module's dkms source"; \
	else \
		echo "removed: tools"; \
	fi

# What dkms needs is what `make modules` needs.
.PHONY: dkms-source
dkms-source:
	@test -n "$(VERSION)"
	@set -e; for f in Makefile $(KSRC); do install -D -m 644 "$$f" "$(DKMSDIR)/$$f"; done
	@echo "installed: $(DKMSDIR)"

.PHONY: dkms-install
dkms-install: dkms-source ## the module by dkms, for the running kernel and those to come
	@if [ -n "$(DESTDIR)" ]; then \
		echo "DESTDIR is set: run 'dkms install tunnel/$(VERSION)' on the target"; \
	else \
		dkms add $(DKMSFLAGS) tunnel/$(VERSION) 2>/dev/null || true; \
		dkms build --force $(DKMSFLAGS) tunnel/$(VERSION) && \
		dkms install --force $(DKMSFLAGS) tunnel/$(VERSION); \
	fi

# ---- try, test, tidy ------------------------------------------------------

.PHONY: demo
demo: ## two hosts and a tunnel, in a virtual machine (KERNEL=6.12)
	@tests/vm/deps.sh
	+@$(MAKE) --no-print-directory userspace test-tools lab-module-$(KERNEL)
	@tests/vm/run.sh -k $(KERNEL) tests/demo/demo.sh

.PHONY: check
check: ## everything that can be tested here; ends in "N passed, N failed"
	+@tests/check.sh

.PHONY: check-long
check-long: ## the same in long forms, each test on every kernel it is for: hours
	+@LONG=1 tests/check.sh

.PHONY: lint
lint: ## shellcheck, clang-format, cppcheck, checkpatch, sparse, clang on what we wrote
	@tests/vm/deps.sh lint
	+@tests/lint.sh

.PHONY: clean
clean: ## remove build/
	rm -rf $(B)

# A thin layer over Meson: `make`, `make demo` and `make check` need nothing but make and apt.
# Everything is made below build folders; see docs/hacking.md for Meson itself.
BUILD = build
PREFIX = /usr/local
FUZZ_SECONDS = 30
KUBERNETES = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/muster-kubernetes

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@tools/install-needs build
	@meson setup $(BUILD) --prefix=$(PREFIX)

# Builds real projects through three workers on this machine and compares every object.
demo:
	@tools/install-needs build demo
	@$(MAKE) --no-print-directory all
	@tools/demo $(BUILD)

# All tests. The last line of its output is "N passed, N failed, N skipped".
check:
	@tools/install-needs build demo test
	@$(MAKE) --no-print-directory all
	@tools/run-tests $(BUILD)

# All tests again, with the compiler's checks for memory errors and undefined behaviour: takes twice as long.
check-sanitize:
	@tools/install-needs build demo test
	@[ -e $(BUILD)-sanitize/build.ninja ] || \
		meson setup $(BUILD)-sanitize -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C $(BUILD)-sanitize
	@tools/run-tests $(BUILD)-sanitize --suite unit --suite e2e --timeout-multiplier 3

# Workers from a real control plane of Kubernetes, which is built once from Debian's sources: about ten minutes on two idle cores, and
# 300 MB that stay in KUBERNETES.
check-kubernetes:
	@tools/install-needs build demo test kubernetes
	@$(MAKE) --no-print-directory all
	@tests/kubernetes/build.sh '$(KUBERNETES)'
	@tests/kubernetes/stories.sh $(BUILD) '$(KUBERNETES)/bin'

# Each fuzzer of tests/fuzz for FUZZ_SECONDS.
fuzz:
	@tools/install-needs build test
	@tools/fuzz $(BUILD)-fuzz $(FUZZ_SECONDS)

# What a compile costs beside the compiler, compared with others: bench/README.md. BENCH='--only git' for a part.
bench:
	@tools/install-needs build demo bench
	@$(MAKE) --no-print-directory all
	@bench/bench --build $(BUILD) $(BENCH)

# A PREFIX given here moves a build that was made for another; DESTDIR is respected.
install: all
	@[ '$(origin PREFIX)' = file ] || \
		{ meson configure $(BUILD) --prefix='$(PREFIX)' && ninja -C $(BUILD); }
	@meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) $(BUILD)-sanitize $(BUILD)-fuzz

help:
	@echo 'make                  builds everything in the folder "$(BUILD)"'
	@echo 'make demo             shows it: real projects through three workers, compared byte for byte'
	@echo 'make check            runs all tests'
	@echo 'make check-sanitize   runs them with address and undefined-behaviour checks'
	@echo 'make check-kubernetes runs the stories of Kubernetes against a real control plane, built once from sources'
	@echo 'make bench            measures what a compile costs beside the compiler, and others: bench/README.md'
	@echo 'make fuzz             runs each fuzzer for FUZZ_SECONDS ($(FUZZ_SECONDS))'
	@echo 'make install          installs below PREFIX ($(PREFIX))'
	@echo 'make clean            removes the build folders'
	@echo 'demo, check and a first build install what is missing with apt-get, and say what.'

# bench is a folder as well.
.PHONY: all demo check check-sanitize check-kubernetes bench fuzz install clean help

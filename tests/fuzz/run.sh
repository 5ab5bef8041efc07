#!/bin/sh
# run.sh BUILD_DIR SECONDS: builds every fuzz_*.c with clang's libFuzzer and runs each for SECONDS from the
# seeds in corpus/NAME. TAP. An input that breaks one is kept as BUILD_DIR/fuzz/NAME-crash-….
build=${1:?usage: run.sh BUILD_DIR SECONDS} seconds=${2:-5}
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 99
compiler=${FUZZ_CC:-$(command -v clang || command -v clang-14)}
flags='-std=gnu17 -D_GNU_SOURCE -g -O1 -fno-sanitize-recover=undefined'
work=$build/fuzz
mkdir -p "$work" && cd "$work" || exit 99
work=$PWD

skip() {
	echo "1..0 # SKIP $1"
	exit 0
}

[ -n "$compiler" ] || skip 'clang is not installed'
printf 'int LLVMFuzzerTestOneInput(const char *, unsigned long);\nint LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return !p && n; }\n' >probe.c
"$compiler" -fsanitize=fuzzer,address,undefined probe.c -o probe 2>/dev/null ||
	skip "$compiler has no libFuzzer with sanitizers (Debian: libclang-rt-14-dev)"
for header in zstd.h lzo/lzo1x.h jansson.h; do
	echo "#include <$header>" | "$compiler" -E - >/dev/null 2>&1 || skip "$header is not installed"
done

# All that any of them needs, instrumented once.
objects=$work/objects
rm -rf "$objects" && mkdir "$objects" || exit 99
for source in "$top"/src/base/*.c "$top"/src/cc/*.c "$top"/src/scan/*.c "$top"/src/wire/*.c \
	"$top"/src/net/tls_who.c "$top"/src/farm/token.c "$top"/src/sys/hash.c "$top"/src/net/hostlist.c "$top"/src/net/schedulers.c "$top"/src/net/discover_line.c "$top"/src/agent/told.c \
	"$top"/src/cli/binstate.c "$top"/src/toolchain/elf.c "$top"/src/worker/order.c "$top"/src/engine/url.c "$top"/src/engine/yaml.c; do
	name=$(basename "$(dirname "$source")")_$(basename "$source" .c)
	# shellcheck disable=SC2086 # flags are several words
	"$compiler" $flags -fsanitize=fuzzer-no-link,address,undefined -I"$top/src" -c "$source" \
		-o "$objects/$name.o" || exit 99
done
rm -f all.a
ar rc all.a "$objects"/*.o || exit 99

set -- "$top"/tests/fuzz/fuzz_*.c
echo "1..$#"
number=0 bad=0
for source; do
	number=$((number + 1))
	name=$(basename "$source" .c)
	rm -rf "$name.corpus" && mkdir "$name.corpus" || exit 99
	cp "$top/tests/fuzz/corpus/${name#fuzz_}"/* "$name.corpus" 2>/dev/null
	# shellcheck disable=SC2086 # flags are several words
	if "$compiler" $flags -fsanitize=fuzzer,address,undefined -I"$top/src" -I"$top/tests" -o "$name" \
		"$source" all.a -lzstd -llzo2 -ljansson -lcrypto 2>"$name.log" &&
		"./$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
			-artifact_prefix="$work/$name-" "$name.corpus" >"$name.log" 2>&1; then
		echo "ok $number - $name: $(tail -1 "$name.log")"
	else
		tail -30 "$name.log" | sed 's/^/# /'
		echo "not ok $number - $name"
		bad=1
	fi
done
exit "$bad"

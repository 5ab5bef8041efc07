#!/bin/sh
# run.sh BUILD_DIR SECONDS [NAME…]: builds fuzz_NAME.c (all, unless told) with clang's libFuzzer and runs each for
# SECONDS from the seeds in corpus/NAME. TAP. An input that breaks one is kept as BUILD_DIR/fuzz/NAME-crash-….
# Several may run at once: what all need is built by the first, and again when a source is newer.
build=${1:?usage: run.sh BUILD_DIR SECONDS [NAME...]} seconds=${2:-30}
[ $# -lt 2 ] || shift
shift
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

can_build() {
	[ -n "$compiler" ] || skip 'clang is not installed'
	printf 'int LLVMFuzzerTestOneInput(const char *, unsigned long);\nint LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return !p && n; }\n' >probe.c
	"$compiler" -fsanitize=fuzzer,address,undefined probe.c -o probe 2>/dev/null ||
		skip "$compiler has no libFuzzer with sanitizers (Debian: libclang-rt-14-dev)"
	for header in zstd.h lzo/lzo1x.h jansson.h; do
		echo "#include <$header>" | "$compiler" -E - >/dev/null 2>&1 || skip "$header is not installed"
	done
}

# All that any of them needs, instrumented once, in all.a.
build_all() {
	rm -rf all.a objects && mkdir objects || return
	for source in "$top"/src/base/*.c "$top"/src/cc/*.c "$top"/src/scan/*.c "$top"/src/wire/*.c \
		"$top"/src/net/tls_who.c "$top"/src/farm/token.c "$top"/src/sys/hash.c "$top"/src/net/hostlist.c "$top"/src/net/schedulers.c "$top"/src/net/address.c "$top"/src/net/discover_line.c "$top"/src/agent/told.c \
		"$top"/src/cli/binstate.c "$top"/src/toolchain/elf.c "$top"/src/worker/order.c "$top"/src/engine/frames.c "$top"/src/engine/url.c "$top"/src/engine/yaml.c; do
		printf '%s\n' "$source" "objects/$(basename "$(dirname "$source")")_$(basename "$source" .c).o"
	done >sources
	COMPILE="$compiler $flags -fsanitize=fuzzer-no-link,address,undefined" TOP=$top \
		xargs -d '\n' -n 2 -P 2 sh -c '$COMPILE -I"$TOP/src" -c "$1" -o "$2" || exit 255' sh <sources || return
	ar rc all.new objects/*.o && mv all.new all.a
}

exec 9>lock && flock 9 || exit 99
if [ ! -e all.a ] || [ "$(find "$top/src" "$top/tests/fuzz" -type f -newer all.a)" ]; then
	can_build
	build_all || exit 99
fi
exec 9>&-

# shellcheck disable=SC2046 # a name a word
[ $# -gt 0 ] || set -- $(cd "$top/tests/fuzz" && echo fuzz_*.c | sed 's/fuzz_//g; s/\.c//g')
echo "1..$#"
number=0 bad=0
for name; do
	number=$((number + 1))
	source=$top/tests/fuzz/fuzz_$name.c seeds=$top/tests/fuzz/corpus/$name name=fuzz_$name
	rm -rf "$name.corpus" && mkdir "$name.corpus" || exit 99
	cp "$seeds"/* "$name.corpus" 2>/dev/null
	# shellcheck disable=SC2086 # flags are several words
	if "$compiler" $flags -fsanitize=fuzzer,address,undefined -I"$top/src" -I"$top/tests" -o "$name" \
		"$source" all.a -lzstd -llzo2 -ljansson -lcrypto 2>"$name.log" &&
		"./$name" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=1024 -max_len=65536 \
			-artifact_prefix="$work/$name-" "$name.corpus" >"$name.log" 2>&1; then
		echo "ok $number - $name: $(tail -1 "$name.log")"
	else
		tail -30 "$name.log" | sed 's/^/# /'
		echo "not ok $number - $name"
		bad=1
	fi
done
exit "$bad"

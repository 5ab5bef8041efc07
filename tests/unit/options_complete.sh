#!/bin/sh
# options_complete.sh HELPER: every option that the installed compilers tell of in their --help is in
# the table of options (cc/options.def). HELPER is option_lookup. TAP on standard output.
helper=$1
if [ ! -x "$helper" ]; then
	echo "Bail out! usage: options_complete.sh HELPER"
	exit 1
fi

# The option names at the start of the lines of a help text, without what stands for an argument.
names() {
	sed -n 's/^  \(-[^ 	]*\).*/\1/p' | sed 's/[<[].*//' | sort -u
}

gcc_options() {
	for class in common optimizers params target warnings c c++ objc objc++ undocumented; do
		gcc "--help=$class" 2>/dev/null
	done | names
}

clang_options() {
	{ clang --help; clang --help-hidden; } 2>/dev/null | names
}

# check NUMBER COMPILER LEAST: at least LEAST options are told of, and none is unknown.
check() {
	if ! command -v "$2" >/dev/null 2>&1; then
		echo "ok $1 - options of $2 # SKIP no $2"
		return
	fi
	"$2_options" | "$helper" "$2" >"$work/$2"
	count=$(wc -l <"$work/$2")
	unknown=$(grep -c ' unknown ' "$work/$2")
	grep ' unknown ' "$work/$2" | sed 's/^/# /'
	if [ "$unknown" -eq 0 ] && [ "$count" -ge "$3" ]; then
		echo "ok $1 - $count options of $2"
	else
		echo "not ok $1 - options of $2: $unknown of $count unknown"
		failed=1
	fi
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
echo 1..3
check 1 gcc 1000
check 2 clang 400
if [ "$(echo -fsurely-no-option | "$helper" gcc)" = "-fsurely-no-option unknown -" ]; then
	echo "ok 3 - a made-up option is unknown"
else
	echo "not ok 3 - a made-up option is unknown"
	failed=1
fi
exit $failed

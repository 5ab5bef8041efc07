#!/bin/bash
# Debian's ccache in front of us: CCACHE_PREFIX=distcc, CCACHE_PREFIX=muster-cc, and its masquerade folder before ours. What is
# in the cache never reaches the network, what is not does; all that comes of it is what the plain command gives.
# Run as: ccache.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2031,SC2317 # $SHIM is the same everywhere; functions are called by check
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
[ -z "$FARM_PLAIN" ] || skip_all 'counters are what is tested'
MASQUERADE=/usr/lib/ccache
if ! ccache --version 2>/dev/null | grep -q '^ccache version 4' || [ ! -x "$MASQUERADE/gcc" ]; then
	skip_all "Debian's ccache 4 is not installed (apt-get install ccache)"
fi
farm_init "${1-}"
for name in ${!CCACHE_@} ${!DISTCC_@} UNCACHED_ERR_FD; do
	unset "$name"
done
export HOME=$WORK/home CCACHE_DIR=$WORK/cache
mkdir -p "$HOME" "$WORK/names"
ln -s "$SHIM" "$WORK/names/distcc"
ln -s "$SHIM" "$WORK/names/muster-cc"
farm_start 1

# hits: how many there were so far in this cache.
hits()
{
	ccache --print-stats | awk '/^(direct|preprocessed)_cache_hit/ { n += $2 } END { print n + 0 }'
}

reached()
{
	status_get '[.jobs.remote, .jobs.local] | add'
}

# miss NAME -- COMMAND…: is compiled on a worker, and then cached. The command sees $CACHED, which is empty on the plain side.
miss()
{
	local before
	before=$(hits)
	same --remote "$1: a miss" -- sh -c 'CACHED=${SHIM:+$CACHED}; '"$3"
	! wanted "$1: a miss" || check "$1: it was none of the cache's" -- test "$(hits)" = "$before"
}

# hit NAME -- COMMAND…: the network hears nothing of it.
hit()
{
	local before=$((1 + $(hits))) jobs
	wanted "$1: a hit" || return 0
	jobs=$(reached)
	same --uncounted "$1: a hit" -- sh -c 'CACHED=${SHIM:+$CACHED}; '"$3"
	check "$1: the cache counts it" -- test "$(hits)" = "$before"
	check "$1: nobody else does" -- test "$(reached)" = "$jobs"
}

sources()
{
	new_tree
	mkdir inc
	printf '#pragma once\n#define ONE 1\nstatic inline int one(void) { return ONE; }\n' > inc/a.h
	printf '#include "a.h"\n#include <stdio.h>\nint f(void) { return printf("%%s %%d\\n", __FILE__, one() + ONE); }\n' > a.c
	printf '#include "a.h"\n#include <vector>\nint g(std::vector<int> &v) { v.push_back(one()); return v[0]; }\n' > b.cc
	printf '#define SET(x) (x = 1)\nint f(int n)\n{\n\tint unused;\n\tif (n = 1)\n\t\treturn SET(n);\n\treturn 3;\n}\n' > warn.c
	printf 'int f(void) { return undeclared; }\n' > bad.c
}

# cases WAY: with what this way of calling has set.
cases()
{
	export CCACHE_DIR=$WORK/cache.$1
	sources
	miss "$1: C" -- '$CACHED gcc -O2 -Iinc -c a.c -o a.o'
	hit "$1: C" -- '$CACHED gcc -O2 -Iinc -c a.c -o a.o'
	hit "$1: another object" -- 'mkdir out && $CACHED gcc -O2 -Iinc -c a.c -o out/b.o'
	miss "$1: other options" -- '$CACHED gcc -O1 -Iinc -c a.c -o a.o'
	miss "$1: C++ with debug information and dependencies" -- '$CACHED g++ -g -MD -Iinc -c b.cc'
	hit "$1: C++ with debug information and dependencies" -- '$CACHED g++ -g -MD -Iinc -c b.cc'
	miss "$1: warnings" -- '$CACHED gcc -Wall -c warn.c'
	hit "$1: warnings" -- '$CACHED gcc -Wall -c warn.c'
	# ccache compiles a failing source once, and again where it is asked again.
	same --fails --remote "$1: an error" -- sh -c '${SHIM:+$CACHED} gcc -c bad.c'
	same --fails --remote "$1: an error is not kept" -- sh -c '${SHIM:+$CACHED} gcc -c bad.c'
	printf '#pragma once\n#define ONE 2\nstatic inline int one(void) { return ONE; }\n' > inc/a.h
	miss "$1: another header" -- '$CACHED gcc -O2 -Iinc -c a.c -o a.o'
	printf '/* ours */\n' >> inc/a.h
	export CCACHE_NODIRECT=1
	miss "$1: the preprocessor decides" -- '$CACHED gcc -O3 -Iinc -c a.c -o a.o'
	hit "$1: the preprocessor decides" -- '$CACHED gcc -O3 -Iinc -c a.c -o a.o'
	unset CCACHE_NODIRECT
	# The compiler is then given what the cache had preprocessed.
	export CCACHE_NOCPP2=1
	miss "$1: preprocessed source" -- '$CACHED gcc -Os -Iinc -c a.c -o a.o'
	hit "$1: preprocessed source" -- '$CACHED gcc -Os -Iinc -c a.c -o a.o'
	unset CCACHE_NOCPP2
}

ORDINARY=$FARM_PATH
export CACHED=ccache CCACHE_PREFIX
for CCACHE_PREFIX in distcc muster-cc; do
	FARM_PATH=$WORK/names:$PLAIN_PATH
	cases "prefix $CCACHE_PREFIX"
done
unset CCACHE_PREFIX
CACHED='' FARM_PATH=$MASQUERADE:$ORDINARY
cases masquerade

# --- What the client says of itself is not the compiler's --------------------------------------
#
# ccache names, in UNCACHED_ERR_FD, where that goes: users see it, and the cache does not keep it.
export CCACHE_DIR=$WORK/cache.said CCACHE_PREFIX=distcc MUSTER_HOSTS=127.0.0.1:1
sources
PATH=$WORK/names:$PLAIN_PATH
cached()
{
	gcc -Wall -c warn.c -o plain.o 2> "$WORK/plain.err"
	ccache gcc -Wall -c warn.c -o warn.o 2> "$WORK/cached.err" && cmp warn.o plain.o
}
RE='^distcc\[[0-9]+\] Warning: failed to distribute warn\.c, running locally instead'
check 'nobody can be reached: compiled here' -- cached
check 'it is said once' -- test "$(grep -cE "$RE" "$WORK/cached.err")" = 1
check 'beside what the compiler says' -- sh -c "grep -vE '$RE' '$WORK/cached.err' | cmp - '$WORK/plain.err'"
check 'the next time it is a hit' -- cached
check 'and only what the compiler said was kept' -- cmp "$WORK/plain.err" "$WORK/cached.err"
check 'it was a hit' -- test "$(hits)" = 1
unset CCACHE_PREFIX
farm_done

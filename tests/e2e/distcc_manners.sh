#!/bin/bash
# What users of distcc are told and what their variables do: DISTCC_VERBOSE, DISTCC_LOG, DISTCC_FALLBACK, localhost in the list,
# masquerade links, and lists that belong to one build alone.
# Run as: distcc_manners.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
[ -z "$FARM_PLAIN" ] || skip_all 'it is about what is said'
farm_start 2
FIRST=$(cat "$WORK/w1.port") SECOND=$(cat "$WORK/w2.port")
unset MUSTER_HOSTS
export HOME=$WORK/home DISTCC_DIR=$WORK/home/.distcc
mkdir -p "$HOME" "$WORK/links"
ln -s "$SHIM" "$WORK/bin/distcc"
ln -s "$SHIM" "$WORK/links/gcc"
DISTCC=$WORK/bin/distcc

# said COMMAND…: its status in $STATUS, its words in $WORK/out and $WORK/err
said()
{
	timeout 60 "$@" > "$WORK/out" 2> "$WORK/err" < /dev/null
	STATUS=$?
}

err_is()
{
	[ "$(grep -cE "$1" "$WORK/err")" -eq "$2" ] || {
		diag "status $STATUS: $(head -c 2000 "$WORK/err")"
		return 1
	}
}

new_tree
echo 'int f(int n) { return n + 1; }' > x.c
export DISTCC_HOSTS=$FIRST
said "$DISTCC" gcc -c x.c
check 'a compile that goes well: no word' -- test "$STATUS-$(wc -c < "$WORK/err")" = 0-0
DISTCC_VERBOSE=1 said "$DISTCC" gcc -c x.c
check 'DISTCC_VERBOSE: where it was done, once' -- err_is "^distcc\[[0-9]+\] compile x.c on $FIRST completed ok\$" 1
DISTCC_LOG=$WORK/log said "$DISTCC" gcc -c x.c
check 'DISTCC_LOG: in the file' -- grep -q "compile x.c on $FIRST completed ok" "$WORK/log"
check 'DISTCC_LOG: not on stderr' -- test ! -s "$WORK/err"
DISTCC_VERBOSE=1 UNCACHED_ERR_FD=9 said "$DISTCC" gcc -c x.c 9> "$WORK/nine"
check 'UNCACHED_ERR_FD: there' -- grep -q 'completed ok' "$WORK/nine"
DISTCC_VERBOSE=1 said "$DISTCC" gcc -c -save-temps=cwd x.c -fplugin=none
check 'what must stay here says why' -- err_is 'is compiled here' 1

export DISTCC_HOSTS=127.0.0.1:1
said "$DISTCC" gcc -c x.c
check 'nobody answers: done here' -- test "$STATUS" = 0
check 'nobody answers: one warning' -- err_is '^distcc\[[0-9]+\] Warning: failed to distribute x.c, running locally instead' 1
DISTCC_FALLBACK=0 said "$DISTCC" gcc -c x.c
check 'DISTCC_FALLBACK=0: 116' -- test "$STATUS" = 116
check 'DISTCC_FALLBACK=0: one error' -- err_is '^distcc\[[0-9]+\] ERROR: failed to distribute x.c and fallbacks are disabled: no worker can be reached' 1
said "$SHIM" gcc -c x.c
check 'muster-cc does not talk of it' -- test "$STATUS-$(wc -c < "$WORK/err")" = 0-0

export DISTCC_HOSTS=
DISTCC_FALLBACK=0 said "$DISTCC" gcc -c x.c
check 'no hosts and DISTCC_FALLBACK=0: 116' -- test "$STATUS" = 116
export DISTCC_HOSTS=localhost
said "$DISTCC" gcc -c x.c
check 'localhost alone: here, no word' -- test "$STATUS-$(wc -c < "$WORK/err")" = 0-0
DISTCC_FALLBACK=0 said "$DISTCC" gcc -c x.c
check 'localhost alone with DISTCC_FALLBACK=0: here' -- test "$STATUS" = 0
said "$DISTCC" -c x.c -o implicit.o
check 'the implicit form' -- test -s implicit.o
said "$DISTCC"
check 'no word at all: 101' -- test "$STATUS" = 101
said "$DISTCC" no-such-compiler -c x.c
check 'a compiler that is not there: 110' -- test "$STATUS" = 110

# A link of ours by its path is the compiler of that name.
export DISTCC_HOSTS=$FIRST
before=$(status_get .jobs.remote)
PATH=$WORK/links:$PLAIN_PATH said "$WORK/links/gcc" -c x.c -o path.o
check 'a link by its path goes to a worker' -- status_is ".jobs.remote == $before + 1"
PATH=$PLAIN_PATH said "$WORK/links/gcc" -c x.c -o path.o
check 'a link by its path that is not on PATH' -- status_is ".jobs.remote == $before + 2"

# Each build has its own workers, also while another build uses the agent.
jobs_of()
{
	status_get "[.workers[] | select(.address == \"$1\") | .jobs] | add"
}
first=$(jobs_of "$FIRST") second=$(jobs_of "$SECOND")
for i in 1 2 3 4; do
	DISTCC_HOSTS=$FIRST said "$DISTCC" gcc -c x.c -o "a$i.o"
	DISTCC_HOSTS=$SECOND said "$DISTCC" gcc -c x.c -o "b$i.o"
done
check 'two lists: the jobs of the one' -- test "$(jobs_of "$FIRST")" = $((first + 4))
check 'two lists: the jobs of the other' -- test "$(jobs_of "$SECOND")" = $((second + 4))
farm_done

#!/bin/bash
# A compile that its worker does not end: a second copy on another one wins, and nothing else can be told from it.
# Run as: stragglers.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2317 # functions are called by check and wait_until
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
[ -z "$FARM_PLAIN" ] || skip_all 'workers are looked at'
farm_init "${1-}"
farm_start 2 --slots 1
new_tree
slow_source 30 > s.cc
export PATH=$FARM_PATH

compile()
{
	# shellcheck disable=SC2086
	timeout -k 5 120 g++ $SLOW_FLAGS -g -MD -c s.cc
}

# The compiler proper below worker N; its pid in $CC1.
compiler_of()
{
	local pid up
	for up in $(grep -lsx cc1plus /proc/[0-9]*/comm); do
		up=${up#/proc/}
		up=${up%/comm}
		pid=$up
		while [ "${up:-0}" -gt 1 ]; do
			up=$(awk '/^PPid:/ { print $2 }' "/proc/$up/status" 2>/dev/null)
			[ "$up" = "$1" ] && { CC1=$pid; return 0; }
		done
	done
	return 1
}

freeze_one()
{
	local v=WORKER_PID_1 w=WORKER_PID_2
	compiler_of "${!v}" || compiler_of "${!w}" || return 1
	kill -STOP "$CC1"
}

same_as_before()
{
	cmp s.o s.o.first && cmp s.d s.d.first
}

strangers()
{
	[ -z "$(find . -type f ! -name 's.cc' ! -name 's.o*' ! -name 's.d*' ! -name 'q.*')" ]
}

check 'a compile whose cost is then known' -- compile
check 'it was done by a worker' -- status_is '.jobs.remote == 1'
mv s.o s.o.first
mv s.d s.d.first
compile > "$WORK/out" 2>&1 &
JOB=$!
check 'its compiler stops in the middle' -- wait_until 60 freeze_one
check 'it ends nevertheless' -- wait "$JOB"
check 'without a word' -- test ! -s "$WORK/out"
check 'with the same bytes' -- same_as_before
check 'by a second copy' -- status_is '.copies == 1 and .jobs.remote == 2 and .retries == 0'
check 'the first copy was ended' -- wait_until 60 is_gone "$CC1"
check 'nothing was left behind' -- strangers
check 'both slots are free again' -- wait_until 30 status_is 'all(.workers[]; .running == 0) and .running == []'
farm_done

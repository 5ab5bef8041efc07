#!/bin/bash
# How long does a build pause when its scheduler is killed? Real processes on loopback: workers, an agent, compiles that take
# a while, and a scheduler that is killed in the middle: once it comes back after a second, once another of the list
# takes over, once nobody comes. Prints the longest time between two compiles that ended, beside that of the same build undisturbed.
# Run as: bench/scheduler_loss.sh BUILD_FOLDER
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by wait_until
# shellcheck source-path=SCRIPTDIR source=../tests/e2e/farm.sh
. "$(dirname "$0")/../tests/e2e/farm.sh"
# shellcheck source=../tests/e2e/scheduler_lib.sh
. "$(dirname "$0")/../tests/e2e/scheduler_lib.sh"
scheduler_init "${1-}"
UNITS=40 SLOTS=4

# Units that take a moment each. The time of each end is noted.
tree()
{
	rm -rf "$WORK/tree"
	mkdir "$WORK/tree"
	cd "$WORK/tree" || exit 1
	local i
	for ((i = 1; i <= UNITS; i++)); do
		slow_source 1 > "u$i.cc"
		echo "int unit$i;" >> "u$i.cc"
	done
	printf 'OBJECTS := $(patsubst %%.cc,%%.o,$(wildcard u*.cc))\nall: $(OBJECTS)\n%%.o: %%.cc; @$(CC) -c $< -o $@ && date +%%s.%%N >> ends\n' > Makefile
}

# measure NAME: a build; at the first ten objects EVENT is run.
measure()
{
	local name=$1
	tree
	status_save before
	(make -s -j$((SLOTS * 2)) CC="$SHIM g++ $SLOW_FLAGS -DSTEPS=8" > "$WORK/make.log" 2>&1; echo $? > status) &
	local build=$!
	wait_until 60 ended 10 || { echo "$name: the build does not run"; return; }
	"$name"
	wait "$build"
	status_save after
	jq -rn --slurpfile b "$WORK/before.json" --slurpfile a "$WORK/after.json" --arg name "$name" \
		--arg status "$(cat status)" --rawfile ends ends '
		def rise(f): ($a[0] | f // 0) - ($b[0] | f // 0);
		[$ends | split("\n")[] | select(. != "") | tonumber] | sort
		| [range(1; length) as $i | .[$i] - .[$i - 1]] as $gaps
		| "\($name): status \($status), \(rise(.jobs.remote)) remote, \(rise(.jobs.local)) local, \(rise(.retries)) retries; \(.[-1] - .[0] | . * 10 | round / 10) s, longest pause \($gaps | max | . * 1000 | round) ms"'
}

ended()
{
	[ -f ends ] && [ "$(wc -l < ends)" -ge "$1" ]
}

undisturbed() { :; }
comes_back()
{
	kill_hard "$FIRST_PID"
	sleep 1
	scheduler_run 1 "$FIRST"
	FIRST_PID=$S_PID
}
next_takes_over() { kill_hard "$FIRST_PID"; }
nobody_comes()
{
	kill_hard "$SECOND_PID"
}

scheduler_start
FIRST=$S FIRST_PID=$S_PID
scheduler_start
SECOND=$S SECOND_PID=$S_PID
worker_start --slots $((SLOTS / 2)) --dedicated --scheduler "$FIRST,$SECOND"
worker_start --slots $((SLOTS / 2)) --dedicated --scheduler "$FIRST,$SECOND"
export MUSTER_SCHEDULER=$FIRST,$SECOND
wait_until 30 hosts_are '.hosts | length == 2'
tree
# shellcheck disable=SC2086 # the flags are words
"$SHIM" g++ $SLOW_FLAGS -DSTEPS=1 -c u1.cc # the compiler is known
for event in undisturbed comes_back next_takes_over nobody_comes; do
	measure "$event"
done
FINISHED=yes

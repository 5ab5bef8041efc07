#!/bin/bash
# Who misbehaves at a scheduler: agents that do not answer, connections that say half a word, guests of another farm. Each is
# bounded, logged once, and harms nobody else.
# Run as: scheduler_guests.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=scheduler_lib.sh
. "$(dirname "$0")/scheduler_lib.sh"
scheduler_init "${1-}"
command -v python3 >/dev/null || skip_all 'python3 is not installed'
peer()
{
	exec timeout 120 python3 "$E2E/scheduler_peer.py" "$@"
}

# These take their time: what they come to is looked at last. An agent that owes an answer is given 30 s.
scheduler_start --farm blue
SILENT=$S
peer worker "$SILENT" 4 < /dev/null > "$WORK/evictions" 2>&1 &
check 'a worker made by hand enrolls' -- wait_until 20 hosts_are '[.hosts[].name] == ["by-hand"]'
peer mute "$SILENT" < /dev/null > "$WORK/mute" 2>&1 &
check 'an agent is lent slots, and says nothing' -- wait_until 20 hosts_are '.hosts[0].used == 4'
peer half "$SILENT" 300 < /dev/null > "$WORK/half" 2>&1 &

# --- a worker is told that an agent has lost its slots ---------------------------------------

mkfifo "$WORK/words"
(peer serve "$WORK/by_hand.port" < "$WORK/words" > "$WORK/by_hand" 2>&1) &
exec 8> "$WORK/words"
wait_until 20 test -s "$WORK/by_hand.port"
worker_start --slots 2 --dedicated --scheduler "$(cat "$WORK/by_hand.port")" --verbose
MUSTER_SCHEDULER=$(cat "$WORK/by_hand.port")
export MUSTER_SCHEDULER
wait_until 20 grep -q 'took this worker' "$WORK/w1.log"

evicted()
{
	# shellcheck disable=SC2086 # the flags are words
	"$SHIM" g++ $SLOW_FLAGS -c slow.cc -o far.o &
	local build=$!
	wait_until 30 status_is '.jobs.running == 1' || return 1
	echo evict >&8
	wait_until 20 grep -q 'user=somebody\|evicted: it does not answer' "$WORK/w1.log" || return 1
	# It is killed there, and made here.
	wait "$build" || return 1
	# shellcheck disable=SC2086
	g++ $SLOW_FLAGS -c slow.cc -o near.o
	cmp far.o near.o && status_is '.retries == 1 and .jobs.local == 1'
}
new_tree
slow_source 60 > slow.cc
check 'jobs of an agent that was evicted end there, and are made elsewhere' -- evicted
told_why()
{
	echo 'int f(void) { return 1; }' > f.c
	"$SHIM" gcc -c f.c && [ "$(status_get '.jobs.remote')" = 0 ] && echo spare >&8 || return 1
	wait_until 20 one_more_is_remote
}
one_more_is_remote()
{
	"$SHIM" gcc -c f.c && [ "$(status_get '.jobs.remote')" -ge 1 ]
}
check '… no more of them begin until it is spared' -- told_why
unset MUSTER_SCHEDULER
"$M" stop

# --- a worker's end is told ------------------------------------------------------------------------

worker_gone()
{
	scheduler_start
	(peer worker "$S" 4) < /dev/null > "$WORK/gone.worker" 2>&1 &
	local worker=$!
	wait_until 20 hosts_are '.hosts | length == 1' || return 1
	(peer mute "$S") < /dev/null > "$WORK/gone.agent" 2>&1 &
	wait_until 20 grep -q "LEASE.*'slots': 4" "$WORK/gone.agent" || return 1
	kill "$worker"
	wait_until 20 grep -q "LEASE.*'slots': 0.*the worker is gone" "$WORK/gone.agent"
}
check 'who holds a lease of a worker that left is told' -- worker_gone

# --- bounded, logged once ----------------------------------------------------------------------

S=$SILENT
closed_for()
{
	local re=$1
	shift
	(peer guest "$S" "$@") < /dev/null > "$WORK/out" 2>&1
	grep -q closed "$WORK/out" && said 1 "$re" 1
}
check 'a build number out of bounds ends the connection' -- closed_for 'a malformed WANT' WANT build=70000 slots=1
check '… and so does what is not its to say' -- closed_for 'not its to send' DRAIN on=1
# Of a lease that it does not have, an agent may say what it likes.
claims()
{
	(timeout 3 python3 "$E2E/scheduler_peer.py" guest "$S" HELD build=1 slots=4000 used=4000 serial=18446744073709551615) \
		> "$WORK/out" 2>&1
	hosts_are '.hosts[0].used <= 4'
}
check 'a lease that is not there is not had by saying so' -- claims
other_farm()
{
	worker_start --slots 1 --farm red --scheduler "$S"
	wait_until 20 grep -q "belongs to farm 'red'" "$WORK/w2.log" && kill "$WORKER_PID" && hosts_are '.hosts | length == 1' &&
		said 1 "belongs to farm 'red'" 1
}
check 'a worker of another farm is refused in words, logged once' -- other_farm

# --- what took its time --------------------------------------------------------------------------

check '300 connections that say half a word are closed' -- wait_until 100 grep -q 'left 0' "$WORK/half"
check '… and nobody was harmed' -- hosts_are '[.hosts[].name] == ["by-hand"]'
check 'an agent that owes an answer loses its slots' -- wait_until 60 hosts_are '.hosts[0].used == 0'
check '… and its worker is told' -- wait_until 20 grep -q 'EVICT instance=77 user=somebody slots=0 ends=1' "$WORK/evictions"
check '… the log says so once' -- said 1 'user=somebody evicted: it does not answer' 1
exec 8>&-
farm_done

#!/bin/bash
# Clients that send too much, workers that lie, workers that freeze, workers that are killed.
# Run as: evil_peers.sh BUILD_FOLDER; see farm.sh and evil_lib.sh.
# shellcheck disable=SC2031,SC2034,SC2317 # functions and words of eval are used by others
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh source=evil_lib.sh
. "$(dirname "$0")/farm.sh"
[ -z "${FARM_PLAIN-}" ] || skip_all 'needs workers'
farm_init "${1-}"
. "$E2E/evil_lib.sh"
evil_init

new_tree
neighbour_make
learn "$WORK/evil.id" "$EVIL"

# --- Too much ------------------------------------------------------------------------------------

worker_start --verbose --store-size 8M || bail 'a worker does not start'
LOG=$WORK/w$WORKERS.log
peer big "$ADDRESS" 40000000 > "$WORK/out"
check 'who sends more files than it may have is closed' -- said 'closed after'
check 'and the log says why' -- tells 'it may have no more here'
check 'the store holds what it may' -- eval '[ "$(du -sk "$WORK/w$WORKERS/store" | cut -f1)" -le 10000 ]'

# --- Workers that lie ------------------------------------------------------------------------------

printf 'int lied(void) { return 7; }\n' > l.c
gcc -c l.c -o l.plain
# lied HOW: a compile by a worker that lies; ends here with the right bytes, and nothing else is written.
lied()
{
	local how=$1 before
	wanted "a worker that lies: $how" || return 0
	rm -f l.o
	export MUSTER_LIE_TARGET=$WORK/escaped
	before=$(ls -A "$TREE"; cat l.c)
	liar "$how" "$WORK/liar.id"
	MUSTER_HOSTS=$LIAR_ADDRESS MUSTER_PEER_TIMEOUT_MS=3000 PATH=$FARM_PATH timeout 60 gcc -c l.c -o l.o \
		> "$WORK/out" 2>&1
	"$BUILD/muster" status > "$WORK/status" 2>&1
	liar_end
	check "a worker that lies: $how: the object is ours" -- cmp l.o l.plain
	rm -f l.o
	check "a worker that lies: $how: nothing else is written" -- eval \
		'[ "$before" = "$(ls -A "$TREE"; cat l.c)" ] && [ ! -e "$WORK/escaped" ]'
}
for how in dotdot relative absolute source twice none huge longer escapes silent; do
	lied $how
done
check 'control characters of a worker do not reach the terminal' -- eval '! grep -q "$(printf "\033")" "$WORK/status"'
check 'nor the log' -- eval '! grep -qrs "$(printf "\033")" "$MUSTER_STATE_DIR"/*.log "$WORK/out"'

# Modes: a worker cannot give a file away as setuid.
liar setuid "$WORK/liar.id"
MUSTER_HOSTS=$LIAR_ADDRESS PATH=$FARM_PATH timeout 60 gcc -c l.c -o l.o > "$WORK/out" 2>&1
check 'no setuid object' -- test "$(stat -c %a l.o)" -le 777
liar_end

# --- A worker that freezes -----------------------------------------------------------------------

# Its job ends elsewhere within twice the time that it takes, and 5 s (the machine may be busy: three times that).
freezes()
{
	local start plain frozen
	new_tree
	slow_source 30 > s.cc
	start=${EPOCHREALTIME/[.,]/}
	# shellcheck disable=SC2086
	g++ $SLOW_FLAGS -c s.cc -o s.plain
	plain=$((${EPOCHREALTIME/[.,]/} - start))
	worker_start --slots 1 || return 1
	frozen=$WORKER_PID
	start=${EPOCHREALTIME/[.,]/}
	# shellcheck disable=SC2086
	MUSTER_HOSTS=$ADDRESS PATH=$FARM_PATH timeout 100 g++ $SLOW_FLAGS -c s.cc -o s.o &
	wait_until 30 status_is 'any(.workers[]; .running == 1)' || return 1
	kill -STOP "$frozen"
	wait $!
	start=$((${EPOCHREALTIME/[.,]/} - start))
	kill -CONT "$frozen"
	diag "locally $((plain / 1000)) ms, with a worker that froze $((start / 1000)) ms"
	cmp s.o s.plain && [ "$start" -lt $((3 * (2 * plain + 5000000))) ]
}
! wanted 'a worker that freezes' || check 'a worker that freezes: its job ends elsewhere in time' -- freezes

# --- A worker that is killed ---------------------------------------------------------------------

# Ten times (EVIL_ROUNDS) at moments of no choice: no process, no file, no control group, no mount stays. Of root's
# workers the first stays root, the second gives it up, as it can reach its folders, the third is an ordinary user's, and so on.
ours()
{
	grep -lsaF -e "$1" /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | while read -r f; do
		f=${f#/proc/}
		is_gone "${f%%/*}" || [ "$(cat "/proc/${f%%/*}/comm" 2>/dev/null)" = python3 ] || echo "${f%%/*}"
	done | grep -q .
}
groups()
{
	find /sys/fs/cgroup -maxdepth 6 -type d -name "muster-$1" 2>/dev/null | grep -q .
}
left()
{
	[ -e "$1/views" ] || [ -e "$1/toolchains" ] || [ -e "$1/jobs" ] || ours "--state $1" || groups "$2"
}
mounts_here()
{
	grep -cF -e "$WORK" -e muster-w /proc/self/mountinfo
}
killed_at_random()
{
	local i w bad=0 mounts ordinary=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	mounts=$(mounts_here)
	for ((i = 0; i < ${EVIL_ROUNDS:-10}; i++)); do
		w=$WORK/w$((WORKERS + 1))
		chmod $((i % 3 ? 1777 : 700)) "$WORK"
		WORKER_WRAP=()
		[ $((i % 3)) != 2 ] || ! "${ordinary[@]}" test -x "$BUILD/muster-worker" 2>/dev/null || {
			WORKER_WRAP=("${ordinary[@]}")
			mkdir "$w" && chown 65534 "$w"
		}
		worker_start --slots 2 || return 1
		peer job "$ADDRESS" "$WORK/evil.id" /evil --file /evil/x.c="$TREE/q.c" -- \
			gcc -DEVIL=orphans -DAT=muster-evil-k -c x.c -o x.o > /dev/null 2>&1 &
		peer job "$ADDRESS" "$WORK/evil.id" /evil --file /evil/x.c="$TREE/q.c" -- \
			gcc -DEVIL=spin -c x.c -o x.o > /dev/null 2>&1 &
		read -r -t "0.$((RANDOM % 4))$((RANDOM % 10))" <> "$WORK/never"
		kill -KILL "$WORKER_PID"
		wait "$WORKER_PID" 2>/dev/null
		wait_until 20 eval "! left '$w' $WORKER_PID" || { bad=1; diag "round $i: $(ls "$w")"; }
		wait_until 10 eval '! marked muster-evil-k' || { bad=1; diag "round $i: a job's process"; }
	done
	[ $bad = 0 ] && [ "$mounts" = "$(mounts_here)" ]
}
! wanted 'kill -9 of the worker' || check 'kill -9 of the worker: nothing stays' -- killed_at_random

farm_done

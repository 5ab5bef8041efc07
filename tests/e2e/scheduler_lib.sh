# shellcheck shell=bash
# scheduler_lib.sh: a farm with schedulers, for scripts that have farm.sh already.
#
#   scheduler_init BUILD_FOLDER   in place of farm_init
#   scheduler_start, scheduler_run, hosts, hosts_are, said, sources
# shellcheck disable=SC2034,SC2154,SC2317 # for the scripts; wait_until calls functions

scheduler_init()
{
	[ -z "$FARM_PLAIN" ] || skip_all 'the scheduler is looked at, not the compiles'
	local name
	for name in ${!DISTCC_@}; do
		unset "$name"
	done
	farm_init "$1"
	[ -x "$BUILD/muster-scheduler" ] || bail 'muster-scheduler is not built'
	export HOME=$WORK/home MUSTER_HOSTS=''
	mkdir -p "$HOME"
	M=$BUILD/muster SCHEDULERS=0
}

# scheduler_start [ARGUMENTS…]: one more; its address in $S, its pid in $S_PID, its log in $WORK/sN.log.
scheduler_start()
{
	SCHEDULERS=$((SCHEDULERS + 1))
	scheduler_run "$SCHEDULERS" 127.0.0.1:0 "$@"
}

# scheduler_run N ADDRESS [ARGUMENTS…]: number N, perhaps once more.
scheduler_run()
{
	local n=$1 address=$2
	shift 2
	rm -f "$WORK/s$n.port"
	"$BUILD/muster-scheduler" --listen "$address" --state "$WORK/s$n" --settle 500 --verbose \
		--port-file "$WORK/s$n.port" "$@" < /dev/null >> "$WORK/s$n.log" 2>&1 &
	S_PID=$!
	wait_until 30 worker_ready "$WORK/s$n.port" "$S_PID"
	[ -s "$WORK/s$n.port" ] || bail "a scheduler does not start: $(cat "$WORK/s$n.log")"
	S=$(cat "$WORK/s$n.port")
}

kill_hard()
{
	kill -9 "$1"
	wait "$1" 2> /dev/null
}

# hosts FILTER: a jq filter over the list of hosts.
hosts()
{
	timeout 20 "$M" hosts --scheduler "${ASK:-$S}" --json 2>/dev/null | jq -r "$1"
}

hosts_are()
{
	[ "$(hosts "$1")" = true ]
}

# said N RE COUNT: the log of scheduler N has so many lines like that.
said()
{
	[ "$(grep -cE -e "$2" "$WORK/s$1.log")" -eq "$3" ] ||
		{ diag "$(tail -5 "$WORK/s$1.log")"; return 1; }
}

# sources N: a tree of N small units with a header.
sources()
{
	local i
	new_tree
	echo '#define STEP 3' > step.h
	for ((i = 1; i <= $1; i++)); do
		printf '#include "step.h"\nint unit%d(int x) { return x * STEP + %d; }\n' "$i" "$i" > "u$i.c"
	done
	printf 'OBJECTS := $(patsubst %%.c,%%.o,$(sort $(wildcard u*.c)))\nall: $(OBJECTS)\n%%.o: %%.c; $(CC) $(FLAGS) -c $< -o $@\n' > Makefile
}

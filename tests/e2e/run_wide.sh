#!/bin/bash
# muster run make -j2000 of 500 files: the limits of descriptors and of memory are met with patience, not with failures.
# Run as: run_wide.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
[ -z "$FARM_PLAIN" ] || skip_all 'it is about workers'
# shellcheck source=run_common.sh
. "$E2E/run_common.sh"

# --- A control group -------------------------------------------------------------------------
# Of memory, with a limit; "$GROUP" is its folder, empty when there can be none, and then $WHY says why.
GROUP='' WHY=''
trap 'in_child || { farm_cleanup; group_remove; }' EXIT
group_make()
{
	local limit=$1 base
	base=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
	if [ "$base" ]; then
		base=/sys/fs/cgroup/memory$base
		[ -d "$base" ] || base=/sys/fs/cgroup/memory
	else
		base=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
	fi
	GROUP=$base/muster-wide.$$
	mkdir "$GROUP" 2>/dev/null || { GROUP='' WHY="no control group can be made in $base"; return 1; }
	if [ -f "$GROUP/memory.limit_in_bytes" ]; then
		echo "$limit" > "$GROUP/memory.limit_in_bytes" && return
	elif [ -f "$GROUP/memory.max" ]; then
		echo "$limit" > "$GROUP/memory.max" && return
	fi
	rmdir "$GROUP"
	GROUP='' WHY="control groups in $base have no limit of memory"
	return 1
}

# The most memory that it ever had, in MiB, files in the cache of the kernel included.
group_peak()
{
	local file
	for file in memory.max_usage_in_bytes memory.peak; do
		[ ! -f "$GROUP/$file" ] || echo $(($(cat "$GROUP/$file") >> 20))
	done
}

# How many of its processes the kernel killed for want of memory.
group_killed()
{
	cat "$GROUP/memory.oom_control" "$GROUP/memory.events" 2>/dev/null | sed -n 's/^oom_kill //p'
}

group_empty()
{
	[ ! -s "$GROUP/cgroup.procs" ]
}

group_remove()
{
	[ -z "$GROUP" ] || { wait_until 10 group_empty; rmdir "$GROUP"; }
	GROUP=''
}

# in_group COMMAND…: becomes it, there; for a subshell
in_group()
{
	echo "$BASHPID" > "$GROUP/cgroup.procs" && exec "$@"
}

# --- The build -------------------------------------------------------------------------------

# wide DESCRIPTORS: in the group, if there is one, and so its agent
wide()
{
	local -x PATH=$PLAIN_PATH
	local prefix=()
	[ -z "$GROUP" ] || prefix=(in_group)
	"$MUSTER" stop > /dev/null 2>&1
	rm -f ./*.o
	(
		ulimit -n "$1"
		"${prefix[@]}" timeout 280 "$MUSTER" run make -j2000
	) > "$WORK/out" 2> "$WORK/err" < /dev/null || {
		diag "$(tail -5 "$WORK/err")"
		return 1
	}
}

wanted_objects()
{
	(mkdir "$WORK/wanted" && cp u*.c Makefile "$WORK/wanted" && cd "$WORK/wanted" && PATH=$PLAIN_PATH make -s -j2) > /dev/null
}

objects_are_wanted()
{
	local object
	for object in "$WORK/wanted"/*.o; do
		cmp "$object" "${object##*/}" || return 1
	done
}

# Nothing came of luck.
was_one_agent()
{
	wait_until 10 status_is '.jobs.total == 500'
}

has_descriptors()
{
	! grep -F 'Too many open files' "$MUSTER_STATE_DIR/agent.log" >&2
}

none_killed()
{
	diag "at most $(group_peak) MiB"
	[ "$(group_killed)" = 0 ]
}

project 500
wanted_objects || bail 'the plain build fails'
if group_make 2G; then
	WORKER_WRAP=(in_group)
fi
farm_start 2 --slots 3
check 'with 256 descriptors, and 2 GiB for make, shims, agent, workers and compilers' -- wide 256
check '… every object is right' -- objects_are_wanted
check '… it was one agent all the time' -- was_one_agent
check '… which kept descriptors for its work' -- has_descriptors
if [ "$GROUP" ]; then
	check '… nobody was killed for want of memory' -- none_killed
else
	skip '… within 2 GiB' "$WHY"
fi
farm_done

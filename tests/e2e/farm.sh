# shellcheck shell=bash
# farm.sh: what every end-to-end script begins with.
#
#   . "$(dirname "$0")/farm.sh"
#   farm_init "$1"                    the build folder
#   farm_start 2                      two workers on this machine, and the environment to use them
#   new_tree                          an empty source tree, which becomes the current folder
#   … write sources …
#   same --remote "debug info" -- gcc -g -c x.c
#   farm_done
#
# The heart is `same`: it runs one command twice, in two fresh copies of the current tree at the
# same absolute path, first with the machine's own compiler, then through muster, and compares
# what came of it byte for byte: every file with its mode, stdout, stderr and the exit status.
# It also asserts where the command ran, by the counters of `muster status --json`.
#
# TAP goes to stdout; the plan is printed at the end. Everything written lies below one temporary
# folder in the build folder, and goes away at exit together with every process that was started,
# also after a failure or Ctrl-C.
#
# FARM_PLAIN=1   muster-cc is a stand-in that runs the compiler at once: proves that the scripts
#                themselves hold (the commands are repeatable, the expectations true). Counters are
#                not looked at, tests that need workers are skipped.
# FARM_ONLY=RE   only the cases whose name matches this extended regular expression.
# FARM_KEEP=1    keep the temporary folder.
# FARM_PATIENCE  a wait for a state gives up after so many times the seconds that the script names (5): they are
#                those of a quick machine, and a wait that succeeds costs nothing.

set -u
FARM_PLAIN=${FARM_PLAIN:-} FARM_ONLY=${FARM_ONLY:-} FARM_KEEP=${FARM_KEEP:-} FARM_PATIENCE=${FARM_PATIENCE:-5}
TESTS=0 FAILED=0 FINISHED='' WORK='' WORKERS=0 KILLED=' '
# shellcheck disable=SC2034 # for the scripts
E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# --- TAP -------------------------------------------------------------------------------------

ok()
{
	TESTS=$((TESTS + 1))
	echo "ok $TESTS - $1"
}

not_ok()
{
	TESTS=$((TESTS + 1)) FAILED=$((FAILED + 1))
	echo "not ok $TESTS - $1"
}

skip()
{
	TESTS=$((TESTS + 1))
	echo "ok $TESTS - $1 # SKIP $2"
}

diag()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

bail()
{
	echo "Bail out! $*"
	exit 99
}

skip_all()
{
	echo "1..0 # SKIP $*"
	FINISHED=1
	exit 0
}

# wanted NAME: false when FARM_ONLY leaves this case out.
wanted()
{
	[ -z "$FARM_ONLY" ] || [[ $1 =~ $FARM_ONLY ]]
}

# check NAME -- COMMAND…: a case that is one command which must succeed.
check()
{
	local name=$1
	shift 2
	if "$@"; then ok "$name"; else not_ok "$name"; fi
}

# --- Waiting ---------------------------------------------------------------------------------

# wait_until SECONDS COMMAND…: asks until COMMAND succeeds, ever more seldom; false when it never does.
wait_until()
{
	local end=$((SECONDS + $1 * FARM_PATIENCE)) pause=1030
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		read -r -t "0.${pause#1}" <> "$WORK/never"
		[ $pause -ge 1200 ] || pause=$((pause + 10))
	done
	return 0
}

is_gone()
{
	local stat
	{ read -r stat < "/proc/$1/stat"; } 2>/dev/null || return 0
	stat=${stat##*) }
	[ -z "$stat" ] || [ "${stat%% *}" = Z ]
}

port_is_open()
{
	(: < "/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# serves PORT PID: waits until the server PID listens on PORT; false when it ends before (somebody else took the port).
serves()
{
	wait_until 20 open_or_gone "$1" "$2"
	port_is_open "$1" && ! is_gone "$2"
}

open_or_gone()
{
	port_is_open "$1" || is_gone "$2"
}

# sshd_start SSHD FOLDER: one on loopback with the keys host and authorized of FOLDER; its port goes to $SSH_PORT.
sshd_start()
{
	local try
	for try in 1 2 3 4 5; do
		SSH_PORT=$((20000 + (RANDOM + $$) % 12000))
		port_is_open "$SSH_PORT" && continue
		printf '%s\n' "Port $SSH_PORT" 'ListenAddress 127.0.0.1' "HostKey $2/host" "AuthorizedKeysFile $2/authorized" \
			'StrictModes no' 'UsePAM no' 'PidFile none' 'PasswordAuthentication no' 'MaxStartups 100' \
			'SetEnv SHLVL=9' > "$2/sshd_config" # no .bashrc: what it says would be among the compiler's words
		"$1" -D -f "$2/sshd_config" -E "$2/log" < /dev/null &
		serves "$SSH_PORT" $! && return
		diag "sshd on port $SSH_PORT does not start ($try)"
	done
	return 1
}

# --- The farm --------------------------------------------------------------------------------

COMPILER_NAMES='gcc g++ cc c++ clang clang++
	x86_64-linux-gnu-gcc x86_64-linux-gnu-g++ x86_64-linux-gnu-gcc-12 x86_64-linux-gnu-g++-12
	gcc-12 g++-12 clang-14 clang++-14'

farm_init()
{
	BUILD=$(cd "${1:?usage: $0 BUILD_FOLDER}" && pwd) || exit 99
	local name
	for name in ${!LC_@} LANG LANGUAGE MAKEFLAGS MFLAGS CFLAGS CXXFLAGS CPPFLAGS GCC_COLORS CPATH \
		C_INCLUDE_PATH CPLUS_INCLUDE_PATH SOURCE_DATE_EPOCH TZ ${!MUSTER_@}; do
		unset "$name"
	done
	umask 022
	WORK=$(mktemp -d "$BUILD/t.XXXXXX") || exit 99
	FARM_SHELL=$BASHPID
	trap farm_cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 141' PIPE
	mkfifo "$WORK/never"
	mkdir "$WORK/bin" "$WORK/a"
	export SHELL=/bin/sh
	export MUSTER_STATE_DIR=$WORK/a
	[ ${#WORK} -le 88 ] || bail "$WORK is too long for the path of a unix socket"
	PLAIN_PATH=$PATH FARM_PATH=$WORK/bin:$PATH TREE=$WORK/tree CCS=gcc CASE_UMASK=022
	! command -v clang >/dev/null || CCS='gcc clang'
	SHIM=$BUILD/muster-cc
	if [ "$FARM_PLAIN" ]; then
		stand_in > "$WORK/muster-cc"
		chmod 755 "$WORK/muster-cc"
		SHIM=$WORK/muster-cc
	else
		for name in muster muster-cc muster-agent muster-worker counters; do
			[ -x "$BUILD/$name" ] || bail "$BUILD/$name is not there: build first"
		done
		command -v jq >/dev/null || bail 'jq is not installed (apt-get install jq)'
	fi
	for name in $COMPILER_NAMES; do
		ln -s "$SHIM" "$WORK/bin/$name"
	done
}

# The program that stands in for muster-cc when the scripts themselves are tested.
stand_in()
{
	cat <<-'END'
	#!/bin/bash
	self=$(readlink -f "$0") name=${0##*/} rest=''
	[ "$name" != muster-cc ] || { name=$1; shift; }
	case $name in */*) exec "$name" "$@" ;; esac
	IFS=:
	for dir in $PATH; do
		[ "$(readlink -f "${dir:-.}/$name")" = "$self" ] || rest+=${rest:+:}${dir:-.}
	done
	PATH=$rest # else gcc looks for cc1 beside the link that it finds there under its own name
	real=$(type -P "$name") || { echo "muster-cc: $name: not found on PATH" >&2; exit 127; }
	exec -a "$name" "$real" "$@"
	END
}

# worker_start [ARGUMENTS…]: one more worker; its address goes to $ADDRESS, its pid to $WORKER_PID,
# its log to $WORK/wN.log. WORKER_WRAP (an array) is put before the program's name.
WORKER_WRAP=()
worker_start()
{
	WORKERS=$((WORKERS + 1))
	local w=$WORK/w$WORKERS
	mkdir -p "$w"
	rm -f "$w.port"
	"${WORKER_WRAP[@]}" "$BUILD/muster-worker" --listen 127.0.0.1:0 --state "$w" --name "w$WORKERS" \
		--port-file "$w.port" "$@" < /dev/null > "$w.log" 2>&1 &
	WORKER_PID=$!
	eval "WORKER_PID_$WORKERS=$WORKER_PID"
	wait_until 30 worker_ready "$w.port" "$WORKER_PID"
	ADDRESS=$(cat "$w.port" 2>/dev/null)
	if [ -z "$ADDRESS" ]; then
		sed 's/^/# /' "$w.log"
		return 1
	fi
}

worker_ready()
{
	[ -s "$1" ] || is_gone "$2"
}

# farm_start N [ARGUMENTS…]: N workers, which MUSTER_HOSTS then names.
farm_start()
{
	local n=$1 i hosts=''
	shift
	for ((i = 0; i < n; i++)); do
		[ "$FARM_PLAIN" ] && break
		worker_start "$@" || bail 'a worker does not start'
		hosts+=" $ADDRESS"
	done
	export MUSTER_HOSTS=${hosts# }
}

# Ends the agent, the workers, and whatever else still carries this farm's state folder in its
# environment (a path that exists only here, so nobody else's process is ever meant).
farm_stop()
{
	local pid
	[ "$FARM_PLAIN" ] || timeout 10 "$BUILD/muster" stop >/dev/null 2>&1
	for pid in $(jobs -p); do
		kill -CONT "$pid" 2>/dev/null
		kill "$pid" 2>/dev/null
	done
	wait_until 10 none_left && return
	for pid in $(farm_processes); do
		KILLED+="$pid:$(tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | cut -c 1-60) "
		kill -KILL "$pid" 2>/dev/null
	done
	wait_until 10 none_left
}

none_left()
{
	[ -z "$(farm_processes)" ]
}

# Pids of all live processes that belong to this farm. This shell is not among them: it was started
# before the folder had its name.
farm_processes()
{
	local file pid
	grep -lsaF -e "$WORK" /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null > "$WORK/mine"
	while read -r file; do
		pid=${file#/proc/}
		pid=${pid%%/*}
		is_gone "$pid" || echo "$pid"
	done < "$WORK/mine"
}

# A child that gets a signal before bash has put our traps away there runs them. It must not clean up behind us.
in_child()
{
	[ "$BASHPID" != "$FARM_SHELL" ]
}

farm_cleanup()
{
	local status=$?
	! in_child || return
	trap '' HUP INT TERM PIPE
	cd /
	[ -z "$WORK" ] || farm_stop
	[ "$FINISHED" ] || echo "Bail out! ended early (status $status)"
	[ -z "$WORK" ] || [ "$FARM_KEEP" ] || {
		chmod -R u+rwX "$WORK" 2>/dev/null
		rm -rf "$WORK"
	}
}

# The last line of a script: what must hold for every farm, then the plan.
farm_done()
{
	cd /
	if [ -z "$FARM_PLAIN" ]; then
		status_save end
		wanted 'every local run has its reason' && check 'every local run has its reason' -- reasons_add_up
		farm_stop
		if wanted 'nothing is left running'; then
			if [ "$KILLED" = ' ' ]; then
				ok "nothing is left running"
			else
				not_ok 'nothing is left running'
				diag "killed:$KILLED"
			fi
		fi
	fi
	echo "1..$TESTS"
	FINISHED=1
	[ "$FAILED" -eq 0 ]
	exit
}

# --- What the agent counts -------------------------------------------------------------------

# status_save NAME: the agent's whole status in $WORK/NAME.json; {} when no agent runs.
status_save()
{
	timeout 60 "$BUILD/muster" status --json > "$WORK/$1.json" 2>/dev/null &&
		[[ $(< "$WORK/$1.json") == *'"jobs"'* ]] || echo '{}' > "$WORK/$1.json"
}

# status_get FILTER: one value of the status (a jq filter); 0 when it is not there.
status_get()
{
	[ -z "$FARM_PLAIN" ] || { echo 0; return; }
	timeout 60 "$BUILD/muster" status --json 2>/dev/null | jq -rs ".[0] | ($1) // 0" 2>/dev/null || echo 0
}

# status_is FILTER: true when the jq filter gives true for the present status.
status_is()
{
	timeout 60 "$BUILD/muster" status --json 2>/dev/null | jq -es ".[0] | ($1)" >/dev/null 2>&1
}

reasons_add_up()
{
	jq -e '((.why_local // {} | add // 0) == (.jobs.local // 0))
		and ((.why_other // {} | add // 0) == (.other // 0))' "$WORK/end.json" >/dev/null || {
		diag "$(jq -c '{jobs, other, why_local, why_other}' "$WORK/end.json")"
		return 1
	}
}

# counters_hold WANT COUNT REASON: compares before.json with the status now.
counters_hold()
{
	local how=$3
	[ "$1" != remote ] || how=$2
	status_save after
	"$BUILD/counters" "$WORK/before.json" "$WORK/after.json" "$1" "$how"
}

counters_show()
{
	diag "$(jq -cn --slurpfile b "$WORK/before.json" --slurpfile a "$WORK/after.json" '
		{before: ($b[0] | {jobs, other, why_local, why_other}),
		 after: ($a[0] | {jobs, other, why_local, why_other, workers: [.workers[]? | {state, why}]})}')"
}

# --- Plain against farm ----------------------------------------------------------------------

# An empty tree, which becomes the current folder.
new_tree()
{
	cd /
	remove_tree "$TREE"
	mkdir "$TREE"
	cd "$TREE" || bail "$TREE went away"
}

remove_tree()
{
	[ ! -d "$1" ] || chmod -R u+rwX "$1" 2>/dev/null
	rm -rf "$1"
}

# run_side SIDE COMMAND…: runs it in a fresh copy of the tree; all that came of it in $WORK/SIDE.
run_side()
{
	local side=$WORK/$1 path=$PLAIN_PATH cc=''
	[ "$1" = plain ] || { path=$FARM_PATH cc=$SHIM; }
	shift
	remove_tree "$TREE"
	cp -a "$WORK/pristine" "$TREE"
	remove_tree "$side"
	mkdir "$side"
	(
		cd "$TREE" && umask "$CASE_UMASK"
		export PATH="$path" SHIM="$cc"
		exec timeout -k 5 "${CASE_TIMEOUT:-300}" "$@"
	) < /dev/null > "$side/stdout" 2> "$side/stderr"
	echo $? > "$side/status"
	mv "$TREE" "$side/tree"
}

# same [OPTIONS] NAME -- COMMAND…
#   --remote[=N]   N compiles (one unless told) ran on workers, none here
#   --local RE     nothing ran on a worker, and a reason that matches RE was counted
#   --uncounted    counters are not looked at
#   --fails        the plain command fails (without this it must succeed)
#   --ignore GLOB  files of such a name need only be there: their bytes differ from run to run
# COMMAND sees an empty $SHIM on the plain side and muster-cc's path on the other.
same()
{
	local want=any n=1 reason='' fails='' ignore='' name ran bad
	while :; do
		case $1 in
		--remote) want=remote ;;
		--remote=*) want=remote n=${1#*=} ;;
		--local) want=local reason=$2; shift ;;
		--uncounted) want="" ;;
		--fails) fails=1 ;;
		--ignore) ignore=$2; shift ;;
		*) break ;;
		esac
		shift
	done
	name=$1
	shift 2
	wanted "$name" || return 0
	cd /
	remove_tree "$WORK/pristine"
	cp -a "$TREE" "$WORK/pristine"
	run_side plain "$@"
	[ "$FARM_PLAIN" ] || status_save before
	run_side farm "$@"
	bad=$(compare_sides "$ignore")
	ran=$(cat "$WORK/plain/status")
	[ "$fails" ] || [ "$ran" = 0 ] || bad+=$'\n'"the plain command failed:"$'\n'$(head -5 "$WORK/plain/stderr")
	[ -z "$fails" ] || [ "$ran" != 0 ] || bad+=$'\n'"the plain command should have failed"
	if [ "$want" ] && [ -z "$FARM_PLAIN" ] && ! wait_until 3 counters_hold "$want" "$n" "$reason"; then
		bad+=$'\n'"expected: $want${reason:+ because of \"$reason\"}"
		bad+=$'\n'$(counters_show)
	fi
	cp -a "$WORK/pristine" "$TREE"
	cd "$TREE" || bail "$TREE went away"
	if [ -z "$bad" ]; then
		ok "$name"
	else
		not_ok "$name"
		diag "$bad"
	fi
}

# both … : `same` once for each compiler, with %CC and %CXX in the command replaced.
both()
{
	local cc options=() name words
	while [ "${2-}" != -- ]; do
		options+=("$1")
		shift
	done
	name=$1
	shift 2
	for cc in $CCS; do
		words=("${@//%CXX/$([ "$cc" = gcc ] && echo g++ || echo clang++)}")
		same "${options[@]}" "$cc: $name" -- "${words[@]//%CC/$cc}"
	done
}

# Prints how the two sides differ; nothing when they are the same.
compare_sides()
{
	local side file
	for side in plain farm; do
		(cd "$WORK/$side/tree" && find . -printf '%P\t%y\t%m\t%n\t%l\n' | LC_ALL=C sort) > "$WORK/$side/list"
	done
	for file in status stdout stderr list; do
		cmp -s "$WORK/plain/$file" "$WORK/farm/$file" && continue
		echo "$file differs (< plain, > farm):"
		diff -a "$WORK/plain/$file" "$WORK/farm/$file" | head -12
	done
	diff -rq --no-dereference "$WORK/plain/tree" "$WORK/farm/tree" > /dev/null 2>&1 && return
	while IFS= read -r -d '' file; do
		# shellcheck disable=SC2254 # a pattern is meant
		case ${file##*/} in $1) continue ;; esac
		[ -f "$WORK/farm/tree/$file" ] || continue
		compare_files "$file" "$WORK/plain/tree/$file" "$WORK/farm/tree/$file"
	done < <(cd "$WORK/plain/tree" && find . -type f -printf '%P\0')
}

compare_files()
{
	cmp -s "$2" "$3" && return
	echo "$1: the bytes differ (< plain, > farm):"
	diff <(od -A x -t x1z "$2") <(od -A x -t x1z "$3") | head -12
}

# A C++ source whose compile takes roughly STEPS times 16 ms in the compiler's own interpreter and
# little memory; needs -std=c++17 and $SLOW_FLAGS. Its object does not depend on the machine.
# shellcheck disable=SC2034 # for the scripts
SLOW_FLAGS='-std=c++17 -fconstexpr-ops-limit=2000000000'
slow_source()
{
	cat <<-END
	#ifndef STEPS
	#define STEPS $1
	#endif
	constexpr unsigned spin(unsigned s)
	{
		for (unsigned i = 0; i < STEPS; i++)
			for (unsigned j = 0; j < 10000; j++)
				s = s * 1664525u + j;
		return s;
	}
	constexpr unsigned slow_value = spin(7);
	unsigned slow() { return slow_value; }
	END
}

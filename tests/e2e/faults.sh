#!/bin/bash
# Bad input and faults: whatever breaks, the build gets the right output or one clear sentence;
# never a hang, never a partial object, never a temporary file beside the target.
# Run as: faults.sh BUILD_FOLDER; see farm.sh. What needs mounts is in faults_mounts.sh.
# shellcheck disable=SC2031,SC2317 # PATH is set in subshells on purpose; wait_until calls functions
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
CASE_TIMEOUT=300

# --- Helpers ---------------------------------------------------------------------------------

gcc -std=gnu17 -D_GNU_SOURCE -O1 -o "$WORK/relay" "$E2E/relay.c" || bail 'relay.c does not compile'

# relay_start ARGUMENTS…: its address goes to $RELAY.
RELAYS=0
relay_start()
{
	RELAYS=$((RELAYS + 1))
	"$WORK/relay" --listen 127.0.0.1:0 --port-file "$WORK/relay$RELAYS" "$@" &
	wait_until 10 test -s "$WORK/relay$RELAYS" || bail 'the relay does not start'
	RELAY=$(cat "$WORK/relay$RELAYS")
}

# A fresh farm for the next story, so that none inherits the back-off of another.
farm_again()
{
	[ "$FARM_PLAIN" ] && return
	farm_stop
	unset MUSTER_PEER_TIMEOUT_MS
	farm_start "$@"
}

# job_start COMMAND…: in the tree, with the farm, in a process group of its own, which Ctrl-C
# reaches (a plain background job of a script ignores it). JOB is the group.
job_start()
{
	set -m
	(
		cd "$TREE" || exit
		export PATH="$FARM_PATH"
		exec timeout --foreground -k 5 300 "$@"
	) < /dev/null > "$WORK/job.out" 2> "$WORK/job.err" &
	JOB=$!
	set +m
}

runs_remotely()
{
	status_is '[.workers[].running] | add >= 1'
}

job_wait()
{
	wait "$JOB" 2>/dev/null
	JOB_STATUS=$?
}

# expect NAME OBJECT…: the job succeeded (muster itself may have said a sentence), each OBJECT equals OBJECT.plain, nothing else
# is new in the tree.
expect()
{
	local name=$1 bad='' object
	shift
	[ "$JOB_STATUS" = 0 ] || bad+="status $JOB_STATUS"$'\n'
	bad+=$(grep -v '^muster-cc: ' "$WORK/job.err" | head -5)
	for object; do
		cmp -s "$object.plain" "$object" || bad+="$object differs or is not there"$'\n'
	done
	bad+=$(strangers)
	report "$name" "$(head -12 <<< "$bad")"
}

report()
{
	if [ -z "$2" ]; then
		ok "$1"
	else
		not_ok "$1"
		diag "$2"
		diag "$(timeout 10 "$BUILD/muster" status --json 2>&1 | jq -c . 2>/dev/null)"
	fi
}

# Files in the tree that no compile makes.
strangers()
{
	find "$TREE" -type f ! -name '*.c' ! -name '*.cc' ! -name '*.h' ! -name '*.o' ! -name '*.d' \
		! -name '*.plain' ! -name Makefile -printf 'left behind: %P\n'
}

slow_tree()
{
	new_tree
	slow_source "${1:-120}" > s.cc
}

# The right object of the slow source, made once.
slow_plain()
{
	# shellcheck disable=SC2086
	[ -e "$WORK/s.plain" ] || g++ $SLOW_FLAGS -g -c s.cc -o "$WORK/s.plain"
	cp "$WORK/s.plain" s.o.plain
}

# slow_story NAME FAULT: starts the slow compile, waits until a worker has it, runs FAULT, and
# expects the right object.
slow_story()
{
	wanted "$1" || return 0
	slow_tree
	slow_plain
	# shellcheck disable=SC2086
	job_start g++ $SLOW_FLAGS -g -c s.cc
	if [ -z "$FARM_PLAIN" ]; then
		if ! wait_until 30 runs_remotely; then
			job_wait
			report "$1" 'the job never ran on a worker'
			return
		fi
		"$2"
	fi
	job_wait
	expect "$1" s.o
}

worker_pid()
{
	local v=WORKER_PID_$1
	echo "${!v}"
}

# A small job, the file q.c of the tree, ran on a worker: they are up, and not resting after a failure.
travels_again()
{
	local before
	[ -z "$FARM_PLAIN" ] || return 0
	before=$(status_get .jobs.remote)
	PATH=$FARM_PATH gcc -c q.c -o "$WORK/q.o"
	[ "$(status_get .jobs.remote)" -gt "$before" ]
}

# --- Workers ---------------------------------------------------------------------------------

kill_workers()
{
	local i
	for ((i = FIRST; i <= WORKERS; i++)); do kill -KILL "$(worker_pid "$i")"; done
}

stop_workers()
{
	local i
	for ((i = FIRST; i <= WORKERS; i++)); do kill -STOP "$(worker_pid "$i")"; done
}

kill_busy_worker()
{
	local busy
	busy=$(status_get '[.workers[] | select(.running > 0) | .name][0]')
	kill -KILL "$(worker_pid "${busy#w}")"
}

FIRST=$((WORKERS + 1))
farm_again 1
slow_story 'the only worker killed in the middle of a job' kill_workers
farm_again 2
slow_story 'one of two workers killed in the middle of a job' kill_busy_worker
FIRST=$((WORKERS + 1))
farm_again 1
slow_story 'the worker frozen in the middle of a job' stop_workers

new_tree
echo 'int quick;' > q.c
FIRST=$((WORKERS + 1))
farm_again 1
[ "$FARM_PLAIN" ] || kill_workers
same --local . 'a worker that is dead before the first job' -- gcc -c q.c
FIRST=$((WORKERS + 1))
farm_again 1
export MUSTER_PEER_TIMEOUT_MS=1500
[ "$FARM_PLAIN" ] || stop_workers
same --local . 'a worker that is frozen before the first job' -- gcc -c q.c

if [ -z "$FARM_PLAIN" ] && wanted 'a worker that comes back'; then
	farm_again 1
	new_tree
	echo 'int quick;' > q.c
	before=$(cat "$WORK/w$WORKERS.port")
	kill -KILL "$WORKER_PID"
	wait_until 10 is_gone "$WORKER_PID"
	PATH=$FARM_PATH gcc -c q.c
	"$BUILD/muster-worker" --listen "$before" --state "$WORK/w$WORKERS" --port-file "$WORK/back.port" \
		< /dev/null > "$WORK/back.log" 2>&1 &
	wait_until 20 test -s "$WORK/back.port"
	travels()
	{
		PATH=$FARM_PATH gcc -c q.c
		[ "$(status_get .jobs.remote)" -ge 1 ]
	}
	check 'a worker that comes back gets work again, with the store of the one that was killed' -- \
		wait_until 40 travels
	rm -f "$WORK/back.port"
fi

# What was sent home, since no worker was up, and still waits for a local slot goes to a worker that comes meanwhile.
if [ -z "$FARM_PLAIN" ] && wanted 'a worker that comes late'; then
	farm_again 1
	new_tree
	echo 'int late;' > late.c
	mkfifo hold.c
	before=$(cat "$WORK/w$WORKERS.port")
	kill -KILL "$WORKER_PID"
	wait_until 10 is_gone "$WORKER_PID"
	timeout 10 "$BUILD/muster" stop 2>/dev/null
	export MUSTER_LOCAL_SLOTS=1
	PATH=$FARM_PATH gcc -c hold.c &
	holder=$!
	wait_until 20 status_is '.jobs.running_local == 1'
	PATH=$FARM_PATH gcc -c late.c &
	late=$!
	wait_until 20 grep -q 'down: ' "$MUSTER_STATE_DIR/agent.log"
	"$BUILD/muster-worker" --listen "$before" --state "$WORK/w$WORKERS" --port-file "$WORK/late.port" \
		< /dev/null > "$WORK/late.log" 2>&1 &
	wait_until 20 test -s "$WORK/late.port"
	# A compile makes the agent look for the worker; it is not asked to before.
	pids=''
	comes()
	{
		PATH=$FARM_PATH gcc -c late.c -o "another$((++tries)).o" &
		pids+=" $!"
		test -s late.o
	}
	tries=0
	check 'a worker that comes late' -- wait_until 40 comes
	check '… takes what waited for a local slot' -- status_is '.jobs.local == 1 and .jobs.running_local == 1'
	echo 'int hold;' > hold.c
	# shellcheck disable=SC2086 # one a word
	wait "$holder" "$late" $pids
	export -n MUSTER_LOCAL_SLOTS
	unset MUSTER_LOCAL_SLOTS
	rm -f "$WORK/late.port"
fi

# --- The worker's store ------------------------------------------------------------------------

# What a worker cannot store, it must not be believed to have: neither the job that brings the header nor
# one that comes when the worker is up again may see a tree without it.
if wanted 'a store that is too small'; then
	farm_again 1 --store-size 6000
	new_tree
	for ((i = 0; i < 1000; i++)); do printf 'extern int v%d;\n' $i; done > h.h
	printf '#include "h.h"\nint first = sizeof v1;\n' > x.c
	printf '#include "h.h"\nint second = sizeof v2;\n' > y.c
	echo 'int quick;' > q.c
	same 'a store that is too small for a header' -- gcc -MD -c x.c
	check 'a store that is too small: the worker comes back' -- wait_until 40 travels_again
	same 'a store that is too small: the next job with that header' -- gcc -MD -c y.c
	check 'a store that is too small: the worker comes back again' -- wait_until 40 travels_again
	same 'a store that is too small: the first job again' -- gcc -MD -c x.c
fi

# --- The worker ends ---------------------------------------------------------------------------

terminate_worker()
{
	kill -TERM "$WORKER_PID"
	wait "$WORKER_PID"
	WORKER_STATUS=$?
}
farm_again 1
WORKER_STATUS=0
slow_story 'the worker is told to end in the middle of a job' terminate_worker
check 'the worker that was told to end ended well' -- test $WORKER_STATUS = 0

# More than a worker keeps of one job.
farm_again 1
new_tree
{
	printf '#pragma message "'
	head -c 1000000 /dev/zero | tr '\0' m
	printf '"\n'
} > loud.h
for ((i = 0; i < 70; i++)); do echo '#include "loud.h"'; done > loud.c
echo 'int quick;' > q.c
same 'seventy megabytes of messages' -- gcc -fno-diagnostics-show-caret -c loud.c
check 'seventy megabytes of messages: the worker goes on' -- wait_until 40 travels_again

# --- The network -----------------------------------------------------------------------------

# A source whose upload is some megabytes that do not compress.
big_tree()
{
	new_tree
	if [ ! -e "$WORK/big" ]; then
		mkdir "$WORK/big"
		{
			echo 'const char noise[] ='
			head -c 2000000 /dev/urandom | base64 -w 100 | sed 's/.*/"&"/'
			echo ';'
		} > "$WORK/big/noise.h"
		printf '#include "noise.h"\nint n = sizeof noise;\n' > "$WORK/big/n.c"
		(cd "$WORK/big" && gcc -c n.c -o n.o.plain)
	fi
	cp -a "$WORK/big/." .
}

network()
{
	local name=$1
	shift
	wanted "$name" || return 0
	big_tree
	farm_again 1
	if [ -z "$FARM_PLAIN" ]; then
		relay_start --to "$MUSTER_HOSTS" "$@"
		export MUSTER_HOSTS=$RELAY MUSTER_PEER_TIMEOUT_MS=1500
	fi
	job_start gcc -c n.c
	job_wait
	expect "$name" n.o
}
network 'a relay that does nothing'
network 'connection cut at once' --cut-after 0
network 'connection cut in the hello' --cut-after 7
network 'connection cut in the middle of the upload' --cut-after 700000
network 'connection cut in the middle of the upload, then a good one' --cut-after 700000 --once
network 'connection silent from the start' --stall-after 0
network 'connection silent in the middle of the upload' --stall-after 700000
network 'connection cut in the middle of the answer' --down --cut-after 20000
network 'connection silent in the middle of the answer' --down --stall-after 20000
network 'a bit turned over in the hello' --flip-at 3
network 'a bit turned over in the upload' --flip-at 600000
network 'a bit turned over near the start of the upload' --flip-at 400
network 'a bit turned over in the first answer' --down --flip-at 2
network 'a bit turned over in the object' --down --flip-at 200000

new_tree
echo 'int quick;' > q.c
farm_again 0
same --local . 'no workers at all' -- gcc -c q.c
export MUSTER_HOSTS=127.0.0.1:1
same --local . 'a worker that refuses' -- gcc -c q.c
export MUSTER_HOSTS='nonsense host:port:port 300.1.2.3:99999 [::1'
same --local . 'hosts that are no hosts' -- gcc -c q.c
unset MUSTER_HOSTS
same --local . 'MUSTER_HOSTS is not set' -- gcc -c q.c

# --- Files -----------------------------------------------------------------------------------

farm_again 1
new_tree
echo 'int quick;' > q.c
mkdir folder.c folder.h
printf '#include "folder.h"\n' > ih.c
printf '#include "locked.h"\nint l;\n' > lk.c
echo 'int in_locked;' > locked.h
cp q.c locked.c
if [ "$(id -u)" = 0 ]; then
	skip 'a source that cannot be read' 'root may read everything'
else
	chmod 0 locked.c locked.h
	both --fails 'a source that cannot be read' -- %CC -c locked.c
	both --fails 'a header that cannot be read' -- %CC -c lk.c
	chmod 644 locked.c locked.h
fi
both --fails 'a source that is a folder' -- %CC -c folder.c
both --fails 'a header that is a folder' -- %CC -c ih.c
both --fails 'a source that is not there' -- %CC -c absent.c
head -c 100000 /dev/urandom > random.c
both --fails 'a source of random bytes' -- sh -c '%CC -c random.c 2>/dev/null'
printf 'int a;\0int b;\n#include "q.c"\0\n' > nul.c
both 'a source with NUL bytes' -- sh -c '%CC -c nul.c; echo $?'

if [ -z "$FARM_PLAIN" ]; then
	missing()
	{
		local bad=''
		"$@" > "$WORK/out" 2> "$WORK/err" < /dev/null
		[ $? = 127 ] || bad=1
		[ "$(wc -l < "$WORK/err")" = 1 ] && grep -q gcc-99 "$WORK/err" || bad=1
		[ -z "$bad" ] || diag "$(cat "$WORK/err")"
		[ -z "$bad" ]
	}
	ln -s "$SHIM" "$WORK/bin/gcc-99"
	check 'a compiler that is not there: status 127 and one sentence' -- \
		missing env PATH="$FARM_PATH" timeout 300 gcc-99 -c q.c
	check 'the same by muster-cc' -- missing timeout 300 "$SHIM" gcc-99 -c q.c
	check 'the same on an empty PATH' -- missing env PATH="$WORK/bin" "$SHIM" gcc-99 -c q.c
fi

# A worker that looks at a compiler for the first time hears nothing meanwhile, which may last on a busy machine. It keeps
# its jobs. (The agent knows clang from above, so that it asks at once.)
if [ -z "$FARM_PLAIN" ] && [ "$CCS" != gcc ] && wanted 'a worker that looks at a compiler'; then
	farm_again 1 --slots 2
	slow_tree
	slow_plain
	echo 'int quick;' > q.c
	clang -c q.c -o q.o.plain
	# shellcheck disable=SC2086
	job_start g++ $SLOW_FLAGS -g -c s.cc
	wait_until 30 runs_remotely
	kill -STOP "$WORKER_PID"
	PATH=$FARM_PATH clang -c q.c &
	read -r -t 7 <> "$WORK/never"
	kill -CONT "$WORKER_PID"
	wait $!
	job_wait
	expect 'a worker that looks at a compiler for a while' s.o q.o
	check 'a worker that looks at a compiler for a while keeps its jobs' -- status_is '.retries == 0 and .jobs.remote == 2'
fi

# --- Ctrl-C ----------------------------------------------------------------------------------

marked()
{
	echo "$1" > "$WORK/mark"
	grep -lsaF -f "$WORK/mark" /proc/[0-9]*/cmdline 2>/dev/null | grep -q .
}

unmarked()
{
	! marked "$1"
}

# interrupt NAME SIGNAL: the signal to the process group in the middle of a job.
interrupt()
{
	wanted "$1" || return 0
	local mark="INTERRUPT_$2_$$" bad=''
	slow_tree 2000
	# shellcheck disable=SC2086
	job_start g++ $SLOW_FLAGS -D"$mark" -g -MD -c s.cc
	if [ "$FARM_PLAIN" ]; then
		wait_until 10 marked "$mark"
	elif ! wait_until 30 runs_remotely; then
		bad='the job never ran on a worker'$'\n'
	fi
	kill "-$2" -- "-$JOB"
	job_wait
	[ "$JOB_STATUS" -ge 124 ] || bad+="status $JOB_STATUS"$'\n'
	[ ! -e s.o ] || bad+='an object was left'$'\n'
	wait_until 15 unmarked "$mark" || bad+='the compile still runs'$'\n'
	[ "$FARM_PLAIN" ] || wait_until 10 status_is '.jobs.running == 0' || bad+='the job is still counted as running'$'\n'
	bad+=$(strangers)
	report "$1" "$bad"
}
farm_again 1
interrupt 'Ctrl-C ends the remote compile and leaves no output' INT
interrupt 'SIGTERM does the same' TERM
interrupt 'SIGHUP does the same' HUP
interrupt 'SIGKILL does the same' KILL
new_tree
echo 'int quick;' > q.c
same --remote 'a job after all that' -- gcc -c q.c

agents()
{
	farm_processes | sort -u | while read -r pid; do cat "/proc/$pid/comm"; done | grep -c muster-agent
}

# --- Many, and the agent killed ----------------------------------------------------------------

many_tree()
{
	local i
	new_tree
	printf 'OBJECTS := $(patsubst %%,f%%.o,$(shell seq %d))\nall: $(OBJECTS)\n%%.o: %%.c\n\t@gcc -O1 -g -c $< -o $@\n' "$1" > Makefile
	echo 'static inline int twice(int a) { return 2 * a; }' > many.h
	for ((i = 1; i <= $1; i++)); do
		printf '#include "many.h"\nint f%d(int a) { return twice(a) + %d; }\n' $i $i > f$i.c
	done
	make -s -j2
	for i in f*.o; do mv "$i" "$i.plain"; done
}

objects()
{
	local i
	for ((i = 1; i <= $1; i++)); do echo f$i.o; done
}

if wanted 'the agent killed'; then
	farm_again 2
	many_tree 40
	job_start make -s -j8
	if [ -z "$FARM_PLAIN" ]; then
		wait_until 30 status_is '.jobs.total >= 8'
		first=$(status_get .pid)
		kill -KILL "$first"
	fi
	job_wait
	# shellcheck disable=SC2046
	expect 'the agent killed in the middle of make -j8' $(objects 40)
	if [ -z "$FARM_PLAIN" ]; then
		new_tree
		echo 'int quick;' > q.c
		same --remote 'the next job has a new agent' -- gcc -c q.c
		check 'which is another process' -- test "$(status_get .pid)" != "$first"
		kill -KILL "$(status_get .pid)"
		(cd "$TREE" && PATH=$FARM_PATH timeout 300 gcc -c q.c -o after.o)
		check 'a stale socket does no harm' -- test -s after.o
	fi
fi

if wanted '500 at once'; then
	farm_again 2
	many_tree 500
	job_start sh -c 'for i in $(seq 500); do gcc -O1 -g -c f$i.c -o f$i.o & done; wait'
	job_wait
	# shellcheck disable=SC2046
	expect '500 at once' $(objects 500)
	if [ -z "$FARM_PLAIN" ]; then
		check '500 at once: every one counted' -- status_is '.jobs.total == 500'
		check '500 at once: one agent' -- test "$(grep -lsaF 'muster-agent' /proc/[0-9]*/cmdline | xargs -r -n1 dirname |
			while read -r p; do grep -qsaF "$WORK" "$p/environ" && echo "$p"; done | wc -l)" = 1
	fi
	if [ -z "$FARM_PLAIN" ]; then
		farm_again 1
		rm -f f*.o
		job_start sh -c 'for i in $(seq 100); do gcc -O1 -g -c f$i.c -o f$i.o & done; wait'
		job_wait
		# shellcheck disable=SC2046
		expect '100 that race to start the agent' $(objects 100)
	fi
fi

# --- Garbage ---------------------------------------------------------------------------------

# throw HOST:PORT: sends stdin there, waits (two seconds at most) for the answer's end.
throw()
{
	local there=${1%:*} port=${1##*:}
	timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/$2" || exit 1; cat >&3; cat <&3 >/dev/null' \
		sh "$there" "$port" 2>/dev/null
	return 0
}

garbage()
{
	head -c 65536 /dev/urandom | throw "$1"
	printf '\377\377\377\377\001' | throw "$1"
	printf '\377\377\377\177\001aaaa' | throw "$1"
	printf '\000\000\000\000\000' | throw "$1"
	printf '\000\000\000\000\001' | throw "$1"
	printf '\144\000\000\000\001abc' | throw "$1"
	printf '\050\000\000\000\001\001\000\000\000\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377' | throw "$1"
	printf '\004\000\000\000\007\377\377\377\377' | throw "$1"
	printf '\001\000\000\000\372x' | throw "$1"
	head -c 3000000 /dev/zero | throw "$1"
	printf 'GET / HTTP/1.0\r\n\r\n' | throw "$1"
	printf 'DIST00000001ARGC00000000' | throw "$1"
	: | throw "$1"
}

if [ -z "$FARM_PLAIN" ] && wanted 'garbage'; then
	farm_again 1
	new_tree
	echo 'int quick;' > q.c
	same --remote 'a job before the garbage' -- gcc -c q.c
	agent=$(status_get .pid)
	relay_start --to "unix:$MUSTER_STATE_DIR/agent.sock"
	garbage "$RELAY"
	check 'garbage on the socket of the agent' -- test "$(status_get .pid)" = "$agent"
	same --remote 'a job after it' -- gcc -c q.c
	garbage "$MUSTER_HOSTS"
	alive()
	{
		! is_gone "$WORKER_PID"
	}
	check 'garbage on the port of the worker' -- alive
	same --remote 'a job after that' -- gcc -c q.c
	for ((i = 0; i < 60; i++)); do
		eval "exec $((20 + i))<>/dev/tcp/${MUSTER_HOSTS%:*}/${MUSTER_HOSTS##*:}"
	done
	same --remote 'a job beside 60 connections that say nothing' -- gcc -c q.c
	for ((i = 0; i < 60; i++)); do eval "exec $((20 + i))>&-"; done
	for ((i = 0; i < 30; i++)); do
		eval "exec $((20 + i))<>/dev/tcp/${RELAY%:*}/${RELAY##*:}"
	done
	same --remote 'a job beside 30 silent clients of the agent' -- gcc -c q.c
	for ((i = 0; i < 30; i++)); do eval "exec $((20 + i))>&-"; done
fi

# --- The state folder ------------------------------------------------------------------------

if [ -z "$FARM_PLAIN" ] && wanted 'state folder'; then
	farm_again 1
	new_tree
	echo 'int quick;' > q.c
	mine=$MUSTER_STATE_DIR
	export MUSTER_STATE_DIR=$WORK/notdir
	echo file > "$WORK/notdir"
	PATH=$FARM_PATH timeout 300 gcc -c q.c > "$WORK/out" 2> "$WORK/err"
	check 'a state folder that is a file: the compile works' -- test -s q.o
	rm -f q.o
	export MUSTER_STATE_DIR=$WORK/open
	mkdir -m 777 "$WORK/open"
	PATH=$FARM_PATH timeout 300 gcc -c q.c > "$WORK/out" 2> "$WORK/err"
	check 'a state folder that all may write: the compile works' -- test -s q.o
	timeout 10 "$BUILD/muster" stop >/dev/null 2>&1
	rm -f q.o
	export MUSTER_STATE_DIR=$mine
	MUSTER_AGENT=/nonexistent/agent MUSTER_STATE_DIR=$WORK/b PATH=$FARM_PATH timeout 300 gcc -c q.c > "$WORK/out" 2> "$WORK/err"
	check 'an agent that cannot be started: the compile works' -- test -s q.o
	rm -f q.o
	printf "#!/bin/sh\nexec cat %s\n" "$WORK/never" > "$WORK/deaf"
	chmod 755 "$WORK/deaf"
	MUSTER_AGENT=$WORK/deaf MUSTER_STATE_DIR=$WORK/c PATH=$FARM_PATH timeout 300 gcc -c q.c > "$WORK/out" 2> "$WORK/err"
	check 'an agent that never listens: the compile works' -- test -s q.o
	for pid in $(farm_processes); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != cat ] || kill "$pid"
	done
fi

farm_done

# shellcheck shell=bash
# engines.sh: the stories that every engine has to tell, for scripts that have farm.sh already. Each engine's script sets
#
#   URL, HANDLES   where workers come from; what their names begin with
#   engine_left    a function: prints what the engine still has of ours; nothing when all was given back
#
# and ends with stories or with some of them. What is told of which engine (Slurm and sshd are real; those of Mesos and Kubernetes are
# doubles in tests/engine, and Kubernetes' control plane is real in tests/kubernetes/stories.sh):
#
#                           slurm                 mesos              kubernetes           ssh              local
#   200 files, times        story_identical       = all of them
#   kill -9 of the client   story_killed          = all of them
#   a machine dies          a node dies           an agent is lost   a pod is evicted     a connection …   a worker is killed
#   ended from outside      scancel               framework removed  Jobs are deleted     workers killed   all told to end
#   an address outside      story_outside         story_outside      story_outside        another compiler story_outside
#   no such place           unknown partition     nobody there       namespace, context   nobody listens   no number
#   no permission           no permission         who has no secret  no permission        a user who …     -
#   a quota                 more time than …      -                  of Jobs, of pods     -                -
#   nothing is free         a full cluster        nothing is large … the cluster is full  -                -
#   a tool is missing       local_engine.sh       -                  credentials (unit)   local_engine.sh  the static worker
#   --require-workers       require               leader             an image …           another compiler an address …

# engines_init: an agent without other hosts, and temporary files in this farm's folder, so that workers are found by it.
engines_init()
{
	mkdir "$WORK/tmp" "$WORK/home"
	export MUSTER_HOSTS='' HOME=$WORK/home TMPDIR=$WORK/tmp
	unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR
	MUSTER=$BUILD/muster
	[ -x "$BUILD/muster-worker-static" ] || skip_all 'there is no muster-worker-static in this build'
}

# make_rules SUFFIX COMPILER: a Makefile.
make_rules()
{
	printf 'all: $(patsubst %%.%s,%%.o,$(wildcard f*.%s))\n\t@echo built $(words $^)\n' "$1" "$1"
	printf '%%.o: %%.%s\n\t@%s -c $< -o $@\n' "$1" "$2"
}

# c_project N: as many small C files, and a Makefile.
c_project()
{
	local i
	new_tree
	for ((i = 1; i <= $1; i++)); do
		printf '#include <stdio.h>\n#include <string.h>\n#include "all.h"\nint f%d(const char *s)\n{\n\tprintf("%%s %%d\\n", s, NUMBER + %d);\n\treturn (int)strlen(s);\n}\n' \
			"$i" "$i" > "f$i.c"
	done
	echo '#define NUMBER 7' > all.h
	make_rules c 'gcc -O2 -g' > Makefile
	reference
}

# slow_project: C++ files that take a while each, but no memory. The plain objects are made once. The second half of them waits for
# the file $GO, if one is named.
slow_project()
{
	local i
	new_tree
	for ((i = 1; i <= 24; i++)); do
		slow_source 8 | sed "s/slow/slow$i/g" > "f$i.cc"
	done
	make_rules cc "g++ $SLOW_FLAGS" > Makefile
	# shellcheck disable=SC2016 # for the shell of make
	printf '%s\n' "$(printf 'f%d.o ' {13..24}): | go" '.PHONY: go' 'go:' \
		$'\t@until [ -z "$$GO" ] || [ -e "$$GO" ]; do sleep 0.1; done' >> Makefile
	if [ -d "$WORK/plain-slow" ]; then
		rm -rf "$WORK/plain"
		cp -r "$WORK/plain-slow" "$WORK/plain"
	else
		reference
		cp -r "$WORK/plain" "$WORK/plain-slow"
	fi
}

# The plain build's objects.
reference()
{
	PATH=$PLAIN_PATH make -s -j2 > "$WORK/plain.log" 2>&1 || bail "the plain build fails: $(tail -3 "$WORK/plain.log")"
	rm -rf "$WORK/plain"
	mkdir "$WORK/plain"
	mv ./*.o "$WORK/plain"
}

objects_are_right()
{
	local object
	for object in "$WORK"/plain/*.o; do
		cmp -s "$object" "${object##*/}" || {
			diag "${object##*/} differs, or is not there"
			return 1
		}
	done
}

# run_it [OPTION…] COMMAND…: its words in $WORK/out and $WORK/err, its status in $STATUS.
run_it()
{
	PATH=$PLAIN_PATH timeout 240 "$MUSTER" run "$@" > "$WORK/out" 2> "$WORK/err" < /dev/null
	STATUS=$?
}

says()
{
	grep -qE -e "$1" "$WORK/err" && return
	diag "$(cat "$WORK/err")"
	return 1
}

all_given_back()
{
	local left
	left=$(engine_left; workers_left)
	[ -z "$left" ] && return
	echo "$left" > "$WORK/left"
	return 1
}

# Processes of workers of this farm, by the temporary folder of each.
workers_left()
{
	local file
	for file in $(grep -lsaF "$WORK/tmp/muster." /proc/[0-9]*/cmdline 2>/dev/null); do
		is_gone "$(echo "$file" | cut -d/ -f3)" || tr '\0' ' ' < "$file"
	done 2>/dev/null
}

given_back()
{
	wait_until 30 all_given_back && return
	diag "left: $(cat "$WORK/left")"
	return 1
}

# build_under_way: a slow build runs in the background, its own process group $GROUP, and two compiles are done by workers. It
# begins when two workers are there, else it could be over before, and does not end before build_goes_on.
build_under_way()
{
	before=$(status_get .jobs.remote)
	rm -f "$WORK/go"
	GO=$WORK/go PATH=$PLAIN_PATH setsid timeout 240 "$MUSTER" run --require-workers 2 --workers "$URL" make -j16 > "$WORK/out" 2> "$WORK/err" < /dev/null &
	GROUP=$!
	wait_until 60 status_is ".jobs.remote >= $before + 2" || {
		diag "no compile was done by a worker: $(cat "$WORK/err" "$WORK/a/workers.log")"
		return 1
	}
}

build_goes_on()
{
	: > "$WORK/go"
}

build_ends_right()
{
	wait "$GROUP"
	STATUS=$?
	[ "$STATUS" = 0 ] && objects_are_right && return
	diag "status $STATUS: $(tail -5 "$WORK/err")"
	return 1
}

# --- The stories -----------------------------------------------------------------------------

story_identical()
{
	wanted "$1: 200 files" || return 0
	c_project 200
	# It begins when one is there, since it could be over before.
	run_it --require-workers 1 --workers "$URL" make -j16
	check "$1: 200 files: the build succeeds" -- test "$STATUS" = 0
	check "$1: 200 files: identical to local" -- objects_are_right
	check "$1: 200 files: workers took part" -- status_is '.jobs.remote >= 20'
	check "$1: 200 files: it says when they came" -- says 'worker.* with .* slots, the first after'
	diag "$1: $(grep -E 'slots, the first after' "$WORK/err")"
	diag "$1: $(grep -E 'compiles' "$WORK/err" | head -1)"
	check "$1: 200 files: all is given back" -- given_back
}

story_killed()
{
	wanted "$1: kill -9" || return 0
	slow_project
	if ! check_under_way "$1: kill -9"; then return; fi
	kill -KILL -- "-$GROUP"
	wait "$GROUP" 2>/dev/null
	check "$1: kill -9 of the build: within 30 s all is given back" -- given_back
}

check_under_way()
{
	build_under_way && return
	not_ok "$1: a build is under way"
	kill -KILL -- "-$GROUP"
	return 1
}

# story_loss NAME WHAT COMMAND…: COMMAND takes workers away while a build runs.
story_loss()
{
	local name="$1: $2"
	wanted "$name" || return 0
	slow_project
	check_under_way "$name" || return
	shift 2
	check "$name" -- "$@"
	build_goes_on
	check "$name: the build ends right" -- build_ends_right
	check "$name: all is given back" -- given_back
}

# Refusals: story_refused NAME URL WORD [COMMAND…]: the build is done all the same, and a sentence has WORD in it.
story_refused()
{
	local name="$1"
	wanted "$name" || return 0
	new_tree
	echo 'int f(void) { return 1; }' > f1.c
	# It lasts until the sentence was said, at most for a while.
	# shellcheck disable=SC2016 # for the shell of make
	printf '%s\n' 'all: f1.o' $'\t-@timeout 40 sh -c \'until grep -qE -e "$$TOLD" "$$ERR"; do sleep 0.1; done\'' > Makefile
	TOLD=$3 ERR=$WORK/err run_it --workers "$2" make
	check "$name: the build is done" -- test "$STATUS" = 0 -a -s f1.o
	check "$name: one sentence" -- says "$3"
}

# relay_to PORT [HOST:PORT]: $OUTSIDE, an address, or the one that is named, that hands connections on to 127.0.0.1:PORT.
relay_to()
{
	rm -f "$WORK/relay.port"
	"$BUILD/relay" --listen "${2:-127.0.0.1:0}" --to "127.0.0.1:$1" --port-file "$WORK/relay.port" < /dev/null > "$WORK/relay.log" 2>&1 &
	wait_until 20 test -s "$WORK/relay.port" || bail "the relay does not start: $(cat "$WORK/relay.log")"
	OUTSIDE=$(cat "$WORK/relay.port")
}

# story_outside NAME URL-WITH-OPTIONS: workers call an address that is not the one listened on.
story_outside()
{
	local name="$1: by an address outside" port before
	wanted "$name" || return 0
	port=$((20000 + RANDOM % 12000))
	relay_to "$port"
	c_project 20
	before=$(status_get .jobs.remote)
	run_it --require-workers 1 --workers "$2&call=$OUTSIDE&listen=127.0.0.1:$port" make -j8
	check "$name: the build is done" -- test "$STATUS" = 0
	check "$name: on workers" -- status_is ".jobs.remote > $before"
	check "$name: it is what they were told" -- grep -q "listens=127.0.0.1:$port workers-call=$OUTSIDE" "$MUSTER_STATE_DIR/workers.log"
	check "$name: all is given back" -- given_back
}

#!/bin/bash
# muster run: in front of make, ninja, cmake and scripts; what it tells them, what it says, and what it leaves behind.
# Run as: run.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
[ -z "$FARM_PLAIN" ] || skip_all 'it is about workers'
farm_start 2 --slots 3
MUSTER=$BUILD/muster
export HOME=$WORK/home XDG_CONFIG_HOME=$WORK/home/.config DISTCC_DIR=$WORK/home/.distcc
mkdir -p "$HOME"

# project N: a Makefile and N small units
project()
{
	local i
	new_tree
	for ((i = 1; i <= $1; i++)); do
		printf '#include <stdio.h>\nint f%d(int n) { return printf("%%d", n * %d); }\n' "$i" "$i" > "u$i.c"
	done
	printf '%s\n' > Makefile 'OBJECTS := $(patsubst %.c,%.o,$(wildcard u*.c))' 'all: $(OBJECTS)' \
		$'\t@echo built $(words $(OBJECTS))' '%.o: %.c' $'\t$(CC) -O2 -c $< -o $@' \
		'flags:' $'\t@echo "MAKEFLAGS=$(MAKEFLAGS)"' 'fail:' $'\t@exit 3'
}

# The objects of this folder are those of the plain compiler.
objects_are_right()
{
	local source
	for source in u*.c; do
		PATH=$PLAIN_PATH cc -O2 -c "$source" -o "$WORK/plain.o" && cmp -s "$WORK/plain.o" "${source%.c}.o" || {
			diag "$source differs"
			return 1
		}
	done
}

# run_ok ARGUMENTS…: muster run, its words in $WORK/out and $WORK/err
run_ok()
{
	PATH=$PLAIN_PATH timeout 120 "$MUSTER" run "$@" > "$WORK/out" 2> "$WORK/err" < /dev/null && return
	diag "status $?: $(tail -5 "$WORK/err")"
	return 1
}

says()
{
	grep -qE -e "$2" "$WORK/$1" || {
		diag "$(cat "$WORK/$1")"
		return 1
	}
}

project 24
check 'make' -- run_ok make
check 'make: every object is right' -- objects_are_right
check 'make: its own output is untouched' -- says out '^built 24$'
check 'make: three lines and no more' -- test "$(grep -c '^muster: ' "$WORK/err")" -le 4
check 'make: where the compiles were' -- says err '24 compiles'
check 'make: all of them on workers' -- status_is '.jobs.remote == 24'
check 'the links are there for whoever wrote their names down' -- test -L "$HOME/.cache/muster/links/cc"
check 'make: as wide as the farm, by a jobserver' -- run_ok make flags
check 'make: … of which it knows' -- says out 'jobserver'
check '-j stays as it is' -- run_ok make -j3 flags
check '-j stays: make knows' -- says out '-j3|j3'
check '--jobs of our own' -- run_ok -j 5 -- make flags
check '--jobs of our own: make knows' -- says out 'j5'

status_of()
{
	PATH=$PLAIN_PATH timeout 60 "$MUSTER" run "$@" > "$WORK/out" 2> "$WORK/err" < /dev/null
	echo $?
}

check 'the status is passed on' -- test "$(status_of make fail)" = 2
check 'a script: its status' -- test "$(status_of sh -c 'exit 7')" = 7
check 'a script: the job count could not be told' -- says err 'was not told'
check 'a command that does not exist: 127' -- test "$(status_of no-such-build-tool)" = 127
check 'a command that does not exist: one sentence' -- says err '^muster: .*no-such-build-tool'
check 'no command: usage' -- test "$(status_of)" = 2
check 'an option that is none: 96' -- test "$(status_of --no-such-option make)" = 96
check 'a list of hosts that makes no sense: 96' -- test "$(status_of --hosts 'a:b:c' make)" = 96
check '… names the word' -- says err 'a:b:c'
check 'an engine that is not there: 96' -- test "$(status_of --workers slurm://x make)" = 96
check '… says what there is' -- says err 'local://N'
check 'killed by a signal: 128 + n' -- test "$(status_of sh -c 'kill -KILL $$')" = 137

# A script that calls make, compilers by absolute path and by environment.
project 6
printf '#!/bin/sh\nexec make "$@"\n' > build.sh
chmod 755 build.sh
before=$(status_get .jobs.remote)
check 'a script that calls make' -- run_ok ./build.sh
check 'a script that calls make: on workers' -- status_is ".jobs.remote == $before + 6"
rm -f ./*.o
check '--wrap' -- run_ok --wrap make
check '--wrap: on workers' -- status_is ".jobs.remote == $before + 12"
check '--wrap: every object is right' -- objects_are_right

# The story in files.
rm -f ./*.o
check 'report and trace' -- run_ok --report "$WORK/report.json" --trace "$WORK/trace.json" make
check 'the report counts' -- jq -e '.jobs.remote == 6 and .status == 0 and (.workers | length) >= 1' "$WORK/report.json"
check 'the trace has a row for each' -- jq -e '[.traceEvents[] | select(.ph == "X")] | length == 6' "$WORK/trace.json"
check 'a report that cannot be written' -- test "$(status_of --report /no/such/folder/r make)" = 1

# Without workers.
unset MUSTER_HOSTS
export DISTCC_HOSTS=
rm -f ./*.o
check 'no workers: this machine alone' -- run_ok make
check 'no workers: says what would add some' -- says err 'MUSTER_HOSTS'
check 'no workers: every object is right' -- objects_are_right
rm -f ./*.o
check 'local://N' -- run_ok --workers local://2 make
check 'dead hosts are named' -- run_ok --hosts '127.0.0.1:1 127.0.0.1:2' make
check '… each' -- test "$(grep -c 'does not answer' "$WORK/err")" = 2

unset DISTCC_HOSTS
if command -v ninja > /dev/null; then
	MUSTER_HOSTS="$(cat "$WORK/w1.port") $(cat "$WORK/w2.port")"
	export MUSTER_HOSTS
	project 10
	{
		printf 'rule cc\n command = cc -O2 -c $in -o $out\n'
		for source in u*.c; do printf 'build %s: cc %s\n' "${source%.c}.o" "$source"; done
	} > build.ninja
	before=$(status_get .jobs.remote)
	check 'ninja' -- run_ok ninja
	check 'ninja: on workers' -- status_is ".jobs.remote == $before + 10"
	check 'ninja: every object is right' -- objects_are_right
else
	skip 'ninja' 'ninja is not installed'
fi

# Tools that call other tools.
MUSTER_HOSTS="$(cat "$WORK/w1.port") $(cat "$WORK/w2.port")"
export MUSTER_HOSTS
if command -v cmake > /dev/null; then
	for generator in 'Unix Makefiles' Ninja; do
		project 6
		printf '%s\n' > CMakeLists.txt 'cmake_minimum_required(VERSION 3.10)' 'project(p C)' \
			'file(GLOB sources u*.c)' 'add_library(p STATIC ${sources})'
		check "cmake, $generator" -- run_ok -q cmake -G "$generator" -B out
		before=$(status_get .jobs.remote)
		check "cmake --build, $generator" -- run_ok cmake --build out
		check "cmake --build, $generator: the library is there" -- test -s out/libp.a
		check "cmake --build, $generator: on workers" -- status_is ".jobs.remote >= $before + 6"
	done
else
	skip 'cmake' 'cmake is not installed'
fi
if command -v meson > /dev/null; then
	project 6
	{
		echo "project('p', 'c')"
		echo "static_library('p', $(printf "'%s', " u*.c))"
	} | sed 's/, )/)/' > meson.build
	before=$(status_get .jobs.remote)
	check 'meson setup' -- run_ok -q meson setup out
	check 'meson compile' -- run_ok meson compile -C out
	check 'meson compile: on workers' -- status_is ".jobs.remote >= $before + 6"
else
	skip 'meson' 'meson is not installed'
fi

# ccache keeps what it has; what it has not goes to workers.
if [ -d /usr/lib/ccache ]; then
	MUSTER_HOSTS="$(cat "$WORK/w1.port") $(cat "$WORK/w2.port")"
	export MUSTER_HOSTS CCACHE_DIR=$WORK/ccache
	cached()
	{
		PATH=/usr/lib/ccache:$PLAIN_PATH timeout 120 "$MUSTER" run make > "$WORK/out" 2> "$WORK/err" < /dev/null
	}
	project 5
	sed -i 's/\$(CC)/gcc/' Makefile
	before=$(status_get .jobs.remote)
	check 'ccache: an empty cache' -- cached
	check 'ccache: misses go to workers' -- status_is ".jobs.remote == $before + 5"
	rm -f ./*.o
	check 'ccache: a full cache' -- cached
	check 'ccache: hits do not' -- status_is ".jobs.remote == $before + 5"
	check 'ccache: every object is right' -- objects_are_right
else
	skip 'ccache' 'ccache is not installed'
fi

# A signal that is sent to us reaches the build, and we end as it ends.
project 1
printf 'all:\n\t@echo started > started; read line < pipe\n' > slow.mk
mkfifo pipe
PATH=$PLAIN_PATH "$MUSTER" run make -f slow.mk > "$WORK/out" 2> "$WORK/err" < /dev/null &
runner=$!
check 'a build that waits' -- wait_until 20 test -s started
kill -TERM "$runner"
wait "$runner"
ended=$?
check 'SIGTERM ends the build' -- test "$ended" -ge 2
check 'and leaves nothing' -- wait_until 10 sh -c "! pgrep -f '[m]ake -f slow.mk' > /dev/null"

# Much too wide: the kernel's limits are met with patience.
MUSTER_HOSTS="$(cat "$WORK/w1.port") $(cat "$WORK/w2.port")"
export MUSTER_HOSTS
wide()
{
	"$MUSTER" stop
	(
		ulimit -n 256
		PATH=$PLAIN_PATH timeout 280 "$MUSTER" run make -j2000
	) > "$WORK/out" 2> "$WORK/err" < /dev/null || {
		diag "$(tail -5 "$WORK/err")"
		return 1
	}
}
project 500
check 'make -j2000 of 500 files with 256 descriptors' -- wide
check '… every object is right' -- objects_are_right
check '… and it was one agent all the time' -- wait_until 10 status_is '.jobs.total == 500'
check '… that kept descriptors for its work' -- sh -c '! grep -F "Too many open files" "$0" >&2' "$MUSTER_STATE_DIR/agent.log"

# An agent that is lost on the way.
project 4
printf 'all: u1.o\n\t@kill -KILL $$(jq -r .pid status)\n%%.o: %%.c\n\t@$(CC) -O2 -c $< -o $@\n' > lost.mk
"$MUSTER" status --json > status
check 'the agent is lost: the build goes on' -- run_ok make -f lost.mk
check 'the agent is lost: it is said' -- says err 'went away'
unset MUSTER_HOSTS
farm_done

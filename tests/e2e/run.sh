#!/bin/bash
# muster run: in front of make and scripts; what it tells them, what it says, and what it leaves behind. Other tools are
# run_tools.sh's, great numbers run_wide.sh's.
# Run as: run.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
[ -z "$FARM_PLAIN" ] || skip_all 'it is about workers'
# shellcheck source=run_common.sh
. "$E2E/run_common.sh"
farm_start 2 --slots 3

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
check 'so does one of the environment: 96' -- test "$(MUSTER_HOSTS='a:b:c' status_of make)" = 96
check '… names the variable, too' -- says err '^muster: MUSTER_HOSTS: .*a:b:c'
check 'workers that must be there, of an engine that is none: 96' -- test "$(status_of --require-workers 1 --workers cloud://x make)" = 96
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
holds()
{
	jq -e "$1" "$2" > /dev/null
}
check 'the report counts' -- holds '.jobs.remote == 6 and .status == 0 and (.workers | length) >= 1' "$WORK/report.json"
check 'the trace has a row for each' -- holds '[.traceEvents[] | select(.ph == "X")] | length == 6' "$WORK/trace.json"
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
check 'local://N: nobody is told to add workers' -- sh -c '! grep MUSTER_HOSTS "$0"' "$WORK/err"
check 'dead hosts are named' -- run_ok --hosts '127.0.0.1:1 127.0.0.1:2' make
check '… each' -- test "$(grep -c 'does not answer' "$WORK/err")" = 2
check '… and that nothing is left but this machine' -- says err 'none of the workers of --hosts answers: this machine alone, [0-9]+ jobs.*MUSTER_HOSTS="'

# --- Signals ---------------------------------------------------------------------------------
unset DISTCC_HOSTS
MUSTER_HOSTS="$(cat "$WORK/w1.port") $(cat "$WORK/w2.port")"
export MUSTER_HOSTS

# Two recipes that wait, and write down what they get: the signals named behind the recipe's name end them.
waiting_project()
{
	new_tree
	cat > recipe <<-'END'
	#!/bin/bash
	name=$1
	for signal in INT TERM HUP QUIT; do trap "echo $signal >> $name.got" $signal; done
	shift
	for signal; do trap "echo $signal >> $name.got; exit 1" $signal; done
	echo "${MUSTER_RUN%-*}" > $name.runs
	while :; do read -r -t 0.05 <> never; done
	END
	mkfifo never
	chmod 755 recipe
	printf 'all: a b\na b:\n\t@./recipe $@ %s\n' "$*" > Makefile
}

both_run()
{
	wait_until 20 test -s a.runs && wait_until 20 test -s b.runs
}

none_waits()
{
	! farm_processes | sed 's|.*|/proc/&/cmdline|' | xargs -r cat 2>/dev/null | tr '\0' ' ' | grep -q '/bin/bash ./recipe [ab]'
}

# Whoever calls from a script without job control would have us ignore the keyboard's signals.
send_alone()
{
	local runner ended
	PATH=$PLAIN_PATH env --default-signal=INT,QUIT "$MUSTER" run -j 4 make > "$WORK/out" 2> "$WORK/err" < /dev/null &
	runner=$!
	both_run || return 1
	kill "-$1" "$runner"
	wait "$runner"
	ended=$?
	[ "$ended" -ge 1 ] && [ "$(sort -u a.got b.got)" = "$1" ] && wait_until 10 none_waits && return
	diag "status $ended; $(head a.got b.got)" "$(cat "$WORK/err")"
	return 1
}
for signal in INT TERM HUP QUIT; do
	waiting_project "$signal"
	check "SIG$signal to us alone ends the build, all of it" -- send_alone "$signal"
done

# A process whose parents do not wait for it is told, too.
waiting_project TERM
printf '#!/bin/sh\n./recipe a TERM & ./recipe b TERM &\nread line < never\n' > build.sh
chmod 755 build.sh
left_behind()
{
	local runner
	PATH=$PLAIN_PATH "$MUSTER" run ./build.sh > "$WORK/out" 2> "$WORK/err" < /dev/null &
	runner=$!
	both_run || return 1
	kill -TERM "$runner"
	wait "$runner"
	[ "$?" = 143 ] && wait_until 10 none_waits
}
check 'SIGTERM: 128 + 15, and what is in the background ends too' -- left_behind

# on_terminal COMMAND…: on a terminal of its own; what is written to descriptor 8 is typed there.
on_terminal()
{
	rm -f "$WORK/keys"
	mkfifo "$WORK/keys"
	PATH=$PLAIN_PATH TERM=xterm env --default-signal=INT,QUIT script -qefc "$*" "$WORK/screen" < "$WORK/keys" > /dev/null 2>&1 &
	TYPIST=$!
	exec 8> "$WORK/keys"
}

got_of()
{
	grep -qs "$2" "$1.got"
}

# The keyboard tells all, and we do not tell them again.
told_once()
{
	on_terminal "$MUSTER run -j 4 make"
	both_run || { diag "$(cat "$WORK/screen")"; return 1; }
	printf '\003' >&8
	wait_until 20 got_of a INT && wait_until 20 got_of b INT || { diag "$(cat "$WORK/screen")"; return 1; }
	# It is looked at behind the other one.
	kill -TERM "$(cat a.runs)"
	wait "$TYPIST"
	exec 8>&-
	[ "$(cat a.got)" = $'INT\nTERM' ] && [ "$(cat b.got)" = $'INT\nTERM' ] && wait_until 10 none_waits && return
	diag "$(head a.got b.got)" "$(cat "$WORK/screen")"
	return 1
}
if command -v script > /dev/null; then
	waiting_project TERM
	check 'Ctrl-C is heard once' -- told_once
	ends_script()
	{
		on_terminal "bash -c '$MUSTER run -j 4 make; echo went on > went_on'"
		both_run || { diag "$(cat "$WORK/screen")"; return 1; }
		printf '\003' >&8
		wait "$TYPIST"
		exec 8>&-
		[ ! -e went_on ] && wait_until 10 none_waits
	}
	waiting_project INT
	check 'Ctrl-C ends the script that called us' -- ends_script
else
	skip 'Ctrl-C' 'script is not installed'
fi

# An agent that is lost on the way.
project 4
printf 'all: u1.o\n\t@kill -KILL $$(jq -r .pid status)\n%%.o: %%.c\n\t@$(CC) -O2 -c $< -o $@\n' > lost.mk
"$MUSTER" status --json > status
check 'the agent is lost: the build goes on' -- run_ok make -f lost.mk
check 'the agent is lost: it is said' -- says err 'went away'
unset MUSTER_HOSTS
farm_done

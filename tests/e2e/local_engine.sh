#!/bin/bash
# Workers of this machine by the interface of all engines (local://), and what is the same for each of them: where workers call, whose
# compilers they have, and the log.
. "$(dirname "$0")/farm.sh"
. "$E2E/engines.sh"
farm_init "$1"
engines_init
# shellcheck disable=SC2034 # for engines.sh
URL='local://16?slots=4'

engine_left()
{
	workers_left
}

story_identical local
story_killed local

# workers: the pids of all.
workers()
{
	local file
	for file in $(grep -lsaF "$WORK/tmp/muster." /proc/[0-9]*/cmdline 2>/dev/null); do
		case $(tr '\0' ' ' < "$file") in
		*/muster-worker\ --call*) echo "$file" | cut -d/ -f3 ;;
		esac
	done 2>/dev/null
}
kill_one()
{
	kill -KILL "$(workers | head -1)"
}
story_loss local 'a worker is killed' kill_one
end_all()
{
	# shellcheck disable=SC2046 # numbers
	kill -TERM $(workers)
}
story_loss local 'all are told to end from outside' end_all

story_refused 'local: no number' 'local://many' "what stands there is the number of slots"
story_refused 'local: none' 'local://0' "what stands there is the number of slots"

if wanted 'tool missing'; then
	MUSTER_STATIC_WORKER=$WORK/nowhere story_refused 'tool missing: the static worker' 'local://2' 'nowhere'
	# A PATH with what a build needs, but for the engine's programs.
	mkdir "$WORK/few"
	for program in gcc cc make as ld sh timeout gzip grep sleep; do
		ln -s "$(PATH=$PLAIN_PATH type -P $program)" "$WORK/few/$program"
	done
	PLAIN_PATH=$WORK/few:$BUILD story_refused 'tool missing: sbatch' 'slurm://?call=127.0.0.1&listen=127.0.0.1' 'sbatch.*(not on PATH|not found)'
	DISTCC_SSH=no-such-ssh story_refused 'tool missing: ssh' 'ssh://127.0.0.1' 'no-such-ssh is not on PATH'
fi

# --- Where workers call ----------------------------------------------------------------------

story_outside local 'local://4?slots=2'
if wanted 'an address that is none of ours'; then
	c_project 4
	run_it --require-workers 1 --workers 'local://2?call=192.0.2.1' make
	check 'an address that is none of ours: it wants a port' -- test "$STATUS" = 96
	check 'an address that is none of ours: one sentence' -- says '192.0.2.1 is no address of this machine.*call=HOST:PORT'
	run_it --workers 'local://2?call=192.0.2.1:7000' make
	check 'an address that is none of ours: the build is done' -- test "$STATUS" = 0
	check 'an address that is none of ours: we listen at our own' -- grep -q 'listens=127.0.0.1:7000 workers-call=192.0.2.1:7000' "$MUSTER_STATE_DIR/workers.log"
	check 'an address that is none of ours: all is given back' -- given_back
fi

# --- Whose compilers they have ---------------------------------------------------------------

# other_machine: a stand-in for ssh whose machine has another C compiler proper.
other_machine()
{
	local cc1
	cc1=$(readlink -f "$(PATH=$PLAIN_PATH gcc -print-prog-name=cc1)")
	cp "$cc1" "$WORK/cc1"
	echo >> "$WORK/cc1"
	cat > "$WORK/other-machine" <<-END
	#!/bin/bash
	mount --bind '$WORK/cc1' '$cc1' && exec sh -c "\${@: -1}"
	END
	enter='unshare -m'
	[ "$(id -u)" = 0 ] || enter='unshare -rm'
	printf '#!/bin/bash\nexec %s bash %s "$@"\n' "$enter" "$WORK/other-machine" > "$WORK/other-ssh"
	chmod 755 "$WORK/other-ssh"
	"$WORK/other-ssh" true > "$WORK/unshare.log" 2>&1
}
if wanted 'another compiler' && ! other_machine; then
	skip 'another compiler: one sentence' "no mount namespaces: $(tail -1 "$WORK/unshare.log")"
elif wanted 'another compiler'; then
	c_project 8
	DISTCC_SSH=$WORK/other-ssh run_it --require-workers 1 --workers 'ssh://other?slots=2&call=127.0.0.1' make -j2
	check 'another compiler: the build is done' -- test "$STATUS" = 0
	check 'another compiler: identical to local' -- objects_are_right
	check 'another compiler: one sentence' -- \
		says 'ssh://other: a worker cannot compile for .*gcc, which is .gcc.* here: its compiler .*gcc \(gcc.*\) differs: .*/cc1 is another file there; .*install the same package there'
	check 'another compiler: once' -- test "$(grep -c 'cannot compile for' "$WORK/err")" = 1
	check 'another compiler: all is given back' -- given_back
fi

# --- The log ---------------------------------------------------------------------------------

if wanted 'the log'; then
	head -c 1200000 /dev/zero | tr '\0' x > "$MUSTER_STATE_DIR/workers.log"
	c_project 2
	run_it --require-workers 1 --workers 'local://2' make
	check 'the log begins anew when it is large' -- test "$(stat -c %s "$MUSTER_STATE_DIR/workers.log")" -lt 100000
	check 'the log: the last one is kept' -- test "$(stat -c %s "$MUSTER_STATE_DIR/workers.log.1")" -ge 1200000
fi
farm_done

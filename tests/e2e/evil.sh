#!/bin/bash
# What hostile code in a job, and a hostile client, can do to a worker and to others' jobs: nothing.
# Run as: evil.sh BUILD_FOLDER; see farm.sh and evil_lib.sh. Run by root, the heart of it runs again as nobody, and
# with a worker that becomes a user of its own.
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
secret=$WORK/secret
echo secret > "$secret"

# Its main process and its jobs are nobody with rights.
gave_up_root()
{
	tells 'root stays with the process that makes cages' &&
		! grep -qE '^(Uid|Gid|Groups):.*\s0(\s|$)' "/proc/$WORKER_PID/status" &&
		[ "$(grep -cE '^Cap(Inh|Prm|Eff|Bnd|Amb):\s0+$' "/proc/$WORKER_PID/status")" = 5 ] &&
		grep -q '^NoNewPrivs:\s1' "/proc/$WORKER_PID/status" &&
		grep -q '^Seccomp:\s2' "/proc/$WORKER_PID/status" &&
		[ "$(stat -c %u "$state/store")" != 0 ]
}

evil_suite()
{
	local as=$1 state
	worker_start --verbose --slots 3 --job-memory 256M || bail 'a worker does not start'
	state=$WORK/w$WORKERS LOG=$WORK/w$WORKERS.log
	export MUSTER_HOSTS=$ADDRESS
	[ "$as" != 'a user of its own' ] || check "$as: root stays with the keeper" -- gave_up_root
	check "$as: the worker says what cages its jobs" -- tells 'jobs are caged by namespaces, seccomp'
	check "$as: an honest compile" -- neighbour
	check "$as: the status says it too" -- status_is '.workers[] | select(.cage | test("namespaces, seccomp"))'

	evil read "$secret:$state/store:$state/views:$state/toolchains:$state/lock:$state:/work"
	check "$as: it reads nothing of the machine, the worker or others" -- reached_nothing
	evil write "$secret:$state:$WORK/a"
	check "$as: it writes nothing of theirs" -- reached_nothing
	evil net "${ADDRESS##*:}:22"
	check "$as: no socket of any kind" -- reached_nothing
	check "$as: which the log tells" -- tells 'tried what no compiler does, and was refused: .*socket'
	evil calls ''
	check "$as: no ptrace, mount, namespace, bpf, io_uring, key, module, clock, setuid …" -- reached_nothing
	check "$as: which the log tells by name" -- tells 'refused: ptrace .*mount .*unshare .*bpf .*io_uring_setup .*keyctl'

	evil orphans muster-evil-d
	check "$as: daemons that it leaves" -- reached_nothing
	check "$as: are gone" -- wait_until 10 eval '! marked muster-evil-d'
	evil kill ''
	check "$as: signals reach nobody else" -- eval '! grep -a ^reached "$WORK/got/2" 2>/dev/null'
	check "$as: a neighbour's compile after it" -- neighbour

	evil crash 11
	check "$as: a crash is the compiler's own, and told as such" -- said '^STATUS 11$'
	evil crash 9
	check "$as: so is being killed, but by the machine for its memory" -- said '^STATUS 9$'

	evil fork ''
	check "$as: a fork bomb ends at some hundred" -- eval 'said "^WHY.*more processes" ||
		{ n=$(sed -n "s/^processes //p" "$WORK/got/2"); [ "${n:-99999}" -lt 1100 ]; }'
	evil memory ''
	check "$as: a memory bomb" -- said '^WHY .*more memory than this worker gives a job'
	check "$as: which the log tells" -- tells 'a job failed: it needs more memory'
	evil disk ''
	check "$as: a disk bomb" -- eval 'said "^WHY.*more (memory|room)" ||
		{ n=$(sed -n "s/^MiB //p" "$WORK/got/2"); [ "${n:-99999}" -le 256 ]; }'
	evil inodes ''
	check "$as: a bomb of empty files" -- said '^WHY .*(too many files|more memory|more room)'
	evil sparse ''
	check "$as: an object of a terabyte of nothing" -- said '^WHY .*too large'
	evil speak 1
	check "$as: endless output" -- said '^WHY .*printed more'
	evil speak 2
	check "$as: endless messages" -- said '^WHY .*printed more'
	check "$as: a neighbour's compile after all bombs" -- neighbour
}

# A worker that root starts gives root up where another user can reach its folders.
[ "${EVIL_AS-}" != 'a user of its own' ] || chmod 1777 "$WORK"
evil_suite "${EVIL_AS:-$(id -un)}"
[ -z "${EVIL_SUITE_ONLY-}" ] || farm_done

# In a copy of all that it needs, which others can reach. again AS UID COMMAND…: the command stands before the script.
again()
{
	local copy as=$1 uid=$2
	shift 2
	copy=$(mktemp -d /tmp/evil.XXXXXX) || return 1
	mkdir -p "$copy/tests/e2e" "$copy/src/wire"
	cp "$BUILD"/muster "$BUILD"/muster-cc "$BUILD"/muster-agent "$BUILD"/muster-worker "$copy"
	cp "$E2E"/evil.sh "$E2E"/evil_lib.sh "$E2E"/evil.c "$E2E"/farm.sh "$E2E"/muster_peer.py "$copy/tests/e2e"
	cp "$E2E"/../../src/wire/messages.def "$copy/src/wire"
	chmod 755 "$copy"
	chown -R "$uid:$uid" "$copy"
	(
		cd "$copy" && export HOME=$copy EVIL_SUITE_ONLY=1 EVIL_AS=$as
		PATH=$PLAIN_PATH exec "$@" timeout 200 bash "$copy/tests/e2e/evil.sh" "$copy"
	) > "$WORK/again.tap" 2>&1
	rm -rf "$copy"
	grep -q '^1\.\.[1-9]' "$WORK/again.tap" && ! grep -qE '^(not ok|Bail)' "$WORK/again.tap" && return
	diag "$(cat "$WORK/again.tap")"
	return 1
}
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && wanted 'as nobody'; then
	check 'all of this as nobody' -- again nobody 65534 setpriv --reuid=65534 --regid=65534 --clear-groups
fi
if [ "$(id -u)" = 0 ] && wanted 'a user of its own'; then
	check 'all of this with a user of its own' -- again 'a user of its own' 0
fi

# --- Beside each other -------------------------------------------------------------------------

# Whoever floods and goes takes the flood along.
mkfifo "$WORK/flood.in"
python3 "$E2E/muster_peer.py" flood "$ADDRESS" "$WORK/evil.id" 500 /evil --file /evil/x.c="$TREE/q.c" -- \
	gcc -DEVIL=spin -c x.c -o x.o > "$WORK/flood.out" 2>&1 < "$WORK/flood.in" &
FLOOD=$!
exec 7> "$WORK/flood.in"
check 'a flood of jobs that never end' -- wait_until 60 test -s "$WORK/flood.out"
exec 7>&-
wait $FLOOD
check 'a neighbour, when the flooder has gone' -- neighbour

# --- Hostile command lines -----------------------------------------------------------------------

# By hand: refused, and told; or caged, and only the client's own files are seen.
by_hand()
{
	local name=$1 re=$2
	shift 2
	rm -rf "$WORK/got"
	peer job "$ADDRESS" "$WORK/evil.id" /evil --file /evil/x.c="$TREE/q.c" --save "$WORK/got" -- "$@" > "$WORK/out" 2>&1
	check "by hand: $name" -- said "$re"
}
by_hand '-fplugin=' '^WHY -fplugin' gcc -fplugin=/evil/x.so -c x.c -o x.o
by_hand '-specs=' '^WHY -specs' gcc -O1 -specs=/evil/s -c x.c -o x.o
by_hand '--specs=' '^WHY -specs' gcc --specs=/evil/s -c x.c -o x.o
by_hand '-specs FILE' '^WHY -specs' gcc -specs /evil/s -c x.c -o x.o
by_hand '-B' '^WHY -B' gcc -B/evil -c x.c -o x.o
by_hand '-wrapper' '^WHY -wrapper' gcc -wrapper /evil/w -c x.c -o x.o
by_hand '@FILE' '^WHY ' gcc @/etc/passwd -c x.c -o x.o
by_hand '-Xclang -load' '^WHY ' clang -Xclang -load -Xclang /evil/x.so -c x.c -o x.o
by_hand '-fpass-plugin=' '^WHY ' gcc -fpass-plugin=/evil/x.so -c x.c -o x.o
by_hand '--config' '^WHY ' clang --config /evil/c -c x.c -o x.o
by_hand 'linking' '^WHY ' gcc x.c -o x
by_hand 'an option nobody knows' '^WHY ' gcc --no-such-option-as-this -c x.c -o x.o
check 'the log tells of each' -- tells 'a job is refused: -wrapper'

# With the real compiler, and what it says: files are the client's, or are not there.
learn "$WORK/gcc.id" "$(command -v gcc-12 || command -v gcc)"
REAL=$(sed -n 2p "$WORK/gcc.id")
with_real()
{
	local name=$1 text=$2 re=$3
	shift 3
	wanted "$name" || return 0
	printf '%s\n' "$text" > "$WORK/text.c" # as if there were no headers at all
	rm -rf "$WORK/got"
	peer job "$ADDRESS" "$WORK/gcc.id" /evil --file /evil/x.c="$WORK/text.c" --save "$WORK/got" -- \
		"$REAL" -ffreestanding "$@" -c x.c -o "${OUT-x.o}" > "$WORK/out" 2>&1
	cat "$WORK/got"/* >> "$WORK/out" 2>/dev/null
	check "$name" -- eval 'said "$re" && ! grep -qa "root:" "$WORK/out"'
}
if [ "$(sed -n 2p "$WORK/gcc.id")" ]; then
	with_real '#include "/etc/passwd" is not the worker'\''s' '#include "/etc/passwd"' 'No such file or directory'
	with_real '.incbin "/etc/passwd"' 'asm(".incbin \"/etc/passwd\"");' 'file not found|No such file'
	with_real '.include' 'asm(".include \"/etc/passwd\"");' "can't open|No such file"
	with_real '-include /etc/passwd' 'int x;' 'No such file' -include /etc/passwd
	with_real '-imacros' 'int x;' 'No such file' -imacros /etc/shadow
	with_real '-fprofile-use' 'int f(void) { return 1; }' 'STATUS|WHY' -fprofile-use=/etc/passwd
	OUT=$WORK/absolute.o with_real 'an absolute -o' 'int x;' "$WORK/absolute.o|WHY|No such file"
	check 'which wrote nothing here' -- test ! -e "$WORK/absolute.o"
fi
# The same through an agent: what the client has is what its compile sees.
new_tree
neighbour_make
echo 'int of_the_client;' > "$WORK/passwd"
printf '#include "%s"\n' "$WORK/passwd" > own.c
same --remote 'an absolute #include shows the client'\''s file' -- gcc -c own.c
printf 'asm(".incbin \\"%s\\"");\n' "$WORK/passwd" > inc.c
same '.incbin shows it too' -- gcc -c inc.c

farm_done

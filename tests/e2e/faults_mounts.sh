#!/bin/bash
# Faults that need mounts of their own: full disks, a worker whose compiler is another one, a
# client that sees another file system than the agent.
# Run as: faults_mounts.sh BUILD_FOLDER; see farm.sh. The whole script runs in a mount namespace of
# its own (as root, or with a user namespace), so that the machine sees none of it.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by others
# shellcheck source-path=SCRIPTDIR source=farm.sh
if [ "${2-}" != inside ]; then
	flags=-m
	[ "$(id -u)" = 0 ] || flags=-Urm
	if ! unshare $flags sh -c 'mount -t tmpfs none /mnt' 2>/dev/null; then
		echo '1..0 # SKIP no mount namespaces here'
		exit 0
	fi
	exec unshare $flags --propagation private "$0" "${1-}" inside
fi
. "$(dirname "$0")/farm.sh"
farm_init "$1"
CASE_TIMEOUT=60
[ -z "$FARM_PLAIN" ] || skip_all 'plain mode'
MOUNTS=()

# tmpfs FOLDER SIZE
tmpfs()
{
	mkdir -p "$1"
	mount -t tmpfs -o "size=$2" none "$1" || bail "no tmpfs on $1"
	MOUNTS=("$1" "${MOUNTS[@]}")
}

unmount_all()
{
	local m
	for m in "${MOUNTS[@]}"; do umount -l "$m" 2>/dev/null; done
	MOUNTS=()
}
trap 'in_child || { unmount_all; farm_cleanup; }' EXIT

# --- The worker's disk -----------------------------------------------------------------------

tmpfs "$WORK/w1" 1m
echo '# a worker whose state folder holds one megabyte'
if worker_start; then
	export MUSTER_HOSTS=$ADDRESS
	new_tree
	{ echo 'const char noise[] ='; head -c 3000000 /dev/urandom | base64 -w 100 | sed 's/.*/"&"/'; echo ';'; } > noise.h
	printf '#include "noise.h"\nint n = sizeof noise;\n' > big.c
	echo 'int quick;' > q.c
	both 'the disk of the worker is full' -- %CC -MD -c big.c
	both 'a small job after it' -- %CC -MD -c q.c
	same 'an object that does not fit there' -- sh -c 'echo "char big[8 << 20] = {1};" > o.c; gcc -c o.c'
else
	wanted 'worker says' && check 'a worker without room says so in one sentence' -- \
		test "$(wc -l < "$WORK/w1.log")" -ge 1
fi
farm_stop
cd /
head -c 2000000 /dev/zero > "$WORK/w1/filler" 2>/dev/null
WORKERS=0
if worker_start; then
	export MUSTER_HOSTS=$ADDRESS
	new_tree
	echo 'int quick;' > q.c
	same 'the disk of the worker is full from the start' -- gcc -MD -c q.c
else
	ok 'the disk of the worker is full from the start: it does not start'
fi
farm_stop
cd /
unmount_all

# --- The client's disk -----------------------------------------------------------------------

WORKERS=1
farm_start 1
# blocked NAME MOUNT-FUNCTION COMMAND…: the output folder `out` cannot take what the command writes:
# it says what the plain command says, and leaves what that leaves there (no object).
blocked()
{
	local name=$1 mounter=$2 bad="" side path
	shift 2
	wanted "$name" || return 0
	new_tree
	echo "char big[300000] = {1}; int f(int a) { return a + 1; }" > b.c
	mkdir out
	"$mounter" "$TREE/out"
	for side in plain farm; do
		[ $side = plain ] && path=$PLAIN_PATH || path=$FARM_PATH
		(PATH=$path exec timeout 60 "$@") < /dev/null > "$WORK/$side.out" 2>&1
		echo "status $?" >> "$WORK/$side.out"
		sed -i "s|/tmp/[A-Za-z0-9_-]*\\.[so]|TEMPORARY|g" "$WORK/$side.out"
		sed -i "/0x/d" "$WORK/$side.out" # the stack traces of a compiler that gives up
		ls "$TREE/out" >> "$WORK/$side.out"
		rm -f "$TREE/out"/* 2>/dev/null
	done
	umount "$TREE/out"
	MOUNTS=()
	bad+=$(diff "$WORK/plain.out" "$WORK/farm.out")
	! grep -q "^b.o" "$WORK/farm.out" || bad+="an object was left"
	! grep -q -x -e "status 0" -e "status 124" "$WORK/farm.out" || bad+=$(cat "$WORK/farm.out")
	if [ -z "$bad" ]; then
		ok "$name"
	else
		not_ok "$name"
		diag "$bad"
	fi
}

small()
{
	tmpfs "$1" 64k
}

read_only()
{
	mount --bind "$1" "$1" || bail "$1 cannot be mounted"
	mount -o remount,bind,ro "$1" || bail "$1 cannot be made read-only"
	MOUNTS=("$1")
}

blocked 'the disk for the object is full' small gcc -c b.c -o out/b.o
blocked 'the disk for the object is full, -g -MD' small gcc -g -MD -c b.c -o out/b.o
blocked 'the disk for the object is full, clang' small "${CCS##* }" -c b.c -o out/b.o
blocked 'a read-only output folder' read_only gcc -c b.c -o out/b.o
blocked 'a read-only output folder, -g -MD' read_only gcc -g -MD -c b.c -o out/b.o
blocked 'a read-only output folder, clang' read_only "${CCS##* }" -g -MD -c b.c -o out/b.o
new_tree
echo 'int quick;' > q.c
same --remote 'a job after it' -- gcc -c q.c

# --- A client in another file system -----------------------------------------------------------

new_tree
mkdir box
echo 'int outside = 1;' > box/x.c
echo 'int other_than_that_outside = 22;' > inside.c
touch -r box/x.c inside.c
same 'a client in another mount namespace' -- sh -c '
	gcc -c box/x.c -o outside.o
	unshare -m sh -c "mount -t tmpfs none box && cp -p inside.c box/x.c && gcc -c box/x.c -o inside.o"'
farm_stop
cd /

# --- Another compiler ------------------------------------------------------------------------

as=$(readlink -f "$(command -v as)")
cp "$as" "$WORK/as"
echo >> "$WORK/as"
cat > "$WORK/other" <<-END
	#!/bin/sh
	mount --bind '$WORK/as' '$as' && exec "\$@"
END
chmod 755 "$WORK/other"
WORKER_WRAP=(unshare -m "$WORK/other")
WORKERS=2
worker_start || bail 'the other worker does not start'
export MUSTER_HOSTS=$ADDRESS
new_tree
echo 'int quick;' > q.c
same --local 'compiler|toolchain' 'a worker with another assembler' -- gcc -c q.c
same --local 'compiler|toolchain' 'again, with a second job' -- gcc -g -c q.c
other=$ADDRESS
WORKER_WRAP=()
worker_start || bail 'the second worker does not start'
export MUSTER_HOSTS="$other $ADDRESS"
same --remote 'beside it, a worker with the same' -- gcc -c q.c
same --remote=6 'which gets all the jobs' -- sh -c 'for i in 1 2 3 4 5 6; do gcc -DN=$i -c q.c -o q$i.o & done; wait'
farm_stop
cd /

# --- An upgrade ------------------------------------------------------------------------------

# The compiler of all sides becomes another one and then the first again, while a job that began with
# the first still needs its assembler.
remote_quick()
{
	local before
	before=$(status_get .jobs.remote)
	PATH=$FARM_PATH timeout 60 gcc -c q.c -o "$1.o"
	[ "$(status_get .jobs.remote)" -gt "$before" ]
}

job_runs()
{
	status_is '[.workers[].running] | add >= 1'
}

if wanted 'an upgrade'; then
	WORKERS=4
	farm_start 1 --slots 2
	new_tree
	echo 'int quick;' > q.c
	slow_source 500 > s.cc
	# shellcheck disable=SC2086
	g++ $SLOW_FLAGS -c s.cc -o s.plain
	# shellcheck disable=SC2086
	PATH=$FARM_PATH timeout 90 g++ $SLOW_FLAGS -c s.cc &
	job=$!
	check 'an upgrade: a job begins before it' -- wait_until 30 job_runs
	mount --bind "$WORK/as" "$as"
	MOUNTS=("$as")
	check 'an upgrade: a job with the new assembler' -- remote_quick new
	unmount_all
	# Another agent, since the first knows that the worker has this compiler.
	export MUSTER_STATE_DIR=$WORK/b
	check 'an upgrade: a job with the old one again' -- remote_quick old
	timeout 10 "$BUILD/muster" stop > "$WORK/out" 2>&1
	export MUSTER_STATE_DIR=$WORK/a
	check 'an upgrade: the first job has not ended' -- job_runs
	wait $job
	check 'an upgrade and back in the middle of a job' -- cmp s.plain s.o
	check 'an upgrade: that job was not done here' -- status_is '.jobs.local == 0'
fi

farm_done

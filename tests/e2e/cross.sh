#!/bin/bash
# Cross compilers: by their own names and by masquerade links, two daemons on two ports for two toolchains of the same names,
# -m32, Clang's --target; with our programs and Debian's distcc on either side.
# Run as: cross.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2031,SC2317 # $SHIM is the same everywhere; functions are called by check
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source-path=SCRIPTDIR source=peers.sh
. "$E2E/peers.sh"
[ -z "$FARM_PLAIN" ] || skip_all 'the peers are what is tested'
TRIPLET=aarch64-linux-gnu
command -v $TRIPLET-gcc >/dev/null || skip_all "there is no cross compiler (apt-get install gcc-$TRIPLET)"
farm_init "${1-}"
NATIVE=$(gcc -dumpmachine)
for name in $TRIPLET-gcc $TRIPLET-gcc-12; do
	ln -sf "$SHIM" "$WORK/bin/$name"
done

sources()
{
	new_tree
	mkdir obj inc
	printf '#define N 3\n' > inc/n.h
	printf '#include "n.h"\nlong f(long *p, long n)\n{\n\tlong sum = N;\n\twhile (n--)\n\t\tsum += p[n] * n + (long)sizeof p;\n\treturn sum;\n}\n' > a.c
	printf '#include <stdio.h>\n#include <stdlib.h>\nint g(char **v) { return printf("%%s %%d\\n", __FILE__, atoi(v[1])); }\n' > b.c
	printf 'template <class T> struct s { T v; T twice() const { return v + v; } };\nlong f(s<long> *p) { return p->twice(); }\n' > c.cc
	printf 'int f(void) { return undeclared; }\n' > bad.c
	printf 'int f(int n) { int unused; return n; }\n' > warn.c
}

# machine OBJECT: for which processor it is.
machine()
{
	readelf -h "$1" | sed -n 's/^ *Machine: *//p'
}

is_for()
{
	[[ $(machine "$2") == *$1* ]] || { diag "$2: $(machine "$2")"; return 1; }
}

# made_for MACHINE NAME: the object a.o of the case NAME, which was compiled last, is for that processor.
made_for()
{
	! wanted "$2" || check "$2: for $1" -- is_for "$1" "$WORK/farm/tree/${3-a.o}"
}

# --- One farm for both -----------------------------------------------------------------------
farm_start 1
sources
same --remote 'by its name' -- sh -c '$SHIM "$0"-gcc -O2 -g -Iinc -MD -c a.c -o obj/a.o' $TRIPLET
made_for AArch64 'by its name' obj/a.o
same --remote 'by a masquerade link' -- $TRIPLET-gcc -O2 -g -Iinc -c a.c
same --remote 'by the path of a masquerade link' -- sh -c '"$(command -v "$0"-gcc)" -O2 -Iinc -c a.c' $TRIPLET
same --remote 'with a version in its name' -- sh -c '$SHIM "$0"-gcc-12 -Iinc -c a.c' $TRIPLET
HEADERS=''
if [ -e /usr/$TRIPLET/include/stdio.h ]; then
	HEADERS=1
	same --remote 'headers of that processor' -- $TRIPLET-gcc -O2 -MD -c b.c
else
	skip 'headers of that processor' 'they are not installed (apt-get install libc6-dev-arm64-cross)'
fi
same --remote 'options of that processor' -- $TRIPLET-gcc -march=armv8.2-a+sve -mcpu=cortex-a72 -mno-outline-atomics -O3 -Iinc -c a.c
same --remote --fails 'its errors' -- $TRIPLET-gcc -c bad.c
same --remote 'its warnings' -- $TRIPLET-gcc -Wall -c warn.c
same --remote=2 'both at once' -- sh -c '"$0"-gcc -Iinc -c a.c -o obj/a.o & gcc -Iinc -c a.c & wait' $TRIPLET
same --remote "the native compiler as $NATIVE-gcc" -- "$NATIVE-gcc" -O2 -g -Iinc -c a.c
same --remote '-m32, without headers' -- gcc -m32 -O2 -g -Iinc -c a.c
made_for 80386 '-m32, without headers'
same --remote '-m32, C++' -- g++ -m32 -c c.cc
if echo '#include <stdio.h>' | gcc -m32 -E - >/dev/null 2>&1; then
	same --remote '-m32, with headers' -- gcc -m32 -O2 -MD -c b.c
else
	skip '-m32, with headers' 'there are no headers for 32 bits (apt-get install gcc-multilib)'
	same --fails --remote '-m32, headers that are missing' -- gcc -m32 -c b.c
fi
if command -v clang >/dev/null; then
	same --remote 'clang --target' -- clang --target=$TRIPLET -O2 -Iinc -c a.c
	made_for AArch64 'clang --target'
	same --remote 'clang -target' -- clang -target $TRIPLET -O2 -g -Iinc -c a.c
	[ -z "$HEADERS" ] || same --remote 'clang --target, headers of that processor' -- clang --target=$TRIPLET -MD -c b.c
	same --remote 'clang -m32' -- clang -m32 -O2 -Iinc -c a.c
	same --remote 'clang++ --target' -- clang++ --target=$TRIPLET -O1 -c c.cc
else
	skip 'clang --target' 'clang is not installed'
fi

# --- Two workers, a compiler each ------------------------------------------------------------
#
# Each sees a machine in which the other compiler is no program.
without()
{
	WORKER_WRAP=(unshare --mount sh -c 'mount --bind /dev/null "$1" && shift && exec "$@"' sh "$(readlink -f "$(command -v "$1")")")
	[ "$(id -u)" = 0 ] || WORKER_WRAP=(unshare --map-root-user "${WORKER_WRAP[@]:1}")
}

# jobs_of N: how many jobs the Nth worker of the list has done.
jobs_of()
{
	status_get "[.workers[] | select(.address == \"$(echo "$MUSTER_HOSTS" | cut -d ' ' -f "$1")\")][0].jobs"
}

HOSTS=''
for name in gcc $TRIPLET-gcc; do
	without "$name"
	worker_start && HOSTS+=" $ADDRESS"
done
WORKER_WRAP=()
export MUSTER_HOSTS=${HOSTS# }
case $MUSTER_HOSTS in
*' '*)
	same --remote 'a compiler each: the cross compiler' -- $TRIPLET-gcc -O2 -Iinc -c a.c
	! wanted 'a compiler each: the cross compiler' || check 'on the worker that has it' -- test "$(jobs_of 1):$(jobs_of 2)" = 1:0
	same --remote 'a compiler each: the native one' -- gcc -O2 -Iinc -c a.c
	! wanted 'a compiler each: the native one' || check 'on the other one' -- test "$(jobs_of 2)" = 1
	;;
*) skip 'a compiler each' 'mounts cannot be made here' ;;
esac

# --- Two daemons on two ports ----------------------------------------------------------------
#
# Whoever works on the other machine calls the compiler gcc there, and so must the daemon for such clients: its PATH
# leads to another toolchain by the same names.
if ! peers_init; then
	skip 'with distcc on one side' "$PEERS_WHY"
	farm_done
fi
mkdir "$PUBLIC/cross"
for name in gcc cc; do
	ln -s "$(command -v $TRIPLET-gcc)" "$PUBLIC/cross/$name"
done
names "$DISTCC" "$WORK/debian"
ln -s "$SHIM" "$WORK/debian/masquerade/muster-cc"
our_distccd --no-fifo
NATIVE_PORT=$PORT
DISTCCD_PATH=$PUBLIC/cross:/usr/bin:/bin our_distccd --no-fifo
CROSS_PORT=$PORT CROSS_LOG=$PEER_LOG
debian_distccd
DEBIAN_NATIVE=$PORT
DISTCCD_PATH=$PUBLIC/cross:/usr/bin:/bin debian_distccd
DEBIAN_CROSS=$PORT
unset MUSTER_HOSTS
export DISTCC_DIR=$WORK/d DISTCC_FALLBACK=0
mkdir "$DISTCC_DIR"
sources

# there PORT LOG COMMAND…: by Debian's client; its object is that of the same command here, and the daemon made it.
there()
{
	local port=$1 log=$2 before
	shift 2
	before=$(grep -c ' COMPILE_OK ' "$log")
	"$@" -c a.c -o here.o || return
	DISTCC_HOSTS=127.0.0.1:$port,lzo "$DISTCC" "$@" -c a.c -o there.o && cmp here.o there.o &&
		wait_until 3 eval "[ \"\$(grep -c ' COMPILE_OK ' '$log')\" -gt $before ]"
}
elsewhere()
{
	PATH=$PUBLIC/cross:$PLAIN_PATH DISTCC_NO_REWRITE_CROSS=1 there "$@"
}
NATIVE_LOG=$WORK/peer1.log
check "Debian's distcc, port one: the native gcc" -- there "$NATIVE_PORT" "$NATIVE_LOG" gcc -O2 -Iinc
check 'of the native processor' -- is_for X86-64 there.o
check "Debian's distcc, port two: the other machine's gcc" -- elsewhere "$CROSS_PORT" "$CROSS_LOG" gcc -O2 -Iinc
check 'of the other processor' -- is_for AArch64 there.o
check "Debian's distcc: $TRIPLET-gcc" -- there "$NATIVE_PORT" "$NATIVE_LOG" $TRIPLET-gcc -O2 -Iinc
check "Debian's distcc: -m32" -- there "$NATIVE_PORT" "$NATIVE_LOG" gcc -m32 -O2 -Iinc

# Debian's client 3.4 does not know --target and adds a -target of its own.
if command -v clang >/dev/null; then
	DISTCC_HOSTS=127.0.0.1:$NATIVE_PORT "$DISTCC" clang --target=$TRIPLET -Iinc -c a.c -o clang.o
	check "Debian's distcc: clang --target (known: an object of this processor)" -- is_for X86-64 clang.o
	check "Debian's distcc: clang -target" -- there "$NATIVE_PORT" "$NATIVE_LOG" clang -target $TRIPLET -O2 -Iinc
fi

unset DISTCC_FALLBACK
use_host()
{
	timeout 10 "$BUILD/muster" stop >/dev/null 2>&1
	export DISTCC_HOSTS=$1
}
FARM_PATH=$WORK/bin:$PLAIN_PATH
use_host "127.0.0.1:$DEBIAN_NATIVE/4,lzo"
same --remote "on Debian's distccd: $TRIPLET-gcc" -- $TRIPLET-gcc -O2 -Iinc -c a.c
same --remote "on Debian's distccd: -m32" -- gcc -m32 -O2 -Iinc -c a.c
same --remote "on Debian's distccd: $NATIVE-gcc" -- "$NATIVE-gcc" -O2 -Iinc -c a.c
if command -v clang >/dev/null; then
	same --remote "on Debian's distccd: clang --target" -- clang --target=$TRIPLET -O2 -Iinc -c a.c
	made_for AArch64 "on Debian's distccd: clang --target"
fi
# What is called gcc there is for another processor: it is asked for by its full name, and Clang told for which one.
printf '%s\n' '#!/bin/sh' "exec /usr/bin/clang --target=$TRIPLET \"\$@\"" > "$PUBLIC/cross/clang"
chmod 755 "$PUBLIC/cross/clang"
use_host "127.0.0.1:$DEBIAN_CROSS/4,lzo"
for name in gcc cc; do
	same --remote "on Debian's distccd, where $name is another one" -- $name -O2 -Iinc -c a.c
	made_for X86-64 "on Debian's distccd, where $name is another one"
done
if command -v clang >/dev/null; then
	same --remote "on Debian's distccd, where clang compiles for another processor" -- clang -O2 -Iinc -c a.c
	same --remote "on Debian's distccd, where clang compiles for another processor: --target" -- clang --target=$TRIPLET -O2 -Iinc -c a.c
fi
use_host "127.0.0.1:$DEBIAN_CROSS/4,lzo,cpp"
same --remote "on Debian's distccd, where gcc is another one: sources" -- gcc -O2 -Iinc -c a.c
PLAIN_PATH=$PUBLIC/cross:$PLAIN_PATH FARM_PATH=$WORK/bin:$PLAIN_PATH
use_host "127.0.0.1:$DEBIAN_CROSS/4,lzo"
same --remote "on Debian's distccd, port two: the other machine's gcc" -- gcc -O2 -Iinc -c a.c
made_for AArch64 "on Debian's distccd, port two: the other machine's gcc"
# distcc would take what the other port's gcc makes, which is for another processor. We ask for it by its full name.
use_host "127.0.0.1:$DEBIAN_NATIVE/4,lzo"
same --remote "on Debian's distccd, port one: the other machine's gcc" -- gcc -O2 -Iinc -c a.c
use_host "127.0.0.1:$DEBIAN_NATIVE/4,lzo 127.0.0.1:$DEBIAN_CROSS/4,lzo"
same --remote 'both ports in one list: the right one' -- gcc -O2 -Iinc -c a.c
use_host "127.0.0.1:$CROSS_PORT/4"
same --remote "on our distccd, port two: the other machine's gcc" -- gcc -O2 -g -Iinc -MD -c a.c
peers_stop
farm_done

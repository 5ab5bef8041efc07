#!/bin/bash
# Exactness: commands that are no compiles, probes of configure scripts, and the ways to call muster.
# Run as: exact_commands.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
farm_start 1

new_tree
echo '#define A 1' > a.h
printf '#include "a.h"\n#include <stdio.h>\nint main(void) { printf("%%d\\n", A); return 0; }\n' > m.c
echo 'int helper(void) { return 1; }' > h.c
gcc -c h.c

# --- No compiles -----------------------------------------------------------------------------
for option in --version -v -dumpversion -dumpmachine -print-search-dirs -print-multi-lib \
	-print-file-name=libc.so -print-prog-name=as -print-sysroot '--help' '-print-libgcc-file-name' \
	'-### -S m.c' '--target-help'; do
	# shellcheck disable=SC2086
	both --local . "$option" -- sh -c "%CC $option; echo \$?"
done
same --local . 'gcc: --help=warnings' -- gcc --help=warnings
same --local . 'gcc: -dumpspecs' -- gcc -dumpspecs
same --local . 'gcc: -Q --help=target' -- gcc -Q --help=target -march=native
both --local . '-E' -- %CC -E m.c
both --local . '-E -o' -- %CC -E -dD m.c -o m.i
both --local . '-E of stdin' -- sh -c 'echo "__LINE__" | %CC -E -x c -'
both --local . 'predefined macros' -- sh -c '%CC -dM -E -x c /dev/null'
both --local . '-M' -- %CC -M m.c
both --local . '-MM -MT' -- %CC -MM -MT target m.c
both --local . 'a link of objects' -- sh -c '%CC h.o -shared -o h.so && rm h.so'
both --local . 'compile and link' -- sh -c '%CC m.c -o m && ./m'
both --local . 'a link into a.out' -- sh -c '%CC m.c && ./a.out && rm a.out'
both --fails --local . 'a link that fails' -- sh -c '%CC h.o -o none 2> err.txt; s=$?; rm err.txt; exit $s'
both --fails --local . 'no arguments' -- %CC
both --fails --local . '-c without a source' -- %CC -c
both --fails --local . 'a source that is not there' -- %CC -c none.c
both --fails 'an option that is not there' -- %CC -fno-such-option-at-all -c m.c
both 'a warning that is not there' -- sh -c '%CC -Wno-such-warning -Wall -c m.c; %CC -Wsuch-warning -c m.c; echo $?'
both --fails 'an optimisation that is not there' -- %CC -march=no-such-cpu -c m.c
both --fails 'a standard that is not there' -- %CC -std=c3000 -c m.c
both 'an empty argument' -- sh -c '%CC "" -c m.c; echo $?'
both --fails --local . 'a source that is a folder' -- sh -c 'mkdir d.c; %CC -c d.c'
both 'a device as source' -- %CC -x c -c /dev/null -o null.o

# --- What configure scripts, CMake and Meson try -------------------------------------------------
new_tree
conftest()
{
	printf '%s\n' "$1" > conftest.c
	both "conftest: $2" -- sh -c "%CC -c -g -O2 ${3-} conftest.c >conftest.out 2>conftest.err; echo \$? \$(cat conftest.err)"
}
conftest 'int main(void) { return 0; }' 'does it work'
conftest 'choke me' 'not gcc'
conftest '#include <no_such_header.h>' 'a header that is absent'
conftest '#include <stdlib.h>' 'a header that is there' -Werror
conftest 'int a[1 - 2 * !(sizeof(long) == 4)];' 'the size of a long'
conftest 'typedef char t; static int test_array [1 - 2 * !(((long int) (sizeof (t))) >= 0)];' 'compile-time arithmetic'
conftest 'inline int f() { return 0; }' 'keywords' '-Dinline=__inline'
conftest 'int main() { extern char *x; x = 1; }' 'many warnings' '-Wall -Wextra -pedantic'
both 'a probe for -MD in one go' -- sh -c 'mkdir conf; cd conf; echo "#include \"sub/c.h\"" > c.c; mkdir sub; echo "int x;" > sub/c.h; %CC -MT sub/c.o -MD -MP -MF sub/c.TPo -c -o sub/c.o c.c && cat sub/c.TPo'
both 'a probe for -c -o' -- sh -c 'echo "int x;" > conftest.c; mkdir out; %CC -c conftest.c -o out/conftest2.o && ls out'
both 'a probe in a folder without writing' -- sh -c 'echo "int x;" | %CC -Werror -fno-strict-aliasing -S -x c -o /dev/null -'
both 'a kernel probe' -- sh -c '%CC -Wp,-MD,.t.d -Werror -D__KERNEL__ -c -x c /dev/null -o .t.o && cat .t.d'
both 'the ABI as CMake reads it' -- sh -c 'echo "const char i[] = {73,78,70,79,58,0};" > abi.c; %CC -v -c abi.c -o abi.o 2>/dev/null; strings abi.o | head -3'

# --- Ways to call ----------------------------------------------------------------------------
new_tree
printf '#include <stddef.h>\nsize_t s = sizeof(int);\n' > x.c
cp x.c x.cc
for name in cc c++ gcc-12 g++-12 x86_64-linux-gnu-gcc x86_64-linux-gnu-gcc-12 x86_64-linux-gnu-g++-12 clang-14; do
	if PATH=$PLAIN_PATH type -P "$name" >/dev/null; then
		same --remote "a link named $name" -- "$name" -g -Wall -c x.c
	else
		skip "a link named $name" 'no such compiler'
	fi
done
both --remote 'muster-cc gcc' -- sh -c '$SHIM %CC -g -c x.c'
both --local . 'muster-cc gcc, a link' -- sh -c 'echo "int main(void) { return 0; }" > l.c; $SHIM %CC l.c -o l && ./l'
both --remote 'muster-cc /usr/bin/gcc' -- sh -c '$SHIM "$(PATH="$1"; command -v %CC)" -g -c x.c' sh "$PLAIN_PATH"
both --remote 'muster-cc before a link of its own' -- sh -c '$SHIM %CXX -g -c x.cc'
both --fails 'muster-cc with a compiler that is not there' -- sh -c '$SHIM /nonexistent/%CC -c x.c 2>/dev/null'
if [ "$FARM_PLAIN" ]; then
	skip 'muster cc gcc' 'plain mode'
else
	both --remote 'muster cc gcc' -- sh -c '${SHIM:+"$1" cc} %CC -g -c x.c' sh "$BUILD/muster"
fi
both --remote 'a relative compiler' -- sh -c 'mkdir rc; ln -s "$(PATH="$1"; command -v %CC)" rc/%CC; $SHIM rc/%CC -g -c x.c; rm -r rc' sh "$PLAIN_PATH"
both --remote 'a compiler behind a link' -- sh -c 'mkdir lb; ln -s "$(PATH="$1"; command -v %CC)" lb/%CC; PATH="${SHIM:+$2:}$PWD/lb:$1"; export PATH; %CC -g -c x.c' sh "$PLAIN_PATH" "$WORK/bin"
both 'a script as compiler' -- sh -c 'mkdir sb; printf "#!/bin/sh\nexec %s -DSCRIPT \"\$@\"\n" "$(PATH="$1"; command -v %CC)" > sb/%CC; chmod 755 sb/%CC; PATH="${SHIM:+$2:}$PWD/sb:$1"; export PATH; %CC -g -c x.c' sh "$PLAIN_PATH" "$WORK/bin"
both --remote 'its folder twice on PATH' -- sh -c 'PATH="${SHIM:+$1:$1/:}$PATH"; export PATH; exec %CC -c x.c' sh "$WORK/bin"
ln -s "$WORK/bin" "$WORK/bin2"
both --remote 'its folder again behind a link' -- sh -c 'PATH="${SHIM:+$1:}$PATH"; export PATH; exec %CC -c x.c' sh "$WORK/bin2"
both --remote 'an empty part of PATH' -- sh -c 'PATH=":$PATH:"; export PATH; exec %CC -c x.c'
both --remote 'a big environment' -- sh -c 'BIG=$(head -c 100000 /dev/zero | tr "\0" x); export BIG; exec %CC -c x.c'
both --remote 'an environment of nearly nothing' -- sh -c 'exec env -i PATH="$PATH" ${SHIM:+MUSTER_STATE_DIR="$MUSTER_STATE_DIR" MUSTER_HOSTS="$MUSTER_HOSTS"} %CC -c x.c'
both --remote 'an environment with odd names' -- env 'a b=c' '=x' 'NO-SHELL=1' $'NL=a\nb' %CC -c x.c
both --remote=8 'eight at once' -- sh -c 'for i in 1 2 3 4 5 6 7 8; do %CC -g -DN=$i -c x.c -o x$i.o & done; wait'
both --remote=2 'make -j2' -- sh -c 'printf "all: x1.o x2.o\nx%%.o: x.c\n\t@%CC -g -DN=\$* -c x.c -o \$@\n" > Makefile; make -s -j2'
if command -v ninja >/dev/null; then
	both --remote=2 'ninja with a response file' -- sh -c 'printf "rule cc\n command = %CC @\$out.rsp -c \$in -o \$out\n rspfile = \$out.rsp\n rspfile_content = -g -O2\nbuild a.o: cc x.c\nbuild b.o: cc x.c\n" > build.ninja; ninja -v > out.txt; s=$?; rm -f .ninja_log .ninja_deps out.txt; exit $s'
else
	skip 'ninja with a response file' 'ninja is not installed'
fi

farm_done

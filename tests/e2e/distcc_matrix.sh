#!/bin/bash
# Everybody with everybody: {our client, Debian's distcc} x {our worker, our distccd, Debian's distccd} x {plain, lzo, pump} x
# {TCP, ssh}, over a list of commands. Outputs, status and messages are those of the plain command, but for what Debian's
# programs are known to do differently: that is a table here, and each flaw in it is asserted to be exactly that one.
# Run as: distcc_matrix.sh BUILD_FOLDER; see farm.sh. MATRIX_SHOW=1 prints every difference.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source-path=SCRIPTDIR source=peers.sh
. "$E2E/peers.sh"
[ -z "$FARM_PLAIN" ] || skip_all 'the peers are what is tested'
farm_init "${1-}"
peers_init || skip_all "$PEERS_WHY"
MATRIX_SHOW=${MATRIX_SHOW:-}

# --- Commands --------------------------------------------------------------------------------
#
# NAME | WHERE | COMMAND. WHERE tells, by letters, who has it compiled elsewhere (and counts it):
#   m  our client, by a worker of ours       f  our client, by Debian's distccd
#   w  Debian's client, by a worker of ours  d  Debian's client, by Debian's distccd
#   s  the command is also used through ssh
# $CC $CXX $CLANG $CLANGXX stand for the compilers in the cell's form.

commands()
{
	cat <<-'END'
	c|mfwds|$CC -Iinc -c a.c
	optimised|mfwd|$CC -O2 -std=gnu11 -fPIC -Iinc -c a.c -o obj/a.o
	several options|mfwd|$CC -pipe -pthread -fno-strict-aliasing -fstack-protector-strong -ffunction-sections -Wall -W -O3 -c plain.c -o plain.o
	absolute names|mfwd|$CC -c "$PWD/plain.c" -o "$PWD/obj/plain.o"
	from another folder|mfwd|cd obj && $CC -I../inc -c ../a.c
	macros|mfwd|$CC -Iinc '-DTEXT="a b"' -UX -include stdlib.h -c a.c -o a.o
	assembly|mfwds|$CC -O1 -Iinc -S a.c
	assembly elsewhere|mfwd|$CC -Iinc -S a.c -o obj/a.asm
	c++|mfwds|$CXX -O1 -Iinc -c b.cc
	c++ with options|mfwd|$CXX -std=c++17 -fno-exceptions -fno-rtti -c plain.cpp -o obj/plain.o
	c++ with a driver of C|mfwd|$CC -c plain.cpp
	debug, one file|mfwd|$CC -g -c plain.c -o plain.o
	debug|mfwds|$CC -g -O2 -Iinc -c a.c
	debug, C++|mfwd|$CXX -g -Iinc -c plain.cpp
	debug with macros|mwd|$CC -g3 -Iinc -c a.c
	dwo|m|$CC -g -gsplit-dwarf -c plain.c -o obj/plain.o
	-MD|mfwds|$CC -Iinc -MD -c a.c
	-MD elsewhere|mfwd|$CC -Iinc -MD -c a.c -o obj/a.o
	-MMD -MF -MT -MP|mfwds|$CC -Iinc -MMD -MF obj/x.d -MT target -MP -c a.c -o obj/a.o
	-MD -MQ|mfwd|$CC -Iinc -MD -MF obj/x.d -MQ 'a $target' -c a.c -o obj/a.o
	-Wp,-MD|mfwd|$CC -Iinc -Wp,-MD,obj/y.d -c a.c -o obj/a.o
	-MM||$CC -Iinc -MM a.c
	warning|mwds|$CC -Wall -c warn.c
	warning of the preprocessor|mwd|$CC -c note.c
	-Werror|mwd|$CC -Wall -Werror -c warn.c
	error|mwds|$CC -c bad.c
	error, C++|mwd|$CXX -c bad.cc
	missing include|m|$CC -c missing.c
	missing source||$CC -c nowhere.c
	missing compiler here|m|env no-such-gcc -c plain.c
	missing compiler there||$ONLY_HERE -c plain.c
	empty object|mfwds|$CC -c empty.c
	20 MB|mfwds|$CC -c big.c
	standard input||echo 'int i;' | $CC -x c -c - -o i.o
	unicode|mfwds|$CC -c 'müßig — 学/ü 学.c' -o 'müßig — 学/ö.o'
	blanks|mfwd|$CC -I'in c' -MD -c 'a b/c d.c' -o 'a b/e f.o'
	response file|mfwd|$CC @words
	other suffix|mfwd|$CC -Iinc -x c -c a.inl -o a.o
	preprocessed|mfwd|$CC -O2 -c pre.i -o pre.o
	/dev/null|mfwd|$CC -c plain.c -o /dev/null
	umask|mfwd|umask 027; $CC -Iinc -MD -c a.c
	temporary files|m|$CC -save-temps -c plain.c -o plain.o
	two sources||$CC -c plain.c empty.c
	-E||$CC -Iinc -E a.c
	link||$CC plain.c main.c -o program && ./program
	clang|mfwd|$CLANG -O2 -Iinc -c a.c
	clang++|mfwd|$CLANGXX -c plain.cpp
	END
}

new_tree
mkdir -p inc obj 'a b' 'in c' 'müßig — 学'
printf '#pragma once\n#include <stddef.h>\n#define TWICE(x) ((x) + (x))\nstatic inline size_t two(void) { return TWICE(1); }\n' > inc/a.h
printf '#include "a.h"\n#include <stdio.h>\n#include <string.h>\nsize_t f(const char *s) { return two() + strlen(s); }\nint g(int n) { return printf("%%s %%d\\n", __FILE__, n * __LINE__); }\n' > a.c
printf '#include "a.h"\n#include <vector>\nnamespace { struct s { int n; }; }\nint h(std::vector<int> &v) { s x; x.n = (int)(v.size() + two()); v.push_back(x.n); return x.n; }\n' > b.cc
printf 'static int n;\nint count(int by)\n{\n\tfor (int i = 0; i < by; i++)\n\t\tn += i * by;\n\treturn n;\n}\n' > plain.c
printf 'int count(int);\nint main(void) { return count(3) != 9; }\n' > main.c
printf 'struct s { int n; int get() const { return n; } };\nint get(const s &x)\n{\n\treturn x.get();\n}\n' > plain.cpp
printf '#define D 4\n' > 'in c/d.h'
printf '#include "d.h"\nint c = D;\n' > 'a b/c d.c'
printf 'int grüße(void) { return 1; }\n' > 'müßig — 学/ü 学.c'
: > empty.c
printf 'char big[20 << 20] = {1};\n' > big.c
printf '#define SET(x) (x = 1)\nint f(int n)\n{\n\tint unused;\n\tif (n = 1)\n\t\treturn SET(n);\n\treturn 3;\n}\n' > warn.c
printf 'int f(void) { return undeclared; }\n' > bad.c
printf 'template <class T> int f(T t) { return t.none(); }\nint g() { return f(1); }\n' > bad.cc
printf '#include "missing.h"\n' > missing.c
printf '#warning look here\nint x;\n' > note.c
printf '%s' '-O2 -Iinc -DWORD="two words" -c a.c -o obj/r.o' > words
cp a.c a.inl
gcc -E -Iinc a.c > pre.i
cd /
BASE=$WORK/base PRISTINE=$WORK/pristine CASES=$WORK/cases
mv "$TREE" "$BASE"
mkdir "$CASES" "$PRISTINE" "$WORK/here"

# A compiler that no server has.
printf '#!/bin/sh\nexec gcc "$@"\n' > "$WORK/here/gcc-of-here"
chmod 755 "$WORK/here/gcc-of-here"

NAMES=() WHERE=()
while IFS='|' read -r name where command; do
	case $name in clang*) command -v clang >/dev/null || continue ;; esac
	NAMES+=("$name") WHERE+=("$where")
	echo "$command" > "$CASES/${#NAMES[@]}"
	cp -a "$BASE" "$PRISTINE/${#NAMES[@]}"
done < <(commands)

names "$BUILD/muster-cc" "$WORK/ours"
names "$DISTCC" "$WORK/debian"

# --- A cell ----------------------------------------------------------------------------------

# One command of a cell, in its own copy of the sources.
cat > "$WORK/one" <<-'END'
	#!/bin/bash
	cd "$TREE/$1" || exit
	timeout -k 5 100 sh -c "$(cat "$CASES/$1")" < /dev/null > "$SIDE/$1.out" 2> "$SIDE/$1.err"
	echo $? > "$SIDE/$1.status"
	find . -printf '%P\t%y\t%m\t%l\n' | LC_ALL=C sort > "$SIDE/$1.list"
	exit 0
END
chmod 755 "$WORK/one"
export TREE CASES SIDE

# run_all SIDE FORM NUMBERS…: the commands of these numbers, three at once, all that came of them in $WORK/SIDE.
run_all()
{
	local n path=$PLAIN_PATH cc=gcc cxx=g++ clang=clang only=gcc-of-here
	SIDE=$WORK/$1
	case $2 in
	cc) cc=cc cxx=c++ ;;
	explicit) cc='distcc gcc' cxx='distcc g++' clang='distcc clang' only='distcc gcc-of-here' path=$CLIENT/bin:$path ;;
	implicit) cc=distcc cxx='distcc c++' clang='distcc clang' path=$CLIENT/bin:$path ;;
	masquerade) path=$CLIENT/masquerade:$path ;;
	esac
	shift 2
	remove_tree "$SIDE"
	remove_tree "$TREE"
	mkdir "$SIDE" "$TREE"
	for n; do
		cp -a "$PRISTINE/$n" "$TREE/$n"
	done
	printf '%s\n' "$@" | env PATH="$path:$WORK/here" CC="$cc" CXX="$cxx" CLANG="$clang" CLANGXX="${clang}++" \
		ONLY_HERE="$only" xargs -P 3 -n 1 "$WORK/one"
	mv "$TREE" "$SIDE/tree"
}

# differs N PLAIN FARM: how the results of command N differ, a word for each kind; nothing: they do not.
differs()
{
	local n=$1 plain=$2 farm=$3 file
	for file in status out err list; do
		cmp -s "$plain/$n.$file" "$farm/$n.$file" || echo "$file"
	done
	diff -rq --no-dereference "$plain/tree/$n" "$farm/tree/$n" | sed -n 's/^Files .* and \(.*\) differ$/\1/p' |
		sed "s|^$farm/tree/$n/||"
}

show()
{
	local n=$1 plain=$2 farm=$3 file
	for file in status out err list; do
		cmp -s "$plain/$n.$file" "$farm/$n.$file" || diff -a "$plain/$n.$file" "$farm/$n.$file" | head -20
	done
	diff -rq --no-dereference "$plain/tree/$n" "$farm/tree/$n"
}

has()
{
	[[ ${WHERE[$1 - 1]} == *$2* ]]
}

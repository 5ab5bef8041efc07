#!/bin/bash
# Everybody with everybody: {our client, Debian's distcc} x {our worker, our distccd, Debian's distccd} x {plain, lzo, pump} x
# {TCP, ssh}, over a list of commands. Outputs, status and messages are those of the plain command, but for what Debian's
# programs are known to do differently: that is a table here, and each flaw in it is asserted to be exactly that one.
# Run as: distcc_matrix.sh BUILD_FOLDER; see farm.sh. MATRIX_SHOW=1 prints every difference, MATRIX_ALL=1 gives all
# commands to all cells (see `whole`).
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by their names
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source-path=SCRIPTDIR source=peers.sh
. "$E2E/peers.sh"
[ -z "$FARM_PLAIN" ] || skip_all 'the peers are what is tested'
farm_init "${1-}"
peers_init || skip_all "$PEERS_WHY"
MATRIX_SHOW=${MATRIX_SHOW:-} MATRIX_ALL=${MATRIX_ALL:-}

# --- Commands --------------------------------------------------------------------------------
#
# NAME | WHERE | COMMAND. WHERE tells, by letters, who has it compiled elsewhere (and counts it):
#   m  our client, by a worker of ours       f  our client, by Debian's distccd
#   w  Debian's client, by a worker of ours  d  Debian's client, by Debian's distccd
#   s  the command is also used through ssh, and in cells that are not whole
#   n  the command is also used in cells that are not whole
# $CC $CXX $CLANG $CLANGXX stand for the compilers in the cell's form, $HERE for one that no server has.

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
	c++ with a driver of C|mfwdn|$CC -c plain.cpp
	debug, one file|mfwd|$CC -g -c plain.c -o plain.o
	debug|mfwds|$CC -g -O2 -Iinc -c a.c
	debug, C++|mfwd|$CXX -g -Iinc -c plain.cpp
	debug with macros|mfwd|$CC -g3 -Iinc -c a.c
	dwo|md|$CC -g -gsplit-dwarf -c plain.c -o obj/plain.o
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
	missing compiler|n|$MISSING -c plain.c
	missing compiler there|n|$HERE -c plain.c
	empty object|mfwds|$CC -c empty.c
	20 MB|mfwds|$CC -c big.c
	standard input|n|echo 'int i;' | $CC -x c -c - -o i.o
	unicode|mfwds|$CC -c 'müßig — 学/ü 学.c' -o 'müßig — 学/ö.o'
	blanks|mfwd|$CC -I'in c' -MD -c 'a b/c d.c' -o 'a b/e f.o'
	response file|mfwd|$CC @words
	other suffix|mf|$CC -Iinc -x c -c a.inl -o a.o
	preprocessed|mfwd|$CC -O2 -c pre.i -o pre.o
	/dev/null|mwd|$CC -c plain.c -o /dev/null
	umask|mfwd|umask 027; $CC -Iinc -MD -c a.c
	temporary files|md|$CC -save-temps -c plain.c -o plain.o
	two sources|n|$CC -c plain.c empty.c
	-E|n|$CC -Iinc -E a.c
	link|n|$CC plain.c main.c -o program && ./program
	clang|mfwdn|$CLANG -O2 -Iinc -c a.c
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
mkdir -p "$CASES" "$PRISTINE" "$WORK/here/bin"

cp -L "$(command -v gcc)" "$WORK/here/bin/gcc-99"
ln -s /usr/lib "$WORK/here/lib" # where it looks for cc1

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

# One command of a cell, in its own copy of the sources. The second line is since a host that failed one command is left alone
# by Debian's client for a minute.
cat > "$WORK/one" <<-'END'
	#!/bin/bash
	cd "$TREE/$1" || exit
	export DISTCC_DIR=$SIDE/$1.dir
	mkdir "$DISTCC_DIR"
	timeout -k 5 100 sh -c "$(cat "$CASES/$1")" < /dev/null > "$SIDE/$1.out" 2> "$SIDE/$1.err"
	echo $? > "$SIDE/$1.status"
	find . -printf '%P\t%y\t%m\t%l\n' | LC_ALL=C sort > "$SIDE/$1.list"
	exit 0
END
chmod 755 "$WORK/one"
export TREE CASES SIDE

# run_all SIDE FORM NUMBERS…: the commands of these numbers, $AT_ONCE at once; all that came of them is in $WORK/SIDE.
AT_ONCE=3
run_all()
{
	local path=$PLAIN_PATH cc=gcc cxx=g++ before=''
	SIDE=$WORK/$1
	case $2 in
	cc) cc=cc cxx=c++ ;;
	explicit) before='distcc ' cc='distcc gcc' cxx='distcc g++' path=$CLIENT/bin:$path ;;
	implicit) before='distcc ' cc=distcc cxx='distcc c++' path=$CLIENT/bin:$path ;;
	masquerade) path=$CLIENT/masquerade:$path ;;
	esac
	shift 2
	remove_tree "$SIDE"
	remove_tree "$TREE"
	mkdir "$SIDE" "$TREE"
	(cd "$PRISTINE" && cp -a "$@" "$TREE")
	printf '%s\n' "$@" | env PATH="$path:$WORK/here/bin" CC="$cc" CXX="$cxx" CLANG="${before}clang" CLANGXX="${before}clang++" \
		MISSING="${before}no-such-gcc" HERE="${before}gcc-99" xargs -P "$AT_ONCE" -n 1 "$WORK/one"
	mv "$TREE" "$SIDE/tree"
}

# differs N: how what came of command N here ($P) and in the cell ($F) differs, a word for each; nothing: it does not.
differs()
{
	local file
	for file in status out err list; do
		cmp -s "$P/$1.$file" "$F/$1.$file" || echo "$file"
	done
	diff -rq --no-dereference "$P/tree/$1" "$F/tree/$1" | sed -n "s|^Files .* and $F/tree/$1/\(.*\) differ\$|\1|p"
}

# The numbers of the commands that differ at all, one on a line.
different_ones()
{
	diff -rq --no-dereference -x '*.dir' "$P" "$F" |
		sed -nE "s#^Files .* and $F/(tree/)?([0-9]+)[./].* differ\$#\2#p" | sort -un
}

show()
{
	local file
	for file in status out err list; do
		cmp -s "$P/$1.$file" "$F/$1.$file" && continue
		diag "${NAMES[$1 - 1]}: $file (< plain, > cell):" "$(diff -a "$P/$1.$file" "$F/$1.$file" | head -20 | cut -c 1-300)"
	done
	diag "$(diff -rq --no-dereference "$P/tree/$1" "$F/tree/$1")"
}

# --- Known flaws -----------------------------------------------------------------------------
#
# flaw_of CLIENT FORM SERVER NAME: prints the flaw of that peer and, behind tabs, what its assertion is given; nothing: there is none.
flaw_of()
{
	case $1:$3:$4 in
	# Text is compiled, so columns and macros are not those of the sources (docs/decisions/0006). Of our worker, our client
	# asks for the sources.
	debian:*:debug | debian:*:'debug with macros' | ours:debian:debug | ours:debian:'debug with macros')
		printf 'text_debug\ta.o' ;;
	# Neither Debian's client nor its server knows further outputs. Our worker refuses them, so that they are made here.
	debian:debian:dwo) printf 'lost\tobj/plain.dwo' ;;
	debian:debian:'temporary files') printf 'lost\tplain.i\tplain.s' ;;
	# It preprocesses without -o, so that GCC derives another name for the dependency file, and another target.
	debian:*:'-MD elsewhere') printf 'deps_moved\tobj/a.d\ta.d' ;;
	debian:*:blanks) printf 'deps_moved\ta b/e f.d\tc d.d' ;;
	# The server's compiler cannot open the source, so it neither cites it nor counts tabs in columns.
	debian:*:warning) echo uncited ;;
	# Its preprocessor has said it already when the compiler is run here instead.
	debian:*:'missing include' | debian:*:'missing source') echo said_twice ;;
	# The shell says it of a plain command; a client ends as distcc(1) says.
	*:*:'missing compiler') [ "$2" = masquerade ] || echo not_found ;;
	# Users of distcc are told when a server will not have a job. (Debian's client has its log elsewhere here.)
	ours:*:'missing compiler there') [ "$2" = masquerade ] || echo told ;;
	esac
}

# Each: N ARGUMENTS…; true when the difference is that one and no other.
only_differs()
{
	local n=$1
	shift
	[ "$(differs "$n" | sort | tr '\n' ' ')" = "$(printf '%s\n' "$@" | sort | tr '\n' ' ')" ]
}

same_without_debug()
{
	objcopy -g "$P/tree/$1/$2" "$WORK/stripped1" && objcopy -g "$F/tree/$1/$2" "$WORK/stripped2" &&
		cmp -s "$WORK/stripped1" "$WORK/stripped2"
}

flaw_text_debug()
{
	only_differs "$1" "$2" && same_without_debug "$1" "$2"
}

flaw_lost()
{
	local n=$1 file difference='list '
	shift
	for file; do
		[ -e "$P/tree/$n/$file" ] && [ ! -e "$F/tree/$n/$file" ] || return
	done
	diff "$P/$n.list" "$F/$n.list" | grep -c '^[<>]' | grep -qx $# || return
	[ "$1" != obj/plain.dwo ] || { same_without_debug "$n" obj/plain.o && difference+='obj/plain.o '; } || return
	[ "$(differs "$n" | tr '\n' ' ')" = "$difference" ]
}

flaw_deps_moved()
{
	local n=$1 moved=$WORK/moved
	only_differs "$n" list && [ ! -e "$F/tree/$n/$2" ] && [ ! -e "$P/tree/$n/$3" ] || return
	# But for the target, which may change where lines are broken, it is the same.
	tr -s ' \\\n' '\n' < "$P/tree/$n/$2" | sed '0,/:$/d' > "$moved"
	[ -s "$moved" ] && tr -s ' \\\n' '\n' < "$F/tree/$n/$3" | sed '0,/:$/d' | cmp -s - "$moved"
}

flaw_uncited()
{
	only_differs "$1" err && ! grep -q '^ .*|' "$F/$1.err" &&
		sed -E '/^ .*\|/d; s/^([^ :]*:[0-9]+):[0-9]+:/\1:/' "$P/$1.err" > "$WORK/uncited" &&
		sed -E 's/^([^ :]*:[0-9]+):[0-9]+:/\1:/' "$F/$1.err" | cmp -s - "$WORK/uncited"
}

flaw_said_twice()
{
	only_differs "$1" err && cat "$P/$1.err" "$P/$1.err" | cmp -s - "$F/$1.err"
}

flaw_not_found()
{
	only_differs "$1" status err && [ "$(cat "$F/$1.status")" = 110 ] &&
		grep -q 'no-such-gcc' "$F/$1.err" "$DISTCC_LOG"
}

flaw_told()
{
	only_differs "$1" err && [ "$(wc -l < "$F/$1.err")" = 1 ] &&
		grep -qE '^distcc\[[0-9]+\] Warning: failed to distribute plain.c, running locally instead: no worker has this compiler$' \
			"$F/$1.err"
}

# --- The matrix ------------------------------------------------------------------------------

# has N LETTER
has()
{
	[[ ${WHERE[$1 - 1]} == *$2* ]]
}

# compiled_there TRANSPORT CLIENT SERVER: how many, as far as the server (or, through ssh, its client) tells.
compiled_there()
{
	case $2:$1 in
	ours:*) status_get .jobs.remote ;;
	debian:tcp) grep -cE ' COMPILE_(OK|ERROR) ' "${LOGS[$3]}" ;;
	debian:ssh) grep -cE 'compile .* on .*127\.0\.0\.1.* (completed ok|failed)' "$DISTCC_LOG" ;;
	esac
}

rose_by()
{
	[ $(($(compiled_there "$@") - BEFORE)) = "$ELSEWHERE" ]
}

# whole TRANSPORT CLIENT FORM SERVER WORDS: whether a cell has all commands, or only some. Those suffice where another cell
# has made the same statement: our client and a worker of ours speak their own protocol whatever the words are; a worker
# and our distccd are one server; the form decides what is the compiler, not how its job is sent; and distcc_foreign.sh
# gives Debian's distccd much the same commands, compressed and not.
whole()
{
	[ -z "$MATRIX_ALL" ] || return 0
	case $* in
	"tcp ours explicit "*" plain" | "tcp ours explicit debian lzo,cpp") ;;
	"tcp debian explicit worker lzo" | "tcp debian explicit distccd plain" | "tcp debian explicit debian "*) ;;
	*) return 1 ;;
	esac
}

# cell TRANSPORT CLIENT FORM SERVER HOSTS WORDS: all commands that are meant for it.
cell()
{
	local transport=$1 client=$2 form=$3 server=$4 cell n letter flaw numbers=() bad='' same=0 differences
	export DISTCC_HOSTS=$5
	cell="$client, $form, $server, $6, $transport"
	wanted "$cell" || return 0
	case $client:$server in
	ours:debian) letter=f ;;
	ours:*) letter=m ;;
	debian:debian) letter=d ;;
	*) letter=w ;;
	esac
	ELSEWHERE=0 P=$WORK/plain F=$WORK/cell CLIENT=$WORK/$client BEFORE=0
	[ "$form" != implicit ] || P=$WORK/plain-cc
	for n in "${ALL[@]}"; do
		[ "$transport" = tcp ] || has "$n" s || continue
		has "$n" s || has "$n" n || whole "$transport" "$client" "$form" "$server" "$6" || continue
		numbers+=("$n")
		! has "$n" "$letter" || ELSEWHERE=$((ELSEWHERE + 1))
	done
	timeout 10 "$BUILD/muster" stop > /dev/null 2>&1
	: > "$DISTCC_LOG"
	if [ "$client" = debian ]; then
		export DISTCC_LOG
		BEFORE=$(compiled_there "$transport" debian "$server")
	else
		export -n DISTCC_LOG
	fi
	run_all cell "$form" "${numbers[@]}"
	differences=" $(different_ones | tr '\n' ' ')"
	for n in "${numbers[@]}"; do
		flaw=$(flaw_of "$client" "$form" "$server" "${NAMES[n - 1]}")
		[ -z "$MATRIX_SHOW" ] || [[ $differences != *" $n "* ]] || show "$n"
		if [ "$flaw" ]; then
			check_flaw "$cell" "$n" "$flaw"
		elif [[ $differences == *" $n "* ]]; then
			bad+="${bad:+, }${NAMES[n - 1]}"
			[ "$MATRIX_SHOW" ] || show "$n"
		else
			same=$((same + 1))
		fi
	done
	check "$cell: $same commands are the same${bad:+, not: $bad}" -- test -z "$bad"
	if wait_until 10 rose_by "$transport" "$client" "$server"; then
		ok "$cell: $ELSEWHERE of them were compiled there"
	else
		not_ok "$cell: $ELSEWHERE of them were compiled there"
		diag "$(($(compiled_there "$transport" "$client" "$server") - BEFORE)) were" \
			"$([ "$client" = debian ] || status_get '{jobs, why_local} | tostring')"
	fi
	[ "$letter" != m ] || check "$cell: in our own protocol" -- status_is 'all(.workers[]; .speaks == "muster")'
}

check_flaw()
{
	local cell=$1 n=$2 kind
	IFS=$'\t' read -r -a kind <<< "$3"
	if "flaw_${kind[0]}" "$n" "${kind[@]:1}"; then
		ok "$cell: ${NAMES[n - 1]}: known: ${kind[*]}"
	else
		not_ok "$cell: ${NAMES[n - 1]}: known: ${kind[*]}"
		show "$n"
	fi
}

mapfile -t ALL < <(seq ${#NAMES[@]})
CLIENT=''
run_all plain gcc "${ALL[@]}"
run_all plain-cc cc "${ALL[@]}"
run_all again gcc "${ALL[@]}"
repeatable()
{
	local n differences
	P=$WORK/plain F=$WORK/again
	differences=$(different_ones)
	for n in $differences; do
		diag "${NAMES[n - 1]}"
	done
	[ -z "$differences" ]
}
check "${#NAMES[@]} commands are repeatable" -- repeatable
remove_tree "$WORK/again"

declare -A LOGS HOSTS
DISTCC_LOG=$WORK/distcc.log # of Debian's client only: it has more to say than a compiler
worker_start --allow 127.0.0.1 || bail 'a worker does not start'
HOSTS[worker]=$ADDRESS LOGS[worker]=$WORK/w1.log
our_distccd --no-fifo
HOSTS[distccd]=127.0.0.1:$PORT LOGS[distccd]=$PEER_LOG
debian_distccd
HOSTS[debian]=127.0.0.1:$PORT LOGS[debian]=$PEER_LOG

for server in worker distccd debian; do
	host=${HOSTS[$server]}/8
	for words in plain lzo lzo,cpp; do
		list=$host
		[ $words = plain ] || list+=,$words
		cell tcp ours explicit $server "$list" $words
		[ $words = lzo,cpp ] || cell tcp debian explicit $server "$list" $words
	done
done
cell tcp ours implicit worker "${HOSTS[worker]}/8" plain
cell tcp ours implicit distccd "${HOSTS[distccd]}/8,lzo" lzo
cell tcp ours implicit debian "${HOSTS[debian]}/8,lzo,cpp" lzo,cpp
cell tcp ours masquerade worker "${HOSTS[worker]}/8,lzo,cpp" lzo,cpp
cell tcp ours masquerade distccd "${HOSTS[distccd]}/8" plain
cell tcp ours masquerade debian "${HOSTS[debian]}/8,lzo" lzo
cell tcp debian implicit distccd "${HOSTS[distccd]}/8,lzo" lzo
cell tcp debian masquerade worker "${HOSTS[worker]}/8" plain

# --- Debian's pump ---------------------------------------------------------------------------
#
# Its include server ends at the first request where Python is newer than 3.9: the jobs are done without it, and the results
# are right. So there is no peer of protocol 3 but tests/e2e/distcc_client.py.
pump_of_debian()
{
	local out=$WORK/pump.out
	new_tree
	cp -a "$BASE/." .
	DISTCC_HOSTS=${HOSTS[worker]}/8,lzo,cpp TMPDIR=$PUBLIC timeout 60 /usr/bin/distcc-pump \
		"$DISTCC" gcc -Iinc -c a.c > "$out" 2>&1 || return
	cmp a.o "$WORK/plain/tree/1/a.o" || return
	grep -q 'PY_SSIZE_T_CLEAN' "$out" || diag "Debian's pump works here: this cell may become one like the others"
}
if [ -x /usr/bin/distcc-pump ]; then
	check "Debian's pump: right, though its include server fails (known: PY_SSIZE_T_CLEAN)" -- pump_of_debian
else
	skip "Debian's pump" 'distcc-pump is not installed'
fi
cd /

# --- Through ssh -----------------------------------------------------------------------------

if ssh_set_up; then
	export DISTCC_SSH=$SSH_COMMAND
	[ -x "$PUBLIC/distccd" ] || install -m 755 "$BUILD/muster-worker" "$PUBLIC/distccd"
	AT_ONCE=8 # most of the time it is waited
	for words in plain lzo lzo,cpp; do
		behind=/8:$PUBLIC/distccd peer=/8:$DISTCCD
		[ $words = plain ] || behind+=,$words peer+=,$words
		cell ssh ours explicit distccd "@127.0.0.1$behind" $words
		cell ssh ours explicit debian "@127.0.0.1$peer" $words
		[ $words != lzo,cpp ] || continue
		cell ssh debian explicit distccd "@127.0.0.1$behind" $words
		cell ssh debian explicit debian "@127.0.0.1$peer" $words
	done
else
	skip 'ssh' 'sshd is not installed, or does not let us in on this machine'
fi
cd /
remove_tree "$TREE"
peers_stop
farm_done

#!/bin/bash
# distcc's own client, Debian's, compiles on a worker that was told to let it in: what comes back is byte for byte what
# the same command gives here. Then a client of protocol 3, and clients that no worker should suffer from.
# Run as: distcc_server.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
REAL=/usr/bin/distcc
FARM_PLAIN=''
"$REAL" --version 2>/dev/null | grep -q 'protocols 1, 2 and 3' || skip_all 'Debian'\''s distcc is not installed (apt-get install distcc)'
command -v python3 >/dev/null || skip_all 'python3 is not installed'
farm_init "${1-}"
for name in ${!DISTCC_@}; do unset "$name"; done
worker_start --allow 127.0.0.1 || bail 'a worker does not start'
W1=$ADDRESS LOG=$WORK/w1.log
export DISTCC_DIR=$WORK/d DISTCC_FALLBACK=0 DISTCC_BACKOFF_PERIOD=1 DISTCC_LOG=$WORK/distcc.log
mkdir "$DISTCC_DIR"
# The plain side runs the command with nothing before it.
SHIM=$REAL FARM_PATH=$PLAIN_PATH

# logged RE: how often the worker's log says so.
logged()
{
	grep -cE -- "$1" "$LOG"
}

rose()
{
	[ "$(logged "$1")" -gt "$2" ]
}

# client ARGUMENTS…: the client that does as it is told.
client()
{
	python3 "$E2E/distcc_client.py" "$ADDRESS" "$@"
}

# alike NAME -- COMMAND…: one compile, alike here and by distcc; ran on the worker, once.
alike()
{
	local name=$1 bad before
	shift 2
	wanted "$name" || return 0
	cd /
	remove_tree "$WORK/pristine"
	cp -a "$TREE" "$WORK/pristine"
	before=$(logged ' COMPILE_OK ')
	run_side plain sh -c '"$@"' sh "$@"
	run_side farm sh -c '"$SHIM" "$@"' sh "$@"
	bad=$(compare_sides '')
	[ "$(cat "$WORK/plain/status")" = 0 ] || bad+=$'\n''the plain command failed'
	wait_until 3 rose ' COMPILE_OK ' "$before"
	[ "$(logged ' COMPILE_OK ')" = $((before + 1)) ] || bad+=$'\n'"it did not run on the worker, once: $(tail -3 "$LOG")"
	cp -a "$WORK/pristine" "$TREE"
	cd "$TREE" || bail "$TREE went away"
	if [ -z "$bad" ]; then
		ok "$name"
	else
		not_ok "$name"
		diag "$bad"
	fi
}

new_tree
mkdir -p inc obj 'a b'
printf '#pragma once\n#include <stddef.h>\n#define TWICE(x) ((x) + (x))\nstatic inline size_t two(void) { return TWICE(1); }\n' > inc/a.h
printf '#include "a.h"\n#include <stdio.h>\n#include <string.h>\nsize_t f(const char *s) { return two() + strlen(s); }\nint g(int n) { return printf("%%s %%d\\n", __FILE__, n * __LINE__); }\n' > a.c
printf '#include "a.h"\n#include <vector>\n#include <map>\n#include <string>\nnamespace { struct s { int n; }; }\nint h(const std::vector<int> &v) { std::map<std::string, s> m; m["a"].n = (int)(v.size() + two()); return m["a"].n; }\n' > b.cc
printf 'static int n;\nint count(int by)\n{\n\tfor (int i = 0; i < by; i++)\n\t\tn += i * by;\n\treturn n;\n}\n' > plain.c
printf 'struct s { int n; int get() const { return n; } };\nint get(const s &x)\n{\n\treturn x.get();\n}\n' > plain.cpp
printf 'int c;\n' > 'a b/c d.c'
: > empty.c
printf 'char big[300000] = {1};\n' > big.c
gcc -E plain.c -o plain.i
for lzo in '' ,lzo; do
	export DISTCC_HOSTS=$W1$lzo
	alike "C$lzo" -- gcc -Iinc -c a.c -o a.o
	alike "C, optimised$lzo" -- gcc -O2 -Wall -Wextra -Iinc -c a.c -o obj/a.o
	alike "C++$lzo" -- g++ -Iinc -c b.cc -o b.o
	alike "C++, optimised$lzo" -- g++ -O2 -std=c++17 -Iinc -c b.cc -o obj/b.o
	alike "debug information$lzo" -- gcc -g -c plain.c -o plain.o
	alike "debug information, C++$lzo" -- g++ -g -O1 -c plain.cpp -o plain.o
	alike "assembly$lzo" -- gcc -O1 -Iinc -S a.c -o a.s
	alike "an object that is not named$lzo" -- gcc -Iinc -c a.c
	alike "a dependency file$lzo" -- gcc -Iinc -MD -MF obj/a.d -MT obj/a.o -MP -c a.c -o obj/a.o
	alike "macros on the command line$lzo" -- gcc -Iinc '-DTEXT="a b"' -UX -include stdlib.h -c a.c -o a.o
	alike "-iquote$lzo" -- gcc -iquote inc -c a.c -o a.o
	alike "a language of its own$lzo" -- gcc -x c++ -c plain.c -o plain.o
	alike "g++ of a C source$lzo" -- g++ -c plain.c -o plain.o
	alike "an absolute path$lzo" -- gcc -c "$TREE/plain.c" -o "$TREE/obj/plain.o"
	alike "blanks in names$lzo" -- gcc -c 'a b/c d.c' -o 'a b/e f.o'
	alike "an empty source$lzo" -- gcc -c empty.c -o empty.o
	alike "a large object$lzo" -- gcc -c big.c -o big.o
	alike "/dev/null$lzo" -- gcc -c plain.c -o /dev/null
	alike "a versioned name$lzo" -- gcc-12 -c plain.c -o plain.o
	alike "a path$lzo" -- /usr/bin/gcc -c plain.c -o plain.o
	alike "many words$lzo" -- gcc -fPIC -fno-strict-aliasing -fstack-protector-strong -pipe -std=gnu17 -pthread -c plain.c -o plain.o
	if command -v clang >/dev/null; then
		alike "Clang$lzo" -- clang -O2 -Iinc -c a.c -o a.o
		alike "Clang, C++$lzo" -- clang++ -Iinc -c b.cc -o b.o
	fi
done

# Failures: messages and status are the compiler's, and nothing is written.
printf 'int f(void) { return undeclared; }\n' > bad.c
for lzo in '' ,lzo; do
	export DISTCC_HOSTS=$W1$lzo DISTCC_SKIP_LOCAL_RETRY=1
	before=$(logged ' COMPILE_ERROR exit:1 ')
	"$REAL" gcc -c bad.c -o bad.o 2> err.txt
	status=$?
	check "an error$lzo" -- test "$status:$(logged ' COMPILE_ERROR exit:1 ')" = "1:$((before + 1))"
	check "its message$lzo" -- grep -q "bad.c:1:22: error: .undeclared. undeclared" err.txt
	check "no object of it$lzo" -- test ! -e bad.o
	unset DISTCC_SKIP_LOCAL_RETRY
done
printf '#warning look here\nint f(int n) { int unused; return n; }\n' > warn.c
"$REAL" gcc -Wall -c warn.c -o warn.o 2> err.txt
check 'a warning comes back' -- grep -q 'unused variable' err.txt

# refused NAME WHY COMMAND…: this worker does not do it, and says why in its log.
refused()
{
	local name=$1 why=$2
	shift 2
	wanted "$name" || return 0
	client job --text plain.i -- "$@" > /dev/null 2>&1
	if [ $? = 200 ] && wait_until 3 rose "^<4>.*$why" 0; then
		ok "refused: $name"
	else
		not_ok "refused: $name"
		diag "$(tail -4 "$LOG")"
	fi
}

ADDRESS=$W1
refused 'no compiler' 'not a compiler' rm -rf plain.c
refused 'a compiler by its path' 'named by a path' /opt/evil/gcc -c plain.c -o plain.o
refused 'a compiler by a relative path' 'named by a path' ../bin/gcc -c plain.c -o plain.o
refused 'a compiler that is not here' 'find the compiler no-such-gcc' no-such-gcc -c plain.c -o plain.o
refused 'a plugin' 'fplugin' gcc -fplugin=/tmp/evil.so -c plain.c -o plain.o
refused 'specs' 'specs' gcc -specs=/tmp/evil -c plain.c -o plain.o
refused 'a link' 'links' gcc plain.c -o plain
refused 'further outputs' 'cannot bring back' gcc -g -gsplit-dwarf -c plain.c -o plain.o
refused 'native' 'another processor' gcc -march=native -c plain.c -o plain.o
refused 'words in a file' 'response file' gcc @words -c plain.c -o plain.o

# as_here [OPTIONS of the client…] -- COMMAND…: its object is that of the same command here.
as_here()
{
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	rm -f there.o here.o
	client job "${options[@]}" --object there.o -- "$@" -o here.o || return
	"$@" -o here.o && cmp here.o there.o
}

for version in 0 1 2; do
	check "version $version" -- as_here --version $version --text plain.i -- gcc -O1 -c plain.c
done
check 'byte by byte' -- as_here --version 2 --text plain.i --slowly -- gcc -c plain.c

# Protocol 3. The files lie at their own paths, so nothing needs to be rewritten in what comes back.
UP=../../../../../../../../../../../../../../../../../../../..
printf '#include "a.h"\n#include "b b.h"\n#include <stdio.h>\n#if __has_include("probed.h")\nint probed;\n#endif\nint p(void) { return printf("%%s %%d", __FILE__, (int)two()) + B; }\n' > pump.c
printf '#define B 2\n' > 'inc/b b.h'
: > inc/probed.h
ln -s inc linked
FILES=(--dir "$TREE")
for file in pump.c inc/a.h 'inc/b b.h' inc/probed.h; do
	FILES+=(--file "$TREE/$file=$file")
done
SYSTEM=()
for name in /usr/include /usr/local/include "$(dirname "$(gcc -print-file-name=include/stddef.h)")"; do
	SYSTEM+=(--link "$name=$UP$name")
done
REST=(--link "$TREE/linked=inc" --empty "$TREE/obj/forcing_technique_271828" --empty '/usr/include/x/forcing_technique_271828')
three()
{
	client job --version 3 "${FILES[@]}" "${SYSTEM[@]}" "${REST[@]}" --object there.o --deps there.d "$@"
}

# three_alike NAME OPTIONS…: of gcc, but for -c, source and object.
three_alike()
{
	local name=$1
	shift
	wanted "$name" || return 0
	rm -f there.* here.*
	three -- gcc "$@" -c pump.c -o obj/here.o > out.txt 2>&1
	local status=$?
	gcc "$@" -MMD -MF here.d -c pump.c -o obj/here.o
	if [ $status = 0 ] && cmp obj/here.o there.o && diff here.d there.d > out.txt; then
		ok "files: $name"
	else
		not_ok "files: $name"
		diag "status $status, $(cat out.txt; tail -2 "$LOG")"
	fi
}

three_alike 'plain' -Iinc
three_alike 'debug information' -g -O2 -Iinc
three_alike 'macros in it' -g3 -Iinc
three_alike 'through a link' -g -Ilinked
three_alike 'an absolute folder' -g "-I$TREE/inc"
three_alike 'from the folder that a placeholder makes' -Iobj/../inc
FILES+=(--file "$TREE/pump.c=pump.c")
three_alike 'the same file twice' -Iinc
rm -f there.* here.*
three -- gcc -Iinc -MD -MF some/where.d -MT 'a target' -c pump.c -o x.o
gcc -Iinc -MD -MF here.d -MT 'a target' -c pump.c -o x.o
check 'files: a dependency file with system headers, and a target' -- diff here.d there.d
three -- gcc -Iinc -DB=3 -Werror -c pump.c -o obj/x.o > out.txt 2>&1
check 'files: an error' -- test $? = 1
check 'files: its message cites the source' -- grep -q '#define B 2' out.txt
printf 'int old;\n' > old.c
check 'files: only what was sent is there' -- sh -c "! $(printf '%q ' python3 "$E2E/distcc_client.py" "$ADDRESS" job --version 3 --dir "$TREE" --file "$TREE/old.c=old.c") -- gcc -include inc/a.h -c old.c -o x.o 2>/dev/null"
no_files_outside()
{
	[ ! -e /etc/evil ] && [ ! -e "$WORK/w1/evil" ] && [ ! -e /w ]
}

# Clients that nobody should suffer from. Each is closed, with a sentence in the log, and the next job is done as ever.
bad_request()
{
	local name=$1 why=$2 out
	wanted "$name" || return 0
	out=$(client bad "$name")
	if [ "${out% *}" = closed ] && wait_until 3 rose "^<4>.*$why" 0; then
		ok "bad: $name"
	else
		not_ok "bad: $name"
		diag "$out" "$(tail -2 "$LOG")"
	fi
}

bad_request garbage 'DIST token was expected, but "GET "'
bad_request binary 'DIST token was expected, but "[\]x00'
bad_request version 'version 4'
bad_request huge-words 'ARGC is 4294967295'
bad_request million-words 'ARGC is 1000000'
bad_request huge-word 'ARGV has 4294967295 bytes'
bad_request no-words 'ARGC is 0'
bad_request nul 'holds a NUL'
bad_request huge-text 'DOTI has 4294967295 bytes'
bad_request huge-packed 'more than 256 MiB'
bad_request not-lzo 'unpack the text'
bad_request bomb 'unpack the text: .*holds more'
bad_request bomb-file 'unpack /w/y.h: .*holds more'
bad_request behind 'bytes behind its end'
bad_request huge-files 'token was expected'
bad_request dotdot "place '/w/../../../../etc/evil'"
bad_request relative "place 'w/y.h'"
bad_request root "place '/'"
bad_request link-out 'link /w/etc to /etc: that is out of'
bad_request link-out-dots 'link /w/inc to /etc: that is out of'
bad_request link-out-absolute 'link /w/etc to /etc: that is out of'
bad_request through-link 'Too many levels of symbolic links'
bad_request through-system 'system folder, which is ours'
bad_request file-as-folder 'Not a directory'
for name in half half-text one million-words; do
	check "hang-up: $name" -- client bad --hang-up "$name"
done
check 'a hang-up is told' -- wait_until 5 rose 'went away in the middle of its request: it was to send' 0
check 'nothing was written elsewhere' -- no_files_outside
memory()
{
	[ "$(sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$WORKER_PID_1/status")" -lt 300000 ]
}
check 'its memory is free again' -- memory
check 'it serves on' -- as_here --version 2 --text plain.i -- gcc -c plain.c

# A client that leaves while its compile runs takes it along.
slow_source 1000000 > slow.cc
g++ -E slow.cc -o slow.ii
compiling()
{
	local pid
	for pid in $(cat "/proc/$WORKER_PID_1/task/$WORKER_PID_1/children"); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != muster-job ] || return 0
	done
	return 1
}
slot_is_free()
{
	as_here --version 2 --text plain.i -- gcc -c plain.c
}
# in_the_middle HOW SIGNAL LOGGED [OPTIONS of the client…]
in_the_middle()
{
	local how=$1 signal=$2 why=$3 before pid
	shift 3
	before=$(logged "$why")
	# shellcheck disable=SC2086 # words are wanted
	python3 "$E2E/distcc_client.py" "$ADDRESS" job --text slow.ii "$@" -- g++ $SLOW_FLAGS -c slow.cc -o slow.o > /dev/null 2>&1 &
	pid=$!
	wait_until 30 compiling
	kill "-$signal" $pid
	check "in the middle of a compile: $how" -- wait_until 10 rose "$why" "$before"
	wait $pid 2>/dev/null
	check 'the compile ends' -- wait_until 10 eval '! compiling'
}
in_the_middle 'the client is killed' KILL 'while its compile ran, which is killed'
in_the_middle 'the client closes its sending half' USR1 'while its compile ran, which is killed' --at-signal half-close
in_the_middle 'the client sends more' USR1 'sends more than its request' --at-signal stray
check 'and its slot is free' -- slot_is_free

# Who is not named by --allow.
worker_start --allow 192.0.2.0/24 || bail 'a worker does not start'
LOG=$WORK/w2.log
client job --text plain.i -- gcc -c plain.c -o x.o > /dev/null 2>&1
check 'an address that is not allowed' -- test $? = 200
check 'its log says why' -- wait_until 3 rose 'no --allow names its address' 0
worker_start || bail 'a worker does not start'
LOG=$WORK/w3.log
client job --text plain.i -- gcc -c plain.c -o x.o > /dev/null 2>&1
check 'without --allow nobody is' -- test $? = 200

# Unconfined: texts as ever, but files are not taken, and no text that reads others.
worker_start --allow 127.0.0.1 --no-sandbox || bail 'a worker does not start'
LOG=$WORK/w4.log
check 'unconfined: a text' -- as_here --version 2 --text plain.i -- gcc -O1 -c plain.c
check 'unconfined: options of the preprocessor' -- as_here --text plain.i -- gcc -iquote inc -Iinc -DX -c plain.c
client job --version 3 --dir "$TREE" --file "$TREE/plain.c=plain.c" -- gcc -c plain.c -o x.o > /dev/null 2>&1
check 'unconfined: no files' -- test $? = 200
check 'unconfined: its log says why' -- wait_until 3 rose 'cannot be confined' 1
printf '# 1 "i.c"\n__asm__(".incbin \\"/etc/hostname\\"");\n' > i.i
client job --text i.i -- gcc -c i.c -o i.o > /dev/null 2>&1
check 'unconfined: no text that reads files' -- test $? = 200

# As distccd, for what muster-worker has no options for.
chmod 755 "$WORK" "$BUILD" 2>/dev/null
ln -s "$BUILD/muster-worker" "$WORK/distccd"
mkdir "$WORK/tmp"
chmod 1777 "$WORK/tmp"
free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
# distccd_start NAME OPTIONS…: its log is $WORK/NAME.log.
distccd_start()
{
	local name=$1 port
	shift
	port=$(free_port)
	ADDRESS=127.0.0.1:$port LOG=$WORK/$name.log
	: > "$LOG"
	TMPDIR=$WORK/tmp "$WORK/distccd" --daemon --no-detach --log-stderr --listen 127.0.0.1 --port "$port" --allow 127.0.0.1 \
		--jobs 1 "$@" < /dev/null > "$LOG" 2>&1 &
	wait_until 30 rose 'listening on' 0 || diag "$(cat "$LOG")"
}

DISTCC_IO_TIMEOUT=1 distccd_start silence
for name in one half half-text; do
	out=$(client bad $name)
	check "silence: $name" -- test "${out% *}" = closed
done
check 'silence is told' -- wait_until 3 rose 'was silent for 1 seconds' 0

distccd_start insecure --enable-tcp-insecure --job-lifetime 1
client job --text plain.i -- no-such-gcc -c plain.c -o x.o > /dev/null 2> err.txt
check 'insecure: a compiler that is not here: status' -- test $? = 110
check 'insecure: a compiler that is not here: message' -- grep -q 'failed to exec no-such-gcc' err.txt
check 'insecure: a compiler by its path' -- as_here --text plain.i -- "$(readlink -f "$(command -v gcc)")" -c plain.c
# shellcheck disable=SC2086
client job --text slow.ii -- g++ $SLOW_FLAGS -c slow.cc -o x.o > /dev/null 2> err.txt
check 'a compile that lasts too long: status' -- test $? = 118
check 'a compile that lasts too long: message' -- grep -q 'lasted longer than 1 seconds' err.txt
check 'a compile that lasts too long: log' -- wait_until 3 rose 'COMPILE_TIMEOUT exit:118 ' 0
check 'its slot is free' -- wait_until 30 slot_is_free

printf '%s\n' /usr/bin/g++ "$(command -v gcc)" > "$WORK/list"
chmod 644 "$WORK/list"
DISTCC_CMDLIST=$WORK/list distccd_start list
check 'DISTCC_CMDLIST: a listed compiler' -- as_here --text plain.i -- gcc -c plain.c
client job --text plain.i -- gcc-12 -c plain.c -o x.o > /dev/null 2>&1
check 'DISTCC_CMDLIST: another one' -- test $? = 200
DISTCC_CMDLIST=$WORK/list DISTCC_CMDLIST_NUMWORDS=2 distccd_start list2
check 'DISTCC_CMDLIST_NUMWORDS: two words' -- client job --text plain.i -- /somewhere/bin/gcc -c plain.c -o x.o
client job --text plain.i -- gcc -c plain.c -o x.o > /dev/null 2>&1
check 'DISTCC_CMDLIST_NUMWORDS: one word' -- test $? = 200

# Through ssh: distccd is started for one job, with the job on its standard input and output.
printf '#!/bin/sh\nshift\nexec "$@"\n' > "$WORK/ssh"
chmod 755 "$WORK/ssh"
export DISTCC_SSH=$WORK/ssh DISTCC_HOSTS="@somewhere:$WORK/distccd,lzo" TMPDIR=$WORK/tmp
through_ssh()
{
	"$REAL" gcc -O1 -Iinc -c a.c -o there.o && gcc -O1 -Iinc -c a.c -o here.o && cmp here.o there.o
}
check 'through ssh' -- through_ssh
unset DISTCC_SSH
check 'its folder is gone' -- wait_until 10 eval '! ls -d "$WORK"/tmp/distccd-* 2>/dev/null'

# More at once than it has slots.
ADDRESS=$W1 LOG=$WORK/w1.log
export DISTCC_HOSTS="$W1/16,lzo"
for i in 1 2 3 4 5 6 7 8 9; do
	sed "s/count/count$i/" plain.c > "many$i.c"
done
at_once()
{
	local i
	for i in many*.c; do printf '%s\0' "$i" "there${i#many}.o"; done |
		xargs -0 -n 2 -P 9 sh -c '"$0" gcc -O2 -c "$1" -o "$2"' "$REAL" || return
	for i in many*.c; do
		gcc -O2 -c "$i" -o here.o && cmp here.o "there${i#many}.o" || return
	done
}
check 'many at once' -- at_once

left_behind()
{
	[ -z "$(find "$WORK"/w*/jobs "$WORK"/tmp/*/jobs -mindepth 1 2>/dev/null)" ]
}
check 'the folders of all jobs are gone' -- wait_until 10 left_behind
wanted 'no assertion' && check 'no worker has complained about itself' -- sh -c "! grep -lE 'Assertion|runtime error|Sanitizer' '$WORK'/*.log"
farm_done

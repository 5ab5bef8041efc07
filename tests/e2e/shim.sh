#!/bin/sh
# shim.sh BUILD: muster-cc alone, with an agent that is missing, broken, or tests/e2e/fake_agent.c.
# BUILD holds muster-cc and fake_agent. TAP on stdout.
# What `all` is given is evaluated there:
# shellcheck disable=SC2016,SC2317,SC3045
build=$(cd "${1:?usage: shim.sh BUILD-FOLDER}" && pwd) || exit 99
shim=$build/muster-cc
T=$(mktemp -d) || exit 99
n=0 bad=0
date=$(command -v date)
unset MUSTER_LEVEL MUSTER_HOSTS FAKE_REPLY FAKE_START XDG_RUNTIME_DIR
export MUSTER_AGENT_TIMEOUT_MS=10000
PATH=/usr/bin:/bin
cd "$T" || exit 99

# ---- what the tests are written in ----

agent_kill() {
	[ -f "$MUSTER_STATE_DIR/pid" ] && kill "$(cat "$MUSTER_STATE_DIR/pid")" 2>/dev/null
}

finish() {
	agent_kill
	rm -rf "$T"
}
trap finish EXIT
trap 'exit 1' INT TERM

# A state folder of its own for what follows, and the fake agent for it.
fresh() {
	agent_kill
	export MUSTER_STATE_DIR="$T/state.$1" MUSTER_AGENT="$build/fake_agent"
	unset FAKE_START FAKE_REPLY
}

# ok NAME COMMAND...: one test, which COMMAND decides.
ok() {
	name=$1
	shift
	n=$((n + 1))
	if "$@" >"$T/why" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		bad=1
		for f in why out err; do
			[ -s "$T/$f" ] && sed "s/^/# $f: /" "$T/$f"
		done
		echo "# status $status: $last"
	fi
}

# try COMMAND...: its outputs go to the files out and err, its status to $status, seconds to $took.
try() {
	last=$*
	took=$("$date" +%s)
	"$@" >"$T/out" 2>"$T/err" </dev/null
	status=$?
	took=$(($("$date" +%s) - took))
}

status_is() { [ "$status" -eq "$1" ]; }
out_is() { [ "$(cat "$T/out")" = "$1" ]; }
err_is() { [ "$(cat "$T/err")" = "$1" ]; }
both_are() { status_is "$1" && out_is "$2" && err_is "$3"; }
has() { grep -qF -- "$2" "$T/$1"; }
quick() { [ "$took" -le "$1" ]; }
lines_are() { [ "$(grep -c '' "$1")" -eq "$2" ]; }
all() { # all 'TEST' 'TEST'...
	for t; do
		eval "$t" || return 1
	done
}

# soon COMMAND...: true within a minute.
soon() {
	for _ in $(seq 1200); do
		"$@" && return 0
		sleep 0.05
	done
	return 1
}

# A "compiler" that shows how it was called.
mkdir tool links links2 ccache empty
cat >tool/xgcc <<'END'
#!/bin/sh
printf 'xgcc'
printf ' <%s>' "$@"
printf ' level=%s path=%s\n' "$MUSTER_LEVEL" "$PATH"
END
cat >tool/xdie <<'END'
#!/bin/sh
[ "$1" -lt 100 ] && exit "$1"
kill -$(($1 - 100)) $$
END
# Another wrapper, of ccache's kind: goes on to the next xgcc of PATH that is not itself.
cat >ccache/xgcc <<'END'
#!/bin/sh
printf 'ccache '
IFS=:
for d in $PATH; do
	[ "$d/xgcc" -ef "$0" ] || [ ! -x "$d/xgcc" ] || exec "$d/xgcc" "$@"
done
END
cp tool/xgcc tool/noexec && chmod -x tool/noexec
chmod +x tool/x* ccache/xgcc
printf 'echo no interpreter line "$@"\n' >tool/xplain && chmod +x tool/xplain
ln -s "$shim" links/xgcc
ln -s ../links/xgcc links2/xgcc
ln -s "$shim" links/gcc
echo 'int f(void) { return 1; }' >'a b.c'
base=/usr/bin:/bin

# ---- the program itself ----

fresh usage
try "$shim"
ok "alone: usage, exit 0" all 'status_is 0' 'has out "Usage: muster-cc"' 'err_is ""'
try "$shim" --help
ok "--help: usage, exit 0" all 'status_is 0' 'has out MUSTER_STATE_DIR' 'err_is ""'
try "$shim" --version
ok "--version" all 'status_is 0' 'has out "muster-cc "' 'lines_are out 1'
try "$shim" -c x.c
ok "an option for a compiler: exit 2" all 'status_is 2' 'has err "name of a compiler, not '"'-c'"'"' 'out_is ""'
try sh -c '"$0" --help >/dev/full' "$shim"
ok "usage that cannot be written: exit 1" status_is 1
readelf -d "$shim" >needed
if grep -q 'NEEDED.*san\.so' needed; then
	echo "# a sanitizer is linked in: the libraries are not looked at"
else
	last="readelf -d $shim"
	ok "needs no library but libc" all '! grep NEEDED needed | grep -qv "\[libc\.so\.6\]"'
fi

# ---- no agent to be had ----

for kind in missing false hang; do
	fresh "$kind"
	case $kind in
	missing) MUSTER_AGENT=$T/nothing ;;
	false) MUSTER_AGENT=/bin/false ;;
	hang) export FAKE_START=hang ;;
	esac
	rm -f "a b.o"
	try "$shim" gcc -c 'a b.c'
	ok "agent $kind: compiles here, in time" all 'status_is 0' 'test -s "a b.o"' 'quick 25'
	ok "agent $kind: says so in one line" all 'lines_are err 1' 'has err "muster-cc: the agent does not start"'
	try "$shim" gcc -c 'a b.c'
	ok "agent $kind: the next one is silent" both_are 0 "" ""
done
ok "a start that hung is not tried again at once" lines_are state.hang/starts 1
fresh missing
ok "the log tells why" has state.missing/agent.log "cannot run the agent '$T/nothing': No such file"
ok "the state folder is private" [ "$(stat -c %a state.missing)" = 700 ]

fresh open
mkdir -m 777 state.open
chmod 777 state.open
try "$shim" xgcc
ok "unknown compiler: sentence and 127" all 'status_is 127' \
	'has err "muster-cc: cannot find the compiler '"'xgcc'"' on PATH"'
ok "a folder open to others is not used" all 'has err "not a folder of yours"' '! test -e state.open/starts'
ln -s state.missing state.link
fresh link
PATH=$T/tool:$base try "$shim" xgcc 1
ok "a link is not used as state folder" all 'status_is 0' 'has err "not a folder of yours"'
MUSTER_STATE_DIR=state.rel PATH=$T/tool:$base try "$shim" xgcc 1
ok "nor is a relative path" all 'status_is 0' 'has err "must be an absolute path"' '! test -e state.rel'

# ---- finding the real compiler ----

fresh find
export FAKE_REPLY=local
tool=$T/tool
PATH=$tool:$base try "$shim" xgcc -c 'a b.c' '' '*'
ok "prefix: arguments as they are, PATH untouched" \
	both_are 0 "xgcc <-c> <a b.c> <> <*> level=1 path=$tool:$base" ""
PATH=$base try "$shim" "$tool/xgcc" x
ok "prefix: by path" both_are 0 "xgcc <x> level=1 path=$base" ""
PATH=$base try "$shim" tool/xgcc x
ok "prefix: by relative path" both_are 0 "xgcc <x> level=1 path=$base" ""
PATH=$tool:$base try "$shim" "$T/links/xgcc" x
ok "prefix: by a path that is a link to the shim" both_are 0 "xgcc <x> level=1 path=$tool:$base" ""
PATH=$T/links:$tool:$base try xgcc x
ok "masquerade: PATH begins behind the shim" both_are 0 "xgcc <x> level=1 path=$tool:$base" ""
PATH=$T/empty:$T/links:$T/links2:$T/links::$tool:$base try xgcc x
ok "masquerade: several links, duplicates, the current folder" both_are 0 "xgcc <x> level=1 path=:$tool:$base" ""
PATH=$T/links:$base:$T/links2:$tool:$T/links try xgcc x
ok "masquerade: the rest of PATH stays" both_are 0 "xgcc <x> level=1 path=$base:$T/links2:$tool:$T/links" ""
PATH=$tool:$base try links2/xgcc x
ok "masquerade: by path, not on PATH" both_are 0 "xgcc <x> level=1 path=$tool:$base" ""
PATH=$tool:$T/links try "$T/links/xgcc" x
ok "masquerade: last on PATH" both_are 0 "xgcc <x> level=1 path=$tool:$T/links" ""
cd tool && PATH=$T/links: try xgcc x
cd "$T" || exit 99
ok "an empty entry of PATH is the current folder" both_are 0 "xgcc <x> level=1 path=" ""
PATH=$T/links:$tool:$base FAKE_REPLY=local=$T/tool/xgcc try xgcc x
ok "masquerade: the agent names the program" both_are 0 "xgcc <x> level=1 path=$tool:$base" ""
ln -s "$shim" links/xsh && cp "$(readlink -f /bin/sh)" tool/xsh
PATH=$T/links:$tool:$base try "$T/links/xsh" -c 'echo $0'
ok "masquerade by path: the compiler is told its own place" out_is "$tool/xsh"
PATH=$T/links:$tool:$base try xsh -c 'echo $0'
ok "masquerade by name: it is called by that name" out_is xsh
PATH=$T/links:$T/links2 try xgcc x
ok "masquerade: nothing but the shim" all 'status_is 127' 'has err "cannot find the compiler '"'xgcc'"' on PATH"'
PATH=$base:$tool try "$shim" noexec
ok "a file that is not executable is no compiler" status_is 127
PATH=$tool:$base try "$shim" xplain 1 2
ok "a script without an interpreter line" both_are 0 "no interpreter line 1 2" ""
try "$shim" ./nothing/gcc
ok "a path that is not there: 127" all 'status_is 127' 'has err "cannot run '"'./nothing/gcc'"': No such file"'
try "$shim" tool/noexec
ok "a path that may not be run: 126" all 'status_is 126' 'has err "Permission denied"'
PATH=$T/ccache:$T/links:$tool:$base try xgcc x
ok "another wrapper before the shim" both_are 0 "ccache xgcc <x> level=1 path=$tool:$base" ""
PATH=$T/links:$T/ccache:$T/links2:$tool:$base try xgcc x
ok "another wrapper between two links" both_are 0 "ccache xgcc <x> level=2 path=$tool:$base" ""
PATH=$T/links:$tool:$base MUSTER_LEVEL=1 FAKE_REPLY=exit=0 try xgcc x
ok "below another shim: runs at once" both_are 0 "xgcc <x> level=2 path=$tool:$base" ""
PATH=$tool:$base MUSTER_LEVEL=8 try "$shim" xgcc x
ok "the ninth level ends with a sentence" all 'status_is 127' 'lines_are err 1' 'has err "over and over"'
mkdir circle && printf '#!/bin/sh\nPATH=%s:%s exec xgcc\n' "$T/links" "$T/circle:$base" >circle/xgcc
chmod +x circle/xgcc
PATH=$T/links:$T/circle:$base try xgcc
ok "a circle ends" all 'status_is 127' 'lines_are err 1' 'has err "over and over"'
for s in 0 1 99; do
	PATH=$tool:$base try "$shim" xdie "$s"
	ok "exit status $s of a local run" status_is "$s"
done
PATH=$tool:$base try "$shim" xdie 109
ok "a signal of a local run" status_is 137
ok "one agent served all of them" lines_are state.find/starts 1

# ---- each answer ----

fresh answer
PATH=$tool:$base
local_run="xgcc <1> level=1 path=$PATH"
# answer WORDS: asks with that script.
answer() {
	FAKE_REPLY=$1 try "$shim" xgcc 1
}
answer 'out=hello,err=oops,keep,out= world,exit=0'
ok "OUT, ERR, EXIT" both_are 0 "hello world" oops
FAKE_REPLY='out=1 ,err=2 ,out=3 ,err=4,exit=0' try sh -c 'exec 2>&1; "$0" xgcc 1' "$shim"
ok "in their order" out_is "1 2 3 4"
answer 'err=no,exit=256'
ok "exit 1" both_are 1 "" no
answer exit=65280
ok "exit 255" status_is 255
answer exit=11
ok "killed by SIGSEGV" status_is 139
ulimit -c unlimited 2>/dev/null
answer exit=134
ok "killed by SIGABRT, and there was a core" status_is 134
ok "which is not written again" [ -z "$(ls -d core* 2>/dev/null)" ]
answer exit=127
ok "a status that is none: runs here" all 'status_is 0' "out_is '$local_run'" 'has err "nonsense"'
rm -f state.answer/agent.warned
answer 'out=partial,hangup'
ok "hang-up halfway: runs here, nothing twice" all 'status_is 0' "out_is '$local_run'" 'lines_are err 1' 'has err "went away"'
answer hangup
ok "the second warning of a minute is not written" both_are 0 "$local_run" ""
touch -d '2 minutes ago' state.answer/agent.warned
answer garbage
ok "a frame of no sense" all 'status_is 0' "out_is '$local_run'" 'has err "nonsense"'
rm -f state.answer/agent.warned
answer huge,silence
ok "a frame over the limit" all 'status_is 0' "out_is '$local_run'" 'has err "nonsense"'
answer 'out=partial,local'
ok "LOCAL after some output drops it" both_are 0 "$local_run" ""
answer local=relative
ok "a program that is not absolute" both_are 0 "$local_run" ""
cp tool/xgcc other
answer "local=$T/other"
ok "LOCAL names the program" both_are 0 "$local_run" ""
answer "local=$T/gone"
ok "LOCAL names a program that is gone: 127" all 'status_is 127' 'has err "cannot run"'
rm -f state.answer/agent.warned state.answer/events
export MUSTER_AGENT_TIMEOUT_MS=1000
answer silence
ok "silence: given up after the patience" all 'status_is 0' "out_is '$local_run'" 'has err "silent"' 'quick 25'
ok "and the agent hears of it" soon grep -q 'silence ended' state.answer/events
MUSTER_AGENT_TIMEOUT_MS=2000
answer 'keep,ms=900,keep,ms=900,keep,ms=900,out=late,exit=0'
ok "a sign of life renews the patience" both_are 0 late ""
MUSTER_AGENT_TIMEOUT_MS=10000
answer 'big=3145728,exit=0'
ok "3 MiB of output" all 'status_is 0' '[ "$(wc -c <out)" -eq 3145728 ]'
answer 'big=1000448,hangup'
ok "a hang-up after 1 MB of output: it was held" out_is "$local_run"
answer 'big=3145728,hangup'
ok "a hang-up after 3 MB of output: still ends right" all 'status_is 0' 'tail -n 1 out | grep -q "^xgcc <1> level"'
FAKE_REPLY='big=3145728,exit=0' try sh -c '"$0" xgcc 1 | { sleep 0.3; wc -c; }' "$shim"
ok "a slow reader" out_is 3145728
FAKE_REPLY='big=3145728,exit=0' try sh -c '{ "$0" xgcc 1; echo $? >status; } | head -c 1' "$shim"
ok "a reader that goes away: SIGPIPE" all 'out_is x' 'soon grep -q 141 status'
FAKE_REPLY='out=x,exit=0' try sh -c '"$0" xgcc 1 >/dev/full' "$shim"
ok "an output that cannot be written: exit 1" all 'status_is 1' 'has err "No space left"'
FAKE_REPLY='out=x,err=y,exit=0' try sh -c '"$0" xgcc 1 <&- 2>&-' "$shim"
ok "closed descriptors stay closed" both_are 0 x ""
FAKE_REPLY='out=x,exit=0' try sh -c '"$0" xgcc 1 >&-' "$shim"
ok "no stdout to write to: exit 1" all 'status_is 1' 'has err "Bad file descriptor"'
ok "one agent served all of them" lines_are state.answer/starts 1

# ---- what the agent is told, and what is left to whom ----

umask 027
FAKE_REPLY=exit=0 try "$shim" xgcc 'a b' ''
umask 022
ok "the request" all 'has state.answer/request "cwd $T"' 'has state.answer/request "umask 027"' \
	'has state.answer/request "arg xgcc"' 'has state.answer/request "arg a b"' \
	'has state.answer/request "env FAKE_REPLY=exit=0"' 'has state.answer/request "flags 0"' \
	'has state.answer/request "self $(readlink -f "$shim")"'
FAKE_REPLY=exit=0 try links/xgcc 1
ok "a masquerade is told by its own name" has state.answer/request "arg links/xgcc"
if command -v script >/dev/null; then
	FAKE_REPLY=exit=0 try script -qec "stty cols 77; '$shim' xgcc" /dev/null
	ok "a terminal is told with its width" all 'has state.answer/request "flags 3"' \
		'has state.answer/request "columns 77"'
fi
printf '#!/bin/sh\nls /proc/self/fd | wc -l\ncat state.answer/events\nls -l /proc/$$/fd >&2\n' >tool/xfds
chmod +x tool/xfds
: >state.answer/events
FAKE_REPLY=local try "$shim" xfds
ok "the lease is held while the compiler runs" all '! has out "lease ended"' 'has err socket:'
ok "and given back by its end" soon grep -q 'lease ended' state.answer/events
FAKE_REPLY=garbage try "$shim" xfds
ok "a connection that is given up is not handed on" all '! has err socket:'
: >state.answer/events
(FAKE_REPLY=silence MUSTER_AGENT_TIMEOUT_MS=60000 exec "$shim" xgcc asked-and-killed >/dev/null 2>&1) &
job=$!
soon grep -q asked-and-killed state.answer/request
kill $job
wait $job 2>/dev/null
ok "a killed shim is heard of" soon grep -q 'silence ended' state.answer/events

fresh deaf
export FAKE_START=deaf
big=$(head -c 100000 /dev/zero | tr '\0' x)
try "$shim" xgcc "$big" "$big" "$big" "$big" "$big"
ok "an agent that does not listen to a large request" all 'status_is 0' 'has out "xgcc <xxx"' 'lines_are err 1'

# ---- the start ----

fresh race
export FAKE_START=slow FAKE_REPLY=out=done,exit=0
i=0
jobs=
while [ $i -lt 200 ]; do
	"$shim" xgcc >"race.$i" 2>&1 3>/dev/null 9>/dev/null &
	jobs="$jobs $!"
	i=$((i + 1))
done
# shellcheck disable=SC2086
wait $jobs
cat race.* >out
last="200 shims at once" status=0
: >err
ok "200 shims at once start one agent" lines_are state.race/starts 1
ok "and all of them are answered by it" [ "$(sed 's/done/&\n/g' out | grep -c '^done$')" -eq 200 ]
ok "which has none of their descriptors" test ! -e state.race/fds
sid=$(ps -o sid= -p "$(cat state.race/pid)" | tr -d ' ')
ok "in a session of its own" [ "$sid" != "$(ps -o sid= -p $$ | tr -d ' ')" ]
agent_kill
soon test ! -e "/proc/$(cat state.race/pid)"
try "$shim" xgcc
ok "an agent that died is started again" all 'both_are 0 done ""' 'lines_are state.race/starts 2'

echo "1..$n"
exit $bad

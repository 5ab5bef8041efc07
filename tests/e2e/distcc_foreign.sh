#!/bin/bash
# Debian's distccd as a worker: protocols 1 and 2, over TCP and through ssh, and servers that misbehave. The results are
# those of the plain command, whatever the server does.
# Run as: distcc_foreign.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by check and wait_until
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
DISTCCD=$(command -v distccd || echo /usr/bin/distccd)
[ -z "$FARM_PLAIN" ] || skip_all 'the servers are what is tested'
"$DISTCCD" --version 2>/dev/null | grep -q 'Martin Pool' || skip_all "Debian's distccd is not installed"
for name in ${!DISTCC_@} ${!DISTCCD_@}; do
	unset "$name"
done
farm_init "${1-}"
export HOME=$WORK/home
mkdir "$HOME"
gcc -std=gnu17 -D_GNU_SOURCE -O1 -o "$WORK/relay" "$E2E/relay.c" || bail 'relay.c does not compile'
CASE_TIMEOUT=300

# --- Servers ---------------------------------------------------------------------------------

# Without its list of compilers a distccd of Debian takes none.
ANY='' # further arguments
[ -e /usr/lib/distcc/gcc ] || ANY=--enable-tcp-insecure

# Started by root it becomes somebody else, who may not see our folder: what it reads is here.
PUBLIC=$(mktemp -d /tmp/foreign.XXXXXX) || bail 'no folder in /tmp'
chmod 755 "$PUBLIC"
clean_up()
{
	local status=$?
	! in_child || return
	rm -rf "$PUBLIC"
	(exit "$status")
	farm_cleanup
}
trap clean_up EXIT

# server_start [ARGUMENTS…]: a distccd in a process group of its own (a SIGTERM of it goes to its whole group).
# $PORT, $SERVER (its pid); its log is $WORK/distccd.log.
SERVERS=0
server_start()
{
	local try
	[ $# -gt 0 ] || set -- --allow 127.0.0.1
	for try in 1 2 3 4 5; do
		SERVERS=$((SERVERS + 1)) PORT=$((20000 + (RANDOM + $$) % 12000))
		port_is_open "$PORT" && continue
		# shellcheck disable=SC2086
		TMPDIR=/tmp setsid "$DISTCCD" --no-detach --daemon --listen 127.0.0.1 --port "$PORT" --log-stderr \
			--log-level info $ANY "$@" < /dev/null 2>> "$WORK/distccd.log" &
		SERVER=$!
		serves "$PORT" "$SERVER" && return
		diag "distccd on port $PORT does not start ($try)"
	done
	bail 'distccd does not start'
}

# relay_start ARGUMENTS…: its address goes to $RELAY.
RELAYS=0
relay_start()
{
	RELAYS=$((RELAYS + 1))
	"$WORK/relay" --listen 127.0.0.1:0 --port-file "$WORK/relay$RELAYS" "$@" &
	wait_until 10 test -s "$WORK/relay$RELAYS" || bail 'the relay does not start'
	RELAY=$(cat "$WORK/relay$RELAYS")
}

# use HOSTS: a new agent, which knows nothing of the hosts before.
use()
{
	timeout 10 "$BUILD/muster" stop >/dev/null 2>&1
	export MUSTER_HOSTS=$1
}

logged()
{
	grep -qE -e "$1" "$MUSTER_STATE_DIR/agent.log"
}

# says NAME RE: some worker's status has such a reason.
says()
{
	wanted "$1" && check "$1" -- has_reason "$2"
}

has_reason()
{
	status_is "any(.workers[]; .why | test(\"$1\"))" && return
	diag "$(status_get '[.workers[] | {state, why}] | tostring')"
	return 1
}

# --- What is compiled ------------------------------------------------------------------------

sources()
{
	new_tree
	mkdir -p inc obj 'müßig — 学'
	printf '#pragma once\n#include <stddef.h>\n#define TWICE(x) ((x) + (x))\nstatic inline size_t two(void) { return TWICE(1); }\n' > inc/a.h
	printf '#include "a.h"\n#include <stdio.h>\n#include <string.h>\nsize_t f(const char *s) { return two() + strlen(s); }\nint g(int n) { return printf("%%s %%d\\n", __FILE__, n * __LINE__); }\n' > a.c
	printf '#include "a.h"\n#include <vector>\n#include <map>\n#include <string>\nnamespace { struct s { int n; }; }\nint h(const std::vector<int> &v) { std::map<std::string, s> m; m["a"].n = (int)(v.size() + two()); return m["a"].n; }\n' > b.cc
	printf 'int grüße(void) { return 1; }\n' > 'müßig — 学/ü 学.c'
	: > empty.c
	printf 'char big[20 << 20] = {1};\n' > big.c
	printf 'int f(int n) { int unused; if (n = 1) return 2; return 3; }\n' > warn.c
	printf 'int f(void) { return undeclared; }\n' > bad.c
	printf '#include "missing.h"\n' > missing.c
	printf '#warning look here\nint x;\n' > note.c
	printf '%s' '-O2 -Iinc -DWORD="two words" -c a.c -o obj/r.o' > words
	gcc -E -Iinc a.c > pre.i
}

commands()
{
	local p=$1
	sources
	same --remote "$p: C" -- gcc -Iinc -c a.c
	same --remote "$p: C, optimised" -- gcc -O2 -std=gnu11 -fPIC -Iinc -c a.c -o obj/a.o
	same --remote "$p: C++" -- g++ -O2 -Iinc -c b.cc
	same --remote "$p: C++, another standard" -- g++ -O1 -std=c++17 -fno-exceptions -Iinc -c b.cc -o obj/b.o
	same --remote "$p: C++ with a driver of C" -- gcc -Iinc -c b.cc
	same --remote --ignore '*.o' "$p: debug information" -- gcc -O2 -g -Iinc -c a.c
	same --remote "$p: -MD" -- gcc -Iinc -MD -c a.c
	same --remote "$p: -MD beside the object" -- gcc -Iinc -MD -c a.c -o obj/a.o
	same --remote "$p: -MMD -MF -MT -MP" -- gcc -Iinc -MMD -MF obj/x.d -MT target -MP -c a.c -o obj/a.o
	same --remote "$p: -Wp,-MD" -- gcc -Iinc -Wp,-MD,obj/y.d -c a.c -o obj/a.o
	same --remote "$p: macros on the command line" -- gcc -Iinc -DTEXT='"a b"' -UX -include stdlib.h -c a.c
	same --remote "$p: from another folder" -- sh -c 'cd obj && gcc -I../inc -c ../a.c'
	same --remote "$p: names that are not ASCII" -- gcc -c 'müßig — 学/ü 学.c' -o 'müßig — 学/ö.o'
	same --remote "$p: an empty source" -- gcc -c empty.c
	same --remote "$p: preprocessed source" -- gcc -O2 -c pre.i
	same --remote "$p: an object of 20 MB" -- gcc -c big.c
	same --remote "$p: a response file" -- gcc @words
	same --remote "$p: a source of another suffix" -- sh -c 'cp a.c a.inl; gcc -Iinc -x c -c a.inl -o a.o'
	same --remote=2 "$p: two at once" -- sh -c 'gcc -Iinc -c a.c & g++ -Iinc -c b.cc & wait'
	CASE_UMASK=027
	same --remote "$p: under another umask" -- gcc -Iinc -MD -c a.c
	CASE_UMASK=022
	same --local 'something to say' "$p: a warning" -- gcc -Wall -c warn.c
	same --local 'something to say' "$p: a warning of the preprocessor" -- gcc -c note.c
	same --fails --local 'something to say' "$p: an error" -- gcc -c bad.c
	same --fails --local . "$p: a header that is missing" -- gcc -c missing.c
	same --fails --local . "$p: a source that is missing" -- gcc -c nowhere.c
	same --local . "$p: source on standard input" -- sh -c 'echo "int i;" | gcc -x c -c - -o i.o'
	same --remote "$p: assembly" -- gcc -Iinc -S a.c
	same --local . "$p: a second output" -- gcc -Iinc -gsplit-dwarf -g -c a.c
	MUSTER_EXACT=1 same --local 'columns|debug' "$p: debug information, byte for byte" -- \
		env MUSTER_EXACT=1 gcc -g -Iinc -c a.c
	if command -v clang >/dev/null; then
		same --remote "$p: Clang" -- clang -O2 -Iinc -c a.c
		same --remote "$p: Clang, C++" -- clang++ -O1 -Iinc -c b.cc
	fi
}

server_start
use "127.0.0.1:$PORT"
commands 'protocol 1'
! wanted 'protocol 1: C' || check 'the status says what it speaks' -- status_is '.workers[0].speaks == "distcc"'
! wanted 'protocol 1: C' || check 'errors of programs do not count as failures of the host' -- status_is '.workers[0].failures == 0'
use "127.0.0.1:$PORT/2,lzo"
commands 'protocol 2'
! wanted 'protocol 2: C' || check 'as many slots as the list says' -- status_is '.workers[0].slots == 2'

# --- Sources, where they give the same object ------------------------------------------------

# goes_as sources|text NAME -- COMMAND…: `same --remote`, and in that way. Its server looks for its folder's name in
# the objects that it made of sources.
goes_as()
{
	local way=$1 name=$2 before after=sources
	shift
	wanted "$name" || return 0
	before=$(grep -c dcc_fix_debug_info "$WORK/distccd.log")
	same --remote "$@"
	[ "$(grep -c dcc_fix_debug_info "$WORK/distccd.log")" -gt "$before" ] || after=text
	check "$name: as $way" -- [ "$after" = "$way" ]
}

use "127.0.0.1:$PORT,lzo,cpp"
commands 'protocol 3'
printf '#include <stdio.h>\n#include <assert.h>\nstatic inline int sure(int n) { assert(n); return printf("%%s %%ld\\n", __FILE__, __STDC_ISO_10646__); }\n' > inc/sure.h
printf '#include "sure.h"\n#include "deep/er.h"\nint s(void) { return sure(DEEP) + (int)sizeof __BASE_FILE__; }\n' > sure.c
mkdir -p inc/deep more
printf '#include_next <deep/er.h>\n' > inc/deep/er.h
mkdir -p more/real && ln -s real more/deep
printf '#define DEEP 1\n' > more/real/er.h
printf '#include <vector>\nint v(std::vector<int> &x) { return x[3]; }\nstatic struct t { t(); ~t(); } one;\n' > checked.cc
printf '#if __has_include("nowhere.h") || !__has_include(<stdio.h>)\n#error\n#endif\n#include "%s/inc/a.h"\nint i;\n' "$TREE" > absolute.c
goes_as sources 'sources: C' -- gcc -O2 -Iinc -c a.c -o obj/a.o
goes_as sources 'sources: names in the object' -- gcc -Iinc -Imore -c sure.c
goes_as sources 'sources: from another folder' -- sh -c 'cd obj && gcc -O2 -I../inc -I../more -c ../sure.c'
goes_as sources 'sources: names of system headers in the object' -- g++ -O1 -D_GLIBCXX_ASSERTIONS -c checked.cc
goes_as sources 'sources: a folder that is empty' -- gcc -Wmissing-include-dirs -Werror -Iobj -Iinc -c a.c
goes_as sources 'sources: headers in front' -- gcc -include inc/a.h -include stdlib.h -Iinc -c a.c
goes_as text 'sources: not with a dependency file' -- gcc -MD -Iinc -c a.c
goes_as text 'sources: not with an absolute name' -- gcc -I"$TREE/inc" -c a.c
goes_as text 'sources: not of Clang' -- clang -Iinc -c a.c
goes_as text 'sources: not with an environment' -- env CPATH=inc gcc -c a.c
goes_as text 'sources: not with an absolute name inside' -- gcc -c absolute.c
same --fails --local 'something to say' 'sources: an error is said by the compiler here' -- gcc -c bad.c

# --- Servers that refuse ---------------------------------------------------------------------

sources
GOOD=$PORT
server_start --allow 192.0.2.1
use "127.0.0.1:$PORT"
same --local 'reached' 'a server that does not let us in: here' -- gcc -Iinc -c a.c
says 'it is said what was asked, of whom, and why that may be' "asked.*'gcc'.*without a word.*--allow.*list of compilers"

# What it may run is a list of its own (DISTCC_CMDLIST): gcc is on it, g++ is not.
command -v gcc > "$PUBLIC/list"
DISTCC_CMDLIST=$PUBLIC/list server_start
use "127.0.0.1:$PORT"
same --remote 'a compiler that the server has' -- gcc -Iinc -c a.c
same --local 'no worker has this compiler' 'one that is not on its list: here' -- g++ -Iinc -c b.cc
same --remote 'and the first one still goes there' -- gcc -Iinc -c a.c
server_start --allow 192.0.2.1
use "127.0.0.1:$PORT 127.0.0.1:$GOOD"
same --remote 'beside one that lets us in' -- gcc -Iinc -c a.c
mkdir "$PUBLIC/none"
DISTCCD_PATH=$PUBLIC/none server_start
use "127.0.0.1:$PORT"
same --local 'no worker has this compiler' 'a server without compilers: here' -- gcc -Iinc -c a.c
says 'its answer is handed on' "its 'gcc' fails with a sample .status 0x6e00.: .*failed to exec"

# Another compiler by the same name.
if command -v clang >/dev/null; then
	mkdir "$PUBLIC/other"
	for name in gcc "$(gcc -dumpmachine)-gcc"; do
		ln -s "$(command -v clang)" "$PUBLIC/other/$name"
	done
	DISTCCD_PATH=$PUBLIC/other:$PATH server_start
	use "127.0.0.1:$PORT"
	same --local 'no worker has this compiler' 'another compiler under the same name: here' -- gcc -Iinc -c a.c
	says 'it is said what that is' "its 'gcc' is not the one here: it is .*clang"
fi

# --- Connections that break ------------------------------------------------------------------

fault()
{
	local name=$1 re=$2
	shift 2
	wanted "$name" || return 0
	relay_start --to "127.0.0.1:$GOOD" "$@"
	use "$RELAY,lzo"
	same --uncounted "$name: the right object" -- gcc -c big.c
	check "$name: said" -- logged "$re"
}
fault 'a reply that ends early' 'failed a job: it closed the connection while the rest of DOTO' --down --cut-after 40000
fault 'a reply that is damaged' 'failed a job: its reply is damaged: unpacking an LZO block' --down --flip-at 40000
fault 'a token that is damaged' 'sample with .gcc.: reading a distcc reply: ' --down --flip-at 14
export DISTCC_IO_TIMEOUT=2
fault 'a reply that comes to a halt' 'failed a job: it has been silent for 2 s' --down --stall-after 40000
unset DISTCC_IO_TIMEOUT
use "127.0.0.1:$GOOD"
same --remote 'and without these faults it goes there' -- gcc -c big.c

# A server of which the whole process group is killed while it compiles.
server_start
disown "$SERVER"
slow_source 120 > slow.cc
use "127.0.0.1:$PORT"
export SERVER BUILD WORK
cat > "$WORK/killer" <<-'END'
	#!/bin/bash
	# shellcheck disable=SC2086
	g++ $1 -c slow.cc &
	if [ "$SHIM" ]; then
		for i in $(seq 2000); do
			"$BUILD/muster" status --json 2>/dev/null | jq -e '.workers[0].running == 1' >/dev/null && break
			sleep 0.05
		done
		sleep 0.2
		kill -KILL -- -"$SERVER"
		pkill -KILL -P "$SERVER" 2>/dev/null
	fi
	wait %1
END
chmod 755 "$WORK/killer"
same --uncounted 'a server that is killed in the middle of a job' -- "$WORK/killer" "$SLOW_FLAGS"
same --local 'reached|failed' 'and when it is gone' -- gcc -Iinc -c a.c
same --uncounted 'nobody listens there' -- gcc -Iinc -c a.c

# --- Servers that are none -------------------------------------------------------------------

cat > "$WORK/stand_in.py" <<-'END'
	# stand_in.py WHAT PORT_FILE: closes what is not distcc's; to a request of distcc it answers nothing (mute),
	# nonsense (garbage), or a reply with nonsense in it (empty, huge, version, error).
	import socket, sys, threading, time
	what, port_file = sys.argv[1:]
	server = socket.create_server(("127.0.0.1", 0))
	with open(port_file, "w") as f:
	    print(server.getsockname()[1], file=f)
	ok = b"DONE00000001STAT00000000SERR00000000SOUT00000000"
	answers = {
	    "garbage": bytes(range(256)) * 100,
	    "empty": ok + b"DOTO00000000",
	    "huge": ok + b"DOTOffffffff" + b"x" * 100000,
	    "version": b"DONE00000003",
	    "error": b"DONE00000001STAT00006e00SERR0000000fcannot exec it\nSOUT00000000DOTO00000000",
	}
	def serve(c):
	    if c.recv(4) == b"DIST":
	        if what == "mute":
	            time.sleep(600)
	        try:
	            c.sendall(answers[what])
	            time.sleep(1)
	        except OSError:
	            pass
	    c.close()
	while True:
	    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
END

stand_in_server()
{
	local name="$1: the right result" re=$2 port=$WORK/$1.port
	wanted "$name" || return 0
	if ! command -v python3 >/dev/null; then
		skip "$name" 'python3 is not installed'
		return
	fi
	python3 "$WORK/stand_in.py" "$1" "$port" < /dev/null &
	wait_until 20 test -s "$port" || bail 'the stand-in does not start'
	use "127.0.0.1:$(cat "$port")"
	same --local . "$name" -- gcc -Iinc -c a.c
	says "$1: said" "$re"
}
export MUSTER_PEER_TIMEOUT_MS=1500
stand_in_server mute 'silent for 1 s'
stand_in_server garbage 'the DONE token was expected, but'
stand_in_server empty 'is no object'
stand_in_server huge 'above the limit'
stand_in_server version 'of version 3, the request was of version 1'
stand_in_server error 'fails with a sample'
unset MUSTER_PEER_TIMEOUT_MS

# --- Through ssh -----------------------------------------------------------------------------

SSHD=$(PATH=$PATH:/usr/sbin command -v sshd)
KEYS=$WORK/ssh
ssh_set_up()
{
	[ "$SSHD" ] && command -v ssh-keygen >/dev/null || return 1
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	mkdir "$KEYS" && chmod 700 "$KEYS"
	ssh-keygen -q -t ed25519 -N '' -f "$KEYS/host" && ssh-keygen -q -t ed25519 -N '' -f "$KEYS/user" || return 1
	cp "$KEYS/user.pub" "$KEYS/authorized"
	printf '%s\n' 'Host *' " IdentityFile $KEYS/user" " UserKnownHostsFile $KEYS/known" ' IdentitiesOnly yes' \
		' GlobalKnownHostsFile none' ' StrictHostKeyChecking ask' > "$KEYS/config"
	sshd_start "$SSHD" "$KEYS" || return 1
	echo "[127.0.0.1]:$SSH_PORT $(cat "$KEYS/host.pub")" > "$KEYS/known"
	ssh -F "$KEYS/config" -p "$SSH_PORT" -o BatchMode=yes 127.0.0.1 true < /dev/null
}

ssh_cases()
{
	export DISTCC_SSH="ssh -F $KEYS/config -p $SSH_PORT"
	sources
	use "@127.0.0.1:$DISTCCD"
	same --remote 'ssh: C' -- gcc -O2 -Iinc -c a.c
	same --remote 'ssh: C++' -- g++ -O2 -Iinc -c b.cc
	same --remote 'ssh: an object of 20 MB' -- gcc -c big.c
	same --remote=4 'ssh: four at once' -- sh -c 'for i in 1 2 3 4; do gcc -Iinc -c a.c -o obj/$i.o & done; wait'
	same --local 'something to say' 'ssh: a warning' -- gcc -Wall -c warn.c
	use "$(id -un)@127.0.0.1/2:$DISTCCD,lzo"
	same --remote 'ssh: a user, a number, protocol 2' -- gcc -O2 -Iinc -c a.c
	ln -s "$BUILD/muster-worker" "$WORK/distccd"
	use "@127.0.0.1:$WORK/distccd"
	same --remote 'ssh: our own distccd' -- gcc -O2 -Iinc -c a.c
	! wanted 'ssh: our own distccd' ||
		check 'ssh: that speaks our own protocol' -- status_is \
			".workers[] | select(.address == \"@127.0.0.1:$WORK/distccd\") | .speaks == \"muster\""
	same --remote 'ssh: our own distccd, again' -- g++ -O2 -Iinc -c b.cc
	use "@127.0.0.1:$WORK/nowhere"
	same --local 'reached' 'ssh: no such program there: here' -- gcc -Iinc -c a.c
	says 'ssh: its words are handed on' 'ssh says: .*nowhere'
	mv "$KEYS/known" "$KEYS/known.away"
	use "@127.0.0.1:$DISTCCD"
	same --local 'reached' 'ssh: an unknown host key does not ask: here' -- gcc -Iinc -c a.c
	says 'ssh: an unknown host key is said' 'ssh says: Host key verification failed'
	mv "$KEYS/known.away" "$KEYS/known"
	: > "$KEYS/authorized"
	use "@127.0.0.1:$DISTCCD"
	same --local 'reached' 'ssh: a key that is not let in does not ask: here' -- gcc -Iinc -c a.c
	says 'ssh: that is said' 'ssh says: .*Permission denied'
	cp "$KEYS/user.pub" "$KEYS/authorized"
	export DISTCC_SSH="$WORK/no-such-ssh -x"
	use "@127.0.0.1"
	same --local 'reached' 'ssh: DISTCC_SSH names nothing: here' -- gcc -Iinc -c a.c
	says 'ssh: DISTCC_SSH names nothing: said' 'no-such-ssh'
	unset DISTCC_SSH
}

if ssh_set_up; then
	ssh_cases
else
	skip 'ssh' 'sshd is not installed, or does not let us in on this machine'
	[ ! -s "$KEYS/log" ] || diag "$(tail -3 "$KEYS/log")"
fi
farm_done

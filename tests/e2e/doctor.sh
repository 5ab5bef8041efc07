#!/bin/bash
# muster doctor: a set-up that is well, and the things that users have wrong, one by one.
# Run as: doctor.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2317 # functions are called by check and wait_until
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
[ -z "$FARM_PLAIN" ] || skip_all 'nothing here is compared with a plain compile'
for name in ${!DISTCC_@} ${!CCACHE_@} CC CXX GCC_EXEC_PREFIX COMPILER_PATH LD_PRELOAD XDG_CONFIG_HOME \
	XDG_CACHE_HOME; do
	unset "$name"
done
farm_init "${1-}"
command -v python3 >/dev/null || skip_all 'python3, of the stand-ins, is not installed'
export HOME=$WORK/home
LINKS=$WORK/links
mkdir -p "$HOME/.config/muster"
"$BUILD/muster" links "$LINKS" > /dev/null || bail 'no links can be made'
export PATH=$LINKS:$PLAIN_PATH
M=$BUILD/muster

# doctor STATUS [ARGUMENTS…]: with the variables of ENV, it ends so; its words are in $WORK/out.
ENV=()
doctor()
{
	local status=$1 got
	shift
	timeout 30 env "${ENV[@]}" "$M" doctor "$@" > "$WORK/out" 2> "$WORK/err" < /dev/null
	got=$?
	[ "$got" = "$status" ] && [ ! -s "$WORK/err" ] && return
	diag "status $got, expected $status; $(cat "$WORK/out" "$WORK/err")"
	return 1
}

# tells RE…: each is a line of what it said.
tells()
{
	local re
	for re in "$@"; do
		grep -qE -e "$re" "$WORK/out" && continue
		diag "no line is like '$re':" "$(cat "$WORK/out")"
		return 1
	done
}

# finds RE… : something is wrong, and each RE is a line of what it says.
finds()
{
	doctor 1 && tells "$@"
}

# stand_in_start NAME CODE: a Python server S on 127.0.0.1; its port goes to $PORT.
stand_in_start()
{
	python3 -c "
import os, socket, sys
S = socket.create_server(('127.0.0.1', 0))
with open(sys.argv[1] + '.new', 'w') as f:
    f.write(str(S.getsockname()[1]))
os.rename(sys.argv[1] + '.new', sys.argv[1])
$2" "$WORK/$1.port" &
	wait_until 20 test -s "$WORK/$1.port" || bail "the stand-in $1 does not start"
	PORT=$(cat "$WORK/$1.port")
}

# --- All well --------------------------------------------------------------------------------
farm_start 1
WORKER=$MUSTER_HOSTS
check 'all well: 0' -- doctor 0
check 'compilers, links, agent, hosts, locale are looked at' -- tells '^ok +compilers +[0-9]+ on PATH: /.*gcc' \
	"^ok +links +$LINKS, our folder" '^ok +agent +None runs' '^ok +hosts +The list of MUSTER_HOSTS names 1' \
	"^ok +hosts +$WORKER answers in [0-9]+ ms \(muster [0-9.]+, [0-9]+ slots" '^ok +environment +The locale' \
	'^[a-z]+ +memory' '^[a-z]+ +limits' '^[a-z]+ +sandbox'

quiet()
{
	doctor 0 -q && ! grep -q '^ok' "$WORK/out" && cp "$WORK/out" "$WORK/quiet" && doctor 0 &&
		[ "$(grep -c -v '^ok' "$WORK/out")" = "$(wc -l < "$WORK/quiet")" ]
}
check '-q: nothing that is ok' -- quiet

json()
{
	doctor "$1" --json && jq -e --argjson wrong "$1" '(.wrong >= $wrong) and (.findings | length > 5)
		and all(.findings[]; (.text | length > 0) and (.group | length > 0) and has("remedy")
			and (.level | IN("ok", "note", "wrong")))' "$WORK/out" > /dev/null
}
check '--json: all well' -- json 0
check 'an unknown option: 2' -- sh -c "'$M' doctor --nosuch 2>/dev/null; [ \$? = 2 ]"
check '--help' -- sh -c "'$M' doctor --help | grep -q -e --json"

compile_first()
{
	new_tree
	echo 'int x;' > x.c
	gcc -c x.c && doctor 0 &&
		tells '^ok +agent +It runs \(pid [0-9]+, muster' '^ok +hosts +The agent knows of no worker that lacks'
}
check 'after a compile the agent tells more' -- compile_first

worker_start --no-sandbox || bail 'a worker does not start'
MUSTER_HOSTS=$ADDRESS check 'a worker without a sandbox' -- doctor 0
check 'it is noted' -- tells "^note +hosts +$ADDRESS cannot confine compiles \(.*preprocessed"

# --- Hosts -----------------------------------------------------------------------------------
stand_in_start dead 'S.close()'
DEAD=127.0.0.1:$PORT
MUSTER_HOSTS="$WORKER $DEAD" check 'a dead host' -- finds "^wrong +hosts +$DEAD: nothing listens" \
	"^ok +hosts +$WORKER answers"
MUSTER_HOSTS=$DEAD check '--json: something is wrong' -- json 1
MUSTER_HOSTS='no.such.host.invalid' check 'a host without an address' -- finds \
	'^wrong +hosts +no.such.host.invalid: the name .* has no address'
stand_in_start slams 'while True: S.accept()[0].close()'
MUSTER_HOSTS=127.0.0.1:$PORT check 'a host that closes at once' -- finds \
	'closes the connection at once without a word.*in this order: this machine is not among'
stand_in_start silent 'kept = []
while True: kept.append(S.accept())'
MUSTER_HOSTS=127.0.0.1:$PORT check 'a host that says nothing' -- finds 'takes connections, but gets no jobs'
stand_in_start other 'while True: S.accept()[0].sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n" * 4)'
MUSTER_HOSTS=127.0.0.1:$PORT check 'a host that speaks something else' -- finds \
	'gets no jobs: .*another service'
MUSTER_HOSTS='a b::3' check 'a bad list' -- finds "^wrong +hosts +The list of MUSTER_HOSTS is not used, since .*b::3"
MUSTER_HOSTS='' check 'an empty list is no fault' -- doctor 0
check 'an empty list is noted' -- tells '^note +hosts +No workers are named'
MUSTER_HOSTS="$WORKER $WORKER me@far" check 'a host twice, and one by ssh' -- doctor 0
check 'they are noted' -- tells "^note +hosts +$WORKER is in the list more than once" '^note +hosts +me@far is reached by ssh'
echo "$WORKER # here" > "$HOME/.config/muster/hosts"
check 'a file that is not read' -- doctor 0
check 'it is noted' -- tells "^note +hosts +$HOME/.config/muster/hosts is not read"
own_list()
{
	unset MUSTER_HOSTS
	doctor 0 && tells "^ok +hosts +The list of $HOME/.config/muster/hosts names 1 host"
}
check 'the list of the file' -- own_list
export MUSTER_HOSTS=$WORKER
rm "$HOME/.config/muster/hosts"

DISTCCD=$(command -v distccd || echo /usr/sbin/distccd)
if "$DISTCCD" --version 2>/dev/null | grep -q 'Martin Pool'; then
	ANY=''
	[ -e /usr/lib/distcc/gcc ] || ANY=--enable-tcp-insecure
	# server_start ALLOWED: $PORT
	server_start()
	{
		local i
		for i in 1 2 3 4 5; do
			PORT=$((20000 + (RANDOM + $$) % 12000))
			port_is_open "$PORT" && continue
			# shellcheck disable=SC2086
			TMPDIR=/tmp setsid "$DISTCCD" --no-detach --daemon --listen 127.0.0.1 --port "$PORT" \
				--allow "$1" --log-stderr $ANY < /dev/null 2>> "$WORK/distccd.log" &
			serves "$PORT" $! && return
			diag "distccd does not start ($i)"
		done
		bail 'distccd does not start'
	}
	server_start 127.0.0.1
	MUSTER_HOSTS=127.0.0.1:$PORT check 'a distccd' -- doctor 0
	check 'it compiles' -- tells "^ok +hosts +127.0.0.1:$PORT answers .*a distccd.* compiles with gcc"
	server_start 127.0.0.9
	MUSTER_HOSTS=127.0.0.1:$PORT check 'a distccd that does not let us in' -- finds \
		"^wrong +hosts +127.0.0.1:$PORT closes the connection at once .*--allow"
else
	skip 'a distccd' 'distcc is not installed'
fi

# --- PATH ------------------------------------------------------------------------------------
PATH=$PLAIN_PATH:$LINKS check 'our links behind the compilers' -- finds \
	"^wrong +links +.*stands before $LINKS on PATH.*export PATH=\"$LINKS"
PATH=$PLAIN_PATH check 'no links: a note' -- doctor 0
check 'it says what to do' -- tells '^note +links +Nothing sends the builds of this shell.*muster run make'
PATH=$PLAIN_PATH CC="$BUILD/muster-cc gcc" check 'CC names muster-cc' -- doctor 0
check 'it counts' -- tells '^ok +links +CC=.*muster-cc gcc leads to muster'
CC=$(PATH=$PLAIN_PATH command -v gcc) check 'CC passes the links by' -- finds '^wrong +links +CC=/.* passes our links by'
CXX=nosuch++ check 'CXX names nothing' -- finds '^wrong +links +CXX=nosuch'
cp -a "$LINKS" "$WORK/stale"
ln -s /nowhere/muster-cc "$WORK/stale/gcc-3"
ln -s "$BUILD/muster-cc" "$WORK/stale/gcc-4"
rm "$WORK/stale/g++"
PATH=$WORK/stale:$PLAIN_PATH check 'stale links' -- finds \
	"^wrong +links +In $WORK/stale, gcc-3 leads to a muster-cc that is gone.*muster links $WORK/stale" \
	"^wrong +links +In $WORK/stale, gcc-4 is a link to muster-cc without" \
	"^note +links +$WORK/stale has no link called g"
"$M" links "$WORK/stale" > /dev/null
PATH=$WORK/stale:$PLAIN_PATH check 'muster links repairs them' -- doctor 0
if command -v ccache > /dev/null; then
	mkdir "$WORK/ccache"
	ln -s "$(command -v ccache)" "$WORK/ccache/gcc"
	PATH=$WORK/ccache:$PATH check 'ccache before our links' -- doctor 0
	check 'it is well, with a note' -- tells "^ok +links +$WORK/ccache, ccache's folder" \
		'^note +ccache .*CCACHE_PREFIX=muster-cc'
	PATH=$LINKS:$WORK/ccache:$PLAIN_PATH check 'ccache behind our links' -- finds \
		"^wrong +links +$WORK/ccache, ccache's folder, stands behind $LINKS"
	CCACHE_PREFIX=/bin/true check 'CCACHE_PREFIX of another' -- finds '^wrong +ccache +CCACHE_PREFIX=/bin/true'
else
	skip 'ccache' 'it is not installed'
fi

# --- The environment -------------------------------------------------------------------------
ENV=(LC_TIME=de_DE) # not for bash, which would complain
check 'a locale that does not travel' -- finds '^wrong +environment +The locale de_DE .*C.UTF-8'
ENV=()
MUSTER_HOST=x check 'a misspelt variable' -- finds '^wrong +environment +MUSTER_HOST '
DISTCC_PAUSE_TIME_MSEC=1 check 'a variable of distcc that does nothing' -- doctor 0
check 'it is noted' -- tells '^note +environment +DISTCC_PAUSE_TIME_MSEC'

# --- The agent -------------------------------------------------------------------------------
chmod g+w "$MUSTER_STATE_DIR"
check 'a state folder that others can write to' -- finds '^wrong +agent +Others can write .*chmod go-w'
chmod g-w "$MUSTER_STATE_DIR"
MUSTER_STATE_DIR=relative check 'a state folder that cannot be' -- finds '^wrong +agent +.*not absolute'
timeout 10 "$M" stop
MUSTER_AGENT=/nowhere/agent check 'no agent can be started' -- finds '^wrong +agent +Its program /nowhere/agent'
mkdir -m 700 "$WORK/b"
python3 - "$WORK/b/agent.sock" <<'END' &
import json, socket, struct, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
status = json.dumps({'version': '0.0.1', 'pid': 1, 'jobs': {'total': 0}, 'workers': []}).encode()
while True:
    client = server.accept()[0]
    client.recv(4096)
    client.sendall(struct.pack('<IB', len(status), 3) + status + struct.pack('<IBI', 4, 5, 0))
    client.close()
END
wait_until 20 test -S "$WORK/b/agent.sock" || bail 'the stand-in for an agent does not start'
printf '<3>muster-agent: cannot do it\n<6>muster-agent: idle\n' > "$WORK/b/agent.log"
MUSTER_STATE_DIR=$WORK/b check 'an agent of another version' -- finds \
	'^wrong +agent +The agent that runs .* is muster 0.0.1 .*muster stop' \
	'^note +agent +The last error in .*agent.log: muster-agent: cannot do it'
farm_done

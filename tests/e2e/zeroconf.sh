#!/bin/bash
# Workers that announce themselves by mDNS: "+zeroconf" in a list of hosts, and distccd --zeroconf. avahi's tools are
# stand-ins here, so that nothing depends on the network: what a fifo is told, avahi-browse prints.
# Run as: zeroconf.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2317 # functions are called by check and wait_until
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
[ -z "$FARM_PLAIN" ] || skip_all 'what finds the workers is what is tested'
for name in ${!DISTCC_@} ${!DISTCCD_@}; do unset "$name"; done
farm_init "${1-}"
AVAHI=$WORK/avahi
mkdir "$AVAHI" "$WORK/empty"
mkfifo "$AVAHI/_muster._tcp" "$AVAHI/_distcc._tcp" "$AVAHI/_muster-farm._tcp" || bail 'no fifo'
exec 7<> "$AVAHI/_muster._tcp" 8<> "$AVAHI/_distcc._tcp" # what they are told waits for who prints it

# Each stand-in leaves its words and its pid; the pid comes last, whole.
cat > "$AVAHI/avahi-browse" <<-END
	#!/bin/sh
	for type; do :; done
	echo "\$*" > "$AVAHI/\$type.words"
	echo \$\$ > "$AVAHI/\$type.new" && mv "$AVAHI/\$type.new" "$AVAHI/\$type.pid"
	exec cat <> "$AVAHI/\$type"
END
cat > "$AVAHI/avahi-publish-service" <<-END
	#!/bin/sh
	printf '%s\n' "\$@" > "$AVAHI/publish.words"
	echo \$\$ > "$AVAHI/publish.new" && mv "$AVAHI/publish.new" "$AVAHI/publish.pid"
	exec cat <> "$WORK/never"
END
cat > "$AVAHI/cc" <<-'END'
	#!/bin/sh
	case $1 in
	-dumpmachine) echo x86_64-linux-gnu ;;
	-dumpversion) echo 12.2.0 ;;
	*) exit 1 ;;
	esac
END
chmod 755 "$AVAHI"/*[a-z]

# tell TYPE LINE…: avahi-browse prints these.
tell()
{
	local type=$1
	shift
	printf '%s\n' "$@" > "$AVAHI/$type"
}

# found NAME ADDRESS:PORT [TXT], lost NAME: such lines of an IPv4 service on loopback.
found()
{
	echo "=;lo;IPv4;$1;_distcc._tcp;local;vm.local;${2%:*};${2##*:};${3-}"
}

lost()
{
	echo "-;lo;IPv4;$1;_distcc._tcp;local"
}

# workers_are ADDRESS…: just these, in any order. They are called when there is a compile for them, so they may be down.
workers_are()
{
	local have want
	have=$(status_get '[.workers[].address] | sort | join(",")')
	want=$(printf '%s\n' "$@" | LC_ALL=C sort | paste -sd,)
	[ "$have" = "$want" ]
}

comes_to()
{
	wait_until 15 workers_are "$@" && return
	diag "workers: $(status_get '[.workers[] | {address, state, why}] | tostring')"
	return 1
}

has_lines()
{
	grep -qxF -e "$2" "$1" && return
	diag "no line '$2' in:" "$(cat "$1")"
	return 1
}

# is_another FILE PID
is_another()
{
	[ -s "$1" ] && [ "$(cat "$1")" != "$2" ]
}

# --- The client ------------------------------------------------------------------------------

new_tree
echo 'int f(int n) { return n + 1; }' > a.c
export MUSTER_HOSTS='+zeroconf'
FARM_PATH=$AVAHI:$FARM_PATH PLAIN_PATH=$PLAIN_PATH
rm -f "$WORK/bin/cc" # the stand-in's name

same --local 'no worker has announced itself' 'nobody announces anything' -- gcc -c a.c
check 'both services are looked for' -- wait_until 10 test -s "$AVAHI/_distcc._tcp.pid" -a -s "$AVAHI/_muster._tcp.pid"
check '… with these words' -- has_lines "$AVAHI/_distcc._tcp.words" '--parsable --resolve --no-db-lookup _distcc._tcp'

worker_start --slots 4 || bail 'a worker does not start'
W1=$ADDRESS W1_PID=$WORKER_PID
worker_start --slots 4 || bail 'a worker does not start'
W2=$ADDRESS

tell _distcc._tcp 'Failed to resolve nonsense' '+;lo;IPv4;distcc\064one;_distcc._tcp;local' \
	"$(found 'distcc\064one' "$W1" '"txtvers=1" "jobs=2"')"
check 'a worker announces itself' -- comes_to "$W1/2"
same --remote 'a compile goes there' -- gcc -O2 -c a.c
check 'it gets no more jobs than it asked for' -- status_is '.workers[0].slots == 2'

# The same service on another interface, and another one at the same place; then a second worker, which shows that
# they were heard.
tell _muster._tcp "$(found one "$W1" '"jobs=2"')"
tell _distcc._tcp "=;v0;IPv6;distcc\\064one;_distcc._tcp;local;vm.local;fd00::1;${W1##*:};" \
	"=;v0;IPv4;distcc\\064two;_distcc._tcp;local;vm.local;${W2%:*};${W2##*:};\"x=a;b \\\"jobs=9\\\"\""
check 'a machine is one worker, however often it is announced' -- comes_to "$W1/2" "$W2"

# What makes no sense is not heard, and does no harm.
tell _distcc._tcp "$(found bad 0.0.0.0:1)" "$(found bad 127.0.0.1:0)" "$(found bad '-oProxyCommand=x:1')" \
	"$(found 'b d' '127.0.0.1 --localslots=0 x:1')" "$(found bad 127.0.0.1:1 '"')" \
	"$(head -c 70000 /dev/zero | tr '\0' x)"

# It goes away without a word: the other one takes over. Then it is said to be gone.
kill "$W1_PID"
wait_until 10 is_gone "$W1_PID"
same --remote 'a worker goes away, another takes the compile' -- gcc -O1 -c a.c
tell _muster._tcp "$(lost one)"
tell _distcc._tcp "$(lost 'distcc\064one')" '-;v0;IPv6;distcc\064one;_distcc._tcp;local'
check 'a worker whose service is gone is let go' -- wait_until 60 workers_are "$W2"
same --remote 'the other one stays' -- gcc -g -c a.c

# avahi-browse ends: it is started again, and who is still there is found again.
BROWSER=$(cat "$AVAHI/_distcc._tcp.pid")
kill "$BROWSER"
check 'avahi-browse is started again' -- wait_until 20 is_another "$AVAHI/_distcc._tcp.pid" "$BROWSER"
check '… and that it ended was said' -- grep -qF 'avahi-browse was ended by signal 15: workers that announce themselves as _distcc._tcp are not found until it runs again' "$MUSTER_STATE_DIR/agent.log"
same --uncounted 'meanwhile all goes on' -- gcc -O3 -c a.c
check 'meanwhile nobody is known' -- wait_until 60 workers_are
tell _distcc._tcp "=;v0;IPv4;distcc\\064two;_distcc._tcp;local;vm.local;${W2%:*};${W2##*:};"
check 'who is still there is found again' -- comes_to "$W2"
same --remote 'and used' -- gcc -Os -c a.c

# A host that is named counts as it was named, and its announcement adds nothing.
export MUSTER_HOSTS="$W2/1 +zeroconf"
same --remote 'a list with a name and +zeroconf' -- gcc -O2 -fPIC -c a.c
check 'the named place is as it was named' -- status_is "any(.workers[]; .address == \"$W2/1\" and .slots == 1)"

# Nobody asks any more.
BROWSER=$(cat "$AVAHI/_distcc._tcp.pid")
export MUSTER_HOSTS=''
same --local 'no workers are configured' 'a list without +zeroconf' -- gcc -c a.c
check 'nobody is looked for any more' -- wait_until 60 is_gone "$BROWSER"

# --- Without avahi's tools -------------------------------------------------------------------

timeout 10 "$BUILD/muster" stop >/dev/null 2>&1
export MUSTER_HOSTS=+zeroconf
PATH=$WORK/empty "$BUILD/muster-agent" --verbose < /dev/null > "$WORK/bare.log" 2>&1 &
wait_until 10 test -S "$MUSTER_STATE_DIR/agent.sock" || bail 'the agent does not start'
same --local 'no worker has announced itself' 'without avahi-browse' -- gcc -c a.c
check 'there is one sentence for it' -- test "$(grep -c 'avahi-browse is not on PATH .*avahi-utils.* workers that announce themselves are not found' "$WORK/bare.log")" = 1

# --- The server ------------------------------------------------------------------------------

# distccd_start PATH [ARGUMENTS…]: $PORT, $SERVER (its pid); its log is $WORK/distccd.log.
distccd_start()
{
	local path=$1 try
	shift
	for try in 1 2 3 4 5; do
		PORT=$((20000 + (RANDOM + $$) % 12000))
		rm -f "$AVAHI"/publish.*
		TMPDIR=$WORK PATH=$path "$BUILD/distccd" --daemon --no-detach --listen 127.0.0.1 --port "$PORT" \
			--allow 127.0.0.1 --log-stderr --user "$(id -un)" "$@" < /dev/null > "$WORK/distccd.log" 2>&1 &
		SERVER=$!
		wait_until 20 serves_or_gone && ! is_gone "$SERVER" && return
		diag "distccd on port $PORT does not start ($try): $(tail -1 "$WORK/distccd.log")"
	done
	bail 'distccd does not start'
}

serves_or_gone()
{
	grep -qs 'listening on' "$WORK/distccd.log" || is_gone "$SERVER"
}

distccd_end()
{
	kill "$SERVER"
	wait_until 20 is_gone "$SERVER"
}

words_are()
{
	local words
	words=$(paste -sd'|' < "$AVAHI/publish.words")
	[[ $words =~ ^$1$ ]] && return
	diag "$words"
	return 1
}

distccd_start "$AVAHI:$PLAIN_PATH" --zeroconf --jobs 3
check 'distccd --zeroconf announces itself' -- wait_until 10 test -s "$AVAHI/publish.pid"
HOST=$(uname -n)
check '… with these words' -- words_are "--subtype=_x86-64-linux-gnu--12-2-0\._sub\._distcc\._tcp\|distcc@$HOST:$PORT\|_distcc\._tcp\|$PORT\|txtvers=1\|cpus=[0-9]+\|jobs=3\|distcc=[0-9.]+\|gnuhost=[a-z0-9_-]+\|cc_version=12\.2\.0\|cc_machine=x86_64-linux-gnu"
PUBLISHER=$(cat "$AVAHI/publish.pid")
kill "$PUBLISHER"
check 'what announces is started again' -- wait_until 20 is_another "$AVAHI/publish.pid" "$PUBLISHER"
PUBLISHER=$(cat "$AVAHI/publish.pid")
distccd_end
check 'it ends with the server' -- wait_until 10 is_gone "$PUBLISHER"

distccd_start "$AVAHI:$PLAIN_PATH"
check 'without --zeroconf nothing is announced' -- test ! -e "$AVAHI/publish.pid"
distccd_end

distccd_start "$WORK/empty" --zeroconf
check 'without the tools distccd serves' -- wait_until 10 grep -q 'listening on' "$WORK/distccd.log"
check '… and one sentence says so' -- wait_until 10 grep -q 'avahi-publish-service is not on PATH .*: this server is not announced by mDNS' "$WORK/distccd.log"
distccd_end

farm_done

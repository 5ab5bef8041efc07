#!/bin/bash
# The small commands that users of distcc know, as muster has them, against those of Debian's distcc.
# Run as: distcc_tools.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
[ -z "$FARM_PLAIN" ] || skip_all 'nothing here is compared with a plain compile'
for name in ${!DISTCC_@} ${!LSDISTCC_@} ${!INCLUDE_SERVER_@}; do
	unset "$name"
done
farm_init "${1-}"
export HOME=$WORK/home DISTCC_DIR=$WORK/distcc
mkdir -p "$HOME" "$DISTCC_DIR/state" "$WORK/names" "$WORK/compat"
for name in distccmon-text lsdistcc pump distcc-pump update-distcc-symlinks; do
	ln -s "$BUILD/muster" "$WORK/names/$name"
done
ln -s "$BUILD/muster-cc" "$WORK/compat/distcc"
M=$BUILD/muster NAMES=$WORK/names DEBIAN=''
if command -v distcc >/dev/null && distcc --version 2>/dev/null | grep -q 'Martin Pool'; then
	DEBIAN=$(dirname "$(command -v distcc)")
fi

# try COMMAND…: its outputs go to $WORK/out and $WORK/err, its status to $STATUS. Always succeeds.
try()
{
	timeout 60 "$@" > "$WORK/out" 2> "$WORK/err" < /dev/null
	STATUS=$?
}

# gives STATUS OUT -- COMMAND…: it ends so, and what it prints is that text.
gives()
{
	local status=$1 out=$2
	shift 3
	try "$@"
	[ "$STATUS" = "$status" ] && [ "$(cat "$WORK/out")" = "$out" ] && return
	diag "status $STATUS, expected $status; stdout: $(cat "$WORK/out"); stderr: $(cat "$WORK/err")"
	return 1
}

# says STATUS RE -- COMMAND…: it ends so, and standard error has a line like that.
says_out()
{
	local want=$1
	shift 2
	timeout 20 "$@" 2>/dev/null | grep -q -e "$want"
}

says()
{
	local status=$1 re=$2
	shift 3
	try "$@"
	[ "$STATUS" = "$status" ] && grep -qE -e "$re" "$WORK/err" && return
	diag "status $STATUS, expected $status; stderr: $(cat "$WORK/err")"
	return 1
}

# like_debian [--sorted] NAME -- COMMAND…: Debian's command of the name COMMAND begins with and ours print the
# same and end the same.
like_debian()
{
	local order=cat name want status
	[ "$1" = --sorted ] && { order='sort'; shift; }
	name=$1
	shift 2
	wanted "$name" || return 0
	[ "$DEBIAN" ] || { skip "$name" 'distcc is not installed'; return; }
	try "$DEBIAN/$1" "${@:2}"
	want=$($order "$WORK/out") status=$STATUS
	try "$M" "$@"
	if [ "$($order "$WORK/out")" = "$want" ] && [ "$STATUS" = "$status" ]; then
		ok "$name"
	else
		not_ok "$name"
		diag "Debian's ($status): $want"
		diag "ours ($STATUS): $($order "$WORK/out") $(cat "$WORK/err")"
	fi
}

# --- distcc's option forms -------------------------------------------------------------------
version_lines()
{
	local line
	try "$M" distcc --version
	line='^distcc [0-9.]+ [A-Za-z0-9_]+-[a-z]+-linux-gnu$'
	[ "$STATUS" = 0 ] && sed -n 1p "$WORK/out" | grep -qE "$line" &&
		[ "$(sed -n 2p "$WORK/out")" = '  (protocols 1, 2 and 3) (default port 3632)' ] &&
		sed -n 3p "$WORK/out" | grep -q muster || return 1
	[ -z "$DEBIAN" ] || [ "$("$DEBIAN/distcc" --version | head -2)" = "$(head -2 "$WORK/out")" ]
}
check 'distcc --version: the first two lines are as ever' -- version_lines
check 'distcc --help begins with the version' -- sh -c "'$M' distcc --help | head -1 | grep -q '^distcc [0-9]'"
check 'distcc without a word: 101' -- says 101 '^distcc: missing option/operand$' -- "$M" distcc
check 'distcc with a command: told where compiles are done' -- says 101 'muster-cc' -- "$M" distcc gcc -c x.c
check 'distcc --show-principal is not offered: 100' -- says 100 'not offered' -- "$M" distcc --show-principal
new_tree
echo '#include <stddef.h>' > x.c
check 'distcc --scan-includes: the source' -- says_out "^FILE      $TREE/x.c\$" -- "$M" distcc --scan-includes gcc -c x.c
check 'distcc --scan-includes: a header of the compiler' -- says_out '^FILE      .*/stddef.h$' -- \
	"$M" distcc --scan-includes gcc -c x.c
check 'distcc --scan-includes: what stays here' -- says 100 'would not be distributed' -- \
	"$M" distcc --scan-includes gcc x.c -o x
check 'distcc --scan-includes of nothing: 101' -- says 101 'command' -- "$M" distcc --scan-includes
cd /
for hosts in 'localhost/3 a/7 @b,lzo [::1]:4000/9,lzo' 'localhost' 'a b c' 'a:4200/6,lzo,cpp  # a comment' \
	$'a # one\nb/2 # two\n\n' 'me@a/3:/usr/bin/distccd,lzo b' '--localslots=5 a b/3'; do
	export DISTCC_HOSTS=$hosts
	like_debian "distcc -j: ${hosts//[$'\n#']/ }" -- distcc -j
	like_debian "distcc --show-hosts: ${hosts//[$'\n#']/ }" -- distcc --show-hosts
done
for hosts in '@' ':4200' 'a,cpp' 'mbp@' 'angry::' 'a/0'; do
	DISTCC_HOSTS=$hosts check "distcc -j: '$hosts' is no host: 106" -- says 106 'DISTCC_HOSTS' -- "$M" distcc -j
	DISTCC_HOSTS=$hosts check "distcc --show-hosts: '$hosts': 106" -- says 106 . -- "$M" distcc --show-hosts
done
DISTCC_HOSTS='' check 'distcc -j: an empty DISTCC_HOSTS counts: 116' -- says 116 'no hosts' -- "$M" distcc -j
for option in --version --help --show-hosts -j; do
	DISTCC_HOSTS='a b/3' check "a link to muster-cc called distcc hands on $option" -- sh -c \
		"[ \"\$('$WORK/compat/distcc' $option)\" = \"\$('$M' distcc $option)\" ]"
done
unset DISTCC_HOSTS
printf 'one/3 # the first\n\n two\n' > "$DISTCC_DIR/hosts"
like_debian 'distcc -j from the hosts file' -- distcc -j
like_debian 'distcc --show-hosts from the hosts file' -- distcc --show-hosts
mkdir "$HOME/.distcc"
mv "$DISTCC_DIR/hosts" "$HOME/.distcc/hosts"
check 'distcc -j from ~/.distcc/hosts' -- gives 7 '' -- sh -c "unset DISTCC_DIR; exit \$('$M' distcc -j)"
rm -r "$HOME/.distcc"

# --- Who listens -----------------------------------------------------------------------------
farm_start 1
PORT=${ADDRESS##*:}
L=(lsdistcc "-r$PORT")
like_debian --sorted 'lsdistcc: of two, one listens' -- "${L[@]}" 127.0.0.1 127.0.0.9
like_debian --sorted 'lsdistcc -x' -- "${L[@]}" -x 127.0.0.1 127.0.0.9
like_debian --sorted 'lsdistcc -P2' -- "${L[@]}" -P2 127.0.0.1 127.0.0.9
like_debian --sorted 'lsdistcc -P3 -x' -- "${L[@]}" -P3 -x 127.0.0.1 127.0.0.9
like_debian --sorted 'lsdistcc -c0' -- "${L[@]}" -c0 127.0.0.8 127.0.0.9
like_debian 'lsdistcc -n' -- "${L[@]}" -n localhost 127.0.0.1
check 'lsdistcc: none listens: 1' -- gives 1 '' -- "$M" lsdistcc "-r$PORT" 127.0.0.9
check 'lsdistcc takes the words of a host list' -- gives 0 "$ADDRESS/5,lzo" -- \
	"$NAMES/lsdistcc" "$ADDRESS/5,lzo" "127.0.0.9:$PORT"
check 'lsdistcc keeps the order' -- gives 0 "localhost:$PORT"$'\n'"$ADDRESS,lzo,cpp" -- \
	"$NAMES/lsdistcc" "localhost:$PORT" "127.0.0.9:$PORT" "$ADDRESS,cpp,lzo"
DISTCC_POTENTIAL_HOSTS="$ADDRESS 127.0.0.9:$PORT" \
	check 'lsdistcc asks DISTCC_POTENTIAL_HOSTS' -- gives 0 "$ADDRESS" -- "$NAMES/lsdistcc"
check 'lsdistcc -l' -- sh -c "'$M' lsdistcc -l $ADDRESS | grep -qE '^$ADDRESS [0-9]+\$'"
check 'lsdistcc: a format' -- gives 0 "$ADDRESS" -- "$M" lsdistcc -t2 "-r$PORT" '127.0.0.%d'
for format in '%s' 'a%n' '%d%d' 'a%'; do
	check "lsdistcc: '$format' is no format" -- says 1 'must have one %d' -- "$M" lsdistcc "$format"
done
for option in -P4 -P0 -r0 -r99999 -tx '-t 1x' -z; do
	check "lsdistcc $option is refused" -- says 1 . -- "$M" lsdistcc "$option" localhost
done
check 'lsdistcc: what is no host' -- says 1 "':4200'" -- "$M" lsdistcc :4200
# --- The masquerade folder -------------------------------------------------------------------
mkdir "$WORK/opt"
for name in gcc-99 g++-99 arm-none-eabi-gcc clang++-99.1 gcc-ar-99 clang-tidy-99; do
	printf '#!/bin/sh\necho %s\n' "$name" > "$WORK/opt/$name"
done
chmod 755 "$WORK"/opt/*
echo > "$WORK/opt/gcc-98" # no program
ln -s "$BUILD/muster-cc" "$WORK/opt/gcc-97" # a link of ours is no compiler
LINKS=$WORK/links
links()
{
	PATH=$WORK/opt:$PLAIN_PATH "$M" links "$@"
}
links_are_made()
{
	links "$LINKS" > "$WORK/out" || return 1
	local name want
	for name in gcc-99 g++-99 arm-none-eabi-gcc clang++-99.1 gcc; do
		[ "$(readlink "$LINKS/$name")" = "$BUILD/muster-cc" ] || { diag "$name"; return 1; }
	done
	for name in gcc-ar-99 clang-tidy-99 gcc-98 gcc-97 gcc-ar cpp; do
		[ ! -e "$LINKS/$name" ] || { diag "$name"; return 1; }
	done
	want=$(find "$LINKS" -type l | wc -l)
	grep -qF "$LINKS: $want links to $BUILD/muster-cc ($want new, 0 removed)." "$WORK/out" &&
		grep -qxF "export PATH=\"$LINKS:\$PATH\"" "$WORK/out"
}
check 'links: for each compiler, and nothing else' -- links_are_made
links_of_debian()
{
	local name
	for name in /usr/lib/distcc/*; do
		[ -L "$LINKS/${name##*/}" ] || { diag "${name##*/} is not there"; return 1; }
	done
}
if [ "$DEBIAN" ] && [ -e /usr/lib/distcc/cc ]; then
	check 'links: all that update-distcc-symlinks of Debian makes' -- links_of_debian
fi
links_follow_compilers()
{
	rm "$WORK/opt/gcc-99"
	ln -s "$WORK/gone/muster-cc" "$LINKS/gcc-96"
	ln -s /bin/true "$LINKS/gcc-95"
	ln -s "$BUILD/muster-cc" "$LINKS/distcc"
	links "$LINKS" | grep -qF '(0 new, 2 removed)' && [ ! -L "$LINKS/gcc-99" ] && [ ! -L "$LINKS/gcc-96" ] &&
		[ -L "$LINKS/gcc-95" ] && [ -L "$LINKS/distcc" ]
}
check 'links: stale ones go, others stay' -- links_follow_compilers
links_foreign()
{
	rm "$LINKS/gcc" "$LINKS/cc"
	echo mine > "$LINKS/gcc"
	ln -s /bin/true "$LINKS/cc"
	links "$LINKS" | grep -q 'something else: cc gcc; --force' || return 1
	[ "$(readlink "$LINKS/cc")" = /bin/true ] || return 1
	links --force "$LINKS" | grep -q 'something else: gcc\.' || return 1
	[ "$(cat "$LINKS/gcc")" = mine ] && [ "$(readlink "$LINKS/cc")" = "$BUILD/muster-cc" ]
}
check 'links: what is not ours is left alone, with --force only files are' -- links_foreign
check 'update-distcc-symlinks DIR' -- sh -c "'$NAMES/update-distcc-symlinks' '$LINKS' | grep -q 'links to'"
check 'links without a folder: 2' -- says 2 usage -- "$M" links
check 'links: a folder that cannot be' -- says 1 'make folder' -- "$M" links /proc/none/links
rm "$LINKS/gcc"
links "$LINKS" > /dev/null
new_tree
echo 'int x = 1;' > x.c
same --remote 'a compile by the masquerade folder' -- sh -c "[ -z \"\$SHIM\" ] || PATH=$LINKS:\$PATH; gcc -c x.c"

# --- pump ------------------------------------------------------------------------------------
cd /
export DISTCC_LOCATION=$WORK/compat
pump_runs()
{
	"$M" stop >/dev/null
	try "$NAMES/pump" sh -c 'echo "$INCLUDE_SERVER_PID"; echo "$INCLUDE_SERVER_PORT"; echo "$INCLUDE_SERVER_DIR"
		command -v distcc; exit 7'
	[ "$STATUS" = 7 ] && [ "$(cat "$WORK/out")" = "$(status_get .pid)
$MUSTER_STATE_DIR/agent.sock
$MUSTER_STATE_DIR
$WORK/compat/distcc" ] && return
	diag "$STATUS $(cat "$WORK/out" "$WORK/err")"
	return 1
}
check 'pump starts the agent, and its command finds our distcc' -- pump_runs
check 'pump says what it does on standard error only' -- says 0 '^__________Using distcc-pump from ' -- "$M" pump true
check 'pump: its standard output is that of the command' -- gives 0 hi -- "$M" distcc-pump echo hi
check 'pump: a signal' -- gives 137 '' -- sh -c "'$M' pump sh -c 'kill -9 \$\$'"
check 'pump: no such command: 127' -- says 127 'no-such-command' -- "$M" pump no-such-command
check 'pump without arguments: help' -- sh -c "'$M' pump | grep -q '^Usage: pump COMMAND'"
check 'pump: another option' -- says 101 -- -- "$M" pump --startup x
check 'pump --shutdown' -- gives 0 '' -- "$M" pump --shutdown
DISTCC_HOSTS='a,lzo,cpp b c,cpp,lzo/3' check 'pump: a list that makes no sense does no harm' -- \
	says 0 '^pump: .DISTCC_HOSTS: ' -- env -u MUSTER_HOSTS "$M" pump true
DISTCC_HOSTS='a,lzo,cpp b c/3,cpp,lzo' check 'pump counts the hosts' -- \
	says 0 'Using 2 distcc servers in pump mode' -- env -u MUSTER_HOSTS "$M" pump true
startup()
{
	(
		export PATH="/odd'name:$PATH"
		set=$("$M" pump --startup 2>/dev/null) || exit 1
		[ "$(echo "$set" | sed 's/=.*//' | tr '\n' ' ')" = \
			'export INCLUDE_SERVER_PID export INCLUDE_SERVER_DIR export INCLUDE_SERVER_PORT export PATH ' ] || exit 1
		old=$PATH
		eval "$set"
		[ "$PATH" = "$WORK/compat:$old" ] && [ "$INCLUDE_SERVER_PORT" = "$MUSTER_STATE_DIR/agent.sock" ]
	)
}
check 'pump --startup prints what a shell can eval' -- startup
DISTCC_POTENTIAL_HOSTS="127.0.0.1 127.0.0.9" LSDISTCC_ARGS="-r$PORT" check 'pump: DISTCC_POTENTIAL_HOSTS' -- \
	gives 0 "--randomize $ADDRESS,lzo,cpp" -- "$M" pump sh -c 'echo "$DISTCC_HOSTS"'
DISTCC_POTENTIAL_HOSTS="127.0.0.9" LSDISTCC_ARGS="-r$PORT" check 'pump: none of them listens' -- \
	says 0 'Found 0 available distcc servers' -- "$M" pump true
new_tree
echo 'int x = 1;' > x.c
same --remote 'pump: a compile by our distcc' -- sh -c 'if [ -z "$SHIM" ]; then gcc -c x.c; else "$0" pump distcc gcc -c x.c 2>/dev/null; fi' \
	"$M"
cd /
MUSTER_STATE_DIR=$WORK/b MUSTER_AGENT=/bin/false check 'pump without an agent runs the command all the same' -- \
	gives 0 yes -- "$M" pump sh -c 'echo ${INCLUDE_SERVER_PORT-yes}'
# Beside the program, where an installation has it, is the last place where it is looked for.
mkdir "$WORK/alone"
cp "$M" "$SHIM" "$WORK/alone"
DISTCC_LOCATION=/none check 'pump without our distcc: 1' -- says 1 "no link 'distcc'" -- "$WORK/alone/muster" pump true
unset DISTCC_LOCATION

# --- The monitor -----------------------------------------------------------------------------
for word in x -1 0.5x 1e99 nan ''; do
	check "distccmon-text '$word': usage, 1" -- says 1 '^usage: distccmon-text' -- "$NAMES/distccmon-text" "$word"
done
check 'distccmon-text: nothing under way is an empty line' -- gives 0 '' -- "$NAMES/distccmon-text"

# state PID FILE HOST SLOT PHASE: a file as a distcc client of this machine writes it.
state()
{
	perl -e 'print pack("QQQa128a128llQ", 0x128, 0x44494800, @ARGV, 0)' "$@" > "$DISTCC_DIR/state/binstate_$1"
}
monitor_debian()
{
	state $$ a_file_with_a_name_of_more_than_thirty.c a-host-with-a-rather-long-name.example 3 5
	state $PPID 'b.c' b 0 3
	state "$WORKER_PID" '' '' 0 0
	try "$DEBIAN/distccmon-text"
	local want
	want=$(cat "$WORK/out")
	[ "$(wc -l < "$WORK/out")" = 4 ] && gives 0 "$want" -- "$NAMES/distccmon-text"
}
monitor_old()
{
	local old=''
	rm -f "$DISTCC_DIR"/state/*
	echo nonsense > "$DISTCC_DIR/state/binstate_$PPID"
	state $$ $'c\e[2J\n.c' b 0 5
	# Two minutes in one phase; process 1 may be younger in a container.
	if awk '{ up = $1; getline < "/proc/1/stat"; sub(/.*\) /, ""); exit up - $20 / 100 < 125 }' /proc/uptime; then
		state 1 old.c b 1 5
		touch -d '2 minutes ago' "$DISTCC_DIR/state/binstate_1"
		old=$(printf '\n%6ld  %-10.10s  %-30.30s %24.24s[%d]' 1 Compile old.c b 1)
	fi
	gives 0 "$(printf '%6ld  %-10.10s  %-30.30s %24.24s[%d]%s' $$ Compile 'c?[2J?.c' b 0 "$old")" -- \
		"$NAMES/distccmon-text" && [ -e "$DISTCC_DIR/state/binstate_$PPID" ]
}
# An agent that answers a question with $1.
agent_that_says()
{
	mkdir -p "$WORK/c"
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Local => "$ARGV[0]/agent.sock", Listen => 5) or die;
		while (my $c = $s->accept) {
			sysread $c, my $question, 100;
			print $c pack("VC", length $ARGV[1], 3), $ARGV[1], pack("VCV", 4, 5, 0);
			close $c;
		}' "$WORK/c" "$1" &
	SPEAKER=$!
	wait_until 10 test -S "$WORK/c/agent.sock"
}
monitor_agent()
{
	rm -f "$DISTCC_DIR"/state/* "$WORK/c/agent.sock"
	state $$ d.c b 1 4
	agent_that_says '{"running": [
		{"pid": 12, "phase": "Compile", "file": "/t/far.cc", "host": "c", "slot": 4, "seconds": 1.5},
		{"pid": 11, "phase": "Preprocess\n", "file": "near.c", "host": "b", "slot": 0},
		{"pid": "x", "phase": 3}, 7]}'
	MUSTER_STATE_DIR=$WORK/c "$M" monitor > "$WORK/out"
	kill "$SPEAKER"
	diff - "$WORK/out" > "$WORK/diff" <<-END && return
	$(printf '%6ld  %-10.10s  %-30.30s %24.24s[%d]\n' 0 3 '' '' 0 | sed 's/ 3 /   /')
	$(printf '%6ld  %-10.10s  %-30.30s %24.24s[%d]\n' 0 '' '' '' 0)
	$(printf '%6ld  %-10.10s  %-30.30s %24.24s[%d]\n' 11 Preprocess near.c b 0 $$ Send d.c b 1 12 Compile far.cc c 4)

	END
	diag "$(cat "$WORK/diff")"
	return 1
}
if command -v perl >/dev/null; then
	[ "$DEBIAN" ] && check 'distccmon-text: as Debian'"'"'s shows the same files' -- monitor_debian
	check 'distccmon-text: what is old or strange' -- monitor_old
	check 'distccmon-text: jobs of the agent beside those of distcc' -- monitor_agent
else
	skip 'distccmon-text with files' 'perl is not installed'
fi

# --- With a server of Debian's distcc --------------------------------------------------------
debian_server()
{
	DISTCCD=$((20000 + $$ % 10000))
	while "$M" lsdistcc "-r$DISTCCD" 127.0.0.1 >/dev/null; do
		DISTCCD=$((DISTCCD + 1))
	done
	"$DEBIAN/distccd" --daemon --no-detach --listen 127.0.0.1 --port "$DISTCCD" --allow 127.0.0.1 --jobs 4 \
		--log-stderr 2>/dev/null &
	SERVER=$!
	wait_until 10 "$M" lsdistcc "-r$DISTCCD" 127.0.0.1 >/dev/null
}
monitor_sees()
{
	"$NAMES/distccmon-text" > "$WORK/out"
	grep -qE "^ *[0-9]+  Compile +slow\.cc +127\.0\.0\.1\[0\]\$" "$WORK/out"
}
# The compile takes for as long as it is looked at.
monitor_real()
{
	local client bad=''
	rm -f "$DISTCC_DIR"/state/*
	slow_source 100 > slow.cc
	# shellcheck disable=SC2086
	DISTCC_HOSTS=127.0.0.1:$DISTCCD "$DEBIAN/distcc" g++ $SLOW_FLAGS -c slow.cc -o slow.o 2>/dev/null &
	client=$!
	wait_until 20 monitor_sees || bad=1
	wait "$client" || bad=1 # not killed: the server would leave its compiler behind
	[ -z "$bad" ] && [ -s slow.o ]
}
if [ "$DEBIAN" ] && [ -x "$DEBIAN/distccd" ]; then
	new_tree
	debian_server
	check "distccmon-text: a compile of Debian's distcc" -- monitor_real
	for protocol in 1 2 3; do
		like_debian "lsdistcc -p, protocol $protocol" -- \
			lsdistcc -k20000 "-r$DISTCCD" "-P$protocol" -pgcc 127.0.0.1 127.0.0.9
		check "lsdistcc -p: a compiler that is not there, protocol $protocol" -- gives 1 '' -- \
			"$M" lsdistcc -k20000 "-r$DISTCCD" "-P$protocol" -pgcc-1 127.0.0.1
	done
	check 'lsdistcc -p -x' -- gives 0 "127.0.0.1:$DISTCCD"$'\n'"127.0.0.1:$PORT,down" -- \
		"$M" lsdistcc -x -k5000 -pgcc "127.0.0.1:$DISTCCD" "127.0.0.1:$PORT"
	kill "$SERVER"
	wait "$SERVER" 2>/dev/null
else
	skip "what needs a server of Debian's distcc" 'distcc is not installed'
fi
farm_done

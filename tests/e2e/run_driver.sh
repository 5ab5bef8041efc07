#!/bin/bash
# The distcc-driver's interface: DISTCC_AUTO_HOSTS and its companions to a list of hosts and a number of jobs, among dead,
# refusing and overloaded hosts; ssh:// hosts through a real sshd; distcc_build in bash and zsh.
# Run as: run_driver.sh BUILD_FOLDER; see farm.sh. driver_print shows what the driver decides.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
[ -z "$FARM_PLAIN" ] || skip_all 'nothing here is compared with a plain compile'
command -v python3 >/dev/null || skip_all 'python3 is not installed'
for name in ${!DISTCC_@}; do
	unset "$name"
done
farm_init "${1-}"
P=$BUILD/driver_print
[ -x "$P" ] || bail "$P is not there: build first"
export HOME=$WORK/home
mkdir "$HOME" "$WORK/hosts"

# --- Running it ------------------------------------------------------------------------------

# try HOSTS [VARIABLE=VALUE…] [ARGUMENTS…]: driver_print; its words in $WORK/out, status in $STATUS, seconds in $TOOK.
try()
{
	local hosts=$1 variables=() start=$SECONDS
	shift
	while [[ ${1-} == *=* ]]; do
		variables+=("$1")
		shift
	done
	env DISTCC_AUTO_HOSTS="$hosts" "${variables[@]}" timeout 60 "$P" "$@" \
		< /dev/null > "$WORK/out" 2> "$WORK/err"
	STATUS=$? TOOK=$((SECONDS - start))
}

# value NAME: what driver_print told of it.
value()
{
	sed -n "s/^$1=//p" "$WORK/out"
}

# told RE…: the last words have a line like each of these.
told()
{
	local re
	for re in "$@"; do
		grep -qE -e "$re" "$WORK/out" && continue
		diag "no line like '$re':" "$(cat "$WORK/out" "$WORK/err")"
		return 1
	done
}

# gives STATUS HOSTS [VARIABLE=VALUE…] [ARGUMENTS…] -- RE…
gives()
{
	local status=$1 words=()
	shift
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	try "${words[@]}"
	[ "$STATUS" = "$status" ] || { diag "status $STATUS, not $status" "$(cat "$WORK/out" "$WORK/err")"; return 1; }
	told "$@"
}

# A port that nobody listens on.
closed_port()
{
	local port
	for port in {1..100}; do
		port=$((20000 + (RANDOM + $$) % 12000))
		port_is_open "$port" || break
	done
	echo "$port"
}

# daemon_start NAME PROGRAM ARGUMENTS…: a distccd with a page of statistics, in a process group of its own; "PORT:STATS_PORT"
# goes to the variable NAME.
daemon_start()
{
	local -n address=$1
	local port program=$2
	shift 2
	for _ in 1 2 3 4 5; do
		port=$(closed_port)
		setsid "$program" --daemon --no-detach --listen 127.0.0.1 --port "$port" --stats --stats-port $((port + 1)) \
			--log-stderr "$@" < /dev/null >> "$WORK/daemons.log" 2>&1 &
		if serves $((port + 1)) $! && port_is_open "$port"; then
			# shellcheck disable=SC2034 # the caller's variable
			address=$port:$((port + 1))
			return
		fi
		kill $! 2>/dev/null
	done
	return 1
}

# --- What is no configuration: 96 ------------------------------------------------------------
check 'no DISTCC_AUTO_HOSTS: 96, with the grammar' -- gives 96 '' -- \
	'^error=DISTCC_AUTO_HOSTS is not set: .*\[tcp://\]HOST.*ssh://'
check 'only blanks: 96' -- gives 96 $' \t\n' -- '^error=DISTCC_AUTO_HOSTS is not set'
check 'a malformed word: 96, with its position' -- gives 96 'a b:x c' -- \
	"^error=DISTCC_AUTO_HOSTS: word 2 of the list, 'b:x': .*a host is written \[tcp://\]HOST"
for name in COMPILER_MEMORY EARLY_LOCAL_JOBS FALLBACK_LOCAL_JOBS PREPROCESSOR_SATURATION_JOBS; do
	for value in x -1 1.5 '4 ' 99999999999; do
		check "DISTCC_AUTO_$name='$value': 96" -- gives 96 a "DISTCC_AUTO_$name=$value" -- "^error=DISTCC_AUTO_$name=$value"
	done
done
mkdir "$WORK/poor"
ln -s "$(type -P timeout)" "$WORK/poor/timeout"
for name in ssh no-such-ssh; do
	check "no $name: 96" -- gives 96 'a ssh://b' PATH="$WORK/poor" DISTCC_SSH="$name -v" -- \
		"^error=ssh:// hosts want an ssh client, and there is no '$name' on PATH"
done
CLOSED=$(closed_port)
check 'no ssh client is needed without ssh:// hosts' -- gives 0 "127.0.0.1:$CLOSED" DISTCC_SSH=no-such-ssh -- '^used=0'

# --- No worker: this machine, or 97 ----------------------------------------------------------
NOBODY=127.0.0.1:$CLOSED
check 'nobody listens: this machine, and who is named' -- gives 0 "$NOBODY" -- '^jobs=4$' '^local=4$' '^hosts=$' \
	"^unused=$NOBODY: connect: Connection refused$"
check 'fallback jobs' -- gives 0 "$NOBODY" DISTCC_AUTO_FALLBACK_LOCAL_JOBS=3 -- '^jobs=3$'
check 'fallback jobs, as many as the memory carries' -- gives 0 "$NOBODY" DISTCC_AUTO_COMPILER_MEMORY=100 4 250 -- '^jobs=2$'
check 'no memory for one compile: 97' -- gives 97 "$NOBODY" 4 1000 -- \
	'^error=there is no worker to use, and this machine has 1000 MB of free memory, less than the 1024 MB' "^unused=$NOBODY"
check 'memory not minded' -- gives 0 "$NOBODY" DISTCC_AUTO_COMPILER_MEMORY=0 4 0 -- '^jobs=4$'
check 'no fallback: 97' -- gives 97 "$NOBODY" DISTCC_AUTO_FALLBACK_LOCAL_JOBS=0 -- '^error=there is no worker to use, .*=0'
check 'a name that nobody has' -- gives 0 'no-such-host.invalid' -- '^unused=no-such-host.invalid: .+'

# --- Stand-ins -------------------------------------------------------------------------------
STAND_INS='idle halfway overloaded small full none refusing endless trickle silent mute'
# shellcheck disable=SC2086 # words are meant
python3 "$E2E/run_driver_stand_ins.py" "$WORK/hosts" $STAND_INS < /dev/null > "$WORK/stand_ins.log" 2>&1 &
# The last one to be written.
wait_until 20 test -s "$WORK/hosts/mute.port" || bail "the stand-ins do not start: $(cat "$WORK/stand_ins.log")"
# at NAME: its word.
at()
{
	echo "127.0.0.1:$(cat "$WORK/hosts/$1.port")"
}
# used NAME: as it is written in a list of hosts.
used()
{
	local word
	word=$(at "$1")
	echo "${word%:*}"
}
check 'a distccd counts with its jobs' -- gives 0 "$(at idle)" -- "^hosts=$(used idle)/10,lzo$" '^remote=10$' '^jobs=14$'
check 'preparation and early local jobs are added' -- gives 0 "$(at idle)" DISTCC_AUTO_EARLY_LOCAL_JOBS=2 \
	DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS=5 -- "^hosts=localhost/2 $(used idle)/10,lzo$" '^jobs=17$'
check 'a number that was given stays' -- gives 0 "$(at idle)" 4 9000 200 -- '^jobs=200$' '^local=4$'
check 'load takes slots' -- gives 0 "$(at halfway)" -- "^hosts=$(used halfway)/6,lzo$"
check 'overloaded: left out' -- gives 0 "$(at overloaded)" -- '^used=0$' "^unused=$(at overloaded): it is overloaded: its load is 60.0"
check 'its memory takes slots' -- gives 0 "$(at small)" -- "^hosts=$(used small)/2,lzo$"
check 'its memory, with smaller compiles' -- gives 0 "$(at small)" DISTCC_AUTO_COMPILER_MEMORY=500 -- "/5,lzo$"
check 'its memory is full: left out' -- gives 0 "$(at full)" -- "^unused=$(at full): it has 200 MB of free memory"
check 'no page: left out' -- gives 0 "$(at none)" -- "^unused=$(at none): what it sends as its page of statistics is none"
check 'it closes: left out' -- gives 0 "$(at refusing)" -- "^unused=$(at refusing): .*is this machine allowed there"
check 'named twice: used once' -- gives 0 "$(at idle) tcp://$(at idle)" -- '^remote=10$' "^unused=tcp://$(at idle): it is named twice"
without_page()
{
	local word
	word=$(at idle)
	gives 0 "${word%:*}:$CLOSED" -- "^hosts=${word%:*}/4,lzo$"
}
check 'a distccd without a page: four jobs, as distcc has it' -- without_page
# in_time NAME RE: left out for that reason, and not after ages.
in_time()
{
	gives 0 "$(at "$1") $(at idle)" -- "^unused=$(at "$1"): $2" '^remote=10$' && [ "$TOOK" -le 12 ]
}
check 'a page that never ends' -- in_time endless 'what it sends as its page of statistics is none'
check 'a page that never ends, slowly' -- in_time trickle 'its page of statistics does not end within 3000 ms'
check 'a page that never comes' -- in_time silent 'its page of statistics does not come within 3000 ms'
check 'a daemon that says nothing' -- in_time mute 'it'

# --- Real ones -------------------------------------------------------------------------------
worker_start || bail 'a worker does not start'
MUSTER=$ADDRESS
worker_start || bail 'a worker does not start'
STOPPED=$ADDRESS
kill -STOP "$WORKER_PID"
check 'a muster worker: its slots, and no compression on top' -- gives 0 "$MUSTER" -- "^hosts=$MUSTER/$(nproc)$"
DEBIAN='' OURS=''
if /usr/bin/distccd --version 2>/dev/null | grep -q 'protocols 1, 2 and 3' && ! /usr/bin/distccd --version | grep -q muster; then
	daemon_start DEBIAN /usr/bin/distccd --allow 127.0.0.1 --enable-tcp-insecure --jobs 200 || bail 'distccd does not start'
	check "Debian's distccd" -- gives 0 "127.0.0.1:$DEBIAN" -- "^hosts=127.0.0.1:${DEBIAN%:*}/[0-9]{2,3},lzo$"
	daemon_start ELSEWHERE /usr/bin/distccd --allow 192.0.2.1 --enable-tcp-insecure || bail 'distccd does not start'
	check "Debian's distccd, which does not let us in" -- gives 0 "127.0.0.1:$ELSEWHERE" -- '^used=0$' \
		"^unused=127.0.0.1:$ELSEWHERE: .*is this machine allowed there"
else
	skip "Debian's distccd" 'it is not installed'
	DEBIAN=$(cat "$WORK/hosts/idle.port")
fi
daemon_start OURS "$BUILD/distccd" --allow 127.0.0.1 --jobs 7 || bail 'our distccd does not start'
check 'our distccd is known for what it is' -- gives 0 "127.0.0.1:$OURS" -- "^hosts=127.0.0.1:${OURS%:*}/7$"
EIGHT="$NOBODY $STOPPED $(at mute) no-such-host.invalid $(at overloaded) 127.0.0.1:$DEBIAN tcp://$MUSTER 127.0.0.1:$OURS"
eight()
{
	gives 0 "$EIGHT" -- \
		'^used=3$' "^hosts=127.0.0.1:${DEBIAN%:*}/[0-9]+,lzo $MUSTER/[0-9]+ 127.0.0.1:${OURS%:*}/7$" \
		"^unused=$NOBODY: connect: Connection refused" "^unused=$STOPPED: " "^unused=$(at mute): " \
		'^unused=no-such-host.invalid: ' "^unused=$(at overloaded): it is overloaded" &&
		[ "$(grep -c ^unused= "$WORK/out")" = 5 ] && [ "$TOOK" -le 12 ]
}
check 'eight hosts: three dead, one refuses, one is overloaded' -- eight
eight_build()
{
	local n before
	before=$(status_get .jobs.remote)
	new_tree
	printf 'all: %s\n%%.o: %%.c\n\t$(CC) -O2 -c $< -o $@\n' "$(echo u{1..12}.o)" > makefile
	for n in {1..12}; do
		echo "int f$n(int n) { return n * $n; }" > "u$n.c"
	done
	DISTCC_AUTO_HOSTS=$EIGHT timeout 60 "$BUILD/muster" run --auto-hosts -- make < /dev/null > "$WORK/out" 2> "$WORK/err" &&
		[ "$(grep -c ' is left out: ' "$WORK/err")" = 5 ] && status_is ".jobs.remote > $before" ||
		{ diag "$(cat "$WORK/err")"; return 1; }
	for n in {1..12}; do
		PATH=$PLAIN_PATH cc -O2 -c "u$n.c" -o "$WORK/plain.o" && cmp "$WORK/plain.o" "u$n.o" || return 1
	done
}
check '… and a build with them' -- eight_build

# --- Through ssh -----------------------------------------------------------------------------
SSHD=$(PATH=$PATH:/usr/sbin command -v sshd)
KEYS=$WORK/ssh
ssh_set_up()
{
	[ "$SSHD" ] && command -v ssh >/dev/null && command -v ssh-keygen >/dev/null || return 1
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	mkdir "$KEYS" && chmod 700 "$KEYS"
	ssh-keygen -q -t ed25519 -N '' -f "$KEYS/host" && ssh-keygen -q -t ed25519 -N '' -f "$KEYS/user" &&
		ssh-keygen -q -t ed25519 -N '' -f "$KEYS/other" || return 1
	cp "$KEYS/user.pub" "$KEYS/authorized"
	printf '%s\n' 'Host *' " IdentityFile $KEYS/user" " UserKnownHostsFile $KEYS/known" ' IdentitiesOnly yes' \
		' GlobalKnownHostsFile none' ' StrictHostKeyChecking ask' > "$KEYS/config"
	sshd_start "$SSHD" "$KEYS" || return 1
	echo "[127.0.0.1]:$SSH_PORT $(cat "$KEYS/host.pub")" > "$KEYS/known"
	ssh -F "$KEYS/config" -p "$SSH_PORT" -o BatchMode=yes 127.0.0.1 true < /dev/null
}

# by_ssh PORT:STATS_PORT: the word of a host that ssh reaches.
by_ssh()
{
	echo "ssh://127.0.0.1:$SSH_PORT/${1/://}"
}

# The pids of the ssh clients that are children of $DRIVER.
clients()
{
	pgrep -P "$DRIVER" -x ssh
}

stands()
{
	[ "$(grep -c "state=stands" "$WORK/err")" -ge "$1" ]
}

# A build goes on: two tunnels, one of them dropped and made again on the same port, then its end.
long_build()
{
	local port client
	mkfifo "$WORK/stay"
	DISTCC_AUTO_HOSTS="$(by_ssh "$(cat "$WORK/hosts/idle.port")") $(by_ssh "${MUSTER##*:}:1")" "$P" --stay \
		< "$WORK/stay" > "$WORK/out" 2> "$WORK/err" &
	DRIVER=$!
	exec 7> "$WORK/stay"
	wait_until 20 grep -q '^end$' "$WORK/out" || return 1
	told '^used=2$' "^hosts=127.0.0.1:[0-9]+/10,lzo 127.0.0.1:[0-9]+/$(nproc)$" || return 1
	port=$(sed -nE 's/^hosts=127.0.0.1:([0-9]+).*/\1/p' "$WORK/out")
	[ "$(clients | wc -l)" = 2 ] && port_is_open "$port" || { diag 'the tunnels are not there'; return 1; }
	client=$(pgrep -P "$DRIVER" -f -- "-L 127.0.0.1:$port:")
	kill "$client"
	wait_until 10 is_gone "$client" && wait_until 20 stands 3 || { diag "not made again: $(cat "$WORK/err")"; return 1; }
	port_is_open "$port" || { diag 'it is made again at another port'; return 1; }
	client=$(clients)
	exec 7>&-
	wait "$DRIVER" || return 1
	for client in $client; do
		is_gone "$client" || { diag "$client is left"; return 1; }
	done
	! port_is_open "$port"
}

# Killed with no chance to clean up.
killed_build()
{
	local client left
	mkfifo "$WORK/stay_killed"
	DISTCC_AUTO_HOSTS="$(by_ssh "$(cat "$WORK/hosts/idle.port")") $(by_ssh "${MUSTER##*:}:1")" "$P" --stay \
		< "$WORK/stay_killed" > "$WORK/out" 2> "$WORK/err" &
	DRIVER=$!
	exec 7> "$WORK/stay_killed"
	wait_until 20 grep -q '^end$' "$WORK/out" || return 1
	left=$(clients)
	[ "$(echo "$left" | wc -w)" = 2 ] || { diag 'the tunnels are not there'; return 1; }
	kill -KILL "$DRIVER"
	wait "$DRIVER" 2>/dev/null
	exec 7>&-
	for client in $left; do
		wait_until 10 is_gone "$client" || { diag "$client is left"; return 1; }
	done
}

# A whole build, all of it on a worker behind a tunnel.
build_by_ssh()
{
	local before
	before=$(status_get .jobs.remote)
	new_tree
	printf 'all: a.o b.o c.o\n%%.o: %%.c\n\t$(CC) -c $< -o $@\n' > makefile
	for name in a b c; do
		echo "int $name;" > $name.c
	done
	DISTCC_AUTO_HOSTS=$(by_ssh "${MUSTER##*:}:1") timeout 60 "$BUILD/muster" run --auto-hosts -- make \
		< /dev/null > "$WORK/out" 2> "$WORK/err" || { diag "$(cat "$WORK/err")"; return 1; }
	[ -s a.o ] && [ -s b.o ] && [ -s c.o ] && status_is ".jobs.remote == $before + 3" && ! pgrep -f -- "$KEYS/config -NTax" >/dev/null
}

ssh_cases()
{
	local word ssh
	ssh="ssh -F $KEYS/config"
	word=$(by_ssh "$DEBIAN")
	export DISTCC_SSH=$ssh
	check 'ssh: a distccd' -- gives 0 "$word" -- '^used=1$' '^hosts=127.0.0.1:[0-9]+/[0-9]+,lzo$'
	check 'ssh: a muster worker' -- gives 0 "$(by_ssh "${MUSTER##*:}:1")" -- "^hosts=127.0.0.1:[0-9]+/$(nproc)$"
	check 'ssh: nobody listens there' -- gives 0 "$(by_ssh "$CLOSED:$((CLOSED + 1))")" -- '^unused=.*: ssh reaches it, but: it closes every connection without a word'
	check 'ssh: an overloaded one' -- gives 0 "$(by_ssh "$(cat "$WORK/hosts/overloaded.port")")" -- '^unused=ssh://.*: it is overloaded'
	check 'ssh: no sshd there' -- gives 0 "ssh://127.0.0.1:$CLOSED" -- '^unused=.*: ssh says: .*Connection refused'
	check 'ssh: an unknown host key is no question' -- gives 0 "$word" DISTCC_SSH="$ssh -o UserKnownHostsFile=/dev/null" -- \
		"^unused=.*: ssh does not know its host key: run 'ssh -p $SSH_PORT 127.0.0.1' once"
	check 'ssh: not let in' -- gives 0 "$word" DISTCC_SSH="$ssh -o IdentityFile=$KEYS/other -o IdentityAgent=none -F none" -- \
		'^unused=.*: ssh (is not let in without a question \(.*Permission denied|does not know its host key)'
	sed -i "s#IdentityFile .*#IdentityFile $KEYS/other#" "$KEYS/config"
	check 'ssh: the wrong key' -- gives 0 "$word" -- '^unused=.*: ssh is not let in without a question \(.*Permission denied.*ssh-add'
	sed -i "s#IdentityFile .*#IdentityFile $KEYS/user#" "$KEYS/config"
	cp "$KEYS/known" "$KEYS/known.good"
	echo "[127.0.0.1]:$SSH_PORT $(cat "$KEYS/other.pub")" > "$KEYS/known"
	check 'ssh: another host key' -- gives 0 "$word" -- '^unused=.*: its host key is not the one that ssh knows'
	mv "$KEYS/known.good" "$KEYS/known"
	cat > "$WORK/taken-ssh" <<-'END'
	#!/bin/bash
	# The first time, the port has just been taken by somebody else.
	[[ $* =~ -L\ 127\.0\.0\.1:([0-9]+): ]] && port=${BASH_REMATCH[1]}
	if mkdir "$0.once" 2>/dev/null; then
		printf 'bind [127.0.0.1]:%s: Address already in use\r\n' "$port" >&2
		printf 'channel_setup_fwd_listener_tcpip: cannot listen to port: %s\r\n' "$port" >&2
		printf 'Could not request local forwarding.\r\n' >&2
		exit 255
	fi
	exec ssh "$@"
	END
	printf '#!/bin/sh\nexec sleep 600\n' > "$WORK/mute-ssh"
	printf '#!/bin/sh\nexit 3\n' > "$WORK/wordless-ssh"
	chmod 755 "$WORK"/*-ssh
	check 'ssh: a port was taken meanwhile: another' -- gives 0 "$word" DISTCC_SSH="$WORK/taken-ssh -F $KEYS/config" -- '^used=1$'
	check 'ssh: a client that does not end' -- gives 0 "$word" DISTCC_SSH="$WORK/mute-ssh" -- \
		'^unused=.*: ssh has not reached it within 5000 ms'
	check 'ssh: a client without a word' -- gives 0 "$word" DISTCC_SSH="$WORK/wordless-ssh" -- \
		'^unused=.*: ssh ended with status 3, without a word'
	cp "$KEYS/config" "$KEYS/config.good"
	echo " LocalForward 127.0.0.1:$SSH_PORT 127.0.0.1:9" >> "$KEYS/config"
	check "ssh: a forwarding of the user's own that cannot be had" -- gives 0 "$word" -- '^used=1$'
	mv "$KEYS/config.good" "$KEYS/config"
	printf '%s\n' 'ControlMaster auto' "ControlPath $KEYS/master" 'ControlPersist yes' >> "$KEYS/config"
	check 'ssh: no master is left behind' -- gives 0 "$word" -- '^used=1$'
	check 'ssh: no socket of one either' -- test ! -e "$KEYS/master"
	check 'ssh: tunnels live as long as the build, made again when they drop, gone at the end' -- long_build
	check 'ssh: tunnels go with whom they belong to, also when it is killed' -- killed_build
	if "$BUILD/muster" --help | grep -q '^  run '; then
		check 'ssh: a build' -- build_by_ssh
	else
		skip 'ssh: a build' 'muster run is not there'
	fi
	unset DISTCC_SSH
}
if ssh_set_up; then
	ssh_cases
else
	skip 'ssh' "openssh-server is not installed, or does not start: $(tail -1 "$KEYS/log" 2>/dev/null)"
fi

# --- The shells ------------------------------------------------------------------------------
# A muster whose place needs quoting; what it runs is written down.
ODD="$WORK/it's a \"place\""
mkdir "$ODD"
cp "$BUILD/muster" "$ODD/other"
printf '#!/bin/sh\nprintf "<%%s>" "$@"\nexit 7\n' > "$ODD/muster"
chmod 755 "$ODD/muster"

# in_shell SHELL CODE: SHELL without start files evaluates `muster shell`, then CODE; its status.
in_shell()
{
	local code='eval "$("$1" shell "$2")" || exit 99; '$2 rc=--norc
	[ "$1" = bash ] || rc=-f
	timeout 60 "$1" $rc -c "$code" sh "${MUSTER_PROGRAM:-$ODD/other}" "$1" < /dev/null > "$WORK/out" 2> "$WORK/err"
}

# shell_gives SHELL STATUS OUT CODE
shell_gives()
{
	in_shell "$1" "$4"
	local status=$?
	[ "$status" = "$2" ] && [ "$(cat "$WORK/out")" = "$3" ] && [ ! -s "$WORK/err" ] && return
	diag "status $status:" "$(cat "$WORK/out" "$WORK/err")"
	return 1
}

# usage_of WORDS…: refused, with nothing that a shell would evaluate.
usage_of()
{
	"$BUILD/muster" shell "$@" > "$WORK/out" 2> "$WORK/err"
	[ "$?" = 2 ] && [ ! -s "$WORK/out" ] && grep -q '^usage: ' "$WORK/err"
}

# What `muster run` itself does with it.
builds()
{
	local -x MUSTER_PROGRAM=$BUILD/muster DISTCC_AUTO_HOSTS="tcp://$MUSTER"
	new_tree
	printf 'all: a.o b.o\n%%.o: %%.c\n\t$(CC) -c $< -o $@\n' > makefile
	echo 'int a;' > a.c
	echo 'int b;' > b.c
	in_shell "$1" 'distcc_build make'
	[ "$?" = 0 ] && [ -s a.o ] && [ -s b.o ] && status_is '.jobs.remote >= 2' || { diag "$(cat "$WORK/out" "$WORK/err")"; return 1; }
	in_shell "$1" 'distcc_build sh -c "exit 9"'
	[ "$?" = 9 ] || { diag "the status is lost: $(cat "$WORK/out" "$WORK/err")"; return 1; }
	DISTCC_AUTO_HOSTS='a:x' in_shell "$1" 'distcc_build make'
	[ "$?" = 96 ] || { diag "no 96: $(cat "$WORK/out" "$WORK/err")"; return 1; }
}

for shell in bash zsh; do
	if ! command -v "$shell" >/dev/null; then
		skip "$shell" 'it is not installed'
		continue
	fi
	check "$shell: distcc_build hands on its words and the status" -- shell_gives "$shell" 7 \
		'<run><--auto-hosts><--><make><-j 8><a*><><-k>' 'distcc_build make "-j 8" "a*" "" -k'
	check "$shell: distcc_build without a word" -- shell_gives "$shell" 7 '<run><--auto-hosts><-->' distcc_build
	check "$shell: the code does nothing but define" -- shell_gives "$shell" 0 '' ':'
	check "$shell: also with nounset, errexit" -- shell_gives "$shell" 7 '<run><--auto-hosts><--><x>' \
		'set -eu; eval "$("$1" shell "$2")"; distcc_build x'
	if "$BUILD/muster" --help | grep -q '^  run '; then
		check "$shell: distcc_build make" -- builds "$shell"
	else
		skip "$shell: distcc_build make" 'muster run is not there'
	fi
done
check 'bash: verbs are completed' -- shell_gives bash 0 'status stop' \
	'COMP_WORDS=(muster st) COMP_CWORD=1; _muster_verbs; echo ${COMPREPLY[*]}'
check 'bash: behind a verb they are not' -- shell_gives bash 0 '' \
	'COMP_WORDS=(muster cc st) COMP_CWORD=2; _muster_verbs; echo -n ${COMPREPLY[*]}'
! command -v zsh >/dev/null || check 'zsh: verbs are known to its completion' -- shell_gives zsh 0 '_muster_verbs' \
	'autoload -Uz compinit; compinit -u -D; eval "$("$1" shell "$2")"; echo $_comps[muster]'
helps()
{
	"$BUILD/muster" shell --help 2> "$WORK/err" | grep -q '^usage: ' && [ ! -s "$WORK/err" ]
}
check 'muster shell --help' -- helps
for words in '' fish 'bash zsh'; do
	# shellcheck disable=SC2086 # words are meant
	check "muster shell $words: usage" -- usage_of $words
done
kill -CONT "$WORKER_PID"
farm_done

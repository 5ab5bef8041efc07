#!/bin/bash
# A farm with a scheduler: leases, its loss, draining, hosts of distcc, gethost, and guests that misbehave.
# Run as: scheduler.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by check
# shellcheck disable=SC2030,SC2031 # what a subshell sets is its own
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=scheduler_lib.sh
. "$(dirname "$0")/scheduler_lib.sh"
scheduler_init "${1-}"
DEBIAN=''
if command -v distcc >/dev/null && distcc --version 2>/dev/null | grep -q 'Martin Pool'; then
	DEBIAN=$(command -v distcc)
fi

# --- leases ----------------------------------------------------------------------------------

scheduler_start
FIRST=$S
worker_start --slots 2 --dedicated --allow 127.0.0.1 --scheduler "$S"
worker_start --slots 2 --dedicated --allow 127.0.0.1 --scheduler "$S"
export MUSTER_SCHEDULER=$S
check 'workers enroll' -- wait_until 20 hosts_are '[.hosts[].name] == ["w1", "w2"] and all(.hosts[]; .slots == 2)'

sources 12
same --remote=12 'a build through the scheduler' -- sh -c 'make -s -j6 CC="$SHIM gcc" FLAGS="-g -O2"'
check 'both workers took part' -- status_is '[.workers[] | select(.jobs > 0)] | length == 2'
check 'the leases go back when nothing is left to do' -- wait_until 30 hosts_are 'all(.hosts[]; .used == 0)'

# Two users, that is two agents, at once.
two_builds()
{
	local one=$WORK/one two=$WORK/two
	rm -rf "$one" "$two"
	cp -a "$TREE" "$one"
	cp -a "$TREE" "$two"
	(cd "$one" && make -s -j6 CC="$SHIM gcc" > "$WORK/one.log" 2>&1) &
	(cd "$two" && MUSTER_STATE_DIR=$WORK/b make -s -j6 CC="$SHIM gcc" > "$WORK/two.log" 2>&1) &
	wait %% && wait %-
	local i
	for i in 1 12; do
		[ -s "$one/u$i.o" ] && [ -s "$two/u$i.o" ] || return 1
	done
	MUSTER_STATE_DIR=$WORK/b status_is '.jobs.remote == 12 and .jobs.local == 0' || return 1
	MUSTER_STATE_DIR=$WORK/b "$M" stop
}
sources 12
mkdir "$WORK/b"
wanted 'two users build at once' && check 'two users build at once' -- two_builds

# --- gethost ---------------------------------------------------------------------------------

gethost_env()
{
	[ "$("$M" gethost sh -c 'echo $DISTCC_HOSTS')" = "$(cat "$WORK/w1.port")/100,lzo" ] ||
		[ "$("$M" gethost sh -c 'echo $DISTCC_HOSTS')" = "$(cat "$WORK/w2.port")/100,lzo" ]
}
check 'gethost names a host' -- wait_until 10 gethost_env
gethost_status()
{
	"$M" gethost sh -c 'exit 7' > "$WORK/out" 2>&1
	[ $? = 7 ] || return 1
	"$M" gethost /nowhere/such > "$WORK/out" 2>&1
	[ $? = 127 ] || return 1
	"$M" gethost sh -c 'kill -9 $$' > "$WORK/out" 2>&1
	[ $? = 137 ]
}
check 'gethost ends as its command does' -- gethost_status
ln -s "$M" "$WORK/gethost"
by_its_name()
{
	"$WORK/gethost" -v true 2>&1 | grep -q 'DISTCC_HOSTS=127'
}
check 'gethost by its own name' -- by_its_name
if [ "$DEBIAN" ]; then
	sources 8
	same --uncounted "Debian's distcc through gethost" -- sh -c \
		'if [ "$SHIM" ]; then make -s -j4 CC="'"$M"' gethost env DISTCC_FALLBACK=0 '"$DEBIAN"' gcc"; else make -s CC=gcc; fi'
	check '… it ran on the workers' -- grep -q 'COMPILE_OK.*u8.c' "$WORK/w1.log" "$WORK/w2.log"
else
	skip "Debian's distcc through gethost" 'distcc is not installed'
fi
lease_ends_with_life()
{
	"$M" gethost sh -c 'echo $$ > '"$WORK"'/sleeper; exec sleep 100' &
	local pid=$!
	wait_until 20 hosts_are '[.hosts[].used] | add == 1' || return 1
	kill_hard "$pid"
	wait_until 20 hosts_are '[.hosts[].used] | add == 0' && wait_until 20 is_gone "$(cat "$WORK/sleeper")"
}
check 'killed: the lease ends, and so does the command' -- lease_ends_with_life
no_platform()
{
	"$M" gethost --platform vax-ultrix sh -c 'echo $DISTCC_HOSTS' > "$WORK/out" 2> "$WORK/err"
	[ "$(cat "$WORK/out")" = localhost ] && grep -q 'runs here' "$WORK/err"
}
check 'no host: it runs here' -- no_platform

doctor_looks()
{
	timeout 60 "$M" doctor > "$WORK/out"
	grep -q "ok  *hosts  *The scheduler $S answers in .*: 2 hosts, 0 of 4 slots in use" "$WORK/out" ||
		{ diag "$(grep -i scheduler "$WORK/out")"; return 1; }
}
check 'muster doctor looks at the scheduler' -- doctor_looks

# --- hosts of distcc, drain ------------------------------------------------------------------

if command -v distccd >/dev/null && [ "$DEBIAN" ]; then
	ANY=''
	[ -e /usr/lib/distcc/gcc ] || ANY=--enable-tcp-insecure
	distccd_listens()
	{
		(: < "/dev/tcp/127.0.0.1/$DISTCCD_PORT") 2>/dev/null
	}
	# The first port that is free, below those that the system gives away by itself.
	for try in 1 2 3 4 5; do
		DISTCCD_PORT=$((20000 + (RANDOM + $$) % 12000))
		! distccd_listens || continue
		# shellcheck disable=SC2086
		"$(dirname "$DEBIAN")/distccd" --daemon --no-detach --allow 127.0.0.1 --listen 127.0.0.1 \
			--port "$DISTCCD_PORT" --log-stderr --jobs 2 $ANY < /dev/null > "$WORK/distccd.log" 2>&1 &
		DISTCCD=$!
		wait_until 10 distccd_listens && break
		diag "distccd does not start ($try): $(tail -3 "$WORK/distccd.log")"
	done
	foreign_host()
	{
		"$M" hosts add debian "distcc://127.0.0.1:$DISTCCD_PORT/2" &&
			"$M" drain w1 && "$M" drain w2 &&
			wait_until 20 hosts_are '[.hosts[] | select(.state == "drained").name] == ["w1", "w2"]' &&
			wait_until 20 hosts_are '[.hosts[] | select(.name == "debian").state] == ["open"]' || return 1
		echo 'int f(void) { return 1; }' > one.c
		"$M" gethost env DISTCC_FALLBACK=0 "$DEBIAN" gcc -c one.c -o one.o &&
			wait_until 10 grep -q one.c "$WORK/distccd.log"
	}
	new_tree
	check 'a host of distcc is added and used, drained ones are not' -- foreign_host
	sources 4
	same --remote=4 '… by an agent too' -- sh -c 'make -s -j2 CC="$SHIM gcc" '
	check 'undrain, remove' -- eval '"$M" undrain w1 && "$M" undrain w2 && "$M" hosts remove debian &&
		wait_until 20 hosts_are "[.hosts[] | select(.state == \"open\").name] == [\"w1\", \"w2\"]"'
	kill "$DISTCCD"
	check 'one that does not listen is down' -- eval '"$M" hosts add dead distcc://127.0.0.1:9 &&
		wait_until 20 hosts_are "[.hosts[] | select(.state == \"down\").why] == [\"Connection refused\"]" &&
		"$M" hosts remove dead'
else
	skip 'a host of distcc is added and used' 'distcc is not installed'
fi
refuses()
{
	local re=$1
	shift
	"$@" > "$WORK/out" 2> "$WORK/err" && return 1
	grep -qE -e "$re" "$WORK/err" || { diag "$(cat "$WORK/err")"; return 1; }
}
check 'what cannot be done is told' -- eval \
	'refuses "no distcc://" "$M" hosts add x http://h && refuses "already" "$M" hosts add w1 distcc://h &&
	refuses "no host" "$M" drain nobody && refuses "is a worker" "$M" hosts remove w1 &&
	refuses "127.0.0.1:1: " "$M" hosts --scheduler 127.0.0.1:1'

# --- its loss --------------------------------------------------------------------------------

# A build is under way; the scheduler is killed and starts again at its place. No compile comes home.
loss()
{
	local tree=$WORK/loss
	rm -rf "$tree"
	cp -a "$TREE" "$tree"
	status_save before
	(cd "$tree" && make -s -j4 CC="$SHIM g++ $SLOW_FLAGS" > "$WORK/loss.log" 2>&1) &
	local build=$!
	wait_until 30 status_is '.jobs.running > 0' || return 1
	kill_hard "$S_PID"
	wait_until 60 status_is '.scheduler.connected == false' || return 1
	scheduler_run 1 "$FIRST"
	wait_until 60 status_is '.scheduler.connected == true' || return 1
	all_were_remote "$build"
}

# all_were_remote PID: that build ends well, with its ten compiles on workers and none twice.
all_were_remote()
{
	wait "$1" || { diag "$(cat "$WORK/loss.log")"; return 1; }
	counters_hold remote 10 '' && status_is '.retries == 0' && return
	counters_show
	return 1
}
slow_tree()
{
	new_tree
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		{ slow_source 12; echo "int unit$i;"; } > "u$i.cc"
	done
	printf 'OBJECTS := $(patsubst %%.cc,%%.o,$(wildcard u*.cc))\nall: $(OBJECTS)\n%%.o: %%.cc; $(CC) -c $< -o $@\n' > Makefile
}
if wanted 'the scheduler is killed under load'; then
	slow_tree
	check 'the scheduler is killed under load, comes back, and no compile comes home' -- loss
	check '… its workers come back by themselves' -- wait_until 30 hosts_are '[.hosts[].name] == ["w1", "w2"]'
fi

# Without any, leases are kept while there is work; when a build begins without one, it runs here.
alone()
{
	kill_hard "$S_PID"
	wait_until 60 status_is '.scheduler.leased == 0' || return 1
	echo 'int f(void) { return 1; }' > alone.c
	"$SHIM" gcc -c alone.c && [ -s alone.o ] && status_is '.why_local == {"no scheduler can be reached": 1}'
}
new_tree
check 'without a scheduler compiles run here' -- alone

# A second one of the list takes over.
scheduler_run 1 "$FIRST"
A_PID=$S_PID
scheduler_start
B=$S B_PID=$S_PID
"$BUILD/scheduler_load" --mute "$B" > "$WORK/mute" 2>&1 &
worker_start --slots 2 --dedicated --scheduler "$FIRST,$B"
export MUSTER_SCHEDULER=$FIRST,$B
in_both()
{
	ASK=$FIRST hosts_are '[.hosts[].name] | index("w3") != null' && ASK=$B hosts_are '[.hosts[].name] == ["w3"]'
}
check 'a worker reports to all schedulers of its list' -- wait_until 30 in_both
take_over()
{
	local tree=$WORK/loss
	rm -rf "$tree"
	cp -a "$TREE" "$tree"
	status_save before
	(cd "$tree" && make -s -j4 CC="$SHIM g++ $SLOW_FLAGS" > "$WORK/loss.log" 2>&1) &
	local build=$!
	wait_until 30 status_is '.jobs.running > 0' || return 1
	kill_hard "$A_PID"
	wait_until 60 status_is ".scheduler.address == \"$B\"" || return 1
	all_were_remote "$build"
}
if wanted 'the next scheduler takes over'; then
	slow_tree
	check 'the next scheduler takes over a build' -- take_over
fi

# --- who misbehaves --------------------------------------------------------------------------

S=$B
"$BUILD/scheduler_load" --help > /dev/null 2>&1 || bail 'scheduler_load is not built'
check 'garbage is closed, and logged once' -- eval \
	'for i in 1 2 3; do "$BUILD/scheduler_load" --garbage "$B" > "$WORK/garbage"; done; said 2 "closed: a message longer" 1'
check 'another dialect is refused in words' -- eval \
	'"$BUILD/scheduler_load" --dialect 9 "$B" | grep -q "update the scheduler" && said 2 "dialect 9" 1'
check 'a flood ends with its connection, others go on' -- eval \
	'"$BUILD/scheduler_load" --flood "$B" > "$WORK/flood"; said 2 "more than 4000 messages a second" 1 && hosts_are ".hosts | length == 1"'
check 'a worker that lies about its slots gets a limit' -- eval \
	'"$BUILD/scheduler_load" --liar "$B" > "$WORK/liar" & wait_until 20 hosts_are "[.hosts[] | select(.name == \"liar\").slots] == [4096]" && kill $!; said 2 "says that it has" 1'
check 'of two with one name, the second gets another' -- eval \
	'"$BUILD/scheduler_load" --liar --name w3 "$B" > "$WORK/liar" & wait_until 20 hosts_are "[.hosts[].name] == [\"w3\", \"w3-2\"]" && kill $!'
check 'silence after the first words is not waited for long' -- wait_until 30 test -s "$WORK/mute"
check 'it still serves' -- hosts_are '.hosts | length > 0'

# --- what is kept ----------------------------------------------------------------------------

kept()
{
	"$M" hosts --scheduler "$B" add keep distcc://127.0.0.1:9/3 || return 1
	kill "$B_PID"
	wait_until 20 is_gone "$B_PID"
	scheduler_run 2 "$B"
	B_PID=$S_PID
	wait_until 20 hosts_are '[.hosts[] | select(.name == "keep").slots] == [3]'
}
check 'an added host outlives a restart' -- kept
damaged()
{
	kill "$B_PID"
	wait_until 20 is_gone "$B_PID"
	head -c 8192 /dev/urandom > "$WORK/s2/scheduler.db"
	rm -f "$WORK/s2/scheduler.db-wal"
	scheduler_run 2 "$B"
	B_PID=$S_PID
	[ -s "$WORK/s2/scheduler.db.bad" ] && said 2 'cannot be used' 1
}
check 'a damaged history is put aside' -- damaged

# --- found by mDNS -----------------------------------------------------------------------------

# avahi's tools are stand-ins: what the fifo is told, avahi-browse prints; what avahi-publish-service is told, is kept.
AVAHI=$WORK/avahi
mkdir "$AVAHI" "$WORK/c" "$WORK/d"
for type in _muster._tcp _distcc._tcp _muster-farm._tcp; do mkfifo "$AVAHI/$type"; done
cat > "$AVAHI/avahi-browse" <<-END
	#!/bin/sh
	for type; do :; done
	exec cat <> "$AVAHI/\$type"
END
cat > "$AVAHI/avahi-publish-service" <<-END
	#!/bin/sh
	printf '%s|' "\$@" > "$AVAHI/published"
	exec cat <> "$WORK/never"
END
chmod 755 "$AVAHI"/avahi-*
exec 7<> "$AVAHI/_muster-farm._tcp"
PATH=$AVAHI:$PATH scheduler_start --zeroconf --farm blue --no-state
F=$S
worker_start --slots 2 --dedicated --farm blue --scheduler "$F"
check 'a scheduler announces itself' -- wait_until 10 grep -qF "|_muster-farm._tcp|${F##*:}|farm=blue|" "$AVAHI/published"
# found_by STATE FARM: an agent of that farm, which looks for announced schedulers, compiles.
found_by()
{
	(
		unset MUSTER_SCHEDULER
		export MUSTER_STATE_DIR=$1 MUSTER_FARM=$2 MUSTER_HOSTS=+zeroconf
		PATH=$AVAHI:$PATH "$SHIM" gcc -c f.c || exit 1
		echo "=;lo;IPv4;f;_muster-farm._tcp;local;vm.local;127.0.0.1;${F##*:};\"farm=blue\"" >&7
		wait_until 20 "$3" || exit 1
		"$SHIM" gcc -c f.c
		status_is "$4"
		status=$?
		[ "$status" = 0 ] || diag "$(timeout 20 "$M" status --json | jq -c '{jobs, why_local, scheduler}')"
		"$M" stop
		exit "$status"
	)
}
in_blue() { status_is '.scheduler.farm == "blue"'; }
in_none() { status_is '.scheduler.connected == false'; }
new_tree
echo 'int f(void) { return 1; }' > f.c
check 'an agent of its farm finds it' -- found_by "$WORK/c" blue in_blue '.jobs.remote == 1'
check '… one of another does not use it' -- found_by "$WORK/d" red in_none '.jobs.remote == 0'
check '… nor one of none' -- found_by "$WORK/d" '' in_none '.jobs.remote == 0'

# worker_finds NAME WORD…: a worker of that name with these options, while the scheduler is announced with these words of TXT.
worker_finds()
{
	local txt=$1
	shift
	(
		unset MUSTER_SCHEDULER
		PATH=$AVAHI:$PATH
		worker_start --slots 1 --dedicated "$@"
		echo "$WORKER_PID" > "$WORK/finder"
	)
	WORKERS=$((WORKERS + 1))
	echo "=;lo;IPv4;f;_muster-farm._tcp;local;vm.local;127.0.0.1;${F##*:};$txt" >&7
	W=$WORK/w$WORKERS.log
}
ends()
{
	kill "$(cat "$WORK/finder")"
	wait_until 20 is_gone "$(cat "$WORK/finder")"
}
S=$F
# What is announced by a farm that proves itself is not even dialled by who cannot.
finds()
{
	echo '=;lo;IPv4;e;_muster-farm._tcp;local;vm.local;127.0.0.1;9;"farm=blue" "print=0123456789abcdef"' >&7
	worker_finds '"farm=blue"' --farm blue --scheduler +zeroconf
	wait_until 20 grep -q 'took this worker into its farm' "$W" && hosts_are '[.hosts[].slots] | add == 3' &&
		! grep -q '127.0.0.1:9 ' "$W"
}
check 'a worker of its farm finds it, too' -- finds
ends
stays_away()
{
	worker_finds "$@" --scheduler +zeroconf
	wait_until 20 grep -qE "$RE" "$W" && ! grep -q 'took this worker' "$W"
}
RE="of another farm, 'blue'|belongs to farm" check '… one of another does not' -- stays_away '"farm=blue"'
ends
# A worker that is asked to drain ends when its work does.
check 'a worker drains on SIGUSR1' -- eval 'kill -USR1 "$WORKER_PID" && wait_until 30 is_gone "$WORKER_PID"'
farm_done

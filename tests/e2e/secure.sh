#!/bin/bash
# Who is let in: keys, farms, workers that call. Each case has an agent of its own, so that it knows nothing of the one before.
# usage: secure.sh BUILD_FOLDER
. "$(dirname "$0")/farm.sh"
[ -z "$FARM_PLAIN" ] || skip_all 'nothing here is about compiling'
farm_init "$1"
chmod 1777 "$WORK" # so that root's workers give up root, and go on with the keys
export HOME=$WORK/home XDG_CONFIG_HOME='' XDG_DATA_HOME='' XDG_CACHE_HOME=''
mkdir -p "$HOME" "$WORK/tree"
cd "$WORK/tree" || exit 99
echo 'int f(void) { return 1; }' > f.c
AGENTS=0

muster()
{
	timeout 60 "$BUILD/muster" "$@"
}

# compile HOSTS [NAME=VALUE...]: one compile with an agent of its own; its status goes to $WORK/end.json. The object is there in any
# case: nobody is worse off than without workers.
compile()
{
	local hosts=$1 status
	shift
	AGENTS=$((AGENTS + 1))
	rm -f f.o
	env MUSTER_STATE_DIR="$WORK/a$AGENTS" MUSTER_HOSTS="$hosts" "$@" timeout 60 "$BUILD/muster-cc" gcc -c f.c
	status=$?
	MUSTER_STATE_DIR=$WORK/a$AGENTS muster status --json > "$WORK/end.json" 2>/dev/null
	MUSTER_STATE_DIR=$WORK/a$AGENTS muster stop >/dev/null 2>&1
	[ $status -eq 0 ] && [ -s f.o ]
}

went_there()
{
	jq -e '.jobs.remote == 1 and .jobs.local == 0' "$WORK/end.json" >/dev/null || {
		diag "$(jq -c '{jobs, why_local, workers: [.workers[] | {address, state, why}]}' "$WORK/end.json")"
		return 1
	}
}

# stayed_here WORDS: and the worker's line says why.
stayed_here()
{
	jq -e --arg words "$1" '.jobs.remote == 0 and .jobs.local == 1 and any(.workers[]; .why | contains($words))' \
		"$WORK/end.json" >/dev/null || {
		diag "$(jq -c '{jobs, why_local, workers: [.workers[] | {address, state, why}]}' "$WORK/end.json")"
		return 1
	}
}

goes_there()
{
	compile "$@" && went_there
}

# stays_here WORDS HOSTS [NAME=VALUE...]
stays_here()
{
	local words=$1
	shift
	compile "$@" && stayed_here "$words"
}

# fails WORDS COMMAND...: with a sentence that has these words.
fails()
{
	local words=$1
	shift
	timeout 60 "$@" > "$WORK/said" 2>&1 < /dev/null && return 1
	grep -qF -- "$words" "$WORK/said" || {
		diag "$(cat "$WORK/said")"
		return 1
	}
}

# --- keys ------------------------------------------------------------------------------------

K1=$WORK/k1 K2=$WORK/k2
quietly()
{
	"$@" > "$WORK/said"
}
check 'muster key makes a key' -- quietly muster key "$K1"
check 'its mode is 600' -- test "$(stat -c %a "$K1")" = 600
check 'it is never overwritten' -- fails 'never overwritten' "$BUILD/muster" key "$K1"
muster key "$K2" > /dev/null
worker_start --key-file "$K1" || bail 'a worker does not start'
KEYED=$ADDRESS
worker_start || bail 'a worker does not start'
OPEN=$ADDRESS
check 'two workers, one with the key' -- goes_there "$KEYED" MUSTER_KEY_FILE="$K1"
check 'no key' -- stays_here 'this machine wants a key: put a copy' "$KEYED"
check 'another key' -- stays_here 'both sides want the same key file' "$KEYED" MUSTER_KEY_FILE="$K2"
check 'on loopback, who has a key may use who has none' -- goes_there "$OPEN" MUSTER_KEY_FILE="$K1"
check ',plain and a worker that wants a key' -- stays_here 'this machine wants a key' "$KEYED,plain" MUSTER_KEY_FILE="$K1"
mkdir -p "$HOME/.config/muster"
cp "$K1" "$HOME/.config/muster/key"
check 'the key in its usual place' -- goes_there "$KEYED"
chmod 640 "$HOME/.config/muster/key"
check 'a key that others may read is not used' -- stays_here 'others may get at it' "$KEYED"
check 'nor by a worker' -- fails 'chmod 600' "$BUILD/muster-worker" --listen 127.0.0.1:0 --state "$WORK/wx"
rm "$HOME/.config/muster/key"
check 'a key that is named and missing' -- stays_here 'is not there' "$KEYED" MUSTER_KEY_FILE="$WORK/none"

# --- beyond loopback -------------------------------------------------------------------------

check 'a worker for all the world is refused' -- fails 'muster join TOKEN' \
	"$BUILD/muster-worker" --listen 0.0.0.0:0 --state "$WORK/wx"
check 'and says what to do' -- grep -q -- '--allow NETWORK' "$WORK/said"
# An address of this machine that is not loopback, if there is one.
FACE=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m 1 -E '^[0-9.]+$')
if [ "$FACE" ]; then
	worker_start --listen "$FACE:0" --allow "$FACE" || bail 'a worker does not start'
	check 'a plain worker elsewhere is not used by who has a key' -- \
		stays_here "write ',plain' behind its name" "$ADDRESS" MUSTER_KEY_FILE="$K1"
	check 'but with ,plain' -- goes_there "$ADDRESS,plain" MUSTER_KEY_FILE="$K1"
	check 'and by who has none' -- goes_there "$ADDRESS"
	worker_start --listen "$FACE:0" --key-file "$K1" || bail 'a worker does not start'
	check 'with a key it may listen anywhere' -- goes_there "$ADDRESS" MUSTER_KEY_FILE="$K1"
	worker_start --listen "$FACE:0" --allow 203.0.113.7 || bail 'a worker does not start'
	compile "$ADDRESS"
	check '--allow lets nobody else in' -- test "$(jq .jobs.remote "$WORK/end.json")" = 0
else
	skip 'beyond loopback' 'this machine has no other address'
fi

# --- who is in the middle --------------------------------------------------------------------

# through FAULT...: starts a relay to the worker with the key; its address goes to $ADDRESS.
through()
{
	rm -f "$WORK/relay.port"
	"$BUILD/relay" --to "$KEYED" --listen 127.0.0.1:0 --port-file "$WORK/relay.port" "$@" &
	RELAY=$!
	wait_until 30 test -s "$WORK/relay.port"
	ADDRESS=$(cat "$WORK/relay.port")
}

# Turned in the handshake, in the HELLO, in the job; in the other direction too. Whatever happens, the object is right.
gcc -c f.c -o want.o
for fault in '--flip-at 60' '--flip-at 300' '--flip-at 2000' '--cut-after 400' '--flip-at 200 --down' '--flip-at 600 --down'; do
	# shellcheck disable=SC2086 # two words
	through $fault
	check "a relay with $fault" -- compile "$ADDRESS" MUSTER_KEY_FILE="$K1" MUSTER_PEER_TIMEOUT_MS=5000
	check "$fault: the object is right" -- cmp f.o want.o
	kill "$RELAY"
done
through
check 'a relay that only listens' -- goes_there "$ADDRESS" MUSTER_KEY_FILE="$K1"
kill "$RELAY"

# --- workers that call -----------------------------------------------------------------------

# A door is asked for over the agent's socket; lines come back until we hang up. door BUILD KEYFILE: on descriptor 5.
door()
{
	local query="callers 127.0.0.1:0 $1 $2" n
	rm -f "$WORK/door.port"
	"$BUILD/relay" --to "unix:$MUSTER_STATE_DIR/agent.sock" --port-file "$WORK/door.port" &
	wait_until 30 test -s "$WORK/door.port"
	exec 5<> "/dev/tcp/127.0.0.1/$(sed 's/.*://' "$WORK/door.port")"
	n=${#query}
	{
		le32 $((n + 5))
		printf '\10'
		le32 "$n"
		printf '%s\0' "$query"
	} >&5
	cat <&5 > "$WORK/door" 5>&- &
	wait_until 30 grep -aq '"door"' "$WORK/door"
	DOOR=$(grep -ao '"door":"[^"]*"' "$WORK/door" | cut -d '"' -f 4)
}

le32()
{
	# shellcheck disable=SC2059 # it is one
	printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 & 255)) $(($1 >> 8 & 255)) 0 0)"
}

remote_jobs()
{
	status_get .jobs.remote
}

export MUSTER_HOSTS=+callers=b1
timeout 60 "$BUILD/muster-cc" gcc -c f.c
check 'nobody has called' -- status_is '.why_local["no worker has called yet"] == 1'
door b1 "$K1"
check 'a door opens' -- test "$DOOR"
check 'a caller with another key is refused, and ends' -- fails 'both sides want the same key file' \
	"$BUILD/muster-worker" --call "$DOOR" --key-file "$K2" --state "$WORK/c0"
check '--call wants a key' -- fails 'wants a key' "$BUILD/muster-worker" --call "$DOOR" --state "$WORK/c0"
exec 6< "$K1"
MUSTER_WORKER_KEY_FD=6 "$BUILD/muster-worker" --call "$DOOR" --name job-7 --state "$WORK/c1" --grace 1 > "$WORK/c1.log" 2>&1 &
CALLER=$!
exec 6<&-
check 'a caller comes' -- wait_until 30 grep -aq '"up":"job-7"' "$WORK/door"
timeout 60 "$BUILD/muster-cc" gcc -c f.c
check 'and compiles' -- test "$(remote_jobs)" = 1
MUSTER_HOSTS=+callers=b2 timeout 60 "$BUILD/muster-cc" gcc -c f.c
check 'but not for another build' -- test "$(remote_jobs)" = 1
kill -KILL "$CALLER"
wait "$CALLER" 2>/dev/null
check 'its end is told' -- wait_until 30 grep -aq '"down":"job-7"' "$WORK/door"
"$BUILD/muster-worker" --call "$DOOR" --key-file "$K1" --name job-8 --state "$WORK/c2" --grace 1 > "$WORK/c2.log" 2>&1 &
CALLER=$!
check 'another one comes' -- wait_until 30 grep -aq '"up":"job-8"' "$WORK/door"
exec 5>&-
kill %cat 2>/dev/null
for pid in $(jobs -p); do
	grep -qsa "unix:$MUSTER_STATE_DIR" "/proc/$pid/cmdline" && kill "$pid"
done
check 'a caller ends when its door is gone' -- wait_until 60 is_gone "$CALLER"
check 'without complaint' -- grep -q 'cannot be reached for 1 seconds: leaving' "$WORK/c2.log"
muster stop > /dev/null

# --- a farm ----------------------------------------------------------------------------------

F=$WORK/farm
muster farm init --name test "$F" > "$WORK/said"
check 'a farm is made' -- test "$(stat -c %a "$F")$(stat -c %a "$F/authority.key")" = 700600
check 'once' -- fails 'one already' "$BUILD/muster" farm init "$F"
check 'it listens nowhere unless told to' -- fails 'at which address of this machine' "$BUILD/muster" farm serve --dir "$F"
check 'nor does a token name a place that nobody said' -- fails 'nobody said where' "$BUILD/muster" farm token --dir "$F"
check 'it says how to go on' -- grep -q 'farm serve --listen' "$WORK/said"
"$BUILD/muster" farm serve --dir "$F" --listen 127.0.0.1:0 > "$WORK/serve" 2> "$WORK/serve.log" &
wait_until 30 grep -q 'enrols at' "$WORK/serve"
ENROLS=$(sed -n 's/.*enrols at //p' "$WORK/serve")

token()
{
	muster farm token --dir "$F" --address "$ENROLS" "$@" | sed 's/^muster join //'
}

USER_TOKEN=$(token --role user)
check 'a worker joins' -- quietly muster join --dir "$WORK/w" --name w1 "$(token --role worker)"
joins_unseen()
{
	echo "muster join $2" | muster join --dir "$WORK/$1" --name "$3" - > "$WORK/said"
}
check 'a user joins' -- quietly muster join --dir "$WORK/u" --name anna "$USER_TOKEN"
check 'a user joins with a token that no process list shows' -- joins_unseen b "$(token --role user)" ben
check 'a token that is not there' -- fails 'no token on standard input' "$BUILD/muster" join --dir "$WORK/x" -
check 'where it is reached is remembered' -- quietly muster farm init --address 127.0.0.1:47 "$WORK/remembers"
check 'and stands in tokens' -- grep -q 'join 127.0.0.1:47/' <(muster farm token --dir "$WORK/remembers")
check 'the key is 600' -- test "$(stat -c %a "$WORK/u/key.pem")" = 600
check 'a token counts once' -- fails 'was used up' "$BUILD/muster" join --dir "$WORK/x" --name eve "$USER_TOKEN"
check 'names are taken' -- fails 'somebody is called anna' "$BUILD/muster" join --dir "$WORK/x" --name anna "$(token)"
check 'a mistyped token' -- fails 'mistyped' "$BUILD/muster" join --dir "$WORK/x" "${USER_TOKEN%?????}AAAAA"
muster farm init "$WORK/other" > /dev/null
check 'a token of another farm' -- fails 'it is not the farm that the token is of' "$BUILD/muster" join --dir "$WORK/x" \
	"$(F=$WORK/other token)"
check 'nothing came of these' -- test ! -e "$WORK/x/certificate.pem"
check 'who is in' -- test "$(muster farm list --dir "$F" | wc -l)" = 3
MUSTER_FARM_DIR=$WORK/w worker_start --verbose || bail 'a worker does not start'
FARMED=$ADDRESS FARMED_LOG=$WORK/w$WORKERS.log
check 'a user and a worker of one farm' -- goes_there "$FARMED" MUSTER_FARM_DIR="$WORK/u"
check 'no certificate' -- stays_here 'this farm wants a token' "$FARMED"
check 'a key in place of a certificate' -- stays_here 'it shows a farm' "$FARMED" MUSTER_KEY_FILE="$K1"
check 'a worker is no user' -- stays_here 'w1 may only be worker' "$FARMED" MUSTER_FARM_DIR="$WORK/w"
check 'a user is no worker' -- fails 'joined the farm as a user only' env MUSTER_FARM_DIR="$WORK/u" \
	"$BUILD/muster-worker" --listen 0.0.0.0:0 --state "$WORK/wx"
MUSTER_FARM_DIR=$WORK/u worker_start || bail 'a worker does not start'
check 'but on his own loopback' -- goes_there "$ADDRESS" MUSTER_FARM_DIR="$WORK/u"
check 'a farm and a key beside it' -- goes_there "$KEYED" MUSTER_FARM_DIR="$WORK/u" MUSTER_KEY_FILE="$K1"
MUSTER_FARM_DIR=$F "$BUILD/muster-scheduler" --listen 127.0.0.1:0 --no-state --port-file "$WORK/s.port" \
	< /dev/null > "$WORK/s.log" 2>&1 &
S_PID=$!
wait_until 30 worker_ready "$WORK/s.port" "$S_PID"
anna_asks()
{
	MUSTER_FARM_DIR=$WORK/u muster hosts --scheduler "$(cat "$WORK/s.port")" --json > /dev/null 2> "$WORK/said"
}
anna_is_refused()
{
	! anna_asks && grep -q 'the certificate of anna was revoked' "$WORK/said"
}
check 'a scheduler of the farm' -- anna_asks
check 'renewal' -- muster join --renew --dir "$WORK/u"
# One whose connection stands when he is put out.
export MUSTER_FARM_DIR=$WORK/u MUSTER_STATE_DIR=$WORK/standing
MUSTER_HOSTS=$FARMED timeout 60 "$BUILD/muster-cc" gcc -c f.c
check 'a connection stands' -- test "$(remote_jobs)" = 1
unset MUSTER_FARM_DIR
export MUSTER_STATE_DIR=$WORK/a
check 'somebody is put out' -- quietly muster revoke --dir "$F" anna
check 'he gets nothing new' -- fails 'was revoked' "$BUILD/muster" join --renew --dir "$WORK/u"
check 'the worker hears of it' -- muster join --renew --dir "$WORK/w"
# The worker looks at its files every ten seconds.
anna_is_out()
{
	stays_here 'the certificate of anna was revoked' "$FARMED" MUSTER_FARM_DIR="$WORK/u" > /dev/null
}
his_connection_is_cut()
{
	grep -q 'gone: the certificate of anna was revoked' "$FARMED_LOG"
}
check 'and cuts the connection that stands' -- wait_until 60 his_connection_is_cut
MUSTER_STATE_DIR=$WORK/standing muster stop > /dev/null
check 'and lets him in no more' -- wait_until 60 anna_is_out
check 'nor does the scheduler' -- wait_until 60 anna_is_refused
kill "$S_PID"
check 'who is in, now' -- test "$(muster farm list --dir "$F" | wc -l)" = 2
echo '{}' > "$WORK/end.json"
farm_done

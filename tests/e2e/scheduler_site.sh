#!/bin/bash
# A scheduler that stands before another one, for a site; and one that makes a farm and lets others in.
# Run as: scheduler_site.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=scheduler_lib.sh
. "$(dirname "$0")/scheduler_lib.sh"
scheduler_init "${1-}"

# --- a site --------------------------------------------------------------------------------------

scheduler_start --name big
BIG=$S BIG_PID=$S_PID
worker_start --slots 2 --dedicated --scheduler "$BIG"
scheduler_start --name site --upstream "$BIG"
SITE=$S
worker_start --slots 2 --dedicated --scheduler "$SITE"
export MUSTER_SCHEDULER=$SITE
behind()
{
	ASK=$BIG hosts_are '.agents == 1 and .hosts[0].name == "w1"'
}
check 'a site sees its own workers only' -- wait_until 20 hosts_are '[.hosts[].name] == ["w2"]'
check '… and is one agent to the scheduler behind it' -- wait_until 20 behind
sources 12
same --remote=12 'a build of the site' -- sh -c 'make -s -j6 CC="$SHIM gcc" FLAGS="-g -O2"'
check 'the workers of both took part' -- status_is '[.workers[] | select(.jobs > 0)] | length == 2'
back()
{
	ASK=$BIG hosts_are '.hosts[0].used == 0' && ASK=$SITE hosts_are '[.hosts[].name] == ["w2"]'
}
check 'what was borrowed goes back' -- wait_until 30 back

# Nothing of the site's own: all is borrowed, and the users of both share it.
kill "$WORKER_PID"
check 'a site without workers' -- wait_until 20 hosts_are '.hosts == []'
sources 6
same --remote=6 'its builds run on what it borrows' -- sh -c 'make -s -j3 CC="$SHIM gcc" FLAGS=-O1'
two_of_two()
{
	(MUSTER_SCHEDULER=$BIG "$M" gethost --platform "$(uname -m)-linux" sleep 0.2) > "$WORK/out" 2>&1
	grep -q "no host of this farm speaks distcc's protocol: add a distccd" "$WORK/out"
}
check 'gethost, where no host speaks distcc, is told so' -- two_of_two

# The one behind is killed while the site borrows: no compile fails or comes home.
behind_lost()
{
	local tree=$WORK/loss i
	rm -rf "$tree"
	cp -a "$TREE" "$tree"
	status_save before
	(cd "$tree" && make -s -j2 CC="$SHIM g++ $SLOW_FLAGS" > "$WORK/loss.log" 2>&1) &
	local build=$!
	wait_until 30 status_is '.jobs.running > 0' || return 1
	kill -9 "$BIG_PID"
	wait "$BIG_PID" 2> /dev/null
	wait_until 20 grep -q 'upstream=.* it closed\|upstream=.*reset' "$WORK/s2.log" || return 1
	scheduler_run 1 "$BIG"
	wait "$build" || { diag "$(cat "$WORK/loss.log")"; return 1; }
	counters_hold remote 6 '' && status_is '.retries == 0' && return
	counters_show
	return 1
}
new_tree
for i in 1 2 3 4 5 6; do
	{ slow_source 12; echo "int unit$i;"; } > "u$i.cc"
done
printf 'OBJECTS := $(patsubst %%.cc,%%.o,$(wildcard u*.cc))\nall: $(OBJECTS)\n%%.o: %%.cc; $(CC) -c $< -o $@\n' > Makefile
check 'the one behind is killed and comes back: no compile comes home' -- behind_lost
S=$SITE
ring()
{
	scheduler_start --name third --upstream "$SITE"
	wait_until 20 said 3 "it is a site's scheduler, and so is this one" 1
}
check 'a third one in a row is refused' -- ring
unset MUSTER_SCHEDULER
"$M" stop

# --- it makes a farm, and lets others in ------------------------------------------------------------

FARM=$WORK/made
check 'init makes a farm and tells how to join' -- eval '"$BUILD/muster-scheduler" init --name lab "$FARM" > "$WORK/out" &&
	grep -q "muster farm token --dir $FARM" "$WORK/out" && grep -q -- "--home $FARM" "$WORK/out"'
check '… which is never overwritten' -- eval '! "$BUILD/muster-scheduler" init "$FARM" > "$WORK/out" 2>&1'
scheduler_start --home "$FARM"
joins()
{
	local token
	token=$("$M" farm token --dir "$FARM" --address "$S" --role both) || return 1
	"$M" join --name "$1" --dir "$WORK/$1" "${token##* }" > "$WORK/out" 2>&1 || { diag "$(cat "$WORK/out")"; return 1; }
}
check 'who has a token joins at the scheduler itself' -- joins ann
check 'a worker joins' -- joins box
worker_farm()
{
	MUSTER_FARM_DIR=$WORK/box worker_start --slots 2 --dedicated --scheduler "$S" &&
		MUSTER_FARM_DIR=$WORK/ann wait_until 20 hosts_are '.hosts[].slots == 2'
}
check '… and offers its slots by its certificate' -- worker_farm
sources 4
export MUSTER_FARM_DIR=$WORK/ann MUSTER_SCHEDULER=$S
same --remote=4 'a build of a member' -- sh -c 'make -s -j2 CC="$SHIM gcc" FLAGS=-O1'
"$M" stop
revoked()
{
	"$M" revoke --dir "$FARM" ann > "$WORK/out" || return 1
	wait_until 30 turned_away
}
turned_away()
{
	! timeout 20 "$M" hosts > "$WORK/out" 2>&1 && grep -q 'revoked' "$WORK/out"
}
check 'who is revoked is let in no more' -- revoked
unset MUSTER_FARM_DIR MUSTER_SCHEDULER
check 'nor is who has not joined' -- eval '! "$M" hosts --scheduler "$S" > "$WORK/out" 2>&1 && grep -q token "$WORK/out"'
farm_done

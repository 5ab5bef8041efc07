#!/bin/bash
# Workers from Mesos: a master of our own (tests/engine/mesos_master.py), which really runs tasks.
. "$(dirname "$0")/farm.sh"
. "$E2E/engines.sh"
command -v python3 >/dev/null || skip_all 'python3 is not installed'
farm_init "$1"
engines_init

# master NAME [ARGUMENT…]: $MASTER is its HOST:PORT.
master()
{
	local file=$WORK/$1.port
	shift
	python3 "$E2E/../engine/mesos_master.py" --port-file "$file" --state "$WORK/tmp" "$@" < /dev/null > "$WORK/master.log" 2>&1 &
	wait_until 20 test -s "$file" || bail "the master does not start: $(cat "$WORK/master.log")"
	MASTER=$(cat "$file")
}

control()
{
	python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())' "http://$MASTER/control?do=$1"
}

engine_left()
{
	control state | jq -r '(.frameworks[] | select(.removed | not) | "framework \(.id)"), (.tasks[] | select(.alive) | "task \(.id)")'
}

master first
first=$MASTER
# shellcheck disable=SC2034 # for engines.sh
URL="mesos://$MASTER?slots=4"
story_identical mesos
story_killed mesos
lose_agent()
{
	control 'lose&agent=0' > /dev/null
}
story_loss mesos 'an agent is lost' lose_agent
fail_over()
{
	control failover > /dev/null
}
story_loss mesos 'the master fails over' fail_over
rescind()
{
	control rescind > /dev/null
}
story_loss mesos 'offers are rescinded' rescind
remove_framework()
{
	control remove > /dev/null
}
story_loss mesos 'the framework is removed' remove_framework

# Agents fetch the worker's file by a second port.
port=$((20000 + RANDOM % 12000))
! wanted 'mesos: by an address outside' || relay_to "$port" "127.0.0.2:$port"
story_outside mesos "$URL&files=127.0.0.2:$port"
story_refused 'mesos: an address outside, but none for the file' "$URL&call=192.0.2.1:7000&listen=127.0.0.1:0" 'where do they get their file.*files=HOST:PORT'

# As the old script was called.
if wanted 'mesos-distcc'; then
	c_project 40
	printf "# where\nMESOS_MASTER = '%s'\n" "$first" > .mesos-distcc.rc
	PATH=$PLAIN_PATH timeout 240 "$MUSTER" mesos-distcc pump make -j 8 > "$WORK/out" 2> "$WORK/err" < /dev/null
	check 'mesos-distcc: the build succeeds' -- test $? = 0
	check 'mesos-distcc: identical to local' -- objects_are_right
	check 'mesos-distcc: as many slots as jobs' -- says 'with 8 slots|no worker came in time'
	check 'mesos-distcc: all is given back' -- given_back
fi

# A pool for all builds.
if wanted 'up and down'; then
	check 'up' -- test "$(timeout 100 "$MUSTER" up --workers "$URL" -n 8 | tail -1)" = "export MUSTER_HOSTS='+callers=up'"
	c_project 10
	before=$(status_get .jobs.remote)
	PATH=$PLAIN_PATH MUSTER_HOSTS=+callers=up timeout 240 "$MUSTER" run make -j4 > "$WORK/out" 2> "$WORK/err" < /dev/null
	check 'up: the workers are used' -- status_is ".jobs.remote == $before + 10"
	check 'up: a second time is refused' -- sh -c '! "$0" up --workers local://1' "$MUSTER"
	control drop > /dev/null
	check 'down, while there is no stream of events' -- timeout 60 "$MUSTER" down
	check 'down: all is given back' -- given_back
fi

# Through a master that is not the leader, and past one that is not there.
master second --redirect "$first"
c_project 20
run_it --require-workers 1 --workers "mesos://127.0.0.1:1,$MASTER?slots=4" make -j8
check 'mesos: the leader is found' -- test "$STATUS" = 0
MASTER=$first
check 'mesos: the leader is found: all is given back' -- given_back

master third --secret farm:s3
echo s3 > "$WORK/secret"
story_refused 'mesos: who has no secret' "mesos://$MASTER" 'does not let us in'
c_project 20
run_it --require-workers 1 --workers "mesos://$MASTER?principal=farm&secret-file=$WORK/secret" make -j8
check 'mesos: who has it' -- test "$STATUS" = 0
check 'mesos: who has it: all is given back' -- given_back
MASTER=$first
story_refused 'mesos: nothing is large enough' "mesos://$MASTER?cpus=100" 'offers nothing that is large enough'
story_refused 'mesos: nobody there' 'mesos://127.0.0.1:1' 'no master can be reached'
story_refused 'mesos: ZooKeeper' 'mesos://zk/' 'a master is HOST:PORT'
story_refused 'mesos: as MESOS_MASTER has it' 'mesos://zk://z1:2181,z2:2181/mesos' 'ZooKeeper is not asked.*mesos://HOST:PORT'
farm_done

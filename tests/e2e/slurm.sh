#!/bin/bash
# Workers from Slurm: a real one with four nodes of four CPUs on this machine, started and ended by this script.
. "$(dirname "$0")/farm.sh"
. "$E2E/engines.sh"
PATH=$PATH:/usr/sbin:/sbin
for program in slurmctld slurmd munged sbatch; do
	command -v "$program" >/dev/null || skip_all "$program is not installed (apt-get install slurm-wlm munge)"
done
farm_init "$1"
engines_init
SLURM=$E2E/../slurm
for try in 1 2 3 4 5; do
	PORT=$((20000 + (RANDOM + $$) % 12000 / 10 * 10))
	port_is_open "$PORT" || port_is_open $((PORT + 1)) || port_is_open $((PORT + 4)) || break
	diag "port $PORT is taken ($try)"
done
trap 'in_child || { bash "$SLURM/down.sh" "$WORK/slurm"; farm_cleanup; }' EXIT
bash "$SLURM/up.sh" "$WORK/slurm" 4 4 "$PORT" 2> "$WORK/up.log" || bail "$(cat "$WORK/up.log")"
export SLURM_CONF=$WORK/slurm/slurm.conf
URL='slurm://'

engine_left()
{
	timeout 20 squeue -h -r -o '%i %j %T' 2>&1 | grep 'muster-' | grep -v COMPLETING
}

story_identical slurm
story_killed slurm

# A node dies: its slurmd, its steps and what they run.
kill_node()
{
	local node pid
	node=$(squeue -h -r -t R -o %N | head -1)
	kill -KILL "$(cat "$WORK/slurm/slurmd.$node.pid")"
	for pid in $(grep -lsaF "SLURMD_NODENAME=$node" /proc/[0-9]*/environ | cut -d/ -f3); do
		! grep -qsaF "$WORK" "/proc/$pid/environ" || kill -KILL "$pid" 2>/dev/null
	done
	slurmd -N "$node"
}
story_loss slurm 'a node dies' kill_node

cancel_all()
{
	scancel -Q "$(squeue -h -o %A | head -1)"
}
story_loss slurm 'scancel from outside' cancel_all

story_outside slurm 'slurm://?cpus-per-worker=4'

# --- What Slurm refuses ----------------------------------------------------------------------

story_refused 'slurm: unknown partition' 'slurm://nope' 'no node in the partition nope'
story_refused 'slurm: unknown option' 'slurm://?colour=red' "has no option 'colour'"
story_refused 'slurm: larger than any node' 'slurm://?cpus-per-worker=500' 'no node of the partition|Requested node configuration is not available'
story_refused 'slurm: more time than the partition allows' 'slurm://short' 'the partition does not allow so long a time'
# Root may all; so sbatch alone is run as somebody who may not.
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
	mkdir "$WORK/nobody"
	printf '#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups %s "$@"\n' "$(command -v sbatch)" > "$WORK/nobody/sbatch"
	chmod 755 "$WORK/nobody" "$WORK/nobody/sbatch"
	chmod 711 "$WORK"
	PLAIN_PATH=$WORK/nobody:$PLAIN_PATH story_refused 'slurm: no permission' 'slurm://closed' 'not permitted|not have permission|Access.*denied'
fi
story_refused 'slurm: no such feature' 'slurm://?constraint=gpu' 'Invalid feature'
story_refused 'an engine that is none' 'cloud://x' "there is no engine 'cloud' here"

if wanted 'require'; then
	new_tree
	echo 'int f(void) { return 1; }' > f1.c
	printf 'all: f1.o\n' > Makefile
	run_it --require-workers 1 --workers slurm://nope make
	check 'require: without a worker nothing is built' -- test "$STATUS" = 96 -a ! -e f1.o
	check 'require: one sentence' -- says '0 of 1 workers are there.*nope'
	run_it --require-workers 2 --workers "$URL" make -j8
	check 'require: it begins when they are there' -- test "$STATUS" = 0 -a -s f1.o
	check 'require: … on a worker' -- status_is '.jobs.remote >= 1'
fi

if wanted 'a full cluster'; then
	sbatch --parsable -n 16 --output=/dev/null --job-name=other --wrap 'sleep 100' > "$WORK/other"
	others_run()
	{
		[ "$(squeue -h -n other -o %T)" = RUNNING ]
	}
	wait_until 20 others_run
	slow_project 8 60
	# It lasts until Slurm has told why nobody comes.
	# shellcheck disable=SC2016 # for the shell of make
	printf '%s\n' 'all: told' 'told:' \
		$'\t@timeout 60 sh -c \'until grep -q "cluster is full" $$MUSTER_STATE_DIR/workers.log; do sleep 0.1; done\'' >> Makefile
	run_it --workers "$URL" make -j8
	check 'a full cluster: the build is done' -- test "$STATUS" = 0
	check 'a full cluster: it says so' -- says 'the cluster is full'
	check 'a full cluster: nothing stays in the queue' -- given_back
	scancel "$(cat "$WORK/other")"
fi

if wanted 'embedded'; then
	c_project 20
	run_it --require-workers 1 --workers 'slurm://?ship=embed' make -j8
	check 'embedded: the worker travels in the script' -- test "$STATUS" = 0
	check 'embedded: on workers' -- status_is '.jobs.remote >= 1'
fi
check 'the last of them has gone' -- given_back
bash "$SLURM/down.sh" "$WORK/slurm"
farm_done

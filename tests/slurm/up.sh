#!/bin/bash
# up.sh FOLDER [NODES] [CPUS] [PORT]: a Slurm of its own on this machine: munged, slurmctld at PORT and a slurmd for each node behind it,
# all with their files below FOLDER, all as the present user. Nothing of the system is touched. Prints why when it fails.
# Needs Debian's slurm-wlm and munge.
#
# Several slurmd on one host work with Debian's build as long as each has its own NodeName; no cgroups, no accounting, no tokens.
set -u
folder=${1:?usage: up.sh FOLDER [NODES] [CPUS] [PORT]} nodes=${2:-4} cpus=${3:-4} port=${4:-16800}
PATH=$PATH:/usr/sbin:/sbin
export SLURM_CONF=$folder/slurm.conf
mkdir -p "$folder"/{log,state,munge} || exit 1
folder=$(cd "$folder" && pwd)
chmod 755 "$folder" "$folder"/*
chmod 700 "$folder/state"

fail()
{
	echo "$1" >&2
	for file in "$folder"/log/* "$folder/munge/log"; do
		[ ! -s "$file" ] || { echo "== $file"; tail -n 5 "$file"; } >&2
	done
	exit 1
}

(umask 077; head -c 128 /dev/urandom > "$folder/munge/key")
munged --force --key-file="$folder/munge/key" --socket="$folder/munge/s" --pid-file="$folder/munge/pid" \
	--log-file="$folder/munge/log" --seed-file="$folder/munge/seed" --num-threads=2 || fail 'munged does not start'

user=$(id -un)
{
	cat <<-END
	ClusterName=farm
	SlurmctldHost=$(hostname -s)(127.0.0.1)
	SlurmctldPort=$port
	AuthType=auth/munge
	AuthInfo=socket=$folder/munge/s
	CredType=cred/munge
	SlurmUser=$user
	SlurmdUser=$user
	StateSaveLocation=$folder/state
	SlurmdSpoolDir=$folder/spool.%n
	SlurmctldPidFile=$folder/slurmctld.pid
	SlurmdPidFile=$folder/slurmd.%n.pid
	SlurmctldLogFile=$folder/log/slurmctld.log
	SlurmdLogFile=$folder/log/slurmd.%n.log
	MailProg=/bin/true
	ProctrackType=proctrack/linuxproc
	TaskPlugin=task/none
	SwitchType=switch/none
	MpiDefault=none
	JobAcctGatherType=jobacct_gather/none
	AccountingStorageType=accounting_storage/none
	JobCompType=jobcomp/none
	SelectType=select/cons_tres
	SelectTypeParameters=CR_CPU
	SchedulerType=sched/backfill
	SchedulerParameters=batch_sched_delay=0,sched_interval=5,bf_interval=5
	SlurmdParameters=config_overrides
	ReturnToService=2
	KillWait=5
	SlurmctldTimeout=30
	SlurmdTimeout=120
	MessageTimeout=30
	MinJobAge=300
	END
	for ((i = 1; i <= nodes; i++)); do
		echo "NodeName=node$i NodeAddr=127.0.0.1 Port=$((port + i)) CPUs=$cpus RealMemory=4000 State=UNKNOWN"
	done
	echo "PartitionName=farm Nodes=node[1-$nodes] Default=YES MaxTime=INFINITE DefaultTime=01:00:00 State=UP"
	echo "PartitionName=closed Nodes=node[1-$nodes] AllowGroups=root State=UP"
	echo "PartitionName=short Nodes=node[1-$nodes] MaxTime=10 State=UP"
} > "$folder/slurm.conf"

slurmctld -c || fail 'slurmctld does not start'
for ((i = 1; i <= nodes; i++)); do
	mkdir -p "$folder/spool.node$i"
	slurmd -N "node$i" || fail "the slurmd of node$i does not start"
done
for ((i = 0; i < 1500; i++)); do
	[ "$(timeout 30 sinfo -h -p farm -o %T -N 2>/dev/null | grep -cx idle)" != "$nodes" ] || exit 0
	sleep 0.1
done
fail 'the nodes do not become idle'

#!/bin/bash
# down.sh FOLDER: ends what up.sh started there, by its pid files, and what its nodes still run.
set -u
folder=${1:?usage: down.sh FOLDER}
[ -d "$folder" ] || exit 0
folder=$(cd "$folder" && pwd)
export SLURM_CONF=$folder/slurm.conf

# A process of ours: its pid may be another's by now, and a zombie has no command line.
alive()
{
	[ -n "${1:-}" ] && tr '\0' ' ' < "/proc/$1/cmdline" | grep -qE 'slurm|munged'
} 2>/dev/null

pids=''
for file in "$folder"/slurmctld.pid "$folder"/slurmd.*.pid "$folder"/munge/pid; do
	[ ! -f "$file" ] || pids="$pids $(cat "$file")"
done
for signal in TERM KILL; do
	for pid in $pids; do
		! alive "$pid" || kill -$signal "$pid"
	done
	for ((i = 0; i < 50; i++)); do
		left=''
		for pid in $pids; do
			! alive "$pid" || left=1
		done
		[ "$left" ] || break
		sleep 0.1
	done
done
# Steps outlive their slurmd; their environment says whose they are.
for file in $(grep -l slurmstepd /proc/[0-9]*/comm 2>/dev/null); do
	pid=${file#/proc/}
	pid=${pid%/comm}
	! tr '\0' '\n' < "/proc/$pid/environ" | grep -qx "SLURM_CONF=$SLURM_CONF" || kill -KILL "$pid"
done 2>/dev/null

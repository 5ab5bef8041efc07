#!/bin/bash
# down.sh FOLDER: ends what up.sh started there, by its pid files.
set -u
folder=${1:?usage: down.sh FOLDER}
[ -d "$folder" ] || exit 0
folder=$(cd "$folder" && pwd)

# A process of ours: its pid may be another's by now, and a zombie has no command line. What the pods run is ended by node.py.
alive()
{
	[ -n "${1:-}" ] && tr '\0' ' ' < "/proc/$1/cmdline" | grep -qF -e "$folder"
} 2>/dev/null

for name in nodes scheduler controllers apiserver etcd; do
	[ -f "$folder/$name.pid" ] || continue
	pid=$(cat "$folder/$name.pid")
	for signal in TERM KILL; do
		! alive "$pid" || kill -$signal "$pid"
		for ((i = 0; i < 100; i++)); do
			alive "$pid" || break 2
			sleep 0.1
		done
	done
	rm -f "$folder/$name.pid"
done

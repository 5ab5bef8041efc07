#!/bin/bash
# Each byte's place of what an agent and a worker say to each other x {a bit is turned, the connection is cut, nothing goes on}, in
# both directions: never a wrong object, never a hang. Of a plain connection, where the checksums hold it, and of an encrypted one.
# A sample with all bounds of frames in it; OFFSETS=all: every place (an hour and more); OFFSETS=N: N places and the bounds.
# Run as: offsets.sh BUILD_FOLDER; see farm.sh and offsets.py.
# shellcheck disable=SC2317 # check calls functions
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
[ -z "${FARM_PLAIN-}" ] || skip_all 'needs workers'
command -v python3 >/dev/null || skip_all 'python3 is not installed'
farm_init "${1-}"
new_tree
echo 'int f(void) { return 1; }' > o.c
gcc -c o.c -o o.plain
export HOME=$WORK XDG_CONFIG_HOME='' # no key of ours

sweep()
{
	local status
	python3 "$E2E/offsets.py" "$BUILD" "$ADDRESS" "$TREE" "$@" > "$WORK/swept" 2>&1
	status=$?
	diag "$(tail -20 "$WORK/swept")"
	return "$status"
}
remote_rose()
{
	[ "$(status_get .jobs.remote)" -gt 0 ]
}
amount=(--sample "${OFFSETS:-4}")
[ "${OFFSETS-}" != all ] || amount=(--all)

worker_start || bail 'a worker does not start'
check 'a plain connection: no wrong object, no hang' -- sweep "${amount[@]}"
check 'and some jobs were done there' -- remote_rose
kill "$WORKER_PID"
"$BUILD/muster" key "$WORK/key" > /dev/null
export MUSTER_KEY_FILE=$WORK/key
worker_start || bail 'a worker does not start'
check 'an encrypted connection: no wrong object, no hang' -- sweep --keyed "${amount[@]}"
farm_done

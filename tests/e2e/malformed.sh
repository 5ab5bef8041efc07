#!/bin/bash
# What no honest program would say, to each door: muster's protocol, distcc's in all its versions, HTTP, the agent's socket, the
# scheduler. Each connection is refused with a line in the log, or waited for; nobody else suffers; nothing stays.
# Run as: malformed.sh BUILD_FOLDER; see farm.sh and malformed.py.
# shellcheck disable=SC2016,SC2031,SC2317 # wait_until and check call functions, eval has words of its own
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
[ -z "${FARM_PLAIN-}" ] || skip_all 'needs workers'
command -v python3 >/dev/null || skip_all 'python3 is not installed'
farm_init "${1-}"
new_tree
echo 'int f(void) { return 1; }' > f.c
gcc -c f.c -o f.plain

# table NAME ADDRESS LOG PID: all of malformed_NAME.py; its lines are ours.
table()
{
	local line
	while read -r line; do
		case $line in
		ok*) ok "${line#ok - }" ;;
		not*) not_ok "${line#not ok - }" ;;
		*) echo "$line" ;;
		esac
	done < <(timeout 120 python3 "$E2E/malformed.py" "$@" "$FARM_ONLY" || echo "not ok - $1: the table ended early")
}

honest()
{
	rm -f f.o
	MUSTER_HOSTS=$ADDRESS timeout 60 "$SHIM" gcc -c f.c -o f.o && cmp f.o f.plain
}

worker_start --verbose --slots 2 || bail 'a worker does not start'
table muster "$ADDRESS" "$WORK/w$WORKERS.log" "$WORKER_PID"
check 'muster: an honest compile afterwards' -- honest
worker_start --verbose --slots 2 || bail 'a worker does not start'
table muster/MORE "$ADDRESS" "$WORK/w$WORKERS.log" "$WORKER_PID"
check 'muster, more: an honest compile afterwards' -- honest
worker_start --verbose --slots 2 --allow 127.0.0.0/8 || bail 'a worker does not start'
table distcc "$ADDRESS" "$WORK/w$WORKERS.log" "$WORKER_PID"
check 'distcc: an honest compile afterwards' -- honest

# The agent that compiled just now.
agent_pid()
{
	status_get .pid
}
table local "unix:$MUSTER_STATE_DIR/agent.sock" "$MUSTER_STATE_DIR/agent.log" "$(agent_pid)"
check 'local: an honest compile afterwards' -- honest

"$BUILD/muster-scheduler" --listen 127.0.0.1:0 --no-state --port-file "$WORK/s.port" < /dev/null > "$WORK/s.log" 2>&1 &
S_PID=$!
wait_until 30 worker_ready "$WORK/s.port" "$S_PID"
table scheduler "$(cat "$WORK/s.port")" "$WORK/s.log" "$S_PID"
kill "$S_PID"

# The page of statistics, of a worker by the name of distccd, at ports that nobody else has.
ln -sf "$BUILD/muster-worker" "$WORK/distccd"
chmod 755 "$WORK" "$BUILD" 2>/dev/null
mkdir "$WORK/tmp"
chmod 1777 "$WORK/tmp"
page_start()
{
	local try port
	for try in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 12000))
		TMPDIR=$WORK/tmp "$WORK/distccd" --daemon --no-detach --log-stderr --listen 127.0.0.1 --port "$port" --allow 127.0.0.0/8 \
			--stats --stats-port "$((port + 1))" < /dev/null > "$WORK/page$try.log" 2>&1 &
		PAGE_PID=$! PAGE=127.0.0.1:$((port + 1)) PAGE_LOG=$WORK/page$try.log
		wait_until 30 eval 'grep -q "listening on" "$PAGE_LOG" || is_gone $PAGE_PID'
		is_gone "$PAGE_PID" || return 0
	done
	return 1
}
page_start || bail 'no page of statistics'
table http "$PAGE" "$PAGE_LOG" "$PAGE_PID"
kill "$PAGE_PID"
farm_done

#!/bin/bash
# The stories of tests/e2e/kubernetes.sh against a real control plane of Kubernetes: what its API server says of our objects, and what
# becomes of them when something dies. Slow; run by "make check-kubernetes", not by "make check".
#
#   stories.sh BUILD_FOLDER BIN_FOLDER      BIN_FOLDER: where build.sh has put Kubernetes' programs
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../e2e/farm.sh"
. "$E2E/engines.sh"
BIN=${2:?usage: stories.sh BUILD_FOLDER BIN_FOLDER}
for program in etcd openssl curl jq python3; do
	command -v "$program" > /dev/null || skip_all "$program is not installed"
done
[ -x "$BIN/kube-apiserver" ] || skip_all "there is no kube-apiserver in $BIN"
farm_init "$1"
engines_init
K=$WORK/k
PORT=$((20000 + (RANDOM + $$) % 12000 / 10 * 10))
trap 'in_child || { bash "$here/down.sh" "$K"; farm_cleanup; }' EXIT
# Its processes are no part of this farm, and outlive its checks.
cluster_up()
{
	env -u MUSTER_STATE_DIR bash "$here/up.sh" "$K" "$BIN" "$PORT" 4 4 2> "$WORK/up.log" || bail "$(cat "$WORK/up.log")"
}
cluster_up
diag "the control plane is up after $SECONDS s"
export KUBECONFIG=$K/builder.kubeconfig
URL='kubernetes://builds?cpu=4'
OURS='labelSelector=app.kubernetes.io%2Fname%3Dmuster-worker'

# api METHOD PATH [OBJECT]: as admin.
api()
{
	curl -s --max-time 20 --cacert "$K/pki/ca.pem" --cert "$K/pki/admin.pem" --key "$K/pki/admin.key" -X "$1" \
		-H 'Content-Type: application/json' ${3:+-d "$3"} "https://127.0.0.1:$PORT$2"
}

names_of()
{
	api GET "$1/namespaces/builds/$2?$OURS" | jq -r '.items[].metadata.name'
}

engine_left()
{
	names_of /apis/batch/v1 jobs
	names_of /api/v1 pods
	names_of /api/v1 secrets
	names_of /api/v1 configmaps
}

story_identical kubernetes
story_killed kubernetes

# runs: the pids of "muster run" and of what keeps its workers.
runs()
{
	local pid
	for pid in $(farm_processes); do
		case $(tr '\0' ' ' < "/proc/$pid/cmdline") in "$MUSTER run "*) echo "$pid" ;; esac
	done 2>/dev/null
}

# Nobody is left who could delete anything: workers end with their connection, their Jobs some seconds later, the rest with these.
if wanted 'everything of ours is killed'; then
	slow_project
	if check_under_way 'everything of ours is killed'; then
		# shellcheck disable=SC2046 # numbers
		kill -KILL $(runs)
		kill -KILL -- "-$GROUP" 2>/dev/null
		wait "$GROUP" 2>/dev/null
		timeout 10 "$MUSTER" stop > /dev/null 2>&1
		check 'everything of ours is killed: Jobs expire, and what they own goes with them' -- wait_until 90 all_given_back
	fi
fi

evict()
{
	local pod
	pod=$(names_of /api/v1 pods | head -1)
	api POST "/api/v1/namespaces/builds/pods/$pod/eviction" \
		'{"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": "'"$pod"'", "namespace": "builds"}}' > "$WORK/eviction"
	[ "$(jq -r .status "$WORK/eviction")" = Success ]
}
story_loss kubernetes 'a pod is evicted' evict
delete_jobs()
{
	api DELETE "/apis/batch/v1/namespaces/builds/jobs?$OURS&propagationPolicy=Background" > /dev/null
}
story_loss kubernetes 'all Jobs are deleted from outside' delete_jobs

# The API server dies, and what it remembers of old is gone when it is back: a watch goes on from nowhere (410).
forgets()
{
	local revision
	kill -KILL "$(cat "$K/apiserver.pid")"
	revision=$(curl -s "http://127.0.0.1:$((PORT + 1))/v3/kv/range" -d '{"key": "AA==", "limit": 1}' | jq -r .header.revision)
	curl -s "http://127.0.0.1:$((PORT + 1))/v3/kv/compaction" -d "{\"revision\": $revision, \"physical\": true}" > "$WORK/compaction"
	env -u MUSTER_STATE_DIR setsid "$K/apiserver.sh" < /dev/null >> "$K/log/apiserver" 2>&1 &
	echo $! > "$K/apiserver.pid"
	wait_until 60 sh -c "curl -sf --cacert '$K/pki/ca.pem' --cert '$K/pki/admin.pem' --key '$K/pki/admin.key' https://127.0.0.1:$PORT/readyz > /dev/null"
}
story_loss kubernetes 'the API server dies, and forgets' forgets

# A node dies; its pod stays as it is on the server until the node is back, as everywhere.
node_dies()
{
	local node
	node=$(api GET "/api/v1/namespaces/builds/pods?$OURS" | jq -r '[.items[] | select(.status.phase == "Running")][0].spec.nodeName')
	: > "$K/dead.$node"
}
if wanted 'kubernetes: a node dies'; then
	slow_project
	if check_under_way 'kubernetes: a node dies'; then
		node_dies
		build_goes_on
		check 'kubernetes: a node dies: the build ends right' -- build_ends_right
		rm -f "$K"/dead.*
		check 'kubernetes: a node dies: all is given back when it is there again' -- wait_until 60 all_given_back
	fi
fi

# --- What the API server refuses -------------------------------------------------------------

story_refused 'kubernetes: no such namespace' 'kubernetes://nowhere' 'nowhere'
KUBECONFIG=$K/admin.kubeconfig story_refused 'kubernetes: no such namespace, for who may everything' 'kubernetes://nowhere' 'namespaces "nowhere" not found'
KUBECONFIG=$K/stranger.kubeconfig story_refused 'kubernetes: no permission' "$URL" 'forbidden: User "stranger" cannot create resource'
sed 's/{client-certificate.*/{token: nonsense}/' "$K/builder.kubeconfig" > "$K/nobody.kubeconfig"
KUBECONFIG=$K/nobody.kubeconfig story_refused 'kubernetes: unknown to the server' "$URL" 'Unauthorized'
story_refused 'kubernetes: no node fits' "$URL&nodeSelector=disk=gold" 'the cluster is full.*node'
story_refused 'kubernetes: no such priority' "$URL&priority=golden" 'golden'

# quota NAME LIMITS: in the namespace; LIMITS are JSON.
quota()
{
	api POST /api/v1/namespaces/builds/resourcequotas \
		'{"metadata": {"name": "'"$1"'"}, "spec": {"hard": '"$2"'}}' > /dev/null
	wait_until 20 sh -c "[ \"\$(curl -s --cacert '$K/pki/ca.pem' --cert '$K/pki/admin.pem' --key '$K/pki/admin.key' \
		https://127.0.0.1:$PORT/api/v1/namespaces/builds/resourcequotas/$1 | jq '.status.hard | length')\" -gt 0 ]"
}
no_quota()
{
	api DELETE "/api/v1/namespaces/builds/resourcequotas/$1" > /dev/null
}
if wanted 'kubernetes: quotas'; then
	quota jobs '{"count/jobs.batch": "1"}'
	story_refused 'kubernetes: quotas: of Jobs' "$URL&n=16" 'exceeded quota: jobs, requested: count/jobs.batch=1'
	no_quota jobs
	check 'kubernetes: quotas: of Jobs: all is given back' -- given_back
	quota pods '{"limits.cpu": "4", "requests.cpu": "4"}'
	story_refused 'kubernetes: quotas: of CPUs' "$URL&n=16" "4 of 16 slots, for now: the namespace's quota is reached: exceeded quota: pods, requested: limits.cpu=4"
	no_quota pods
	check 'kubernetes: quotas: of CPUs: all is given back' -- given_back
	quota secrets '{"count/secrets": "0"}'
	story_refused 'kubernetes: quotas: of Secrets' "$URL" 'exceeded quota: secrets'
	no_quota secrets
	check 'kubernetes: quotas: of Secrets: all is given back' -- given_back
fi

# --- Many ----------------------------------------------------------------------------------

pods_run()
{
	[ "$(api GET "/api/v1/namespaces/builds/pods?$OURS" | jq '[.items[] | select(.status.phase == "Running")] | length')" = "$1" ]
}
if wanted 'kubernetes: many at once'; then
	new_tree
	# It lasts until all of them run.
	# shellcheck disable=SC2016 # for the shell of make
	printf '%s\n' 'all:' $'\t@until [ -e "$$ENOUGH" ]; do sleep 0.1; done' > Makefile
	ENOUGH=$WORK/enough run_it --workers 'kubernetes://builds?cpu=1&n=16' make -j16 &
	check 'kubernetes: many at once: 16 Jobs, 16 pods' -- wait_until 60 pods_run 16
	: > "$WORK/enough"
	wait $!
	check 'kubernetes: many at once: all is given back' -- given_back
fi

# Nothing is there for longer than it may be (activeDeadlineSeconds).
no_job_is_left()
{
	[ -z "$(names_of /apis/batch/v1 jobs)" ]
}
if wanted 'kubernetes: a deadline'; then
	new_tree
	# shellcheck disable=SC2016 # for the shell of make
	printf '%s\n' 'all:' $'\t@until [ -e "$$ENOUGH" ]; do sleep 0.1; done' > Makefile
	rm -f "$WORK/enough" "$MUSTER_STATE_DIR/workers.log"
	ENOUGH=$WORK/enough run_it --workers "$URL&n=4&deadline=60" make &
	check 'kubernetes: a deadline: a worker runs' -- wait_until 30 pods_run 1
	check 'kubernetes: a deadline: it is ended' -- wait_until 100 grep -q 'its pod was deleted\|DeadlineExceeded\|is gone' "$MUSTER_STATE_DIR/workers.log"
	: > "$WORK/enough"
	wait $!
	check 'kubernetes: a deadline: all is given back' -- given_back
fi
bash "$here/down.sh" "$K"
farm_done

#!/bin/bash
# up.sh FOLDER BIN PORT [NODES] [CPUS]: a Kubernetes of its own on this machine: etcd, and from BIN (build.sh) kube-apiserver at PORT,
# kube-controller-manager and kube-scheduler, the ports behind it for the others; nodes by node.py, which really run what a pod says.
# All files are below FOLDER, all processes in FOLDER/*.pid, all ports on loopback. Prints why when it fails; down.sh ends it.
#
# FOLDER/USER.kubeconfig is there for admin, who may everything, builder, who has in the namespace "builds" the rights that
# docs/clusters.md asks for, and stranger, who has none.
set -u
folder=${1:?usage: up.sh FOLDER BIN PORT [NODES] [CPUS]} bin=${2:?} port=${3:?} nodes=${4:-4} cpus=${5:-4}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"/{pki,log,etcd} || exit 1
folder=$(cd "$folder" && pwd)
pki=$folder/pki log=$folder/log
server=https://127.0.0.1:$port etcd=http://127.0.0.1:$((port + 1))

fail()
{
	echo "$1" >&2
	tail -n 5 "$log"/* >&2
	exit 1
}

# start NAME COMMAND…
start()
{
	local name=$1
	shift
	setsid "$@" < /dev/null >> "$log/$name" 2>&1 &
	echo $! > "$folder/$name.pid"
}

# certificate NAME SUBJECT [EXTENSION]
certificate()
{
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout "$pki/$1.key" -out "$pki/$1.csr" &&
		openssl x509 -req -in "$pki/$1.csr" -CA "$pki/ca.pem" -CAkey "$pki/ca.key" -CAcreateserial -days 9 \
			-out "$pki/$1.pem" -extfile <(echo "${3:-extendedKeyUsage=clientAuth}")
}

# The files of a user; the namespace of his context is "builds".
kubeconfig()
{
	cat > "$folder/$1.kubeconfig" <<-END
	apiVersion: v1
	kind: Config
	current-context: here
	contexts: [{name: here, context: {cluster: here, user: $1, namespace: builds}}]
	clusters:
	- name: here
	  cluster:
	    server: $server
	    certificate-authority: pki/ca.pem
	users:
	- name: $1
	  user: {client-certificate: pki/$1.pem, client-key: pki/$1.key}
	END
}

make_pki()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=ca -keyout "$pki/ca.key" \
		-out "$pki/ca.pem" &&
		certificate server /CN=kube-apiserver 'subjectAltName=IP:127.0.0.1,DNS:kubernetes.default.svc' &&
		certificate admin /O=system:masters/CN=admin &&
		certificate controllers /O=system:masters/CN=controllers &&
		certificate scheduler /CN=system:kube-scheduler &&
		certificate builder /CN=builder &&
		certificate stranger /CN=stranger &&
		openssl genrsa -out "$pki/accounts.key" 2048 &&
		openssl rsa -in "$pki/accounts.key" -pubout -out "$pki/accounts.pub"
}

# api METHOD PATH [OBJECT]
api()
{
	curl -sf --cacert "$pki/ca.pem" --cert "$pki/admin.pem" --key "$pki/admin.key" -X "$1" -H 'Content-Type: application/json' \
		${3:+-d "$3"} "$server$2"
}

# until SECONDS COMMAND…
until_it()
{
	local end=$((SECONDS + $1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}

if [ ! -e "$folder/admin.kubeconfig" ]; then
	make_pki > "$log/pki" 2>&1 || fail 'openssl makes no certificates'
	for user in admin controllers scheduler builder stranger; do
		kubeconfig $user
	done
fi
start etcd etcd --data-dir "$folder/etcd" --listen-client-urls "$etcd" --advertise-client-urls "$etcd" \
	--listen-peer-urls "http://127.0.0.1:$((port + 2))" --initial-advertise-peer-urls "http://127.0.0.1:$((port + 2))" \
	--initial-cluster "default=http://127.0.0.1:$((port + 2))" --logger zap
cat > "$folder/apiserver.sh" <<-END
	#!/bin/bash
	exec '$bin/kube-apiserver' --etcd-servers=$etcd --bind-address=127.0.0.1 --secure-port=$port --advertise-address=192.0.2.1 \\
		--endpoint-reconciler-type=none --tls-cert-file='$pki/server.pem' --tls-private-key-file='$pki/server.key' \\
		--client-ca-file='$pki/ca.pem' --authorization-mode=RBAC --service-account-issuer=https://kubernetes.default.svc \\
		--service-account-key-file='$pki/accounts.pub' --service-account-signing-key-file='$pki/accounts.key' \\
		--service-cluster-ip-range=10.96.0.0/24 --cert-dir='$folder' --feature-gates=TTLAfterFinished=true
END
chmod 755 "$folder/apiserver.sh"
start apiserver "$folder/apiserver.sh"
until_it 120 api GET /readyz || fail 'the API server does not become ready'
start controllers "$bin/kube-controller-manager" --kubeconfig="$folder/controllers.kubeconfig" --leader-elect=false --port=0 \
	--bind-address=127.0.0.1 --secure-port=$((port + 3)) --cert-dir="$folder" --root-ca-file="$pki/ca.pem" \
	--service-account-private-key-file="$pki/accounts.key" --feature-gates=TTLAfterFinished=true \
	--node-monitor-grace-period=10s --node-monitor-period=2s \
	--controllers=job,ttl-after-finished,garbagecollector,namespace,serviceaccount,serviceaccount-token,resourcequota,podgc,nodelifecycle
start scheduler "$bin/kube-scheduler" --kubeconfig="$folder/scheduler.kubeconfig" --leader-elect=false --port=0 \
	--bind-address=127.0.0.1 --secure-port=$((port + 4)) --cert-dir="$folder"
[ "$(curl -s --cacert "$pki/ca.pem" --cert "$pki/admin.pem" --key "$pki/admin.key" -o /dev/null -w '%{http_code}' \
	"$server/api/v1/namespaces/builds")" = 200 ] || {
	api POST /api/v1/namespaces '{"metadata": {"name": "builds"}}'
	# As docs/clusters.md has them.
	api POST /apis/rbac.authorization.k8s.io/v1/namespaces/builds/roles '{"metadata": {"name": "muster"}, "rules": [
		{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete"]},
		{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
		{"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["create", "patch", "delete"]},
		{"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}]}'
	api POST /apis/rbac.authorization.k8s.io/v1/namespaces/builds/rolebindings '{"metadata": {"name": "muster"},
		"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "muster"},
		"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "builder"}]}'
} > "$log/objects" 2>&1 || fail 'the namespace cannot be made'
start nodes python3 "$here/node.py" --server "127.0.0.1:$port" --pki "$pki" --folder "$folder" --nodes "$nodes" --cpus "$cpus"
nodes_ready()
{
	[ "$(api GET /api/v1/nodes | jq '[.items[] | select(all(.spec.taints[]?; false))
		| .status.conditions[] | select(.type == "Ready" and .status == "True")] | length')" = "$nodes" ] &&
		api GET /api/v1/namespaces/builds/serviceaccounts/default
}
until_it 60 nodes_ready || fail 'the nodes do not become ready'

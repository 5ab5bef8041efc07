#!/bin/bash
# Workers from Kubernetes: an API server of our own (tests/engine/kube_api.py), which checks each object and really runs containers.
. "$(dirname "$0")/farm.sh"
. "$E2E/engines.sh"
command -v python3 >/dev/null || skip_all 'python3 is not installed'
farm_init "$1"
engines_init

# api NAME [ARGUMENT…]: $API is its HOST:PORT.
api()
{
	local file=$WORK/$1.port
	shift
	python3 "$E2E/../engine/kube_api.py" --port-file "$file" "$@" < /dev/null > "$WORK/api.log" 2>&1 &
	wait_until 20 test -s "$file" || bail "the API server does not start: $(cat "$WORK/api.log")"
	API=$(cat "$file")
}

# kubeconfig URL USER-LINE…: in $KUBECONFIG.
kubeconfig()
{
	local server=$1
	shift
	export KUBECONFIG=$WORK/kubeconfig
	cat > "$KUBECONFIG" <<-END
	apiVersion: v1
	kind: Config
	current-context: "here"   # as everybody has it
	contexts:
	- context:
	    cluster: k
	    user: u
	  name: here
	clusters:
	- cluster:
	    server: $server
	$CA
	  name: k
	users:
	- name: u
	  user:
	END
	printf '    %s\n' "$@" >> "$KUBECONFIG"
}
CA=''

TLS=''
control()
{
	python3 - "$API" "$1" "$TLS" <<-'END'
	import ssl, sys, urllib.request
	api, do, tls = sys.argv[1:]
	context = ssl._create_unverified_context()
	if tls:
	    context.load_cert_chain(tls + '/client.pem', tls + '/client.key')
	url = '%s://%s/control?do=%s' % ('https' if tls else 'http', api, do)
	print(urllib.request.urlopen(url, context=context).read().decode())
	END
}

engine_left()
{
	control state | jq -r '(.objects[] | .[]), (.pods[] | .name)'
}

api first --token t0
kubeconfig "http://$API" 'token: t0'
URL='kubernetes://builds?cpu=4'
story_identical kubernetes
check 'kubernetes: no object was refused' -- test "$(control state | jq '[.refused[] | select(startswith("404") | not)] | length')" = 0
story_killed kubernetes
evict()
{
	control evict > /dev/null
}
story_loss kubernetes 'a pod is evicted' evict
expire()
{
	control expire > /dev/null
	control evict > /dev/null
}
story_loss kubernetes 'the watch expires' expire
delete_jobs()
{
	control delete > /dev/null
}
story_loss kubernetes 'all Jobs are deleted from outside' delete_jobs

story_outside kubernetes "$URL"
story_refused 'kubernetes: no such namespace' 'kubernetes://nowhere' 'nowhere'
story_refused 'kubernetes: no permission' 'kubernetes://forbidden' 'forbidden'
story_refused 'kubernetes: the cluster is full' 'kubernetes://builds?cpu=500' 'the cluster is full: 0/4 nodes are available'
story_refused 'kubernetes: no such context' 'kubernetes://there/builds' "no context 'there'"
control 'broken&value=1' > /dev/null
c_project 4
run_it --require-workers 1 --workers "$URL" make
check 'kubernetes: an image that is not to be had' -- says 'ImagePullBackOff'
control 'broken&value=0' > /dev/null
check 'kubernetes: an image that is not to be had: all is given back' -- given_back

# Credentials of a command, which change.
cat > "$WORK/credentials" <<'END'
#!/bin/sh
case $KUBERNETES_EXEC_INFO in *ExecCredential*) ;; *) exit 1 ;; esac
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t1"}}'
END
chmod 755 "$WORK/credentials"
control 'token&value=t1' > /dev/null
kubeconfig "http://$API" 'exec:' '  apiVersion: client.authentication.k8s.io/v1' '  command: ./credentials' '  args: ["get"]'
c_project 4
run_it --require-workers 1 --workers "$URL" make
check 'kubernetes: credentials of a command' -- test "$STATUS" = 0
check 'kubernetes: credentials of a command: all is given back' -- given_back
story_refused 'kubernetes: nobody there' 'kubernetes://builds' '.'

api second --quota 1
kubeconfig "http://$API" 'token: x'
c_project 20
run_it --require-workers 1 --workers "$URL" make -j16
check 'kubernetes: a quota: what there is is used' -- test "$STATUS" = 0
check 'kubernetes: a quota: it says so' -- says 'exceeded quota'
check 'kubernetes: a quota: all is given back' -- given_back

# A quota of what pods may have lets Jobs in, and shows in their events alone.
pod_quota()
{
	c_project 20
	# It lasts until the reason was told.
	# shellcheck disable=SC2016 # for the shell of make
	printf '%s\n' 'all: told' 'told:' \
		$'\t@timeout 60 sh -c \'until grep -q "for now: " $$MUSTER_STATE_DIR/workers.log; do sleep 0.1; done\'' >> Makefile
	rm -f "$MUSTER_STATE_DIR/workers.log"
	run_it --require-workers 1 --workers "$URL" make -j16
	check "$1: what there is is used" -- test "$STATUS" = 0
	check "$1: it says so" -- says "$2"
	check "$1: all is given back" -- given_back
}
if wanted 'kubernetes: a quota of pods'; then
	api limited --pod-quota 4
	kubeconfig "http://$API" 'token: x'
	pod_quota 'kubernetes: a quota of pods' "4 of 16 slots, for now: the namespace's quota is reached: exceeded quota: builds, requested: limits.cpu=4"
	api silent --pod-quota 4 --no-events
	kubeconfig "http://$API" 'token: x'
	pod_quota 'kubernetes: a quota of pods, events not to be read' 'a Job has no pod, and the account may not read why'
fi

# What would be created.
"$MUSTER" up --workers "$URL" --dry-run > "$WORK/manifest.json"
check 'kubernetes: --dry-run prints the objects' -- sh -c "jq -e '[.items[].kind] | unique == [\"ConfigMap\", \"Job\", \"Secret\"]' < '$WORK/manifest.json' > /dev/null"

# Certificates on both sides.
if wanted 'kubernetes: certificates' && command -v openssl >/dev/null; then
	(
		cd "$WORK" || exit 1
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem
		for name in server client; do
			openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout $name.key -out $name.csr
			openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $name.pem \
				-extfile <(echo 'subjectAltName=IP:127.0.0.1')
		done
	) > "$WORK/openssl.log" 2>&1
	TLS=$WORK
	api third --cert "$WORK/server.pem" --key "$WORK/server.key" --client-ca "$WORK/ca.pem"
	CA="    certificate-authority-data: $(base64 -w 0 "$WORK/ca.pem")"
	kubeconfig "https://$API" 'client-certificate: client.pem' "client-key-data: $(base64 -w 0 "$WORK/client.key")"
	c_project 4
	run_it --require-workers 1 --workers "$URL" make
	check 'kubernetes: certificates' -- test "$STATUS" = 0
	check 'kubernetes: certificates: all is given back' -- given_back
	# Its certificate is for 127.0.0.1, whatever it is called; and the other way round.
	there=localhost:${API#*:}
	kubeconfig "https://$there" 'client-certificate: client.pem' 'client-key: client.key'
	story_refused 'kubernetes: certificates: of another name' "$URL" 'localhost'
	CA+=$'\n    tls-server-name: '${API%:*}
	kubeconfig "https://$there" 'client-certificate: client.pem' 'client-key: client.key'
	c_project 4
	run_it --require-workers 1 --workers "$URL" make
	check 'kubernetes: certificates: tls-server-name' -- test "$STATUS" = 0
	check 'kubernetes: certificates: tls-server-name: all is given back' -- given_back
	CA='    insecure-skip-tls-verify: true'
	kubeconfig "https://$API" 'client-certificate: client.pem' 'client-key: client.key'
	c_project 4
	run_it --require-workers 1 --workers "$URL" make
	check 'kubernetes: insecure-skip-tls-verify' -- test "$STATUS" = 0
	check 'kubernetes: insecure-skip-tls-verify: all is given back' -- given_back
fi

TLS=''
# By a proxy: what is asked of it names a host that there is not.
api fourth
CA="    proxy-url: http://$API"
kubeconfig http://api.invalid 'token: x'
c_project 4
run_it --require-workers 1 --workers "$URL&call=127.0.0.1" make
check 'kubernetes: proxy-url' -- test "$STATUS" = 0
check 'kubernetes: proxy-url: all is given back' -- given_back

# What a kubeconfig asks for and nobody can give.
CA=''
kubeconfig "http://$API" 'auth-provider:' '  name: gcp'
story_refused 'kubernetes: an auth-provider' "$URL" "auth-provider 'gcp', which Kubernetes has given up"
farm_done

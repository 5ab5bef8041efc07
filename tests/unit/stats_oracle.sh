#!/bin/bash
# stats_oracle.sh PROGRAM: our page of statistics has the head, the fields, their order and the
# shape of their values of the page of an installed distccd. PROGRAM is stats_print. TAP on
# standard output.
program=${1:?usage: stats_oracle.sh PROGRAM}
echo 1..2
skip() {
	echo "ok 1 - the page of distccd # SKIP $1"
	echo "ok 2 - the page without its numbers # SKIP $1"
	exit 0
}
command -v distccd >/dev/null || skip 'distccd is not installed'
distccd --version 2>/dev/null | grep -q muster && skip 'distccd is ours'

work=$(mktemp -d) || exit 1
pid=
# It was started in a session of its own, so its group holds nobody else.
stop() {
	[ -n "$pid" ] && kill -- "-$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	pid=
}
trap 'stop; rm -rf "$work"' EXIT
trap '' PIPE # it may have closed before it was asked

# fetch PORT: what it answers; fails while nobody listens.
fetch() {
	{ exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
	printf 'GET / HTTP/1.0\r\n\r\n' >&3
	timeout 10 cat <&3 >"$work/theirs"
	exec 3>&-
}

# serve PORT: a distccd on PORT and PORT + 1, until it answers. Fails when it ends (the port is
# taken) or is mute.
serve() {
	setsid distccd --daemon --no-detach --listen 127.0.0.1 --allow 127.0.0.1 --jobs 3 \
		--enable-tcp-insecure --lifetime 60 --port "$1" --stats --stats-port $(($1 + 1)) \
		--log-stderr </dev/null >"$work/log" 2>&1 &
	pid=$!
	for _ in {1..100}; do
		kill -0 "$pid" 2>/dev/null || return 1
		fetch $(($1 + 1)) && return 0
		sleep 0.1
	done
	return 1
}

served=
for _ in 1 2 3 4 5; do
	serve $((20000 + RANDOM % 12000)) && served=1 && break
	stop
done
stop
if [ -z "$served" ]; then
	sed 's/^/# /' "$work/log"
	skip 'distccd did not serve here'
fi

# The page with its numbers replaced by what they are.
shape() {
	sed -E -e 's/ -?[0-9]+\.[0-9]{2}$/ REAL/' -e 's/ -?[0-9]+$/ NUMBER/' \
		-e 's/ -?[0-9]+ MB$/ NUMBER MB/' -e 's/^(dcc_max_RSS_name) .*$/\1 NAME/'
}

"$program" >"$work/ours" || exit 1
# Releases up to 3.4 do not have it.
grep -q '^dcc_free_mem ' "$work/theirs" || sed -i '/^dcc_free_mem /d' "$work/ours"
if grep -q '^dcc_tcp_accept [0-9]' "$work/theirs"; then
	echo "ok 1 - the page of distccd"
else
	sed 's/^/# /' "$work/theirs"
	echo "not ok 1 - the page of distccd"
	exit 1
fi
if diff <(shape <"$work/theirs") <(shape <"$work/ours") >"$work/diff"; then
	echo "ok 2 - the page without its numbers"
else
	sed 's/^/# /' "$work/diff"
	echo "not ok 2 - the page without its numbers"
	exit 1
fi

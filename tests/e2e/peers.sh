# shellcheck shell=bash
# peers.sh: Debian's distcc and distccd, our own distccd, and an sshd on loopback, for scripts that have farm.sh already.
#
#   peers_init                       after farm_init; false: PEERS_WHY says which peer is not installed
#   debian_distccd [ARGUMENTS…]      Debian's server; its port goes to $PORT, its log to $PEER_LOG
#   our_distccd [ARGUMENTS…]         ours by the command line of distccd, likewise
#   ssh_set_up                       an sshd with keys of its own: SSH_COMMAND is what DISTCC_SSH needs
#   names PROGRAM FOLDER             FOLDER/bin/distcc, and FOLDER/masquerade with the names of compilers
#
# A daemon of Debian's that root starts becomes somebody else: what it reads or writes lies in $PUBLIC. Each daemon is its
# own process group, and is stopped by it (peers_stop, also at exit).

# shellcheck disable=SC2034 # for the scripts
PEERS_WHY='' PUBLIC='' PEERS=() PEER_COUNT=0
DISTCC=/usr/bin/distcc DISTCCD=/usr/bin/distccd

peers_init()
{
	local name
	if ! "$DISTCC" --version 2>/dev/null | grep -q 'Martin Pool' || [ ! -x "$DISTCCD" ]; then
		PEERS_WHY="Debian's distcc is not installed (apt-get install distcc)"
		return 1
	fi
	for name in ${!DISTCC_@} ${!DISTCCD_@} ${!INCLUDE_SERVER_@} ${!CCACHE_@} UNCACHED_ERR_FD; do
		unset "$name"
	done
	export HOME=$WORK/home
	mkdir "$HOME"
	# Root's own folders may not be entered by the user that a daemon becomes.
	PUBLIC=$(mktemp -d /tmp/peers.XXXXXX) || bail 'no folder in /tmp'
	chmod 1777 "$PUBLIC"
	trap peers_clean_up EXIT
}

peers_stop()
{
	local peer
	for peer in "${PEERS[@]}"; do
		kill -- "-$peer" 2>/dev/null
	done
	PEERS=()
}

peers_clean_up()
{
	local status=$?
	! in_child || return
	peers_stop
	rm -rf "$PUBLIC"
	(exit "$status")
	farm_cleanup
}

# peer_start COMMAND…: with --port N behind it; the first port that is free.
peer_start()
{
	local try
	PEER_COUNT=$((PEER_COUNT + 1)) PEER_LOG=$WORK/peer$PEER_COUNT.log
	for try in 1 2 3 4 5; do
		PORT=$((20000 + (RANDOM + $$) % 12000))
		port_is_open "$PORT" && continue
		TMPDIR=$PUBLIC setsid "$@" --port "$PORT" < /dev/null >> "$PEER_LOG" 2>&1 &
		PEERS+=($!)
		serves "$PORT" $! && return
		diag "$1 on port $PORT does not start ($try): $(tail -3 "$PEER_LOG")"
	done
	bail "$1 does not start"
}

peer_arguments=(--daemon --no-detach --listen 127.0.0.1 --allow 127.0.0.1 --log-stderr --log-level info --jobs 4)

debian_distccd()
{
	# Without its list of compilers it takes none.
	[ -e /usr/lib/distcc/gcc ] || set -- --enable-tcp-insecure "$@"
	peer_start "$DISTCCD" "${peer_arguments[@]}" "$@"
}

our_distccd()
{
	# The folder of the build need not be one that others may enter.
	[ -x "$PUBLIC/distccd" ] || install -m 755 "$BUILD/muster-worker" "$PUBLIC/distccd" || bail 'no copy of distccd'
	peer_start "$PUBLIC/distccd" "${peer_arguments[@]}" "$@"
}

# names PROGRAM FOLDER: FOLDER/bin/distcc, and the compilers of the same name in FOLDER/masquerade.
names()
{
	local name
	mkdir -p "$2/bin" "$2/masquerade"
	ln -s "$1" "$2/bin/distcc"
	for name in gcc g++ cc c++ clang clang++; do
		ln -s "$1" "$2/masquerade/$name"
	done
}

ssh_set_up()
{
	local sshd keys=$WORK/ssh port
	sshd=$(PATH=$PATH:/usr/sbin command -v sshd) && command -v ssh-keygen >/dev/null || return 1
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	mkdir "$keys" && chmod 700 "$keys"
	ssh-keygen -q -t ed25519 -N '' -f "$keys/host" && ssh-keygen -q -t ed25519 -N '' -f "$keys/user" || return 1
	cp "$keys/user.pub" "$keys/authorized"
	sshd_start "$sshd" "$keys" || return 1
	port=$SSH_PORT
	echo "[127.0.0.1]:$port $(cat "$keys/host.pub")" > "$keys/known"
	printf '%s\n' 'Host *' " IdentityFile $keys/user" " UserKnownHostsFile $keys/known" ' IdentitiesOnly yes' \
		' GlobalKnownHostsFile none' ' BatchMode yes' > "$keys/config"
	SSH_COMMAND="ssh -F $keys/config -p $port"
	$SSH_COMMAND 127.0.0.1 true < /dev/null
}

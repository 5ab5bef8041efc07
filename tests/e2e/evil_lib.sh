# shellcheck shell=bash
# evil_lib.sh: enemies, for scripts that have farm.sh already. evil.c is a compiler that is one, muster_peer.py a client and a
# worker.
#
#   evil_init               after farm_init: the evil compiler is $EVIL, and on the PATH of workers
#   new_tree; neighbour_make
#   learn FILE COMPILER     what an agent asks a worker for when it wants that compiler
#   evil WHAT AT            one job by hand, on the worker at $ADDRESS; what came of it in $WORK/out and $WORK/got/
#   liar HOW ID_FILE; liar_end
# shellcheck disable=SC2034,SC2154,SC2317 # for the scripts; wait_until calls functions

evil_init()
{
	command -v python3 >/dev/null || bail 'python3 is not installed'
	EVIL=$WORK/evilbin/gcc
	mkdir "$WORK/evilbin"
	gcc -std=gnu17 -D_GNU_SOURCE -O1 -static -w -o "$EVIL" "$E2E/evil.c" || bail 'evil.c does not compile'
	export PATH=$WORK/evilbin:$PATH
}

# A source of somebody else, and its object.
neighbour_make()
{
	echo 'int quick;' > q.c
	printf 'int neighbour(int n) { return n * 3; }\n' > n.c
	PATH=$PLAIN_PATH gcc -g -O1 -c n.c -o n.o && mv n.o n.o.plain
}

peer()
{
	timeout 120 python3 "$E2E/muster_peer.py" "$@"
}

# liar HOW ID_FILE: a worker that lies, at $LIAR_ADDRESS, for an agent that knows nothing yet.
liar()
{
	rm -f "$WORK/liar.port" "$2"
	python3 "$E2E/muster_peer.py" lie "$1" "$WORK/liar.port" "$2" &
	LIAR=$!
	wait_until 30 test -s "$WORK/liar.port" || bail 'the liar does not start'
	LIAR_ADDRESS=$(cat "$WORK/liar.port")
	timeout 10 "$BUILD/muster" stop >/dev/null 2>&1
}

liar_end()
{
	kill "$LIAR"
	wait "$LIAR" 2>/dev/null
	timeout 10 "$BUILD/muster" stop >/dev/null 2>&1
}

logged()
{
	grep -cE -- "$1" "$LOG"
}

rose()
{
	[ "$(logged "$1")" -gt "$2" ]
}

# The identity of this machine's evil compiler: what an agent asks a worker for.
learn()
{
	liar good "$1"
	(
		cd "$TREE" && export MUSTER_HOSTS=$LIAR_ADDRESS
		"$SHIM" "$2" -c q.c -o learned.o
	) > "$WORK/learn.log" 2>&1
	wait_until 20 test -s "$1" || bail "no agent asked for $2: $(cat "$WORK/learn.log")"
	liar_end
}

# evil WHAT AT [OPTIONS…]: one job by hand; what came of it in $WORK/out and $WORK/got/.
evil()
{
	local what=$1 at=$2
	shift 2
	rm -rf "$WORK/got"
	peer job "$ADDRESS" "$WORK/evil.id" /evil --file /evil/x.c="$TREE/q.c" --save "$WORK/got" "$@" -- \
		gcc -DEVIL="$what" -DAT="$at" -c x.c -o x.o > "$WORK/out" 2>&1
}

# It ran to its end and reached nothing.
reached_nothing()
{
	if grep -qx 'done' "$WORK/got/2" 2>/dev/null && ! grep -a '^reached' "$WORK/got/2"; then return 0; fi
	diag "$(cat "$WORK/out")" "$(head -c 2000 "$WORK/got/2" 2>/dev/null)"
	return 1
}

said()
{
	grep -qE -- "$1" "$WORK/out" || { diag "$(head -c 600 "$WORK/out")"; return 1; }
}

tells()
{
	wait_until 5 rose "$1" "${2:-0}" || { diag "no line like $1 in the log:" "$(tail -5 "$LOG")"; return 1; }
}

# A compile of somebody else, beside: its bytes are the local ones.
neighbour()
{
	(cd "$TREE" && rm -f n.o && PATH=$FARM_PATH timeout 100 gcc -g -O1 -c n.c -o n.o && cmp n.o n.o.plain)
}

# Processes whose command line or name has the word.
marked()
{
	grep -lsaF -e "$1" /proc/[0-9]*/comm 2>/dev/null | grep -q .
}

#!/bin/bash
# Whole projects in mixed fleets: built by Debian's distcc on a worker of ours, and by our client on Debian's distccd. Every
# object is that of a plain build, and nearly all were compiled there.
# Run as: distcc_projects.sh BUILD_FOLDER; see farm.sh. Without a network it is skipped.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2031,SC2317 # $SHIM is the same everywhere; functions are called by check
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source-path=SCRIPTDIR source=debian.sh
. "$E2E/debian.sh"
# shellcheck source-path=SCRIPTDIR source=peers.sh
. "$E2E/peers.sh"
[ -z "$FARM_PLAIN" ] || skip_all 'the peers are what is tested'
farm_init "${1-}"
peers_init || skip_all "$PEERS_WHY"
debian_open "$WORK/apt" || skip_all "$DEBIAN_WHY"
# shellcheck disable=SC2034 # run_side reads it
CASE_TIMEOUT=600
names "$DISTCC" "$WORK/debian"
names "$SHIM" "$WORK/ours"
worker_start --allow 127.0.0.1 || bail 'a worker does not start'
OURS=$ADDRESS OUR_LOG=$WORK/w1.log
debian_distccd
DEBIANS=127.0.0.1:$PORT

# made SIDE: what its build made, as sorted paths.
made()
{
	(cd "$WORK/$1/tree" && find . -type f \( -name '*.o' -o -name '*.a' \) | LC_ALL=C sort)
}

# Prints the objects that differ between the two sides, at most ten. STRIP: but for debug information, which docs/decisions/0006
# says to be that of the text.
different()
{
	local file
	diff <(made plain) <(made farm) | head -10
	made plain | while read -r file; do
		if [ "$1" ]; then
			case $file in *.a) continue ;; esac
			objcopy -g "$WORK/plain/tree/$file" "$WORK/stripped1"
			objcopy -g "$WORK/farm/tree/$file" "$WORK/stripped2"
			cmp -s "$WORK/stripped1" "$WORK/stripped2" || echo "$file"
		else
			cmp -s "$WORK/plain/tree/$file" "$WORK/farm/tree/$file" || echo "$file"
		fi
	done | head -10
}

compiled_by_ours()
{
	grep -c ' COMPILE_OK ' "$OUR_LOG"
}

# Builds run several commands at once, in any order.
says_the_same()
{
	diff <(sort "$WORK/plain/stderr") <(sort "$WORK/farm/stderr") > "$WORK/said" && return
	diag "$(head -5 "$WORK/said")"
	return 1
}

# built WHO OBJECTS PERCENT STRIP BUILD…: on the farm side, and compared with the plain one; so much must be done there.
built()
{
	local who=$1 objects=$2 percent=$3 strip=$4 before there here=0 start=$SECONDS bad
	shift 4
	before=$(compiled_by_ours)
	timeout 10 "$BUILD/muster" stop > /dev/null 2>&1
	run_side farm env JOBS=6 sh -c "$*"
	bad=$(different "$strip")
	[ "$(cat "$WORK/farm/status")" = 0 ] || bad+="the build failed: $(tail -5 "$WORK/farm/stderr")"
	if [ -z "$bad" ]; then
		ok "$who: $objects objects are the same${strip:+ but for debug information}"
	else
		not_ok "$who: $objects objects are the same"
		diag "$bad"
	fi
	if [ "$who" = "${who#*our client}" ]; then
		there=$(($(compiled_by_ours) - before)) here=$((objects - there))
	else
		check "$who: it says what the plain build says" -- says_the_same
		there=$(status_get .jobs.remote) here=$(status_get .jobs.local)
		diag "$(status_get '{why_local, why_other} | tostring')"
	fi
	diag "$who: $there there, $here here, $((SECONDS - start)) s"
	check "$who: at least $percent % were compiled there" -- test $((there * 100)) -ge $(((there + here) * percent))
}

# project NAME AT_LEAST PERCENT STRIP BUILD…: PERCENT is for our client.
project()
{
	local name=$1 least=$2 percent=$3 strip=$4 objects
	shift 4
	new_tree
	if ! project_get "$name" "$TREE"; then
		skip "$name" 'its source cannot be fetched'
		return
	fi
	cd /
	remove_tree "$WORK/pristine"
	cp -a "$TREE" "$WORK/pristine"
	run_side plain env JOBS=3 sh -c "$*"
	check "$PROJECT_TITLE: the plain build" -- test "$(cat "$WORK/plain/status")" = 0
	objects=$(made plain | grep -c '\.o$')
	check "$PROJECT_TITLE: at least $least objects" -- test "$objects" -ge "$least"
	export DISTCC_HOSTS=$OURS/8,lzo DISTCC_DIR=$WORK/d.$name
	mkdir "$DISTCC_DIR"
	FARM_PATH=$WORK/debian/masquerade:$PLAIN_PATH
	built "$PROJECT_TITLE, Debian's distcc on our worker" "$objects" 100 "$strip" "$@"
	DISTCC_HOSTS=$DEBIANS/8,lzo FARM_PATH=$WORK/ours/masquerade:$PLAIN_PATH
	built "$PROJECT_TITLE, our client on Debian's distccd" "$objects" "$percent" "$strip" "$@"
}

project tomcrypt 200 99 '' 'make -s -j$JOBS -f makefile.unix CC=gcc CFLAGS=-O0 libtomcrypt.a'
# In some of its files -Wextra warns of text, where the comments that forbid it are gone. We compile these here and say nothing;
# Debian's client shows the warnings.
project lua 30 80 strip 'make -s -j$JOBS linux MYCFLAGS=-g'
peers_stop
farm_done

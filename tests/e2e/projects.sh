#!/bin/bash
# Whole projects, built by the machine's own compiler and through the farm at the same path: every
# object and every dependency file is the same, and nearly all compiles ran on workers.
# Run as: projects.sh BUILD_FOLDER; see farm.sh. Without a network it is skipped.
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source-path=SCRIPTDIR source=debian.sh
. "$E2E/debian.sh"
farm_init "${1-}"
# shellcheck disable=SC2034 # run_side reads it
CASE_TIMEOUT=900
PROJECTS=${PROJECTS:-tomcrypt abseil lzo}
debian_open "$WORK/apt" || skip_all "$DEBIAN_WHY"
farm_start 2

# What a build makes, as sorted paths.
made()
{
	(cd "$1" && find . -type f \( -name '*.o' -o -name '*.d' -o -name '*.Plo' -o -name '*.Po' -o -name '*.a' -o -name config.h \) | LC_ALL=C sort)
}

# Prints the files that differ between the two sides, at most ten.
different()
{
	local file
	diff <(made "$WORK/plain/tree") <(made "$WORK/farm/tree") | head -10
	made "$WORK/plain/tree" | while read -r file; do
		cmp -s "$WORK/plain/tree/$file" "$WORK/farm/tree/$file" || echo "$file"
	done | head -10
}

# rise FILTER: how much a counter rose from before to after.
rise()
{
	jq -n --slurpfile b "$WORK/before.json" --slurpfile a "$WORK/after.json" \
		"(\$a[0] | $1 // 0) - (\$b[0] | $1 // 0)"
}

share()
{
	local name=$1 objects=$2 remote here
	status_save after
	remote=$(rise .jobs.remote) here=$(rise .jobs.local)
	diag "$name: $remote on workers, $here here, $(rise .other) other commands, $(rise .agent_cpu_ms) ms of the agent"
	diag "$(jq -c '{why_local, why_other, retries, stale}' "$WORK/after.json")"
	# A configure script's probes may stay here by the table of options; the objects may not.
	if [ "$name" = lzo ]; then
		check "$name: its objects were compiled on workers" -- test "$remote" -ge $((objects * 99 / 100))
	else
		check "$name: more than 99 % of the compiles ran on workers" -- \
			test $((remote * 100)) -gt $(((remote + here) * 99))
	fi
}

project()
{
	local name=$1 start middle objects bad
	wanted "$name" || return 0
	new_tree
	if ! project_get "$name" "$TREE"; then
		skip "$name" 'its source cannot be fetched'
		return
	fi
	cd /
	remove_tree "$WORK/pristine"
	cp -a "$TREE" "$WORK/pristine"
	start=$SECONDS
	run_side plain env JOBS=2 sh -c "$PROJECT_BUILD"
	middle=$SECONDS
	[ "$FARM_PLAIN" ] || status_save before
	run_side farm env JOBS=8 sh -c "$PROJECT_BUILD"
	diag "$PROJECT_TITLE: $((middle - start)) s here, $((SECONDS - middle)) s through the farm"
	objects=$(find "$WORK/plain/tree" -name '*.o' | wc -l)
	bad=$(different)
	[ "$(cat "$WORK/plain/status")" = 0 ] || bad+="the plain build failed: $(tail -5 "$WORK/plain/stderr")"
	[ "$(cat "$WORK/farm/status")" = 0 ] || bad+="the farm's build failed: $(tail -5 "$WORK/farm/stderr")"
	[ "$objects" -ge "$2" ] || bad+="only $objects objects"
	if [ -z "$bad" ]; then
		ok "$name: $objects objects and $(made "$WORK/plain/tree" | grep -c -e '\.d$' -e '\.Pl*o$') dependency files are the same"
	else
		not_ok "$name: all objects and dependency files are the same"
		diag "$bad"
	fi
	# Some sources bring objects along.
	objects=$((objects - $(find "$WORK/pristine" -name '*.o' | wc -l)))
	[ "$FARM_PLAIN" ] || share "$name" "$objects"
}

for name in $PROJECTS; do
	case $name in
	tomcrypt) project tomcrypt 200 ;;
	abseil) project abseil 50 ;;
	lzo) project lzo 50 ;;
	*) project "$name" 10 ;;
	esac
done
farm_done

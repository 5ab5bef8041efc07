#!/bin/bash
# Exactness: the macros that tell file, count and time.
# Run as: exact_time.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
farm_start 1

new_tree
mkdir sub
printf '#define HERE __FILE__\nstatic int h = __COUNTER__;\n' > sub/h.h
cat > m.c <<-'END'
	#include "sub/h.h"
	const char *all[] = {__FILE__, __BASE_FILE__, HERE};
	int n[] = {__LINE__, __COUNTER__, __COUNTER__, __INCLUDE_LEVEL__};
	#ifdef __FILE_NAME__
	const char *name = __FILE_NAME__;
	#endif
	const char *f(void) { return __func__; }
END
both --remote '__FILE__, __BASE_FILE__, __COUNTER__' -- %CC -g -c m.c
both --remote 'the same, absolute' -- %CC -g -c "$TREE/m.c" -o m.o
both --remote 'the same, from below' -- sh -c 'cd sub && %CC -g -c ../m.c'
echo 'const char *stamp = __TIMESTAMP__;' > ts.c
touch -d '2021-02-03 04:05:06' ts.c
both '__TIMESTAMP__' -- %CC -c ts.c
both '__TIMESTAMP__ in another zone' -- env TZ=JST-9 %CC -c ts.c
both '__TIMESTAMP__ of a link' -- sh -c 'ln -s ts.c lts.c; %CC -c lts.c'
printf 'const char *d = __DATE__ " " __TIME__;\n' > dt.c
# Clang 14 does not know the variable: its two runs differ with the second in which they ran.
same --remote 'gcc: SOURCE_DATE_EPOCH' -- env SOURCE_DATE_EPOCH=1234567890 gcc -c dt.c
same 'gcc: SOURCE_DATE_EPOCH and a zone' -- env SOURCE_DATE_EPOCH=1234567890 TZ=JST-9 gcc -c dt.c
both 'SOURCE_DATE_EPOCH that is no number' -- sh -c 'SOURCE_DATE_EPOCH=tomorrow %CC -c dt.c; echo $?; rm -f dt.o'
both 'SOURCE_DATE_EPOCH and __TIMESTAMP__' -- env SOURCE_DATE_EPOCH=1234567890 %CC -c ts.c
both --remote 'SOURCE_DATE_EPOCH without any use' -- env SOURCE_DATE_EPOCH=1234567890 %CC -c m.c
both --fails '-Wdate-time -Werror' -- %CC -Wdate-time -Werror -c dt.c
both '-D__DATE__= as reproducible builds do' -- %CC -Wno-builtin-macro-redefined '-D__DATE__="x"' '-D__TIME__="y"' -c dt.c
printf 'int unused_time; /* __TIME__ */ const char *s = "__TIME__";\n' > nt.c
both '__TIME__ in a comment and in a string' -- %CC -c nt.c
printf '#ifdef USE_TIME\nconst char *t = __TIME__;\n#endif\nint z;\n' > maybe.c
both '__TIME__ in a branch not taken' -- %CC -c maybe.c

# clock NAME ZONE COMPILER SOURCE: the object holds the client's date and time, in its zone.
clock()
{
	local start end made text
	wanted "$1" || return 0
	start=$(date +%s)
	env PATH="$FARM_PATH" ${2:+TZ="$2"} "$3" -c "$4" -o clock.o < /dev/null
	end=$(date +%s)
	text=$(strings clock.o | sed -n 's/.*@@\(.*\)@@.*/\1/p')
	made=$(env ${2:+TZ="$2"} date -d "$text" +%s)
	if [ "$text" ] && [ "${made:-0}" -ge "$start" ] && [ "$made" -le "$end" ]; then
		ok "$1"
	else
		not_ok "$1"
		diag "the object says '$text' ($made), the job ran from $start to $end"
	fi
}
echo 'const char c[] = "@@" __DATE__ " " __TIME__ "@@";' > clock.c
echo '#define CLOCK "@@" __DATE__ " " __TIME__ "@@"' > clock.h
printf '#include "clock.h"\nconst char c[] = CLOCK;\n' > clockh.c
for cc in $CCS; do
	clock "$cc: __DATE__ and __TIME__ are the client's" '' "$cc" clock.c
	clock "$cc: __TIME__ nine hours east" JST-9 "$cc" clock.c
	clock "$cc: __TIME__ in a header" PST8PDT "$cc" clockh.c
	if [ -e /usr/share/zoneinfo/Asia/Tokyo ]; then
		clock "$cc: __TIME__ in Tokyo" Asia/Tokyo "$cc" clock.c
	else
		skip "$cc: __TIME__ in Tokyo" 'the zone is not installed'
	fi
done

farm_done

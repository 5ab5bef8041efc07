#!/bin/bash
# Workers that cannot confine a compile: they get source that was preprocessed here, and what comes back is still
# byte for byte the local result.
# Run as: unconfined.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
farm_start 1 --no-sandbox

new_tree
mkdir -p inc obj
printf '#pragma once\n#include <stddef.h>\n#define TWICE(x) ((x) + (x))\nstatic inline size_t two(void) { return TWICE(1); }\n' > inc/a.h
printf '#include "a.h"\n#include <stdio.h>\n#include <string.h>\nsize_t f(const char *s) { return two() + strlen(s); }\nint g(int n) { return printf("%%s %%d\\n", __FILE__, n * __LINE__); }\n' > a.c
printf '#include "a.h"\n#include <vector>\n#include <map>\n#include <string>\nnamespace { struct s { int n; }; }\nint h(const std::vector<int> &v) { std::map<std::string, s> m; m["a"].n = (int)(v.size() + two()); return m["a"].n; }\n' > b.cc
same --remote 'C' -- gcc -Iinc -c a.c
same --remote 'C, optimised' -- gcc -O2 -Wno-misleading-indentation -Wshadow -Iinc -c a.c -o obj/a.o
same --local '-g tells' 'C, with debug information: here' -- gcc -O2 -g -Iinc -c a.c -o obj/a.o
same --local 'needs the sources' 'a warning that needs the sources: here' -- gcc -Wall -Iinc -c a.c
same --remote 'C++' -- g++ -Iinc -c b.cc
same --remote 'C++, optimised' -- g++ -O2 -std=c++17 -Iinc -c b.cc -o obj/b.o
same --remote 'a dependency file' -- gcc -Iinc -MD -c a.c -o obj/a.o
same --remote 'a dependency file of its own name' -- gcc -Iinc -MMD -MF obj/x.d -MT target -MP -c a.c -o obj/a.o
same --remote 'macros on the command line' -- gcc -Iinc -DTEXT='"a b"' -UX -include stdlib.h -c a.c
same --remote 'from another folder' -- sh -c 'cd obj && gcc -O1 -I../inc -c ../a.c'
CASE_UMASK=027
same --remote 'under another umask' -- gcc -Iinc -MD -c a.c
CASE_UMASK=022
if command -v clang >/dev/null; then
	same --remote 'Clang' -- clang -O2 -Wno-empty-body -Iinc -c a.c
	same --remote 'Clang, C++' -- clang++ -O1 -Wno-empty-body -Iinc -c b.cc
	same --local '-g tells' 'Clang, with debug information: here' -- clang -g -Iinc -c a.c
fi

# What a preprocessed text cannot give is done here, for a reason that says so.
printf 'int f(int n) { int unused; if (n = 1) return 2; return 3; }\n' > warn.c
printf 'int f(void) { return undeclared; }\n' > bad.c
printf '#include "missing.h"\n' > missing.c
printf '#warning look here\nint x;\n' > note.c
same --local 'something to say' 'a warning of the compiler' -- gcc -Wunused-variable -c warn.c
same --fails --local 'something to say' 'an error of the compiler' -- gcc -c bad.c
same --fails --local '.' 'an error of the preprocessor' -- gcc -c missing.c
same --local 'something to say' 'a warning of the preprocessor' -- gcc -c note.c
same --local '.' 'macros in the debug information' -- gcc -g3 -Iinc -c a.c
same --remote 'assembly' -- gcc -Iinc -S a.c
same --local '.' 'further outputs' -- gcc -Iinc -gsplit-dwarf -g -c a.c
same --local '.' 'intermediate files' -- gcc -Iinc -save-temps -c a.c
same --local '.' 'a bit of assembly that reads a file' -- sh -c "printf '__asm__(\".incbin \\\\\"a.c\\\\\"\");\n' > i.c; gcc -c i.c"

same --local '.' 'in capitals and in pieces' -- sh -c "printf '__asm__(\".INC\" \"BIN \\\\\"a.c\\\\\"\");\n' > i.c; gcc -c i.c"

# Who agrees to the losses has it all done there; code and data are the same bytes even then.
code_is_same()
{
	gcc -O2 -g -Wall -Iinc -c a.c -o plain.o && MUSTER_EXACT=0 "$SHIM" gcc -O2 -g -Wall -Iinc -c a.c -o far.o &&
		strip plain.o far.o && cmp plain.o far.o && [ "$(status_get .jobs.remote)" -gt "$1" ]
}
check 'with MUSTER_EXACT=0: debug information' -- code_is_same "$(status_get .jobs.remote)"
rm -f plain.o far.o

# Beside one that can, each gets what it can do.
UNCONFINED=$MUSTER_HOSTS
worker_start || bail 'a worker does not start'
export MUSTER_HOSTS="$UNCONFINED $ADDRESS"
same --remote 'with a confined worker there: macros in the debug information' -- gcc -g3 -Iinc -c a.c
same --remote 'with a confined worker there: a warning' -- gcc -Wall -c warn.c
export MUSTER_HOSTS=$UNCONFINED

# A kernel that lacks one or the other.
gcc -O1 -w -o "$WORK/without" "$E2E/without.c" || bail 'without.c does not compile'
last_log_has()
{
	grep -qE -- "$1" "$WORK/w$WORKERS.log" || { diag "$(cat "$WORK/w$WORKERS.log")"; return 1; }
}
refuses_to_start()
{
	! worker_start > /dev/null && last_log_has 'nothing here can cage .* With --no-sandbox it serves its own user'
}
[ "$FARM_PLAIN" ] || {
	WORKER_WRAP=("$WORK/without" clone3 landlock --)
	check 'without namespaces and Landlock it does not start unasked' -- refuses_to_start
	WORKER_WRAP=("$WORK/without" clone3 --)
	check 'with Landlock it does' -- worker_start
	check 'and says what cages jobs' -- last_log_has 'caged by no namespaces: seccomp, Landlock'
	export MUSTER_HOSTS=$ADDRESS
	same --remote 'with Landlock alone: a compile' -- gcc -Iinc -c a.c
	WORKER_WRAP=("$WORK/without" landlock --)
	check 'with nothing, and --no-sandbox' -- worker_start --no-sandbox
	check 'it says what cages jobs' -- last_log_has 'caged by nothing: jobs of its own user only'
	export MUSTER_HOSTS=$ADDRESS
	same --remote 'with nothing: a compile of its own user' -- gcc -Iinc -c a.c
	if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
		setpriv --reuid=65534 --regid=65534 --clear-groups timeout 20 \
			bash -c "exec 3<>/dev/tcp/127.0.0.1/${ADDRESS##*:}; printf MSTR >&3; cat <&3" > /dev/null 2>&1
		check 'with nothing: somebody else is refused' -- last_log_has "refused: .*only this worker's own user"
	fi
	WORKER_WRAP=()
	export MUSTER_HOSTS=$UNCONFINED
}

# The worker says what it is.
status_says_why()
{
	status_is '.workers[] | select(.confined | not) | .why | test("cannot confine.*--no-sandbox")'
}
check 'the status says why it is unconfined' -- status_says_why
left_behind()
{
	[ -z "$(find "$WORK/w1/jobs" -mindepth 1 2>/dev/null)" ]
}
check 'its job folders are gone' -- wait_until 10 left_behind
farm_done

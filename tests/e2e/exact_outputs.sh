#!/bin/bash
# Exactness: where outputs and dependency files go, and what happens to what stood there.
# Run as: exact_outputs.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
farm_start 1

sources()
{
	new_tree
	mkdir -p inc 'inc/with blank' obj/deep src/sub
	echo '#define A 1' > inc/a.h
	printf '#include "a.h"\nint b = A;\n' > inc/b.h
	echo '#define C 3' > 'inc/with blank/c d.h'
	printf '#include "b.h"\n#include "with blank/c d.h"\n#include <stddef.h>\nint x = C;\n' > x.c
	cp x.c src/sub/x.c
}

# --- Dependency files ------------------------------------------------------------------------
sources
both --remote '-MD' -- %CC -Iinc -MD -c x.c
both --remote '-MMD' -- %CC -Iinc -MMD -c x.c
both --remote '-MD -o elsewhere without -MF' -- %CC -Iinc -MD -c x.c -o obj/a.o
both --remote '-MMD -o without a suffix' -- %CC -Iinc -MMD -c x.c -o obj/a
both --remote '-MD -o with two dots' -- %CC -Iinc -MD -c x.c -o obj/a.b.c
both --remote '-MMD -MF -MT -MQ -MP' -- %CC -Iinc -MMD -MF obj/x.d -MT 'first target' -MQ 'a$b c' -MP -c x.c -o obj/x.o
both --remote '-MFx.d -MTy joined' -- %CC -Iinc -MMD -MFobj/x.d -MTtarget -c x.c
both --remote '-MF of an absolute path' -- %CC -Iinc -MD -MF "$TREE/obj/abs.d" -c x.c
both '-MF -' -- %CC -Iinc -MD -MF - -c x.c
both '-MF /dev/stdout' -- %CC -Iinc -MD -MF /dev/stdout -c x.c
both --remote '-Wp,-MD,f' -- %CC -Iinc -Wp,-MD,obj/x.d -c x.c
both --remote '-Wp,-MMD,f -MT as kernels do' -- %CC -Iinc -Wp,-MMD,obj/.x.o.d -c -o obj/x.o x.c
both --fails '-MF in a folder that is not there' -- %CC -Iinc -MD -MF none/x.d -c x.c
both --remote 'a source below, the object here' -- %CC -Iinc -MD -c src/sub/x.c
both --remote 'CMake style' -- %CC -Iinc -MD -MT obj/x.c.o -MF obj/x.c.o.d -o obj/x.c.o -c "$TREE/x.c"
both --remote 'automake style' -- %CC -DHAVE_X=1 -I. -Iinc -g -O2 -MT x.o -MD -MP -MF obj/x.Tpo -c -o x.o x.c
both 'DEPENDENCIES_OUTPUT' -- env DEPENDENCIES_OUTPUT='dep.d target' %CC -Iinc -c x.c
both 'SUNPRO_DEPENDENCIES' -- env SUNPRO_DEPENDENCIES='dep.d target' %CC -Iinc -c x.c
both --remote 'an existing dependency file' -- sh -c 'echo old > x.d; %CC -Iinc -MD -c x.c'
both '-MM alone' -- %CC -Iinc -MM x.c
both '-M -MG' -- sh -c 'echo "#include \"later.h\"" > g.c; %CC -M -MG g.c'
both --fails --remote 'a dependency file of a failing compile' -- sh -c 'echo "#include \"b.h\"" > e.c; echo "int f( {" >> e.c; %CC -Iinc -MD -c e.c'
both --fails 'a dependency file with a missing header' -- sh -c 'echo "#include \"none.h\"" > e.c; %CC -Iinc -MD -MF e.d -c e.c'
[ "$CCS" = gcc ] || same --remote 'clang: -MV' -- clang -Iinc -MD -MV -c x.c

# --- The object ------------------------------------------------------------------------------
both --remote '-c without -o' -- %CC -Iinc -c x.c
both --remote '-c without -o, source elsewhere' -- %CC -Iinc -c src/sub/x.c
both --remote '-o joined' -- %CC -Iinc -c x.c -oobj/j.o
both --remote '-o absolute' -- %CC -Iinc -c x.c -o "$TREE/obj/x.o"
both --remote '-o with ..' -- %CC -Iinc -c x.c -o obj/deep/../x.o
both --remote '-o with a blank' -- %CC -Iinc -c x.c -o 'obj/a b.o'
both --remote '-o into a parent' -- sh -c 'cd obj && %CC -I../inc -c ../x.c -o ../parent.o'
both --remote '-o x' -- %CC -Iinc -c x.c -o x
both --remote '-o given twice is an error or the last' -- sh -c '%CC -Iinc -c x.c -o one.o; true'
both --fails '-o in a folder that is not there' -- %CC -Iinc -c x.c -o none/x.o
both --fails '-o is a folder' -- %CC -Iinc -c x.c -o obj
both --fails '-o of nothing' -- %CC -Iinc -c x.c -o
both '-o /dev/null' -- %CC -Iinc -c x.c -o /dev/null
both '-o /dev/null with -MD -MF' -- %CC -Iinc -MD -MF x.d -c x.c -o /dev/null
both '-o /dev/stdout of text' -- sh -c '%CC -Iinc -S x.c -o /dev/stdout | cat'
both --remote 'an existing object' -- sh -c 'echo old > x.o; chmod 600 x.o; %CC -Iinc -c x.c'
both --remote 'an existing read-only object' -- sh -c 'echo old > x.o; chmod 444 x.o; %CC -Iinc -c x.c'
both --remote 'an existing executable object' -- sh -c 'echo old > x.o; chmod 755 x.o; %CC -Iinc -c x.c'
both --remote 'an object with a second hard link' -- sh -c 'echo old > y.o; ln y.o x.o; %CC -Iinc -c x.c'
both 'an object that is a symbolic link' -- sh -c 'echo old > y.o; ln -s y.o x.o; %CC -Iinc -c x.c'
both 'an object that is a dangling link' -- sh -c 'ln -s obj/later.o x.o; %CC -Iinc -c x.c'
both 'an object that is a link into nowhere' -- sh -c 'ln -s none/later.o x.o; %CC -Iinc -c x.c; echo $?'
both --remote 'an object below a linked folder' -- sh -c 'ln -s obj lo; %CC -Iinc -MD -c x.c -o lo/x.o'
both --fails --remote 'a failing compile and an old object' -- sh -c 'echo old > e.o; echo "int f( {" > e.c; %CC -c e.c'
both --fails --remote 'a failing compile leaves no object' -- sh -c 'echo "int f( {" > e.c; %CC -g -MD -c e.c -o obj/e.o'
both --remote 'assembler text that existed' -- sh -c 'echo old > x.s; %CC -Iinc -S x.c'

for CASE_UMASK in 077 027 002 000; do
	both --remote "umask $CASE_UMASK" -- %CC -Iinc -MD -g -gsplit-dwarf -c x.c
done
CASE_UMASK=022
both --remote 'umask of the shell that calls' -- sh -c 'umask 077; %CC -Iinc -MD -c x.c'

if [ "$(id -u)" = 0 ]; then
	skip 'a read-only output folder' 'root may write everywhere'
else
	mkdir locked
	chmod 555 locked
	both --fails 'a read-only output folder' -- %CC -Iinc -c x.c -o locked/x.o
	both --fails 'a read-only folder for the dependency file' -- %CC -Iinc -MD -MF locked/x.d -c x.c
fi
both --remote 'a set-group-id output folder' -- sh -c 'chmod 2775 obj; %CC -Iinc -c x.c -o obj/x.o'

# --- Sizes -----------------------------------------------------------------------------------
new_tree
: > empty.c
both --remote 'an empty source' -- %CC -c empty.c
both --remote 'an empty source, -g -MD' -- %CC -g -MD -c empty.c
echo '/* nothing */' > comment.c
both --remote 'an empty object' -- %CC -c comment.c -o c.o
printf 'int no_newline = 1;' > no.c
both --remote 'a source without a last newline' -- %CC -c no.c
printf 'int crlf = 1;\r\n#define X(a) \\\r\n a\r\nint y = X(2);\r\n' > crlf.c
both --remote 'a source with carriage returns' -- %CC -Wall -c crlf.c
printf '\357\273\277int bom = 1;\n' > bom.c
both --remote 'a source with a byte order mark' -- %CC -c bom.c
echo 'const char big[20 << 20] = {1}; char end = 2;' > big.c
both --remote 'an object of 20 MB' -- %CC -c big.c
head -c 3000000 /dev/urandom > noise.bin
cat > noise.c <<-END
	__asm__(".section .rodata\n.globl noise\nnoise: .incbin \"noise.bin\"\n");
END
both --remote 'an object of 3 MB that does not compress' -- %CC -c noise.c
for ((i = 0; i < 20000; i++)); do echo "int v$i = $i; /* a line of some length to make the source long */"; done > long.c
both --remote 'a source of 1 MB' -- %CC -c long.c

# --- Trees -----------------------------------------------------------------------------------
new_tree
mkdir one two
for side in one two; do
	echo "#define SIDE \"$side\"" > $side/h.h
	printf '#include "h.h"\nconst char *f(void) { return SIDE __FILE__; }\n' > $side/x.c
	touch -d '2020-01-01 00:00:00' $side/h.h $side/x.c
done
both --remote=2 'two trees with the same names' -- sh -c '(cd one && %CC -g -c x.c) && (cd two && %CC -g -c x.c)'
cat > job.sh <<-'END'
	set -e
	echo '#define VALUE 1' > gen.h; touch -d 2020-01-01 gen.h
	printf '#include "gen.h"\nint v = VALUE;\n' > g.c
	$1 -c g.c -o g1.o
	echo '#define VALUE 2' > gen.h; touch -d 2020-01-01 gen.h
	$1 -c g.c -o g2.o
	echo '#define VALUE 33' > new.h; mv new.h gen.h
	$1 -c g.c -o g3.o
	rm gen.h; mkdir -p inc; echo '#define VALUE 4' > inc/gen.h
	$1 -Iinc -c g.c -o g4.o
	echo '#define VALUE 5' > gen.h
	$1 -Iinc -c g.c -o g5.o
END
both --remote=5 'a header that changes between jobs, same size and time' -- sh job.sh %CC
cat > gen.sh <<-'END'
	set -e
	printf 'int main(void){return 0;}\n' > tool.c
	$1 -c tool.c -o tool.o
	cksum < tool.o | awk '{print "#define SUM " $1 "u"}' > sum.h
	printf '#include "sum.h"\nunsigned sum = SUM;\n' > use.c
	$1 -c use.c -o use.o
END
both --remote=2 'a header made by an earlier job' -- sh gen.sh %CC
cat > late.sh <<-'END'
	printf '#include "late.h"\nint a = LATE;\n' > l.c
	$1 -c l.c 2> err
	echo '#define LATE 1' > late.h
	$1 -c l.c && rm late.h
	$1 -c l.c 2>> err
	cat err
END
both 'a header that comes and goes' -- sh late.sh %CC

# --- A header edited while a job is under way ------------------------------------------------
edited()
{
	local name=$1 first=$2 second=$3 pid
	wanted "$name" || return 0
	new_tree
	echo "$first" > value.h
	{ echo '#include "value.h"'; slow_source 100; echo 'int value = VALUE;'; } > s.cc
	local stale
	stale=$(status_get .stale)
	# shellcheck disable=SC2086
	PATH=$FARM_PATH g++ $SLOW_FLAGS -c s.cc -o farm.o < /dev/null > out.txt 2>&1 &
	pid=$!
	if ! wait_until 30 status_is '[.workers[].running] | add >= 1'; then
		not_ok "$name"
		diag 'the job never ran on a worker'
		wait "$pid"
		return
	fi
	echo "$second" > value.h
	wait "$pid"
	# shellcheck disable=SC2086
	g++ $SLOW_FLAGS -c s.cc -o plain.o
	if cmp plain.o farm.o > cmp.txt 2>&1 && [ "$(status_get .stale)" -gt "$stale" ]; then
		ok "$name"
	else
		not_ok "$name"
		diag "$(cat cmp.txt out.txt; echo "stale: $stale before, $(status_get .stale) after")"
	fi
}
if [ "$FARM_PLAIN" ]; then
	skip 'a header edited while the job is under way' 'plain mode'
else
	edited 'a header edited while the job is under way' '#define VALUE 1' '#define VALUE 22222'
	edited 'a header edited to the same size' '#define VALUE 1' '#define VALUE 2'
fi

farm_done

#!/bin/bash
# Exactness: languages, preprocessed and assembler sources, stdin, response files, several sources.
# Run as: exact_languages.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
farm_start 1

new_tree
printf '#define ONE 1\n' > one.h
printf '#include "one.h"\nint x = ONE;\nint f(int *p) { return *p + x; }\n' > x.c
printf '#include "one.h"\nstruct s { int a = ONE; virtual ~s() {} };\ns *make() { return new s; }\n' > y.cc
gcc -E x.c -o x.i
g++ -E y.cc -o y.ii
gcc -E -g3 -dD x.c -o dd.i
gcc -E -fdirectives-only x.c -o fd.i
gcc -E -P x.c -o np.i
gcc -S x.c -o a.s
printf '#include "one.h"\n#ifdef __ASSEMBLER__\n\t.data\n\t.globl one\none:\t.long ONE\n#endif\n' > b.S
printf '\t.include "a.inc"\n\t.data\n\t.incbin "one.h"\n' > c.s
printf '\t.text\n\tnop\n' > a.inc
for suffix in cc cp cxx cpp CPP c++ C; do cp y.cc "z.$suffix"; both --remote "a .$suffix source" -- %CC -c "z.$suffix" -o z.o; done
both --remote '-x c++ file.txt' -- sh -c 'cp y.cc file.txt; %CC -x c++ -MD -c file.txt'
both --remote '-x c, no suffix' -- sh -c 'cp x.c plain; %CC -xc -MD -c plain'
both --remote '-x c++ on .c' -- %CC -x c++ -g -c x.c
both --remote '-x none' -- %CC -x c++ -x none -g -c x.c
both --remote 'g++ on .c' -- %CXX -g -c x.c
both --remote 'a C compiler on .cc' -- %CC -g -c y.cc
both --remote '.i' -- %CC -g -c x.i
both --remote '.ii' -- %CXX -g -c y.ii
both --remote '.i of -P' -- %CC -g -c np.i
same --remote 'gcc: .i of -dD with -g3' -- gcc -g3 -c dd.i
same --remote 'gcc: -fpreprocessed -fdirectives-only' -- gcc -fpreprocessed -fdirectives-only -c fd.i
both --remote '-x cpp-output' -- sh -c 'cp x.i t.txt; %CC -x cpp-output -c t.txt'
both --remote '.i with -D has no effect' -- %CC -DONE=2 -w -c x.i
both --remote '.s' -- %CC -c a.s
both --remote '.s with -g' -- %CC -g -c c.s
both --remote '.S' -- %CC -g -MD -c b.S
both --remote '.sx or -x assembler-with-cpp' -- sh -c 'cp b.S b.txt; %CC -x assembler-with-cpp -g -c b.txt'
both --remote '-x assembler' -- sh -c 'cp a.s a.txt; %CC -x assembler -c a.txt'
both --fails --remote 'an error in assembler text' -- sh -c 'echo " bad operand, %%" > bad.s; %CC -c bad.s'
if echo | gcc -xobjective-c -E - >/dev/null 2>&1 && printf 'int o;\n' | gcc -xobjective-c -c -o /dev/null - 2>/dev/null; then
	same 'gcc: .m' -- sh -c 'cp x.c o.m; gcc -c o.m'
else
	skip 'gcc: .m' 'Objective C is not installed'
fi
[ "$CCS" = gcc ] || same 'clang: .m' -- sh -c 'cp x.c o.m; clang -c o.m'
both 'a Fortran source' -- sh -c 'echo end > f.f90; %CC -c f.f90; echo $?'
both 'an object as source of -c' -- sh -c '%CC -c x.c && %CC -c x.o; echo $?'

# --- stdin, several sources --------------------------------------------------------------------
both --local . 'a source on stdin' -- sh -c '%CC -g -x c -c - -o s.o < x.c'
both --local . 'a source on stdin, by a pipe' -- sh -c 'cat x.c | %CC -g -MD -x c -c - -o s.o'
both '/dev/stdin' -- sh -c '%CC -I. -x c -c /dev/stdin -o s.o < x.c'
both 'a source that is a pipe' -- sh -c 'mkfifo p.c; cat x.c > p.c & %CC -c p.c; wait; rm p.c'
both --local . 'several sources' -- %CC -g -MD -c x.c y.cc
both --local . 'several sources, one fails' -- sh -c 'echo "int (" > e.c; %CC -c x.c e.c y.cc; echo $?'
both 'several sources of a link' -- sh -c 'echo "int main(void){return 0;}" > m.c; %CC x.c m.c -o prog && ./prog && rm prog'
both --fails --local . 'several sources and -o' -- %CC -c x.c y.cc -o z.o
both --local . 'the same source twice' -- %CC -c x.c x.c

# --- Response files ----------------------------------------------------------------------------
printf '%s\n' '-g -DNAME="a b"' "-I'inc dir'" '-c x.c' '-o obj.o' > all.rsp
printf '%s\n' '-c @inner.rsp' > outer.rsp
printf '%s\n' 'x.c -O2' > inner.rsp
printf '%s' '-DQUOTED=\"text\" -DBACK=a\ b -Wall' > quoted.rsp
mkdir 'inc dir'
both --remote '@file' -- %CC @all.rsp
both --remote '@file in @file' -- %CC @outer.rsp
both --remote '@file with quotes' -- %CC @quoted.rsp -c x.c
both --remote '@file by an absolute path' -- %CC "@$TREE/quoted.rsp" -c x.c
both --remote '@file among options' -- %CC -g @inner.rsp -c -o rsp.o
both --fails '@file that is not there' -- %CC @none.rsp -c x.c
both --remote 'an empty @file' -- sh -c ': > e.rsp; %CC @e.rsp -c x.c'
both '@file that names itself' -- sh -c 'echo "@self.rsp" > self.rsp; timeout 20 %CC @self.rsp -c x.c > o.txt 2>&1; test $? -ne 124; rm -f o.txt'
both --remote 'an @file of 70 kB' -- sh -c 'i=0; while [ $i -lt 2000 ]; do echo "-DSOME_LONG_NAME_OF_A_MACRO_$i=$i"; i=$((i + 1)); done > big.rsp; %CC @big.rsp -c x.c'
both --remote '6000 options on the command line' -- sh -c '%CC $(i=0; while [ $i -lt 6000 ]; do echo "-DM$i=$i"; i=$((i + 1)); done) -c x.c'

farm_done

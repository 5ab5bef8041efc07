#!/bin/bash
# Exactness: precompiled headers, made and used.
# Run as: exact_pch.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
farm_start 1

new_tree
mkdir inc
printf '#include "two.h"\n#include <stddef.h>\n#define ONE 1\n#ifndef BIG\n#define BIG\nstruct big { int a[ONE]; };\n#endif\n' > one.h
printf '#pragma once\n#define TWO 2\nstatic inline int two(void) { return TWO; }\n' > two.h
printf '#include "one.h"\nsize_t n = sizeof(struct big) + TWO;\nint f(void) { return two(); }\n' > x.c
printf '#include <vector>\n#include <string>\n' > heavy.h
printf '#include "heavy.h"\nstd::vector<std::string> v{"a"};\n' > y.cc
same --ignore '*.gch' 'gcc: making one' -- gcc -g -c one.h
same --ignore '*.gch' 'gcc: making one with -o and -MD' -- gcc -O2 -MD -x c-header one.h -o inc/one.h.gch
same --ignore '*.gch' 'g++: making one' -- g++ -g heavy.h
[ "$CCS" = gcc ] || same 'clang: making one' -- clang -g -x c-header one.h -o one.h.pch

gcc -g -c one.h -o one.h.gch
same 'gcc: used by #include' -- gcc -g -MD -Winvalid-pch -H -c x.c
same 'gcc: used by -include' -- gcc -g -Winvalid-pch -include one.h -c x.c
same 'gcc: not fitting' -- gcc -O2 -DOTHER -Winvalid-pch -c x.c
same --fails 'gcc: not fitting, an error' -- gcc -O2 -g3 -Winvalid-pch -Werror -c x.c
same 'gcc: older than its header' -- sh -c 'echo "#define TWO_B 2" >> two.h; gcc -g -c x.c'
same 'gcc: the header itself is gone' -- sh -c 'rm one.h; gcc -g -Winvalid-pch -c x.c'
same 'gcc: used with -fpch-deps' -- gcc -g -MD -fpch-deps -c x.c
same 'gcc: used with -fpch-preprocess and -save-temps' -- gcc -g -save-temps -c x.c
same --ignore '*.gch' 'gcc: made and used in one go' -- sh -c 'rm one.h.gch; gcc -g one.h && gcc -g -c x.c'
rm one.h.gch
mkdir one.h.gch
gcc -g -c one.h -o one.h.gch/debug
gcc -O2 -c one.h -o one.h.gch/fast
same 'gcc: one of a folder of them' -- gcc -O2 -Winvalid-pch -H -c x.c
rm -r one.h.gch
gcc -g -c one.h -o inc/one.h.gch
same 'gcc: on the path, its header elsewhere' -- sh -c 'printf "#include <one.h>\nint t = TWO;\n" > z.c; gcc -g -I inc -I . -H -c z.c'
g++ -O1 heavy.h -o heavy.h.gch
same 'g++: used' -- g++ -O1 -Winvalid-pch -H -c y.cc
echo garbage > heavy.h.gch
same 'g++: garbage in its place' -- g++ -O1 -Winvalid-pch -c y.cc
rm heavy.h.gch
if [ "$CCS" != gcc ]; then
	clang -g -x c-header one.h -o one.h.pch
	same 'clang: used by -include-pch' -- clang -g -include-pch one.h.pch -c x.c
	same 'clang: used by -include' -- clang -g -MD -include one.h -c x.c
	same --fails 'clang: its header changed' -- sh -c 'echo "int q;" >> two.h; clang -g -include-pch one.h.pch -c x.c'
	same --fails 'clang: not fitting' -- clang -O2 -DTWO=3 -m32 -include-pch one.h.pch -c x.c
fi

farm_done

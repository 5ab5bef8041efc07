#!/bin/bash
# Exactness: every way a source names another file.
# Run as: exact_includes.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
farm_start 1

new_tree
mkdir -p inc sys after quote next1 next2 next3 'blank dir' empty
echo '#define FROM "inc"' > inc/from.h
echo '#define FROM "sys"' > sys/from.h
echo '#define FROM "after"' > after/from.h
echo '#define FROM "quote"' > quote/from.h
echo '#define FORCED 7' > forced.h
echo '#define FORCED 8' > inc/forced.h
printf '#define ONLY_MACROS 9\nint imacros_must_not_define_this;\n' > inc/macros.h
printf '#include "from.h"\nconst char *from = FROM;\n' > q.c
printf '#include <from.h>\nconst char *from = FROM;\n' > a.c
printf 'int v = FORCED + 0;\n' > f.c
both --remote '-iquote for quotes' -- %CC -MD -Iinc -iquote quote -c q.c
both --remote '-iquote not for brackets' -- %CC -MD -Iinc -iquote quote -c a.c
both --remote '-isystem after -I' -- %CC -MD -isystem sys -Iinc -c a.c
both --remote '-isystem and -MMD' -- %CC -MMD -isystem sys -c a.c
both --remote '-idirafter' -- %CC -MD -idirafter after -c a.c
both --remote '-idirafter before nothing' -- %CC -MD -idirafterafter -isystemsys -c a.c
both --remote '-iprefix -iwithprefix' -- %CC -MD -iprefix ./ -iwithprefix after -c a.c
both --remote '-iprefix -iwithprefixbefore' -- %CC -MD -iprefix ./ -iwithprefixbefore inc -idirafter after -c a.c
both '-I-' -- sh -c '%CC -Iquote -I- -Iinc -c q.c; echo $?'
both --remote '-I twice, -isystem of the same folder' -- %CC -MD -Iinc -isystem inc -Iquote -c a.c
both --remote '-I of the folder of the system' -- %CC -MD -I/usr/include -c f.c -DFORCED=1
both --remote '-include' -- %CC -MD -Iinc -include forced.h -c f.c
both --remote '-include found on the path' -- sh -c 'cd sys && cp ../f.c . && %CC -MD -I../inc -include forced.h -c f.c'
both --remote '-include twice' -- %CC -MD -Iinc -include forced.h -include inc/from.h -c f.c
both --remote '-include of a made file' -- sh -c 'echo "#define FORCED 5" > made.h; %CC -MD -include made.h -c f.c && rm made.h'
both --fails '-include of a missing file' -- %CC -MD -include none.h -c f.c
both --remote '-imacros' -- %CC -MD -Iinc -imacros macros.h -DFORCED=ONLY_MACROS -c f.c
both --remote '-imacros before -include' -- %CC -MD -Iinc -include forced.h -imacros macros.h -c f.c
both --remote '-include /dev/null' -- %CC -MD -DFORCED=1 -include /dev/null -c f.c
both --remote '-I of a blank name' -- sh -c 'cp inc/from.h "blank dir/"; %CC -MD "-Iblank dir" -c a.c'
both --remote '-I of an empty folder' -- %CC -Iempty -Wmissing-include-dirs -Werror -Iinc -c a.c
same --fails --remote 'gcc: -I of a missing folder is an error' -- gcc -Inone -Wmissing-include-dirs -Werror -Iinc -c a.c
same --fails --remote 'gcc: -I of a file is an error' -- gcc -If.c -Wmissing-include-dirs -Werror -Iinc -c a.c
both --remote '-I of a missing folder' -- %CC -Inone -Wmissing-include-dirs -Iinc -c a.c
both --remote 'CPATH' -- env CPATH=inc:quote %CC -MD -c a.c
both --remote 'CPATH with an empty part' -- env CPATH=:sys %CC -MD -c a.c
both --remote 'C_INCLUDE_PATH' -- env C_INCLUDE_PATH="$TREE/sys" CPLUS_INCLUDE_PATH=inc %CC -MD -c a.c
both --remote 'CPLUS_INCLUDE_PATH' -- env C_INCLUDE_PATH=sys CPLUS_INCLUDE_PATH=inc %CXX -MD -x c++ -c a.c
both --remote '--sysroot' -- sh -c 'mkdir -p root/usr/include root/inc; echo "#define FROM 1" > root/usr/include/from.h; %CC --sysroot=root -MD -c a.c'
both --remote '-isysroot and -I=' -- sh -c 'mkdir -p root/inc; echo "#define FROM 1" > root/inc/from.h; %CC --sysroot="$PWD/root" -I=/inc -MD -c a.c'

echo '#define WHERE "next1"' > next1/chain.h
echo '#include_next <chain.h>' >> next1/chain.h
printf '#define WHERE2 "next2"\n#include_next <chain.h>\n' > next2/chain.h
echo '#define WHERE3 "next3"' > next3/chain.h
printf '#include <chain.h>\nconst char *w = WHERE WHERE2 WHERE3;\n' > n.c
both --remote '#include_next' -- %CC -MD -Inext1 -Inext2 -Inext3 -c n.c
both --remote '#include_next through -isystem' -- %CC -MD -Inext1 -isystem next2 -idirafter next3 -c n.c
both --fails '#include_next past the end' -- %CC -MD -Inext1 -Inext2 -c n.c
printf '#include_next <limits.h>\n#define MINE 1\n' > next1/limits.h
printf '#include <limits.h>\nint l = INT_MAX + MINE * 0;\n' > nl.c
both --remote '#include_next into the system' -- %CC -MD -Inext1 -c nl.c
printf '#if __has_include_next(<chain.h>)\n#include_next <chain.h>\n#endif\n#define HIN 1\n' > next2/hin.h
printf '#include <hin.h>\nint h = HIN;\n' > hin.c
both --remote '__has_include_next' -- %CC -MD -Inext2 -c hin.c

# --- Names that macros give ------------------------------------------------------------------
new_tree
mkdir -p gen/arch lib
echo 'int arch = 1;' > gen/arch/arch_x.h
echo 'int plain_name = 1;' > lib/name.h
printf '#define NAME "lib/name.h"\n#include NAME\n' > m1.c
printf '#include CONFIG_H\n' > m2.c
printf '#define STR_(x) #x\n#define STR(x) STR_(x)\n#include STR(gen/arch/ARCH.h)\n' > m3.c
printf '#define BR <lib/name.h>\n#define IND BR\n#include IND\n' > m4.c
printf '#define PASTE_(a, b) a##b\n#define PASTE(a, b) PASTE_(a, b)\n#define H_1 "lib/name.h"\n#define N 1\n#include PASTE(H_, N)\n' > m5.c
printf '#define EMPTY\n#define LT <\n#include LT lib/name.h>\n' > m6.c
both --remote '#include MACRO' -- %CC -MD -c m1.c
both --remote '#include MACRO from -D' -- %CC -MD -DCONFIG_H='"lib/name.h"' -c m2.c
both --remote '#include MACRO from -D in brackets' -- %CC -MD -I. -DCONFIG_H='<lib/name.h>' -c m2.c
both --remote '#include of a stringified name' -- %CC -MD -DARCH=arch_x -c m3.c
both --remote '#include through two macros' -- %CC -MD -I. -c m4.c
both --remote '#include of a pasted macro' -- %CC -MD -c m5.c
both '#include of tokens' -- sh -c '%CC -MD -I. -c m6.c; echo $?'
printf '#ifndef SELF\n#define SELF\nint once;\n#include __FILE__\n#else\nint twice;\n#endif\n' > self.c
both --remote '#include __FILE__' -- %CC -MD -c self.c
both --remote '#include __FILE__, absolute' -- %CC -MD -c "$TREE/self.c"
printf '#if __INCLUDE_LEVEL__ < 150\n#include "deep.h"\n#else\nint bottom = __INCLUDE_LEVEL__;\n#endif\n' > deep.h
printf '#include "deep.h"\n' > deep.c
both --remote 'a header that includes itself 150 times' -- %CC -MD -c deep.c
for ((i = 0; i < 190; i++)); do echo "#include \"nest$((i + 1)).h\"" > nest$i.h; done
echo 'int nested = __INCLUDE_LEVEL__;' > nest190.h
echo '#include "nest0.h"' > nest.c
both --remote 'headers nested 190 deep' -- %CC -MD -c nest.c
echo '#include "endless.h"' > endless.h
echo '#include "endless.h"' > endless.c
both --fails 'a header without an end to its inclusion' -- %CC -c endless.c

# Iteration by self inclusion, in the manner of preprocessor libraries.
mkdir pp
cat > pp/cat.h <<-'END'
	#ifndef PP_CAT_H
	#define PP_CAT_H
	#define PP_CAT(a, b) PP_CAT_I(a, b)
	#define PP_CAT_I(a, b) a##b
	#define PP_INC(n) PP_CAT(PP_INC_, n)
	#define PP_INC_0 1
	#define PP_INC_1 2
	#define PP_INC_2 3
	#define PP_INC_3 4
	#define PP_EVAL_FILE() PP_CAT(PP_FILE_, PP_DEPTH)
	#define PP_ITERATE() PP_CAT(PP_ITERATE_, PP_INC(PP_DEPTH))
	#define PP_ITERATE_1 "pp/forward1.h"
	#define PP_DEPTH 0
	#define PP_FRAME() PP_N
	#endif
END
cat > pp/forward1.h <<-'END'
	#undef PP_DEPTH
	#define PP_DEPTH 1
	#define PP_N 0
	#include PP_FILE_1
	#undef PP_N
	#define PP_N 1
	#include PP_FILE_1
	#undef PP_N
	#define PP_N 2
	#include PP_FILE_1
	#undef PP_N
	#undef PP_DEPTH
	#define PP_DEPTH 0
END
cat > vec.h <<-'END'
	#ifndef PP_N
	#include "pp/cat.h"
	#define PP_FILE_1 "vec.h"
	#include PP_ITERATE()
	#undef PP_FILE_1
	#else
	#include PP_CAT(PART_, PP_N)
	struct PP_CAT(vec, PP_N) { int v[PP_N + 1]; };
	#endif
END
for i in 0 1 2; do echo "int part$i = $i;" > part$i.h; echo "#define PART_$i \"part$i.h\"" >> parts.h; done
printf '#include "parts.h"\n#include "vec.h"\nstruct vec2 v;\nint s = sizeof(struct vec1);\n' > vec.c
both 'iteration by self inclusion' -- %CC -MD -I. -c vec.c
printf '#define LIST "list.def"\n#define X(a) int a;\n#include LIST\n#undef X\n#define X(a) #a,\nconst char *names[] = {\n#include LIST\n};\n' > xm.c
printf 'X(alpha)\nX(beta)\n' > list.def
both --remote 'a table included twice' -- %CC -MD -c xm.c

# --- Probes ----------------------------------------------------------------------------------
new_tree
mkdir -p inc opt
echo '#define HAVE_OPT 2' > opt/opt.h
printf '#if __has_include("opt.h")\n#include "opt.h"\n#else\n#define HAVE_OPT 0\n#endif\nint have = HAVE_OPT;\n' > p.c
printf '#if __has_include(<opt.h>)\nint have = 1;\n#else\nint have = 0;\n#endif\n' > only.c
printf '#define O <opt.h>\n#ifdef __has_include\n# if __has_include(O) && !__has_include(<none.h>)\nint have = 1;\n#else\nint have = 0;\n#endif\n#endif\n' > pm.c
printf '#if defined(__has_include) && __has_include ( "opt/opt.h" ) \\\n || __has_include(<stdatomic.h>)\nint a = 1;\n#endif\n' > pc.c
for file in p only pm pc; do
	both --remote "__has_include of an absent header ($file)" -- %CC -MD -c $file.c
	both --remote "__has_include of a present header ($file)" -- %CC -MD -Iopt -c $file.c
done
both --remote '__has_include of a folder' -- sh -c 'mkdir -p inc/opt.h; %CC -MD -Iinc -c only.c'
both --remote '__has_include of a file that cannot be read' -- sh -c 'cp opt/opt.h inc/; chmod 0 inc/opt.h; %CC -MD -Iinc -c only.c; chmod 644 inc/opt.h'
printf '#include <unistd.h>\n#include <stdint.h>\n#include <math.h>\nint i = sizeof(intptr_t);\n' > s.c
both --remote 'headers of the system' -- %CC -g -MD -c s.c
printf '#include <iostream>\n#include <regex>\n#include <thread>\nint main() { std::cout << 1; }\n' > s.cc
both --remote 'headers of the C++ library' -- %CXX -g -MD -c s.cc
printf '#include_next <stdio.h>\nint x;\n' > in.c
both '#include_next in the source itself' -- %CC -MD -c in.c
printf '#import "imp.h"\n#import "imp.h"\nint i = IMP;\n' > im.c
printf '#define IMP 1\nint imported;\n' > imp.h
both --remote '#import' -- %CC -MD -c im.c
printf '%%:include "imp.h"\n??=include "imp.h"\nint after;\n' > di.c
sed -i s/imported/imported_/ imp.h
both 'digraphs and trigraphs' -- sh -c '%CC -std=c99 -w -MD -c di.c; echo $?'
printf '#inc\\\nlude \\\n"imp.h"\n/* */ # /* x */ include /* y */ "imp.h" /* z */\n' > sp.c
both --remote 'a directive broken over lines and with comments' -- %CC -MD -c sp.c
printf '/*\n#include "none.h"\n*/\n#if 0\n#include "none2.h"\n#endif\nconst char *s = "\\\n#include \\"none3.h\\"";\n' > nc.c
both --remote 'includes that are none' -- %CC -MD -c nc.c
cat > raw.cc <<-'END'
	const char *r = R"x(
	#include "none.h"
	)x";
	#include "imp.h"
END
both --remote 'an include in a raw string' -- %CXX -MD -c raw.cc
printf '_Pragma("once")\n#pragma GCC system_header\n#include "imp.h"\nchar z = 300;\n' > pr.h
printf '#include "pr.h"\n' > pr.c
both --remote '#pragma GCC system_header' -- %CC -MMD -Wall -c pr.c
printf '#include "imp.h"\n#pragma GCC dependency "imp.h" is newer\nint d;\n' > dep.c
touch -d '2021-01-01' dep.c
touch -d '2022-01-01' imp.h
same 'gcc: #pragma GCC dependency on a newer file' -- gcc -c dep.c
touch -d '2020-01-01' imp.h
same 'gcc: #pragma GCC dependency on an older file' -- gcc -c dep.c
printf '#define PM 1\n#pragma push_macro("PM")\n#undef PM\n#define PM 0\n#pragma pop_macro("PM")\n#if PM\n#include "imp.h"\n#else\n#include "none.h"\n#endif\n' > pm2.c
both --remote '#pragma pop_macro decides an include' -- %CC -MD -c pm2.c

# --- #pragma once ----------------------------------------------------------------------------
new_tree
mkdir a b
printf '#pragma once\nint once_only;\nstatic int local = __COUNTER__;\n' > a/once.h
cp a/once.h b/once.h
printf '#include "a/once.h"\n#include "b/once.h"\nint n = __COUNTER__;\n' > o.c
touch -d '2020-01-01 00:00:00.5' a/once.h b/once.h
both '#pragma once, equal files of one time' -- sh -c '%CC -MD -c o.c; echo $?'
touch -d '2020-01-01 00:00:02' b/once.h
both '#pragma once, equal files of two times' -- sh -c '%CC -MD -c o.c; echo $?'
touch -d '2020-01-01 00:00:00.7' b/once.h
both '#pragma once, equal files within a second' -- sh -c '%CC -MD -c o.c; echo $?'
rm b/once.h
ln -s ../a/once.h b/once.h
both --remote '#pragma once, a link' -- %CC -MD -c o.c
rm b/once.h
ln a/once.h b/once.h
both '#pragma once, a hard link' -- %CC -MD -c o.c

# --- Bytes ----------------------------------------------------------------------------------
new_tree
mkdir inc
printf 'some bytes\n' > blob.bin
printf 'other bytes\n' > inc/blob2.bin
printf '__asm__(".section .rodata\\nblob: .incbin \\"blob.bin\\"\\n.incbin \\"blob2.bin\\",2,3");\n' > i.c
both '.incbin in C' -- %CC -Iinc -Wa,-Iinc -c i.c
printf '.data\nb: .incbin "blob.bin"\n.include "part.s"\n' > i.s
echo '.byte 1' > part.s
both '.incbin and .include in assembler text' -- %CC -c i.s
printf '#define F "blob.bin"\n.data\nb: .incbin F\n' > m.S
both '.incbin of a macro' -- %CC -c m.S
printf '#define INCBIN(n, f) __asm__(#n ": .incbin \\"" f "\\"")\nINCBIN(one, "blob.bin");\n' > im.c
both '.incbin put together by macros' -- %CC -c im.c
both --fails '.incbin of a missing file' -- sh -c 'sed s/blob.bin/none.bin/ i.c > j.c; %CC -pipe -Iinc -Wa,-Iinc -c j.c'
printf 'const char e[] = {\n#embed "blob.bin"\n};\n' > e.c
both '#embed' -- sh -c '%CC -std=gnu2x -c e.c; echo $?'
printf '#if __has_embed("blob.bin")\nint e = 1;\n#endif\n' > he.c
both '__has_embed' -- sh -c '%CC -std=gnu2x -c he.c; echo $?'

# --- What changes between two compiles --------------------------------------------------------
new_tree
mkdir -p src lib inc inc2
echo 'int x = 1;' > inc/x.h
echo 'int x = 2;' > inc2/x.h
echo '#include "x.h"' > src/s.c
cp src/s.c lib/s.c
both --remote=2 'a header goes that another folder had named' -- sh -c 'OPT="-MD -I../inc -I../inc2"
	cd src && %CC $OPT -c s.c && rm ../inc/x.h && cd ../lib && %CC $OPT -c s.c'
both --remote=2 'a folder goes that another folder had named' -- sh -c 'OPT="-MD -I../inc -I../inc2"
	cd src && %CC $OPT -c s.c && rm -r ../inc && cd ../lib && %CC $OPT -c s.c'

new_tree
mkdir -p inc/sub one two sys1 sys2
printf '#if __has_include("sub/opt.h")\n#include "sub/opt.h"\n#else\nint opt = 0;\n#endif\n' > o.c
both --remote=4 'a header appears, two standards with one search list' -- sh -c '%CC -std=gnu99 -Iinc -c o.c -o 0.o && %CC -std=gnu99 -Iinc -c o.c -o 1.o &&
	%CC -std=gnu11 -Iinc -c o.c -o 2.o && echo "int opt = 1;" > inc/sub/opt.h && %CC -std=gnu11 -Iinc -MD -c o.c -o 3.o'
mkdir -p one/sub two/sub
echo first > two/sub/blob.bin
printf '__asm__(".section .rodata\\nblob: .incbin \\"sub/blob.bin\\"\\n");\n' > i.c
same --remote=4 'gcc: a file of .incbin appears, two search lists' -- sh -c 'OPT="-Ione -Itwo"
	gcc $OPT -isystem sys1 -c i.c -o 0.o && gcc $OPT -isystem sys1 -c i.c -o 1.o && gcc $OPT -isystem sys2 -c i.c -o 2.o &&
	echo second > one/sub/blob.bin && gcc $OPT -isystem sys2 -c i.c -o 3.o'

new_tree
mkdir a
echo 'int s;' > s.c
echo '#include "b.h"' > t.c
both --remote=2 'a duplicate of the search list becomes a folder of its own' -- sh -c 'ln -s a b
	%CC -Ia -Ib -c s.c && rm b && mkdir b && echo "int b;" > b/b.h && %CC -MD -Ia -Ib -c t.c'
both --remote=2 'a folder of the search list becomes a duplicate' -- sh -c 'mkdir b c; echo "int b;" > b/b.h; echo "int c;" > c/b.h
	%CC -Ic -Ib -c t.c -o 1.o && rm -r c && ln -s b c && %CC -MD -Ic -Ib -c t.c'
both --remote=2 'a file named by -I becomes a folder' -- sh -c 'touch b
	%CC -Ib -c s.c; rm b && mkdir b && echo "int b;" > b/b.h && %CC -MD -Ib -c t.c'
both --remote=2 'a folder of CPATH becomes another one' -- sh -c 'ln -s a b; export CPATH=a:b
	%CC -c s.c; rm b && mkdir b && echo "int b;" > b/b.h && %CC -MD -c t.c'
# GCC looks at the size of it, and may open it twice; Clang reads to the end.
same 'gcc: a pipe as response file' -- sh -c 'mkfifo pipe; exec 3<> pipe; echo -c s.c >&3; timeout 60 gcc @pipe 3>&-; echo $?'
[[ $CCS != *clang* ]] || same 'clang: a pipe as response file' -- sh -c 'mkfifo pipe; { timeout 60 sh -c "echo -c s.c > pipe" & }
	timeout 60 clang @pipe; echo $?; wait'

farm_done

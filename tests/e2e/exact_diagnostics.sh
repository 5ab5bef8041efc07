#!/bin/bash
# Exactness: what a compiler says, in colour or not, on a terminal or not, and its exit status.
# Run as: exact_diagnostics.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
farm_start 1

new_tree
mkdir inc
cat > w.c <<-'END'
	#include "w.h"
	#include <stdio.h>
	int f(int a)
	{
		int unused;
		if (a = 3)
			printf("%s\n", a);
		return SUM(a, "text");
	}
END
printf '#define SUM(a, b) ((a) + (b))\nstatic int never(void) { return 0; }\n' > w.h
printf '#include "w.h"\nint g(void) { return undeclared + 1; }\nint h( { }\n' > e.c
printf '#include <vector>\n#include <map>\nint main() { std::map<int, std::vector<int>> m; m["x"].push_back("y"); return m; }\n' > e.cc
printf 'int a;\n#error stop here\nint b;\n' > stop.c
printf '#include "none.h"\nint a;\n' > missing.c

both --remote 'warnings' -- %CC -Wall -Wextra -c w.c
both --fails --remote 'errors, counted once' -- %CC -Wall -c e.c
both --fails --remote 'errors in templates' -- %CXX -c e.cc
both --fails --remote '#error' -- %CC -c stop.c
both --fails 'a missing header' -- %CC -MD -c missing.c
both --fails --remote '-Werror' -- %CC -Wall -Werror -c w.c
both --remote '-Werror=other' -- %CC -Wall -Werror=vla -c w.c
both --fails --remote '-pedantic-errors' -- sh -c 'echo "int f(void) { return ({ 1; }); }" > p.c; %CC -pedantic-errors -c p.c'
both --remote '-w' -- %CC -w -c w.c
same --fails --remote 'gcc: -fmax-errors=1' -- gcc -fmax-errors=1 -c e.c
[ "$CCS" = gcc ] || same --fails --remote 'clang: -ferror-limit=1' -- clang -ferror-limit=1 -c e.c
for colour in always never auto; do
	both --remote "-fdiagnostics-color=$colour" -- %CC -Wall -fdiagnostics-color=$colour -c w.c
done
both --remote 'without colour and carets' -- %CC -Wall -fno-show-column -fno-diagnostics-color -c w.c
both --remote 'GCC_COLORS' -- env GCC_COLORS='error=01;31:warning=01;34' %CC -Wall -fdiagnostics-color=always -c w.c
both --remote 'GCC_COLORS empty' -- env GCC_COLORS= %CC -Wall -fdiagnostics-color=always -c w.c
both --remote 'through a pipe' -- sh -c '%CC -Wall -c w.c 2>&1 | cat'
both --remote 'stderr and stdout in one file' -- sh -c '%CC -H -Wall -c w.c > all.txt 2>&1'
both 'stdout closed' -- sh -c '%CC -Wall -c w.c >&-; echo $?'
both 'stdin closed' -- sh -c '%CC -Wall -c w.c <&-; echo $?'
if command -v script >/dev/null; then
	for colour in '' '-fdiagnostics-color=never' '-fdiagnostics-color=auto'; do
		both --remote "on a terminal of 80 columns $colour" -- \
			script -qec "stty cols 80 rows 24; TERM=xterm-256color %CC -Wall $colour -c w.c" /dev/null
	done
	both --remote 'on a terminal of 40 columns' -- \
		script -qec 'stty cols 40 rows 24; TERM=xterm %CC -Wall -Wextra -c w.c' /dev/null
	both --remote 'on a terminal with COLUMNS' -- \
		script -qec 'stty cols 120 rows 24; COLUMNS=50 TERM=xterm %CC -Wall -Wextra -c w.c' /dev/null
	both --remote 'on a dumb terminal' -- \
		script -qec 'stty cols 80 rows 24; TERM=dumb %CC -Wall -c w.c' /dev/null
	both --remote 'on a terminal without a TERM' -- \
		script -qec 'stty cols 80 rows 24; env -u TERM %CC -Wall -c w.c' /dev/null
	both --remote 'on a terminal with NO_COLOR' -- \
		script -qec 'stty cols 80 rows 24; NO_COLOR=1 TERM=xterm %CC -Wall -c w.c' /dev/null
	both --remote 'on a terminal with stderr in a file' -- \
		script -qec 'stty cols 80 rows 24; TERM=xterm %CC -Wall -c w.c 2>err.txt' /dev/null
	both --remote 'TERM_URLS in a terminal' -- \
		script -qec 'stty cols 80 rows 24; TERM=xterm-256color COLORTERM=truecolor %CC -Wall -c w.c' /dev/null
else
	skip 'on a terminal' 'script (util-linux) is not installed'
fi
both --remote '-fmessage-length' -- %CC -Wall -fmessage-length=40 -c w.c
same --remote 'gcc: -fdiagnostics-format=json' -- gcc -Wall -fdiagnostics-format=json -c w.c
same --remote 'gcc: -fdiagnostics-generate-patch' -- sh -c 'echo "struct s { int color; }; int f(struct s *p) { return p->colour; }" > fix.c; gcc -fdiagnostics-generate-patch -c fix.c; true'
same --remote 'gcc: -fdiagnostics-urls=always' -- gcc -Wall -fdiagnostics-urls=always -c w.c
same --remote 'gcc: -fdiagnostics-show-template-tree' -- sh -c 'g++ -fdiagnostics-show-template-tree -c e.cc; true'
both --remote '-Wfatal-errors' -- sh -c '%CC -Wfatal-errors -c e.c; echo $?'
both --remote '-ftrapv -Wsystem-headers' -- %CC -Wall -Wsystem-headers -c w.c

# --- Texts that only unpreprocessed source gives ------------------------------------------------
cat > only.c <<-'END'
	#define SELF_ASSIGN(x) ((x) = (x))
	#define EMPTY_BODY(c) if (c);
	#include <assert.h>
	int f(int a)
	{
		SELF_ASSIGN(a);
		EMPTY_BODY(a)
		switch (a) {
		case 1:
			a = 2; /* fall through */
		case 2:
			a++;
		}
		assert(a != 0 || "x");
		if (a == NOT_DEFINED_AT_ALL) return 1;
		return a;
	}
END
both --fails --remote 'a macro that is not there' -- %CC -Wall -Wextra -c only.c
sed -i /NOT_DEFINED/d only.c
same --remote 'gcc: a comment that silences a warning' -- gcc -Wall -Wextra -Wimplicit-fallthrough -Werror=implicit-fallthrough -c only.c
both --remote '-Wunused-macros' -- sh -c 'echo "#define NEVER 1" >> only.c; %CC -Wunused-macros -c only.c'
printf '#define NEVER 1\nint v;\n' > um.c
both --fails --remote '-Wunused-macros -Werror' -- %CC -Wunused-macros -Werror -c um.c
printf '#if NOPE\n#endif\nint v; /* a /* b */\n// c \\\nd\n#ifdef X\n#endif X\n' > pp.c
both --remote '-Wundef -Wcomment -Wendif-labels' -- %CC -Wundef -Wcomment -Wendif-labels -c pp.c
both --fails --remote '-Wundef -Werror' -- %CC -Wundef -Werror -c pp.c
both --remote '-Wdate-time' -- sh -c 'echo "const char *t = __FILE__;" > dt.c; %CC -Wdate-time -Werror -c dt.c'
both --remote '-Wtraditional -Wexpansion-to-defined' -- %CC -Wtraditional -Wexpansion-to-defined -c only.c

# --- #line -----------------------------------------------------------------------------------
for ((i = 1; i <= 20; i++)); do echo "line $i of the other file"; done > other.y
printf 'int f(void)\n{\n#line 7 "other.y"\n\tint unused;\n\treturn 0;\n}\n' > line.c
both --remote '#line names another file, with a warning' -- %CC -g -Wall -MD -c line.c
both --remote '#line, in colour' -- %CC -g -Wall -fdiagnostics-color=always -c line.c
both --remote '#line names a file that is not there' -- sh -c 'sed s/other/absent/ line.c > l2.c; %CC -g -Wall -c l2.c'
both --remote '#line names a file in another folder' -- sh -c 'cp other.y inc/o.y; sed "s|other.y|inc/o.y|" line.c > l3.c; %CC -g -Wall -c l3.c'
both --remote '#line names the file by a macro' -- sh -c 'sed "s|\"other.y\"|YFILE|" line.c > l4.c; %CC -DYFILE=\"other.y\" -g -Wall -c l4.c'
both --remote 'line markers without #line' -- sh -c 'sed "s|#line 7|# 7|" line.c > l5.c; %CC -g -Wall -c l5.c'
both --remote '#line names an absolute path' -- sh -c 'sed "s|other.y|$1/other.y|" line.c > l6.c; %CC -g -Wall -c l6.c' sh "$TREE"
both --remote '-Wall of preprocessed text shows the source' -- sh -c '%CC -E w.c -o w.i && %CC -Wall -c w.i'

# --- Languages of messages -------------------------------------------------------------------
locales=$(locale -a 2>/dev/null | tr '\n' ' ')
for lang in C.UTF-8 de_DE.UTF-8 fr_FR.UTF-8 ja_JP.UTF-8; do
	case " $locales " in
	*" $lang "* | *" ${lang%UTF-8}utf8 "*)
		both --remote=2 "LANG=$lang" -- sh -c "LANG=$lang %CC -Wall -c w.c; LANG=$lang %CC -c stop.c 2>&1; true"
		both --fails --remote "LC_ALL=$lang" -- env LC_ALL=$lang %CC -Wall -c e.c
		;;
	*) skip "LANG=$lang" 'this locale is not installed' ;;
	esac
done
both --fails --remote 'LANG of nowhere' -- env LANG=xx_YY.UTF-8 %CC -Wall -c e.c
both --fails --remote 'LANGUAGE without a locale' -- env LANGUAGE=de:fr %CC -Wall -c e.c
both --fails --remote 'LC_CTYPE alone' -- env LC_CTYPE=C.UTF-8 %CC -Wall -c e.c
both --fails --remote 'LC_MESSAGES alone' -- env LC_MESSAGES=C.UTF-8 LC_CTYPE=C %CC -Wall -c e.c
printf 'const char *s = "gr\303\274\303\237e"; int \303\244 = x;\n' > utf.c
both --fails --remote 'UTF-8 in the source' -- env LC_ALL=C.UTF-8 %CC -Wall -c utf.c
printf 'const char *s = "\374"; int \374;\n' > latin.c
both --fails --remote 'Latin-1 in the source' -- %CC -Wall -c latin.c
same 'gcc: -finput-charset' -- sh -c "printf 'const char *s = \"\\374\";\\n' > l1.c; gcc -finput-charset=latin1 -c l1.c"

farm_done

#!/bin/bash
# Exactness: what the options of code generation and of the compiler's passes make.
# Run as: exact_options.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
farm_start 1

sources()
{
	new_tree
	cat > point.h <<-'END'
	#pragma once
	#include <stddef.h>
	#define SQUARE(x) ((x) * (x))
	struct point { int x, y; const char *name; };
	static inline size_t point_norm(const struct point *p) { return SQUARE((size_t)p->x) + SQUARE((size_t)p->y); }
	END
	cat > x.c <<-'END'
	#include "point.h"
	#include <stdio.h>
	#include <string.h>
	static double table[64];
	int count(const struct point *p, int n)
	{
		int sum = 0;
		for (int i = 0; i < n; i++)
			sum += p[i].x * (int)point_norm(p + i) + (int)strlen(p[i].name);
		return sum;
	}
	double mean(void)
	{
		double s = 0;
		for (int i = 0; i < 64; i++)
			s += table[i] * SQUARE(i);
		printf("%f\n", s);
		return s / 64;
	}
	END
	cat > y.cc <<-'END'
	#include <map>
	#include <string>
	#include <vector>
	#include "point.h"
	template <class T> T twice(T v) { return v + v; }
	int total(const std::map<std::string, std::vector<point>> &m)
	{
		int n = 0;
		for (const auto &e : m)
			for (const point &p : e.second)
				n += twice(int(point_norm(&p))) + int(e.first.size());
		return n;
	}
	END
	mkdir obj
}

sources
for level in -O0 -O1 -O2 -O3 -Os -Ofast -g -g3 -ggdb '-g -O2' '-gdwarf-4' '-g1' '-gz -g'; do
	# shellcheck disable=SC2086 # several words are meant
	both --remote "C $level" -- %CC $level -c x.c -o x.o
done
for level in -O0 '-O2 -g' '-g3 -O1'; do
	# shellcheck disable=SC2086
	both --remote "C++ $level" -- %CXX $level -c y.cc -o y.o
done
for option in -std=c11 -std=gnu17 -fPIC -fno-common -pthread -fopenmp -std=c99 -m64 -msse4.2 -mavx2 \
	-fvisibility=hidden -funsigned-char -fshort-enums -ffast-math -fno-builtin -fno-ident \
	-fsanitize=address -fsanitize=undefined -fstack-protector-strong -ffunction-sections -pg \
	-D_FORTIFY_SOURCE=2 -DNAME="a b" -UNDEBUG -Wall -Wextra -w -pipe -fno-working-directory; do
	case $option in -fno-working-directory) only=gcc ;; *) only='' ;; esac
	if [ "$only" ]; then
		same --remote "gcc: $option" -- gcc -O1 "$option" -c x.c
	else
		both --remote "$option" -- %CC -O1 "$option" -c x.c
	fi
done
both --remote 'C++ of several standards' -- %CXX -std=c++20 -fno-exceptions -fno-rtti -c y.cc

both --remote '-march=native' -- %CC -O3 -march=native -g -c x.c
both --remote '-mtune=native' -- %CC -O2 -mtune=native -c x.c
same --remote 'gcc: -march=native in the recorded switches' -- gcc -O2 -march=native -frecord-gcc-switches -g -c x.c
same --remote 'gcc: -march=native, read in the assembler text' -- gcc -O2 -march=native -S -fverbose-asm x.c
both --remote '-march=x86-64-v3' -- %CC -O3 -march=x86-64-v3 -c x.c
for cc in $CCS; do
	if echo 'int x;' | "$cc" -m32 -xc -c -o /dev/null - 2>/dev/null; then
		echo 'long f(long *p) { return *p + (long)sizeof p; }' > m.c
		same --remote "$cc: -m32" -- "$cc" -m32 -O2 -g -c m.c
	else
		skip "$cc: -m32" 'this compiler has no 32-bit code'
	fi
done

both --remote '-S' -- %CC -O2 -S x.c
both --remote '-S -o' -- %CC -O2 -S x.c -o obj/x.asm
same --remote 'gcc: -S -fverbose-asm' -- gcc -O2 -S -fverbose-asm x.c
both '-S to stdout' -- %CC -S -o - x.c
both --remote '-gsplit-dwarf' -- %CC -g -gsplit-dwarf -c x.c
both --remote '-gsplit-dwarf -o elsewhere' -- %CC -g -gsplit-dwarf -c x.c -o obj/x.o
both --remote '-gsplit-dwarf, a name with two dots' -- %CC -g -gsplit-dwarf -c x.c -o obj/x.c.o
both --remote '-save-temps' -- %CC -save-temps -c x.c
both --remote '-save-temps=obj' -- %CC -save-temps=obj -c x.c -o obj/x.o
same --remote 'gcc: --coverage' -- gcc --coverage -frandom-seed=1 -c x.c
same --remote 'gcc: --coverage -o elsewhere' -- gcc --coverage -frandom-seed=1 -O1 -c x.c -o obj/x.o
same --remote --ignore 'x.[go]*' 'gcc: --coverage, with a stamp from the clock' -- gcc --coverage -c x.c
[ "$CCS" = gcc ] || same --remote 'clang: --coverage' -- clang --coverage -c x.c -o obj/x.o
both --remote '-fstack-usage' -- %CC -O2 -fstack-usage -c x.c -o obj/x.o
same 'gcc: -fcallgraph-info' -- gcc -O2 -fcallgraph-info=su,da -c x.c
same 'gcc: -fdump-tree-optimized' -- gcc -O2 -fdump-tree-optimized -c x.c -o obj/x.o
same 'gcc: -fopt-info to a file' -- gcc -O3 -fopt-info-all=opt.txt -c x.c
same --local 'further file' 'gcc: -fopt-info to stderr' -- gcc -O3 -fopt-info-vec-all -c x.c
same 'gcc: -aux-info' -- gcc -aux-info x.X -c x.c
same 'gcc: -dumpbase and -dumpdir' -- gcc -g -gsplit-dwarf -dumpbase foo -dumpdir obj/ -c x.c
same --ignore '*.o' 'gcc: -flto' -- gcc -flto -c x.c
same 'gcc: -flto with a seed' -- gcc -flto -frandom-seed=x -O2 -c x.c
same 'gcc: -frandom-seed' -- gcc -frandom-seed=x.o -O2 -c y.cc
same 'gcc: -fsyntax-only' -- gcc -fsyntax-only -Wall x.c
same 'gcc: -Wa,-adhln to a file' -- gcc -g -Wa,-adhln=x.lst -c x.c
same 'gcc: -Wa,-a to stdout' -- gcc -pipe -Wa,-al -c x.c
both --remote '-Wa,--noexecstack' -- %CC -Wa,--noexecstack -c x.c
both --remote '-Xassembler' -- %CC -Xassembler --noexecstack -c x.c
both --remote '-Wp,-D' -- %CC -Wp,-DEXTRA=3,-UNDEBUG -c x.c
both --remote '-Xpreprocessor' -- %CC -Xpreprocessor -DEXTRA -c x.c
both --remote '-H' -- %CC -H -c x.c
both '-v' -- %CC -v -S x.c
both --remote '-nostdinc of a source without includes' -- sh -c 'echo "int a;" > n.c; %CC -nostdinc -c n.c'
same --remote 'gcc: -fplugin-free -fanalyzer' -- gcc -fanalyzer -c x.c
printf '*cc1_options:\n+ -DFROM_SPECS=1\n' > my.specs
same 'gcc: -specs' -- gcc -specs=my.specs -c x.c
same 'gcc: -B' -- gcc -B "$PWD/none" -c x.c
same --fails --local . 'gcc: -fplugin' -- gcc -fplugin=./none.so -c x.c
if [ "$CCS" != gcc ]; then
	same 'clang: -emit-llvm -S' -- clang -O1 -emit-llvm -S x.c
	same 'clang: -emit-llvm -c' -- clang -O1 -emit-llvm -c x.c -o x.bc
	same 'clang: -flto' -- clang -flto -O2 -c x.c
	same 'clang: -MJ' -- clang -MJ x.json -c x.c
	same 'clang: --serialize-diagnostics' -- clang --serialize-diagnostics x.dia -Wall -c x.c
	same 'clang: -no-integrated-as' -- clang -no-integrated-as -c x.c
	same 'clang: -Xclang' -- clang -Xclang -fno-validate-pch -c x.c
	same 'clang: -target' -- clang -target aarch64-linux-gnu -nostdinc -c -x c /dev/null -o n.o
	same 'clang: -stdlib' -- clang++ -stdlib=libstdc++ -c y.cc
	same --ignore '*.json' 'clang: -ftime-trace' -- clang -ftime-trace -c x.c -o x.o
	same 'clang: -Rpass' -- clang -O3 -Rpass=.* -c x.c
fi

# --- Profiles --------------------------------------------------------------------------------
new_tree
cat > p.c <<-'END'
	int hot(int n) { int s = 0; for (int i = 0; i < n; i++) s += i % 7 ? i : -i; return s; }
	int cold(int n) { return n > 1000000 ? hot(n) : n; }
	#ifdef MAIN
	int main(void) { return (hot(10000) + cold(3)) & 0; }
	#endif
END
mkdir obj data
gcc -O2 -DMAIN -fprofile-generate -c p.c -o p.o && gcc -fprofile-generate p.o -o p && ./p
gcc -O2 -DMAIN -fprofile-generate -c p.c -o obj/p.o && gcc -fprofile-generate obj/p.o -o p && ./p
cp obj/p.gcda data/
gcc -O2 -DMAIN -fprofile-generate="$TREE/data" -c p.c -o p.o && gcc -fprofile-generate p.o -o p && ./p
rm -f p p.o obj/p.o
same --remote 'gcc: -fprofile-use beside the object' -- gcc -O2 -DMAIN -fprofile-use -c p.c
same --remote 'gcc: -fprofile-use -o elsewhere' -- gcc -O2 -DMAIN -fprofile-use -Wcoverage-mismatch -c p.c -o obj/p.o
same --remote 'gcc: -fprofile-use=FILE' -- gcc -O2 -DMAIN -fprofile-use=data/p.gcda -c p.c -o q.o
same --remote 'gcc: -fprofile-use=FOLDER' -- gcc -O2 -DMAIN -fprofile-use=data -c p.c -o p.o
same --remote 'gcc: -fprofile-use=/FOLDER, names with #' -- gcc -O2 -DMAIN -fprofile-use="$TREE/data" -c p.c -o p.o
same --remote 'gcc: -fauto-profile-free -fbranch-probabilities' -- gcc -O2 -DMAIN -fbranch-probabilities -c p.c
same --remote 'gcc: -fprofile-use without a profile' -- gcc -O2 -fprofile-use -Wmissing-profile -c p.c -o none.o
same --ignore '*.o' 'gcc: -fprofile-generate' -- gcc -O2 -fprofile-generate -c p.c
same --remote 'gcc: -fprofile-generate with a seed' -- gcc -O2 -fprofile-generate -frandom-seed=1 -c p.c
profdata=$(type -P llvm-profdata || type -P llvm-profdata-14 || true)
if [ "$CCS" != gcc ] && [ "$profdata" ] &&
	clang -O2 -DMAIN -fprofile-instr-generate p.c -o p 2>/dev/null; then
	LLVM_PROFILE_FILE=p.raw ./p && "$profdata" merge -o p.profdata p.raw
	rm -f p p.raw
	same 'clang: -fprofile-instr-use' -- clang -O2 -DMAIN -fprofile-instr-use=p.profdata -c p.c
	same 'clang: -fprofile-use' -- clang -O2 -DMAIN -fprofile-use=p.profdata -c p.c
else
	skip 'clang: -fprofile-instr-use' 'llvm-profdata or the profile runtime is not installed'
fi

farm_done

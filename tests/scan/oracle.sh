#!/bin/bash
# Compares the scanner's closure with the compiler's own list: every file that `gcc -M` names must be in
# the closure. Usage: oracle.sh ORACLE_PROGRAM. TAP on stdout.
# A case is a little tree in text ("== PATH" begins a file, the first one is the source), compiled in its
# own folder with the case's options.
set -u
oracle=$(realpath "$1")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
count=0

# Files of stdin into the current folder; prints the name of the first.
unpack() {
	local file='' first='' line
	while IFS= read -r line; do
		if [[ $line == "== "* ]]; then
			file=${line#== }
			[ -n "$first" ] || first=$file
			mkdir -p "$(dirname "$file")"
			: > "$file"
		else
			printf '%b\n' "${line//\\/\\\\}" >> "$file"
		fi
	done
	echo "$first"
}

# search_options COMPILER LANGUAGE OPTION... : the search lists as options of the oracle.
search_options() {
	local compiler=$1 language=$2
	shift 2
	LC_ALL=C "$compiler" "$@" -E -v -x "$language" /dev/null 2>&1 > /dev/null | awk '
		/^#include "\.\.\." search/ { kind = "-q"; next }
		/^#include <\.\.\.> search/ { kind = "-b"; next }
		/^End of search/ { kind = "" }
		kind { print kind; print $1 }' |
	while IFS= read -r word; do
		case $word in
		-?) echo "$word" ;;
		*) realpath -s "$word" ;;
		esac
	done
}

report() { # STATUS NAME
	count=$((count + 1))
	[ "$1" = 0 ] && echo "ok $count - $2" || echo "not ok $count - $2"
}

# check COMPILER LANGUAGE NAME [OPTION...] < tree
check() {
	local compiler=$1 language=$2 name=$3 source options=() status=0 option
	shift 3
	mkdir -p "$tmp/$count" && cd "$tmp/$count" || exit 1
	source=$(unpack)
	mapfile -t options < <(search_options "$compiler" "$language" "$@")
	"$compiler" "$@" -x "$language" -E -dM /dev/null > predefined.txt
	options+=(-P predefined.txt)
	local previous=
	for option; do
		case $option in
		-D*) options+=("$option") ;;
		esac
		[ "$previous" = -include ] && options+=(-f "$option")
		previous=$option
	done
	"$compiler" "$@" -x "$language" -M -MF deps.txt "$source" > errors.txt 2>&1 || {
		sed 's/^/# /' errors.txt
		report 1 "$name (the compiler refuses the case)"
		return
	}
	# Each name on a line; spaces in names do not occur here.
	sed -e 's/\\$//' -e '1s/^[^:]*://' deps.txt | tr -s ' ' '\n' | sed '/^$/d' |
		xargs realpath | sort -u > want.txt
	if "$oracle" "${options[@]}" "$source" > got.txt 2> errors.txt; then
		xargs realpath < got.txt | sort -u > files.txt
		comm -23 want.txt files.txt > missing.txt
		if [ -s missing.txt ]; then
			sed 's/^/# missing: /' missing.txt
			status=1
		fi
	else
		sed 's/^/# /' errors.txt
		status=1
	fi
	report $status "$name"
}

c() { check gcc c "$@"; }
cxx() { check g++ c++ "$@"; }
asm() { check gcc assembler-with-cpp "$@"; }

command -v gcc > /dev/null && command -v g++ > /dev/null || {
	echo "1..0 # SKIP no gcc and g++"
	exit 0
}

c "plain headers of C" <<'E'
== x.c
#include <stdio.h>
#include <stdlib.h>
#include <limits.h>
#include <float.h>
#include <stdatomic.h>
#include <tgmath.h>
#include <sys/socket.h>
#include <pthread.h>
E
c "headers of Linux" <<'E'
== x.c
#include <linux/fs.h>
#include <linux/if_packet.h>
#include <linux/bpf.h>
#include <asm/unistd.h>
E
cxx "iostream" <<'E'
== x.cc
#include <iostream>
E
cxx "regex" <<'E'
== x.cc
#include <regex>
E
cxx "bits/stdc++.h in C++20" -std=c++20 <<'E'
== x.cc
#include <bits/stdc++.h>
E
cxx "the headers of C in C++" <<'E'
== x.cc
#include <cstdlib>
#include <stdlib.h>
#include <math.h>
#include <cfenv>
E
c "intrinsics" -mavx2 <<'E'
== x.c
#include <immintrin.h>
E
c "folders: quote, I, isystem, idirafter" -iquote q -I i -isystem s -idirafter a <<'E'
== src/x.c
#include "own.h"
#include "q.h"
#include "i.h"
#include <s.h>
#include <a.h>
== src/own.h
#include "q.h"
== q/q.h
== q/own.h
== i/i.h
#include "beside.h"
== i/beside.h
== s/s.h
== a/a.h
== a/s.h
E
c "include_next from several places" -iquote q -I i1 -I i2 -I i3 <<'E'
== src/x.c
#include "h.h"
#include <k.h>
== src/h.h
#include_next "h.h"
== q/h.h
#include_next <h.h>
== i1/h.h
== i1/k.h
#include_next <k.h>
== i2/k.h
#include "../i2/l.h"
#include_next <k.h>
== i2/l.h
#include_next <h.h>
== i3/k.h
== i3/h.h
== i2/h.h
E
c "include_next of the source" -iquote q -I i <<'E'
== x.c
#include_next "h.h"
#include_next <k.h>
== h.h
== q/h.h
== i/k.h
E
c "a header by an absolute path goes on at the start" -I i <<'E'
== x.c
#define STR(x) #x
#include "sub/a.h"
== sub/a.h
#include_next <a.h>
== i/a.h
E
c "splices, comments, digraphs" -I i <<'E'
== x.c
#inc\
lude "a\
.h"
/* c
*/ # /* d */ include /* e
f */ <b.h> // g
%:include "c.h"
/* x *\
/ #include "d.h"
  #   include   "e.h"
#include \
  "f.h"
// not a splice? \\
== a.h
== i/b.h
== c.h
== d.h
== e.h
== f.h
E
c "trigraphs" -trigraphs <<'E'
== x.c
??=include "a.h"
#incl??/
ude "b.h"
== a.h
== b.h
E
c "no trigraphs: a comment ends with its line" -std=gnu11 <<'E'
== x.c
// why??/
#include "a.h"
== a.h
E
cxx "raw strings" <<'E'
== x.cc
const char *s = R"(
#if /*
)";
#include "a.h"
const char *t = R"x(" /* )x";
#include "b.h"
== a.h
== b.h
E
c "names with comment signs" <<'E'
== x.c
#include "d//a.h"
#include "./d/../d/b.h"
== d/a.h
== d/b.h
E
c "no newline at the end, and quotes that are not closed" <<'E'
== x.c
#if 0
don't " stop
#endif
#include "a.h"
== a.h
E
c "has_include" -I i <<'E'
== x.c
#define CONF <b.h>
#if __has_include("a.h") && __has_include(CONF) && !__has_include(<none.h>)
#include "c.h"
#endif
== a.h
== i/b.h
== c.h
E
c "computed from -D" -I i '-DCONF="conf.h"' -DNAME=sys -DANGLE='<i.h>' <<'E'
== x.c
#include CONF
#define S(x) #x
#define T(x) S(x)
#include T(NAME.h)
#include ANGLE
== conf.h
== sys.h
== i/i.h
E
c "computed with pastes and strings" -I i <<'E'
== x.c
#define CAT(a, b) CAT_(a, b)
#define CAT_(a, b) a##b
#define STR(x) STR_(x)
#define STR_(x) #x
#define VERSION 3
#define DIR lib
#include STR(DIR/CAT(v, VERSION).h)
#define ANGLED(x) <x.h>
#include ANGLED(CAT(a, VERSION))
#define SELECT(_1, _2, NAME, ...) NAME
#define ONE(a) STR(a.h)
#define TWO(a, b) STR(a/b.h)
#define PATH(...) SELECT(__VA_ARGS__, TWO, ONE, x)(__VA_ARGS__)
#include PATH(one)
#include PATH(two, three)
== lib/v3.h
== i/a3.h
== one.h
== two/three.h
E
c "computed with blanks inside" -I i <<'E'
== x.c
#define H <d/h.h  >
#define I <d/i.h>
#include I
#include H
== i/d/i.h
== i/d/h.h
E
c "recursive macros" <<'E'
== x.c
#define f(x) g(x)
#define g(x) f
#define NAME(x) NAME_ ## x
#define NAME_a "a.h"
#define NAME_f "f.h"
#include NAME(a)
#define z z[0]
#define AA BB
#define BB AA
#define STR(x) #x
#define XSTR(x) STR(x)
#include XSTR(AA)
== a.h
== AA
E
c "redefinition between includes" <<'E'
== x.c
#define H "a.h"
#include H
#undef H
#define H "b.h"
#include H
#include "set.h"
#include H
== a.h
== b.h
== set.h
#undef H
#define H "c.h"
== c.h
E
c "an undefined name inside a computed one" <<'E'
== x.c
#define STR(x) #x
#define XSTR(x) STR(x)
#include XSTR(PLATFORM.h)
#define PLATFORM other
#include XSTR(PLATFORM.h)
== PLATFORM.h
== other.h
E
c "GNU and C23 variadics" -std=gnu2x <<'E'
== x.c
#define STR(...) #__VA_ARGS__
#define A(x, ...) STR_(x, ## __VA_ARGS__)
#define STR_(x, ...) STR(x.h)
#include A(a)
#include A(b, 1)
#define B(x, y...) STR(x ## y.h)
#include B(c, d)
#define C(x, ...) STR_(x ## __VA_OPT__(e))
#include C(d, 1)
#include C(d)
== a.h
== b.h
== cd.h
== de.h
== d.h
E
c "including itself by __FILE__" -I . <<'E'
== x.c
#ifndef AGAIN
#define AGAIN
#include __FILE__
#include "in/a.h"
#endif
== in/a.h
#ifndef TWICE
#define TWICE
#include __FILE__
#include "b.h"
#endif
== in/b.h
E
c "forced includes" -I i -include f.h -include g.h <<'E'
== src/x.c
int x;
== f.h
#include "beside.h"
== beside.h
== i/g.h
== src/f.h
#include "wrong.h"
E
asm "assembler with the preprocessor" -I i <<'E'
== x.S
#include "a.h"
#define NAME <b.h>
#include NAME
# not a directive
== a.h
== i/b.h
E
cxx "iteration of a file that includes itself" -I lib -I . <<'E'
== x.cc
#include "use.h"
== use.h
#ifndef IS_ITERATING
#include <pp/iterate.h>
#define PARAMS_1 (3, (0, 2, "use.h"))
#include ITERATE()
#undef PARAMS_1
#define PARAMS_1 (4, (0, 1, <other.h>, 1))
#include ITERATE()
#else
#include "inner.h"
#endif
== inner.h
== lib/other.h
#include <vector>
== lib/pp/config.h
#ifndef CONFIG_H
#define CONFIG_H
#define STRICT() 0x0001
#define MSVC() 0x0004
#define MWCC() 0x0008
#ifndef FLAGS
#if defined(__MWERKS__)
#define FLAGS() (MWCC())
#elif defined(_MSC_VER)
#define FLAGS() (MSVC())
#else
#define FLAGS() (STRICT())
#endif
#endif
#if __cplusplus >= 201103L
#define VARIADICS 1
#else
#define VARIADICS 0
#endif
#endif
== lib/pp/cat.h
#ifndef CAT_H
#define CAT_H
#include <pp/config.h>
#if ~FLAGS() & MWCC()
#define CAT(a, b) CAT_I(a, b)
#else
#define CAT(a, b) CAT_OO((a, b))
#define CAT_OO(par) CAT_I ## par
#endif
#if ~FLAGS() & MSVC()
#define CAT_I(a, b) a ## b
#else
#define CAT_I(a, b) CAT_II(~, a ## b)
#define CAT_II(p, res) res
#endif
#endif
== lib/pp/tuple.h
#ifndef TUPLE_H
#define TUPLE_H
#include <pp/cat.h>
#if VARIADICS
#define SIZE(...) SIZE_I(__VA_ARGS__, 6, 5, 4, 3, 2, 1,)
#define SIZE_I(e0, e1, e2, e3, e4, e5, size, ...) size
#define OVERLOAD(prefix, ...) CAT(prefix, SIZE(__VA_ARGS__))
#define ELEM(...) OVERLOAD(ELEM_O_, __VA_ARGS__)(__VA_ARGS__)
#define ELEM_O_2(n, tuple) CAT(ELEM_, n) tuple
#define ELEM_O_3(size, n, tuple) ELEM_O_2(n, tuple)
#define ELEM_0(e0, ...) e0
#define ELEM_1(e0, e1, ...) e1
#define ELEM_2(e0, e1, e2, ...) e2
#else
#if ~FLAGS() & MSVC()
#define ELEM(size, n, tuple) ELEM_I(CAT(ELEM_, n), CAT(CAT(ELEM_E_, size), tuple))
#define ELEM_I(m, args) m args
#else
#define ELEM(size, n, tuple) ELEM_I_OO((size, n, tuple))
#define ELEM_I_OO(par) ELEM_I ## par
#define ELEM_I(size, n, tuple) ELEM_II((n, ELEM_E_ ## size ## tuple))
#define ELEM_II(par) ELEM_III_OO(par)
#endif
#define ELEM_E_2(a, b) (a, b, ?, ?)
#define ELEM_E_3(a, b, c) (a, b, c, ?)
#endif
#define ARRAY_SIZE(array) ELEM(2, 0, array)
#define ARRAY_DATA(array) ELEM(2, 1, array)
#define ARRAY_ELEM(i, array) ELEM(ARRAY_SIZE(array), i, ARRAY_DATA(array))
#endif
== lib/pp/iterate.h
#ifndef ITERATE_H
#define ITERATE_H
#include <pp/tuple.h>
#define INC(x) INC_I(x)
#define INC_I(x) INC_ ## x
#define INC_0 1
#define INC_1 2
#define INC_2 3
#define DEPTH() 0
#define ITERATE() CAT(ITERATE_, INC(DEPTH()))
#define ITERATE_1 <pp/forward1.h>
#define ITERATE_2 <pp/forward2.h>
#endif
== lib/pp/forward1.h
#undef DEPTH
#define DEPTH() 1
#define IS_ITERATING 1
#define START_1 ARRAY_ELEM(0, PARAMS_1)
#define FILENAME_1 ARRAY_ELEM(2, PARAMS_1)
#define ITERATION_1 0
#include FILENAME_1
#undef ITERATION_1
#define ITERATION_1 1
#include FILENAME_1
#undef ITERATION_1
#undef FILENAME_1
#undef START_1
#undef IS_ITERATING
#undef DEPTH
#define DEPTH() 0
E
c "one header, many ways" -I i -I i/../j <<'E'
== x.c
#include <a.h>
#include "i/a.h"
#include "./i/../i/a.h"
#import <b.h>
== i/a.h
#include "../j/b.h"
== j/b.h
E
mkdir -p "$tmp/common"
cd "$tmp/common" && unpack > /dev/null <<'E'
== real/b.h
== real/a.h
#include "b.h"
E
ln -s "$tmp" "$tmp/link"
ln -s real/a.h "$tmp/common/a.h"
ln -s real/b.h "$tmp/common/b.h"
c "through a link to a header" -I "$tmp/link" <<'E'
== x.c
#include <common/a.h>
E
echo "1..$count"

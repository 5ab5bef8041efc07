#!/bin/bash
# Compares compiles in two steps with the plain command, byte for byte. Usage: preprocessed_oracle.sh PRINTER,
# which is preprocessed_print. TAP on standard output.
#
# Each case compiles one of the sources below as it stands, then in two steps as the printer tells: the first in the
# same folder, the second in another with an empty environment. It wants
#   exact   the same object and dependency file; a compile that speaks or fails does so in the steps too
#   loses N the same, but for what enum cc_loss names by N
#   never   no two steps at all, for the reason given
#   unfit   a text that is refused, for the reason given
set -u
printer=$(realpath "$1")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
near=$tmp/near far=$tmp/far/away
mkdir -p "$near" "$far"
export LC_ALL=C.UTF-8
unset SOURCE_DATE_EPOCH CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH DEPENDENCIES_OUTPUT SUNPRO_DEPENDENCIES
count=0
coproc PRINTER { exec "$printer"; }

# Files of stdin below the current folder: "== PATH" begins one; \r and \c at the end of a line are a carriage
# return, and no newline.
unpack() {
	local file='' line newline
	while IFS= read -r line; do
		if [[ $line == "== "* ]]; then
			file=${line#== }
			mkdir -p "$(dirname "$file")"
			: > "$file"
			continue
		fi
		newline=$'\n'
		[[ $line == *'\c' ]] && newline='' line=${line%\\c}
		[[ $line == *'\r' ]] && newline=$'\r\n' line=${line%\\r}
		printf '%s%s' "$line" "$newline" >> "$file"
	done
}

# part WORD... : sets why, loses, first, second, distcc, object, depfile as the printer tells.
part() {
	local line IFS=$'\t'
	printf '%s\n' "$*" >&"${PRINTER[1]}"
	IFS= read -r -t 120 line <&"${PRINTER[0]}" || { echo "Bail out! the printer is gone"; exit 1; }
	unset IFS
	why='' loses=0 first=() second=() distcc=() object='' depfile='' suffix=''
	eval "$line"
}

report() { # NAME REASON ("" is fine)
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1: $2"
	fi
}

# Compiles plainly: sets plain (the status); $tmp/plain.{o,d,err}.
compile_plain() {
	rm -f "$object" ${depfile:+"$depfile"} "$tmp"/plain.[od]
	"$@" 2> "$tmp/plain.err"
	plain=$?
	[ ! -e "$object" ] || mv "$object" "$tmp/plain.o"
	[ -z "$depfile" ] || [ ! -e "$depfile" ] || mv "$depfile" "$tmp/plain.d"
}

# Runs both steps of the command that `part` has told of: sets status, step (the last that ran), unfit.
compile_in_two() {
	local text=$tmp/two.text
	rm -f "$tmp"/two.* "$tmp/near.d"
	: > "$tmp/two.err"
	step=first status=0 unfit=''
	if [ ${#first[@]} -gt 0 ]; then
		"${first[@]/#@TEXT@/$text}" 2>> "$tmp/two.err"
		status=$?
		[ -z "$depfile" ] || [ ! -e "$depfile" ] || mv "$depfile" "$tmp/two.d"
	else
		cp "$1" "$text"
	fi
	[ $status = 0 ] && [ ! -s "$tmp/two.err" ] || return
	unfit=$("$printer" "$family" "$text")
	[ -z "$unfit" ] || return
	step=second
	second=("${second[@]/#@TEXT@/text$suffix}")
	mv "$text" "$far/text$suffix"
	(cd "$far" && env -i PATH="$PATH" "${second[@]/#@OBJECT@/$tmp/two.o}" 2>> "$tmp/two.err")
	status=$?
}

# How a distccd runs its words: the source's name replaced by one of its own.
compile_as_distccd() {
	local n=${#distcc[@]}
	[ "$n" -gt 0 ] || return
	cp "$far/text$suffix" "$far/distccd_1$suffix"
	distcc[n - 3]=distccd_1$suffix
	distcc[n - 1]=$tmp/distcc.o
	(cd "$far" && env -i PATH="$PATH" "${distcc[@]}" 2> /dev/null)
	cmp -s "$tmp/two.o" "$tmp/distcc.o" || echo "the words for a distccd make another object"
	rm -f "$tmp/distcc.o"
}

# What is wrong with the two steps beside the plain command; nothing if all is well.
compare() { # LOSES
	if [ -s "$tmp/plain.err" ] || [ "$plain" != 0 ]; then
		[ -s "$tmp/two.err" ] || [ "$status" != 0 ] || (($1 & 2)) ||
			echo "a silent success; plain: $(head -1 "$tmp/plain.err")"
		return
	fi
	if [ -s "$tmp/two.err" ] || [ "$status" != 0 ]; then
		echo "the $step step says: $(head -1 "$tmp/two.err")"
		return
	fi
	[ -z "$unfit" ] || { echo "unfit: $unfit"; return; }
	if (($1 & 1)) && ! cmp -s "$tmp/plain.o" "$tmp/two.o"; then
		objcopy --strip-debug "$tmp/plain.o"
		cp "$tmp/two.o" "$tmp/stripped.o"
		objcopy --strip-debug "$tmp/stripped.o"
		cmp -s "$tmp/plain.o" "$tmp/stripped.o" || echo "the code differs"
	else
		cmp -s "$tmp/plain.o" "$tmp/two.o" || echo "the object differs"
	fi
	[ -z "$depfile" ] || cmp "$tmp/plain.d" "$tmp/two.d" 2>&1
	compile_as_distccd
}

# The family of the compiler that is called so.
family_of() {
	case $1 in
	*clang*) family=clang ;;
	*) family=gcc ;;
	esac
}

both() { # LOSES WORD...
	local want=$1
	shift
	family_of "$1"
	part "$@"
	if [ "$loses" != "$want" ] || { [ "$want" = 0 ] && [ -n "$why" ]; }; then
		report "$*" "loses=$loses why=$why"
		return
	fi
	compile_plain "$@"
	compile_in_two "${!#}"
	report "$*" "$(compare "$want")"
}

exact() { both 0 "$@"; }
loses() { both "$@"; }

never() { # WHY WORD...
	local want=$1
	shift
	part "$@"
	if [ "$why" = "$want" ] && [ "$loses" = 0 ] && [ ${#second[@]} = 0 ]; then
		report "$* ($want)" ''
	else
		report "$*" "why=$why loses=$loses"
	fi
}

unfit() { # WHY WORD...
	local want=$1
	shift
	family_of "$1"
	part "$@"
	compile_in_two "${!#}"
	[ "$unfit" = "$want" ] && unfit=''
	report "$* ($want)" "$unfit"
}

cd "$near" || exit 1
mkdir -p obj "odd dir"
unpack << 'CORPUS'
== inc/h.h
#pragma once
struct h { int a; char b; };
static inline int hf(struct h *p) { return p->a   + __LINE__; }
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CALL(f, ...) f(__VA_ARGS__)
#define STR_(x) #x
#define STR(x) STR_(x)
== inc/sys.h
#pragma GCC system_header
static int sys_unused;
#define SYS_CAST(x) ((char)(x))
== inc/forced.h
#define FORCED 41
extern int forced_seen;
== inc/macros.h
#define IMACRO 7
int not_kept_by_imacros;
== inc/next/n.h
#define NEXT_OUTER 1
#include_next <n.h>
== inc/next2/n.h
#define NEXT_INNER 2
== c/plain.c
#include <stdio.h>
#include <string.h>
#include "h.h"
int  f(int a)   { struct h q = {a, 2}; printf("%s %d\n", __FILE__, MAX(a, 3)); return hf(&q); }
== c/counter.c
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
int CAT(v, __COUNTER__) = 1; int CAT(v, __COUNTER__) = __COUNTER__;
== c/names.c
#include "h.h"
const char *n[] = {__FILE__, __BASE_FILE__};
== c/level.c
#include "h.h"
int level = __INCLUDE_LEVEL__;
#include "level.inc"
const char *base = __BASE_FILE__, *file = __FILE__;
== c/level.inc
int inner = __INCLUDE_LEVEL__; const char *ifile = __FILE__;
== c/lines.c
#include "h.h"
int g(int, int);
int lines(int a)
{
	int x = CALL(g,
		a,
		__LINE__);
	return MAX(g(x,
		  a),
		__LINE__)   +  __LINE__;
}
#line 500 "made/up.c"
int later(void) { return __LINE__; }
const char *made = __FILE__;
== c/pragma.c
#define DO(x) _Pragma(#x)
DO(GCC diagnostic push)
DO(GCC diagnostic ignored "-Wunused-variable")
static int unused_one;
DO(GCC diagnostic pop)
#pragma pack(push, 1)
struct packed { char c; int i; };
#pragma pack(pop)
DO(pack(push, 2)) struct two { char c; int i; }; DO(pack(pop))
#pragma weak weakling
extern int weakling(void);
#pragma push_macro("M")
#define M 2
int m2 = M;
#undef M
#define M 3
int m3 = M;
#pragma pop_macro("M")
#ifdef M
int m_was_defined;
#endif
int size = sizeof(struct packed) + 16 * sizeof(struct two);
int use(void) { return weakling ? weakling() : 0; }
#pragma GCC visibility push(hidden)
int hidden_one = 1;
#pragma GCC visibility pop
#ident "muster ident"
== c/gccpragma.c
#ifdef __clang__
int nothing;
#else
#pragma GCC optimize("O3")
int sum(int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }
#pragma GCC push_options
#pragma GCC target("avx2")
void add(int *a, int *b, int n) { for (int i = 0; i < n; i++) a[i] += b[i]; }
#pragma GCC pop_options
#pragma redefine_extname old_name new_name
extern int old_name(void);
int call(void) { return old_name(); }
#pragma scalar_storage_order big-endian
struct be { int x; };
#pragma scalar_storage_order default
int be(struct be *b) { return b->x; }
#endif
== c/system.c
#include "sys.h"
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <ctype.h>
#include <stdlib.h>
int sys(int a, ...)
{
	va_list l;
	va_start(l, a);
	assert(a > SYS_CAST(3) &&
	       isdigit(a));
	a += va_arg(l, int) + errno + INT_MAX % 7;
	va_end(l);
	return a + (NULL == (void *)0);
}
== c/next.c
#include <n.h>
int next = NEXT_OUTER + NEXT_INNER;
#if __has_include(<n.h>) && !__has_include("nowhere.h")
int probed;
#endif
== c/forced.c
#ifdef FORCED
int forced = FORCED;
#endif
#ifdef IMACRO
int imacro = IMACRO;
#endif
#ifdef OPT
int opt = OPT;
#endif
int always;
== c/utf8.c
#include <wchar.h>
const char *s = "größe — 日本語 😀";
const wchar_t *w = L"größe 😀";
const char *u = u8"ü\u00fc\x41";
int größe(int ä) { return ä + L'ß'; }
== c/trigraph.c
#include <stdio.h>
char t[] = "?\?=?\?/n <: %>"; // comment
int after_comment;
int dig<::> = <%1, 2%>;
== c/crlf.c
#define A(x) \r
int crlf = 1;\r
const char *l = "a\\r
b";\r
int line = __LINE__;\r
== c/nonewline.c
#include "h.h"
int no_newline_at_end(void) { return __LINE__; }\c
== c/weird.c
#define EMPTY
#define OBJ (1)   +   2
#define F(x) x -x - - x
#define G(x, y) x##y
#define H(...) #__VA_ARGS__
int a   EMPTY  = OBJ;    int b =F(-1)-F(- 1);
const char *h = H( a  ,   "b\n" , 'c', /* gone */ d );
int G(con, cat) = .1 > 1 ? G(0x, ff) : G(1, e2);
int \
spliced\
name = 5; /* multi
line */ int after_comment = __LINE__;
#if 0
never "unterminated
#elif defined(OPT) || (2 * 3 == 6 && !defined NOTHERE)
int taken;
#else
#error never
#endif
/* #define NOT_ME 1 */
const char *q = "/* no comment */ // nor this \
#define neither";
char c = '\"', d = '"', e = '\'';
#
#pragma
== c/asm.c
#define NOP(n) ".rept " #n "\n\tnop\n.endr"
__asm__(".globl from_asm\nfrom_asm:\n\t" NOP(3) "\n");
int asm_in(int a)
{
	__asm__ volatile("# %0 at line"
			 : "+r"(a)
			 :
			 : "memory");
	return a;
}
== c/date.c
#ifdef __DATE__
int has_date;
#endif
const char *d = "__DATE__";
== c/big.c
#define R1(x) x x x x x x x x
#define R2(x) R1(R1(x))
int big(int *p) { R2(p[0] += p[1] * 3;) return R2(+p[2]) ; }
== c/knr.c
int knr(a, b) int a; char b; { return a + b; }
typedef int deprecated_int __attribute__((deprecated("no")));
== c/inline.c
#include "h.h"
extern inline __attribute__((gnu_inline)) int ei(int x) { return x + 1; }
int (*p)(int) = ei;
int vla(int n, int a[static n]) { int v[n]; v[0] = a[0]; return v[n - 1] + _Generic(n, int: 1, default: 2); }
_Static_assert(sizeof(int) == 4, STR(OPT) " int");
static struct { int x, y; } anon = {.y = __LINE__};
int get(void) { static int counter; return counter++ + anon.y; }
== c/switch.c
int sw(int a)
{
	switch (a) {
	case 1: a++; /* fallthrough */
	case 2: return 5;
	case 3 ... 9: return a;
	}
	int z = 3;
	return z;
}
== odd dir/ö $#.c
const char *f = __FILE__; int p = 1;
== c/has.c
#if defined __has_attribute && __has_attribute(noreturn) && __has_builtin(__builtin_expect)
int has = 1;
#endif
#ifdef __OPTIMIZE__
int optimized = __STDC_VERSION__;
#endif
#if __STDC_HOSTED__ && defined(_REENTRANT)
int reentrant;
#endif
int fortify(char *d, const char *s) { return __builtin___strcpy_chk(d, s, __builtin_object_size(d, 0)) != d; }
== cxx/plain.cc
#include <string>
#include <vector>
#include "h.h"
namespace { struct X { int v; }; X gx; int fn() { return gx.v; } }
std::string g(const std::vector<std::string> &v)
{
	std::string r;
	for (auto  &s : v) r += s;
	static int k = gx.v + fn();
	return r + __FILE__ + std::to_string(MAX(k, 3)) + __PRETTY_FUNCTION__;
}
== cxx/templates.cpp
#include <map>
#include <memory>
#include <algorithm>
#include <iostream>
template <typename T, int N> struct A { T v[N]; T sum() const { T s{}; for (auto x : v) s += x; return s; } };
template struct A<double, 3>;
template <typename T> auto total(T a, T b, T c) { return a + b + c; }
int use(std::map<int, std::unique_ptr<A<int, 4>>> &m)
{
	auto l = [&](int k) { return m[k]->sum(); };
	int t = total(1, 2, l(3));
	try { if (t > 4) throw std::string("x"); } catch (const std::exception &e) { std::cout << e.what() << std::endl; }
	return t;
}
== cxx/raw.cxx
#include "h.h"
const char *raw = R"x(one
#include "h.h" // \
  "two" __FILE__ MAX(1,2)
)x"; int line = __LINE__;
const char16_t *u = uR"(ü
)";
#define RAW(x) #x
const char *in = RAW(R"(a
b)");
int last = __LINE__;
== cxx/anon.C
namespace { namespace inner { class K { public: virtual ~K() {} virtual int f() { return 1; } }; class L : public K { int f() override { return 2; } }; } }
int dispatch(int n) { inner::L l; inner::K &k = l; return k.f() + n; }
static int s(int a) { return a * 3; }
int (*ptr)(int) = s;
thread_local int tl = s(4);
struct Init { Init(); } init;
== cxx/lines.cc
#include <stdexcept>
#define THROW(c, \
              m) do { if (c) throw std::runtime_error(m " at " __FILE__); } while (0)
int where(int l = __LINE__, const char *f = __FILE__) { return l + *f; }
int th(int a)
{
	THROW(a == 3,
	      "three");
	return where()   + where(
		) + __LINE__;
}
== cxx/user.cc
constexpr unsigned long long operator""_kb(unsigned long long v) { return v * 1024; }
unsigned long long kb = 4_kb + 1'000'000 + 0b1010;
alignas(32) int al[3] = {1, 2, 3};
[[nodiscard]] int nd() noexcept;
int x = nd() and not false;
== c/openmp.c
#define THREADS 4
#define PARALLEL(n) _Pragma("omp parallel for num_threads(n)")
void omp(int *a, int n)
{
#pragma omp parallel for num_threads(THREADS) schedule(static, 8)
	for (int i = 0; i < n; i++) a[i] *= 2;
}
== c/lines2.c
#include "h.h"
extern int g(int, int);
int lines2(int a)
{
	for (int i = 0; i < MAX(a,
			3); i++)
		a += CALL(g, a,
			i) + MAX(i, a);
	return a > 3 ? g(a, 1) : g(1, a);
}
== c/broken.c
int broken(void) { return not_declared; }
== c/missing.c
#include "nowhere.h"
== c/warns.c
#define NEVER_USED 1
#if NOT_DEFINED
#endif
/* a /* b */ // c
int warns;
== c/indent.c
int indent(int a)
{
	if (a)
		a++;
		a--;
	return a;
}
== text/unit.i
# 1 "unit.c"
int unit(void) { return sizeof("unit.c"); }
== text/unit.txt
# 1 "unit.c"
int unit(void) { return 1; }
== pch/pch.h
#define PRECOMPILED 3
static inline const char *pch(int a) { return a > 2 ? __FILE__ : "small"; }
== pch/pch.c
#include "pch.h"
const char *pch_c(int a) { return pch(a); }
== bad/line.c
#include "h.h"
int g(int, int);
int line(int a)
{
	return CALL(g, a,
		__builtin_LINE());
}
== bad/file.c
const char *file(void) { return __builtin_FILE(); }
== bad/location.cc
#include <source_location>
unsigned column() { return std::source_location::current().column(); }
== bad/incbin.c
__asm__(".data\n.incbin \"inc/h.h\"\n");
== bad/include.c
__asm__(".include\t\"inc/some.s\"\n");
== bad/nameless.i
int nameless;
== bad/spliced.c
const char *spliced = "?\
?=";
== bad/empty.c
int empty(int a) { if (a); return a; }
== bad/empty2.c
#include <ctype.h>
int empty(int a) { do a++; while (a < 3 && ')'); for (; a < ')'; a++) ; return isdigit(a); }
CORPUS

I=(-Iinc -isystem inc/next -isystem inc/next2)

# Every source with both compilers.
for source in c/*.c "odd dir"/*.c; do
	exact gcc "${I[@]}" -c "$source"
	exact clang -O1 "${I[@]}" -c "$source" -o obj/it.o
done
for source in cxx/*; do
	exact g++ -O1 "${I[@]}" -c "$source"
	exact clang++ "${I[@]}" -c "$source" -o obj/it.o
done

# Options that decide code, macros or the language.
words=()
while IFS= read -r options; do
	eval "words=($options)"
	exact gcc "${I[@]}" "${words[@]}"
	exact clang "${I[@]}" "${words[@]}"
done << 'OPTIONS'
-O2 -fPIC -c c/plain.c
-O3 -march=haswell -ffast-math -c c/gccpragma.c
-Os -fno-builtin -ffunction-sections -fdata-sections -c c/system.c
-O2 -fstack-protector-strong -fcf-protection -D_FORTIFY_SOURCE=2 -c c/has.c
-std=c99 -D_GNU_SOURCE -c c/lines.c
-std=c11 -pedantic -W -c c/weird.c -o obj/weird.o
-std=gnu89 -O1 -c c/knr.c
-m32 -c c/counter.c
-pthread -c c/has.c
-S c/asm.c
-S -O2 c/plain.c -o obj/plain.asm
-DOPT=3 -UOPT -D OPT=4 -include inc/forced.h -imacros inc/macros.h -c c/forced.c
-DOPT='"a b"' -c c/forced.c
-iquote inc -idirafter inc/next2 -c c/plain.c
-nostdinc -ffreestanding -c c/counter.c
-isysroot / --sysroot=/ -c c/counter.c
-undef -c c/counter.c
-trigraphs -c c/trigraph.c
-fshort-enums -funsigned-char -fno-common -c c/inline.c
-fexec-charset=UTF-8 -finput-charset=UTF-8 -c c/utf8.c
-pipe -w -c c/switch.c
-Wextra -Wno-unused-parameter -Werror -c c/inline.c
-Wp,-DOPT=5,-UIMACRO -c c/forced.c
-Wa,--noexecstack -c c/asm.c
-Xassembler --noexecstack -c c/asm.c
-frandom-seed=7 -c c/plain.c
-ffile-prefix-map="$near"=/x -fmacro-prefix-map=c=/src -c c/names.c
-fdebug-prefix-map="$near"=/x -c c/names.c
-g0 -c c/plain.c
-g -g0 -O1 -c c/plain.c
-gz -c c/plain.c
-fvisibility=hidden -fomit-frame-pointer -mno-red-zone -c c/plain.c
-fopenmp -O1 -c c/openmp.c
-fsanitize=thread -c c/plain.c
-fno-lto -fno-profile-arcs -fno-sanitize=all -c c/plain.c
-fdiagnostics-color=always -fmessage-length=60 -ftabstop=4 -c c/plain.c
-ftrapv -fwrapv -fno-strict-aliasing -c c/big.c
-x c -c c/level.inc
-x c c/plain.c -c
-finstrument-functions -pg -c c/plain.c
-MD -c c/plain.c
-MD -c c/plain.c -o obj/a.o
-MMD -c c/plain.c -o obj/a.b.o
-MD -MP -MF obj/named.d -c c/plain.c -o obj/a.o
-MMD -MT first -MQ 'sec$ond' -MTthird -c c/plain.c -o obj/a
-MD -S c/plain.c
-MD -S c/plain.c -o obj/a.s
-MD -MF obj/x.d -c "odd dir/ö \$#.c"
-MD -c "odd dir/ö \$#.c" -o 'obj/o $#.o'
-MD -c "odd dir/ö \$#.c"
-Wp,-MD,obj/through.d -c c/plain.c -o obj/a.o
-Wp,-MMD,obj/through.d -c c/plain.c
-Wp,-MMD,obj/through.d -MT it -S c/plain.c -o obj/a.s
-MMD -MP -c c/plain.c -o obj/.hidden
-c c/broken.c
-Werror -Wunused-macros -c c/warns.c
-Wundef -Wcomment -Wunused-macros -c c/warns.c
-Wpedantic -std=c90 -c c/warns.c
-Wmissing-include-dirs -Inowhere -Wno-unused -c c/plain.c
-c c/missing.c
OPTIONS

exact gcc "${I[@]}" -DX -x cpp-output -c text/unit.txt
exact gcc -O2 -o obj/a.o -c text/unit.i
exact clang -x cpp-output -c text/unit.txt
exact clang -O1 -c text/unit.i
exact g++ -x c++-cpp-output -c text/unit.txt
exact g++ -x c -c c/plain.c -o obj/a.o
exact g++ "${I[@]}" -c c/plain.c
exact clang++ -x c "${I[@]}" -MD -c c/plain.c
exact gcc -x c++ -std=c++20 -c cxx/user.cc
exact gcc -Wall -Wno-misleading-indentation -Wno-multistatement-macros "${I[@]}" -c c/plain.c
exact gcc -Wall -w "${I[@]}" -c c/plain.c
exact gcc -fuse-ld=bfd -L. -lm -Wl,-s -static-libgcc -s "${I[@]}" -c c/plain.c
exact g++ -O2 -std=c++20 -fno-exceptions -fno-rtti -fno-threadsafe-statics -c cxx/user.cc
exact g++ -O2 -std=c++17 -fvisibility-inlines-hidden -Wextra "${I[@]}" -MMD -MP -c cxx/plain.cc -o obj/p.o
exact g++ -std=c++11 -fconcepts-diagnostics-depth=2 -nostdinc++ -c cxx/anon.C
exact clang++ -O2 -std=c++20 -fno-rtti -MD -c cxx/user.cc
exact clang++ -O2 -std=c++17 -stdlib=libstdc++ -c cxx/anon.C
exact clang -target x86_64-linux-gnu -mllvm -inline-threshold=10 "${I[@]}" -c c/plain.c
exact clang --target=aarch64-linux-gnu -c c/counter.c
exact clang -flto -c c/counter.c
exact clang -flto=thin -O2 -c c/counter.c
exact clang -emit-llvm -c c/counter.c
exact clang -Xclang -fno-pch-timestamp -c c/counter.c -- 
exact clang -c -- c/counter.c

# What is lost with -g is debug information alone; with -Wall two warnings alone.
for options in -g '-g -O2' '-ggdb3 -O1' '-g1 -gdwarf-4' '-g -gno-column-info' '-g -gz' '-O2 -gdwarf-5'; do
	# shellcheck disable=SC2086
	for source in c/plain.c c/system.c c/lines2.c; do
		loses 1 gcc $options "${I[@]}" -MD -c "$source"
		loses 1 clang $options "${I[@]}" -MD -c "$source"
	done
done
loses 1 g++ -g -O1 "${I[@]}" -c cxx/plain.cc
loses 1 clang++ -g "${I[@]}" -c cxx/lines.cc
loses 2 gcc -Wall "${I[@]}" -c c/plain.c
loses 2 gcc -Wall -c c/indent.c
loses 2 g++ -Werror=misleading-indentation -c cxx/user.cc
loses 2 clang -Wdocumentation "${I[@]}" -c c/plain.c
loses 3 gcc -g -Wall "${I[@]}" -c c/plain.c
exact clang -Wall -c c/indent.c

file='the compile writes a further file' profile='profiling and coverage name files of this machine'
text='an option that changes preprocessed text' columns='the object tells of columns of the source'
never "$file" gcc -save-temps -c c/plain.c
never "$file" gcc -g -gsplit-dwarf -c c/plain.c
never "$file" gcc --coverage -c c/plain.c
never "$file" gcc -fstack-usage -c c/plain.c
never "$file" clang -MJ x.json -c c/plain.c
never "$profile" gcc -fprofile-arcs -c c/plain.c
never "$profile" gcc -fprofile-generate -c c/plain.c
never "$profile" clang -fprofile-use=x -c c/plain.c
never "$profile" clang -fcoverage-mapping -c c/plain.c
never "$columns" gcc -flto -c c/plain.c
never "$columns" gcc -fsanitize=undefined -c c/plain.c
never "$columns" clang -fsanitize=address -c c/plain.c
never "$text" gcc -fdirectives-only -c c/plain.c
never "$text" gcc -fpreprocessed -c c/plain.c
never "$text" clang -dD -c c/plain.c
never 'the object records the command line' clang -frecord-command-line -c c/plain.c
never 'the object records the command line' gcc -frecord-gcc-switches -c c/plain.c
never '-fverbose-asm cites the sources' gcc -fverbose-asm -S c/plain.c
never 'precompiled headers are read from files' gcc -fpch-preprocess -c c/plain.c
never 'native means the processor of this machine' gcc -march=native -c c/plain.c
never '-fdiagnostics-format= always prints' gcc -fdiagnostics-format=json -c c/plain.c
never 'assembler is not preprocessed here' gcc -c a.S
never 'assembler is not preprocessed here' gcc -c a.s
never 'Objective-C is not preprocessed here' gcc -c a.m
never 'Objective-C is not preprocessed here' gcc -c a.mi
never '-Wa, with folders or debug information' gcc -Wa,-Iinc -c c/plain.c
never 'the spelling with -- is not parted into two steps' gcc --debug -c c/plain.c

never 'clang complains of options of the preprocessor' clang -Iinc -c text/unit.i

gcc -x c-header pch/pch.h
unfit 'the text names a precompiled header' gcc -c pch/pch.c
unfit 'the text names a precompiled header' gcc -include pch/pch.h -c c/plain.c -Iinc

place='built-in functions tell their place in the source'
unfit "$place" gcc -Iinc -c bad/line.c
unfit "$place" clang -Iinc -c bad/line.c
unfit "$place" gcc -c bad/file.c
unfit "$place" g++ -std=c++20 -c bad/location.cc
unfit 'assembly text reads a further file (.incbin)' gcc -c bad/incbin.c
unfit 'assembly text reads a further file (.include)' clang -c bad/include.c
unfit 'the text does not name its source' gcc -c bad/nameless.i
unfit 'a trigraph is left in the text' clang -std=c99 -c bad/spliced.c
exact gcc -std=c99 -c bad/spliced.c
unfit '-Wempty-body needs the sources' clang -c bad/empty.c
unfit '-Wempty-body needs the sources' clang -c bad/empty2.c
echo "1..$count"

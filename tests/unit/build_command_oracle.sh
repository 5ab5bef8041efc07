#!/bin/bash
# build_command_oracle.sh HELPER: the installed make, bmake, ninja, cmake, scons and meson understand the same number of
# jobs as we do, and take the words with which we tell them. HELPER is build_command_print. TAP on standard output.
helper=$1
if [ ! -x "$helper" ]; then
	echo "Bail out! usage: build_command_oracle.sh HELPER"
	exit 1
fi
helper=$(realpath "$helper")
unset MAKEFLAGS GNUMAKEFLAGS MAKELEVEL MFLAGS CMAKE_BUILD_PARALLEL_LEVEL SCONSFLAGS SAMUFLAGS
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir ./-j3 # a folder that looks like an option
number=0

have() {
	command -v "$1" >/dev/null && return
	echo "# there is no $1"
	return 1
}

# What each tool says of itself, by a build that prints it: "8", "unlimited", "none", or "wrong" if it ends badly.
flags_mean() { # MAKEFLAGS as a make gives it to a recipe
	local word next='' result=none
	for word in $1; do
		case $next$word in
		--) break ;;
		j[0-9]*) result=${word#j} ;;
		-j[0-9]*) result=${word#-j} ;;
		-j) next=j result=unlimited ;;
		*) next= ;;
		esac
		[ "$word" = -j ] || next=
	done
	echo "$result"
}

theirs() { # COMMAND…
	local out
	out=$("$@" 2>/dev/null </dev/null) || {
		echo wrong
		return
	}
	out=$(sed -n 's/^FLAGS//p' <<<"$out" | head -1)
	case $out in
	'(1)') echo none ;; # scons: what it does untold
	'('*) out=${out#(} && echo "${out%)}" ;;
	*) flags_mean "$out" ;;
	esac
}

verdict() { # OK SENTENCE
	number=$((number + 1))
	[ "$1" = 0 ] && echo "ok $number - $2" || echo "not ok $number - $2"
}

# same [NAME=VALUE...] COMMAND...: the number is the same, and 40 when we tell it where there is none.
same() {
	local vars=() a b told result=0
	while [[ $1 == *=* ]]; do
		vars+=("$1")
		shift
	done
	a=$(env "${vars[@]}" bash -c "$(declare -f theirs flags_mean)"'; theirs "$@"' - "$@")
	mapfile -t told < <(env "${vars[@]}" "$helper" "$@")
	b=${told[0]}
	if [ "$a" != "$b" ]; then
		echo "# the tool: $a, we: $b"
		result=1
	elif [ "$a" = none ]; then
		a=$(env "${vars[@]}" bash -c "$(declare -f theirs flags_mean)"'; theirs "$@"' - "${told[@]:1}")
		[ "$a" = 40 ] || result=1
		[ "$a" = 40 ] || echo "# told ${told[*]:1}: $a"
	fi
	verdict $result "${vars[*]}${vars:+ }$*"
}

makes() { # in both: what make and bmake read alike
	local make=$1
	same "$make"
	same "$make" -j8
	same "$make" -j 8
	same "$make" -kj8
	same "$make" -kj 8
	same "$make" all -j8
	same "$make" A=b -j8
	same "$make" -j8k
	same "$make" -j0
	same "$make" -j ''
	same "$make" -C . -j3
	same "$make" -C -j3
	same "$make" -fMakefile -j3
	same "$make" -k -- A=-j3
	same MAKEFLAGS=-j8 "$make"
	same 'MAKEFLAGS=-k -j 8' "$make"
	same MAKEFLAGS=-j8 "$make" -j2
}

gnu_make() {
	# shellcheck disable=SC2016 # make's
	printf '.PHONY: -j3\nall all2 8k 4x -j3:\n\t@echo "FLAGS$$MAKEFLAGS"\n' | tee Makefile >./-j3/Makefile
	makes make
	same make -j
	same make -j all
	same make -j 8k
	same make -j 4x
	same make -j 08
	same make -j -k
	same make --jobs
	same make --jobs all
	same make --jobs=5
	same make --jobs 5
	same make --jobs=
	same make -j8 -j3
	same make -j8 -j
	same make -j -j3
	same make -l 4 -j3
	same make -l -j3
	same make -sl4 -j3
	same make -O -j3
	same make -I -j3
	same make -W -j3 -o -j5
	same make --directory . -j3
	same make --direct . -j3
	same make --eval x=-j3
	same make -- -j3
	same MAKEFLAGS=j8 make
	same MAKEFLAGS=kj8 make
	same 'MAKEFLAGS= -j8' make
	same 'MAKEFLAGS=k -j8' make
	same MAKEFLAGS=--jobs=8 make
	same MAKEFLAGS=j make
	same 'MAKEFLAGS=j all' make
	same MAKEFLAGS=jobs=8 make
	same 'MAKEFLAGS=A=b -j2' make
	same 'MAKEFLAGS=A=b\ -j8' make
	same 'MAKEFLAGS=k -- A=-j8' make
	same 'MAKEFLAGS=-k -- -j8' make
	same MAKEFLAGS=-j8 make -j
	same GNUMAKEFLAGS=-j8 make
	same GNUMAKEFLAGS=-j8 MAKEFLAGS=j4 make
	same env MAKEFLAGS=-j8 make
	same nice -n 3 env -u X make -j8
	same MAKEFLAGS=-j8 env -u MAKEFLAGS make
	same MAKEFLAGS=-j8 env -i PATH="$PATH" make
	same timeout -k 5 60 make
	same chrt -b 0 make -j3
	same taskset -c 0 make
	same ionice -c3 make
	same stdbuf -oL make
	same setsid -w make
}

bsd_make() {
	# shellcheck disable=SC2016 # make's
	printf 'all all2:\n\t@echo "FLAGS$$MAKEFLAGS"\n' | tee Makefile >./-j3/Makefile
	# It tells every -j that it was given, the last one being the one that counts.
	flags_mean() {
		local words
		words=$(grep -o -- '-j [0-9]*' <<<"$1" | tail -1)
		echo "${words:-x none}" | cut -d' ' -f2
	}
	makes bmake
	same bmake -j
	same bmake -j x
	same bmake -j8 -j3
}

with_cmake() { # GENERATOR TOOL
	# The tool below prints its words; cmake asks it nothing else.
	printf '#!/bin/sh\necho "FLAGS $*"\n' >"$2"
	chmod +x "$2"
	printf 'cmake_minimum_required(VERSION 3.10)\nproject(x NONE)\n' >CMakeLists.txt
	rm -rf b
	cmake -G "$1" -S . -B b >/dev/null 2>&1 || {
		echo "# cmake cannot use $1 here"
		return
	}
	sed -i "s,^CMAKE_MAKE_PROGRAM:.*,CMAKE_MAKE_PROGRAM:FILEPATH=$work/$2," b/CMakeCache.txt
	flags_mean() {
		local words
		words=$(grep -oE -- '-j ?[0-9]*' <<<"$1" | tail -1)
		case $words in
		'') echo none ;;
		*[0-9]) tr -dc 0-9 <<<"$words" && echo ;;
		*) echo unlimited ;;
		esac
	}
	same cmake --build b
	same cmake --build b -j8
	same cmake --build b -j 8
	same cmake --build b -j=8
	same cmake --build b --parallel 8
	same cmake --build b --parallel=8
	same cmake --build b --parallel8
	same cmake --build b -j8 -j3
	same cmake --build b -t x y -j8
	same cmake --build b -t x y
	same cmake --build b -v -j8 -- -j3
	same cmake --build b -- -j5
	same cmake --build b -- -j 5
	same cmake --build b -- -k
	same cmake --build b -j0
	same CMAKE_BUILD_PARALLEL_LEVEL=7 cmake --build b
	same CMAKE_BUILD_PARALLEL_LEVEL=7 cmake --build b -j3
	same CMAKE_BUILD_PARALLEL_LEVEL=7 cmake --build b -- -j3
	same CMAKE_BUILD_PARALLEL_LEVEL=x cmake --build b
	same CMAKE_BUILD_PARALLEL_LEVEL=0 cmake --build b
	[ "$2" = their-ninja ] && return
	same cmake --build b -j
	same cmake --build b -j -v
	same cmake --build b --parallel
	same cmake --build b -- -j
}

with_scons() {
	printf 'print("FLAGS(%%s)" %% GetOption("num_jobs"))\n' >SConstruct
	same scons
	same scons -j8
	same scons -j 8
	same scons -kj8
	same scons --jobs=8
	same scons --jobs 8
	same scons -j
	same scons -j x
	same scons -j8k
	same scons -j8 -j3
	same scons -C . -j3
	same scons A=b -j3
	same scons A=b
	same SCONSFLAGS=-j8 scons
	same 'SCONSFLAGS=-k -j 8' scons
	same SCONSFLAGS=-j8 scons -j2
}

# These do not tell the number: they take, or do not take, the words with which we tell them.
takes() { # COMMAND...
	local told result=0
	mapfile -t told < <("$helper" "$@")
	[[ ${told[0]} == none && " ${told[*]:1} " == *' -j40 '* ]] || result=1
	"${told[@]:1}" >out 2>&1 </dev/null || result=1
	[ $result = 0 ] || sed 's/^/# /' out
	verdict $result "told: $*"
}

with_ninja() {
	printf 'rule r\n  command = true\nbuild a: r\nbuild b: r\n' >build.ninja
	takes ninja
	takes ninja a b
	takes ninja -C . -k 0
	takes ninja -n -- a
	takes ninja -t targets
}

with_meson() {
	printf "project('x')\n" >meson.build
	meson setup m >out 2>&1 || return
	takes meson compile -C m
	takes meson compile -C m --ninja-args=-v
}

all() {
	have make && gnu_make
	have bmake && (bsd_make)
	have cmake && (with_cmake 'Unix Makefiles' their-make)
	have cmake && have ninja && (with_cmake Ninja their-ninja)
	have scons && with_scons
	have ninja && with_ninja
	have meson && with_meson
}

all | awk '/^(not )?ok /{ sub(/ok [0-9]+/, "ok " ++n) } { print } END { print "1.." n + 0 }' >results
cat results
! grep -q '^not ok ' results

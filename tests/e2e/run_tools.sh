#!/bin/bash
# muster run in front of the build tools that it knows: each is told how wide, and its compiles go to workers.
# Run as: run_tools.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
# Where rustup keeps its own, since HOME becomes another.
export RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} CARGO_HOME=${CARGO_HOME:-$HOME/.cargo}
farm_init "${1-}"
[ -z "$FARM_PLAIN" ] || skip_all 'it is about workers'
# shellcheck source=run_common.sh
. "$E2E/run_common.sh"
farm_start 2 --slots 3

# travels N NAME -- ARGUMENTS…: muster run, and N compiles, or more, go to workers
travels()
{
	local n=$1 name=$2 before
	shift 3
	before=$(status_get .jobs.remote)
	check "$name" -- run_ok "$@"
	check "$name: on workers" -- status_is ".jobs.remote >= $before + $n"
}

there_is()
{
	command -v "$1" > /dev/null || { skip "$1" "$1 is not installed"; return 1; }
}

ninja_file()
{
	local source
	printf 'rule cc\n command = cc -O2 -c $in -o $out\n'
	for source in u*.c; do printf 'build %s: cc %s\n' "${source%.c}.o" "$source"; done
}

if there_is ninja; then
	project 10
	ninja_file > build.ninja
	travels 10 ninja -- ninja
	check 'ninja: every object is right' -- objects_are_right
	# The tool is known by its name; who has no samu has a ninja of that name.
	if ! command -v samu > /dev/null; then
		mkdir "$WORK/samu"
		ln -s "$(command -v ninja)" "$WORK/samu/samu"
	fi
	rm -f ./*.o .ninja_*
	PLAIN_PATH=$PLAIN_PATH:$WORK/samu travels 10 samu -- samu
	check 'samu: every object is right' -- objects_are_right
fi

if there_is cmake; then
	for generator in 'Unix Makefiles' Ninja; do
		project 6
		printf '%s\n' > CMakeLists.txt 'cmake_minimum_required(VERSION 3.10)' 'project(p C)' \
			'file(GLOB sources u*.c)' 'add_library(p STATIC ${sources})'
		check "cmake, $generator" -- run_ok -q cmake -G "$generator" -B out
		travels 6 "cmake --build, $generator" -- cmake --build out
		check "cmake --build, $generator: the library is there" -- test -s out/libp.a
	done
fi

if there_is meson; then
	project 6
	{
		echo "project('p', 'c')"
		echo "static_library('p', $(printf "'%s', " u*.c))"
	} | sed 's/, )/)/' > meson.build
	check 'meson setup' -- run_ok -q meson setup out
	travels 6 'meson compile' -- meson compile -C out
fi

if there_is bmake; then
	project 6
	printf '%s\n' > Makefile "OBJECTS = $(echo u*.c | sed 's/\.c/.o/g')" 'all: $(OBJECTS)' '.SUFFIXES: .c .o' \
		'.c.o:' $'\tcc -O2 -c $< -o $@' 'flags:' $'\t@echo "flags $(.MAKEFLAGS)"'
	travels 6 bmake -- bmake
	check 'bmake: every object is right' -- objects_are_right
	check 'bmake: is told the number' -- run_ok -j 7 bmake flags
	check 'bmake: … and knows it' -- says out '^flags .*-j ?7'
fi

if there_is scons; then
	project 6
	printf '%s\n' > SConstruct 'import os' 'e = Environment(ENV=os.environ, CC="cc", CCFLAGS="-O2")' \
		'e.Object(Glob("u*.c"))' 'print("jobs", GetOption("num_jobs"))'
	travels 6 scons -- -j 7 scons
	check 'scons: every object is right' -- objects_are_right
	check 'scons: knows the number' -- says out '^jobs 7$'
	rm -f ./*.o
	sed -i 's/ENV=os.environ, //' SConstruct
	check 'scons with an environment of its own' -- run_ok scons
	check 'scons with an environment of its own: what to do is said' -- says err 'os\.environ'
fi

if cargo --version > /dev/null 2>&1; then
	project 6
	mkdir src
	echo 'fn main() {}' > src/main.rs
	printf '%s\n' > Cargo.toml '[package]' 'name = "p"' 'version = "0.1.0"' 'edition = "2021"' '[workspace]'
	cat > build.rs <<-'END'
	use std::{env, fs, process::Command};
	fn main() {
	    println!("cargo:warning=jobs {}", env::var("NUM_JOBS").unwrap());
	    let out = env::var("OUT_DIR").unwrap();
	    for f in fs::read_dir(".").unwrap() {
	        let name = f.unwrap().file_name().into_string().unwrap();
	        if name.ends_with(".c") {
	            let object = format!("{}/{}.o", out, name);
	            assert!(Command::new("cc").args(["-O2", "-c", &name, "-o", &object]).status().unwrap().success());
	        }
	    }
	}
	END
	travels 6 'cargo build' -- -j 7 cargo build --offline
	check 'cargo build: knows the number' -- says err 'jobs 7$'
else
	skip cargo 'cargo is not installed, or does not run'
fi

# GNU make 4.4 takes its tokens from a fifo. This one is as wide as they let it be.
fifo_make()
{
	cat <<-'END'
	#!/bin/bash
	[ "${1-}" != --version ] || { echo 'GNU Make 4.4.1'; exit; }
	[[ " $MAKEFLAGS " =~ \ --jobserver-auth=fifo:([^ ]+)\  ]] || { echo "no fifo in '$MAKEFLAGS'"; exit 2; }
	fifo=${BASH_REMATCH[1]} taken=0
	[ -p "$fifo" ] || { echo "$fifo is none"; exit 2; }
	exec 9<> "$fifo"
	# With a token for all but the first, which is make's own.
	token=''
	for source in u*.c; do
		{ cc -O2 -c "$source" -o "${source%.c}.o"; printf %s "$token" >&9; } &
		read -r -N 1 -u 9 token
		taken=$((taken + 1))
	done
	printf %s "$token" >&9
	wait
	idle=0
	while read -r -t 0 -u 9 && read -r -N 1 -u 9; do idle=$((idle + 1)); done
	echo "fifo=$fifo taken=$taken idle=$idle"
	END
}
# fifo_told NAME: what the make said of it
fifo_told()
{
	sed -n "s/.*\<$1=\([^ ]*\).*/\1/p" "$WORK/out"
}
mkdir "$WORK/make44"
fifo_make > "$WORK/make44/make"
chmod 755 "$WORK/make44/make"
project 12
PLAIN_PATH=$WORK/make44:$PLAIN_PATH travels 12 'make 4.4: a fifo' -- make
check 'make 4.4: every object is right' -- objects_are_right
check 'make 4.4: a token for each job' -- says out 'taken=12 '
check 'make 4.4: as many tokens as the farm has slots, but for its own, and some to prepare' -- test "$(fifo_told idle)" = $((5 + $(nproc)))
check 'make 4.4: no fifo is left' -- test ! -e "$(fifo_told fifo)"

# ccache keeps what it has; what it has not goes to workers.
if [ -d /usr/lib/ccache ]; then
	export CCACHE_DIR=$WORK/ccache
	cached()
	{
		PATH=/usr/lib/ccache:$PLAIN_PATH timeout 120 "$MUSTER" run make > "$WORK/out" 2> "$WORK/err" < /dev/null
	}
	project 5
	sed -i 's/\$(CC)/gcc/' Makefile
	before=$(status_get .jobs.remote)
	check 'ccache: an empty cache' -- cached
	check 'ccache: misses go to workers' -- status_is ".jobs.remote == $before + 5"
	rm -f ./*.o
	check 'ccache: a full cache' -- cached
	check 'ccache: hits do not' -- status_is ".jobs.remote == $before + 5"
	check 'ccache: every object is right' -- objects_are_right
else
	skip 'ccache' 'ccache is not installed'
fi
farm_done

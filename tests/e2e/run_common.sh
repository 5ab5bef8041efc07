# shellcheck shell=bash
# What the scripts about muster run share; sourced behind farm.sh, before anything is started.

MUSTER=$BUILD/muster
export HOME=$WORK/home XDG_CONFIG_HOME=$WORK/home/.config DISTCC_DIR=$WORK/home/.distcc
mkdir -p "$HOME"

# project N: a Makefile and N small units
project()
{
	local i
	new_tree
	for ((i = 1; i <= $1; i++)); do
		printf '#include <stdio.h>\nint f%d(int n) { return printf("%%d", n * %d); }\n' "$i" "$i" > "u$i.c"
	done
	printf '%s\n' > Makefile 'OBJECTS := $(patsubst %.c,%.o,$(wildcard u*.c))' 'all: $(OBJECTS)' \
		$'\t@echo built $(words $(OBJECTS))' '%.o: %.c' $'\t$(CC) -O2 -c $< -o $@' \
		'flags:' $'\t@echo "MAKEFLAGS=$(MAKEFLAGS)"' 'fail:' $'\t@exit 3'
}

# The objects of this folder are those of the plain compiler.
objects_are_right()
{
	local source
	for source in u*.c; do
		PATH=$PLAIN_PATH cc -O2 -c "$source" -o "$WORK/plain.o" && cmp -s "$WORK/plain.o" "${source%.c}.o" || {
			diag "$source differs"
			return 1
		}
	done
}

# run_ok ARGUMENTS…: muster run, its words in $WORK/out and $WORK/err
run_ok()
{
	PATH=$PLAIN_PATH timeout 120 "$MUSTER" run "$@" > "$WORK/out" 2> "$WORK/err" < /dev/null && return
	diag "status $?: $(tail -5 "$WORK/err")"
	return 1
}

says()
{
	grep -qE -e "$2" "$WORK/$1" || {
		diag "$(cat "$WORK/$1")"
		return 1
	}
}

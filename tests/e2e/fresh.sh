#!/bin/bash
# Nothing stale: the agent remembers folders, files, links and compilers, and believes much of it for as long as the
# kernel tells of no change, or for a second. Whatever changes between two compiles, however soon and by whatever
# way, the next object is that of the new state.
# Run as: fresh.sh BUILD_FOLDER; see farm.sh. Mounts are in faults_mounts.sh.
# shellcheck disable=SC2015,SC2016,SC2031,SC2317 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
[ "$FARM_PLAIN" ] && skip_all 'there is no agent'
farm_start 1

# Changes one byte of a file through a shared mapping, and ends.
cat > "$WORK/poke.c" <<-'END'
	#include <fcntl.h>
	#include <string.h>
	#include <sys/mman.h>
	#include <sys/stat.h>
	int main(int n, char **a)
	{
		int fd = open(a[1], O_RDWR);
		struct stat st;
		if (n != 4 || fd < 0 || fstat(fd, &st))
			return 1;
		char *p = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		char *at = memchr(p, *a[2], st.st_size);
		if (!at)
			return 1;
		*at = *a[3];
		return 0;
	}
END
gcc -o "$WORK/poke" "$WORK/poke.c" || bail 'poke.c does not compile'

# The tree of each case: two include folders, of which the first is empty, a link to one, a header reached by a link.
make_tree()
{
	rm -rf "$TREE"
	mkdir -p "$TREE/early" "$TREE/late" "$TREE/other" "$TREE/bin"
	cd "$TREE" || exit 99
	echo '#define A 1' > late/a.h
	echo '#define A 7' > other/a.h
	echo '#define B 1' > late/b1.h
	echo '#define B 7' > late/b7.h
	ln -s b1.h late/b.h
	ln -s late way
	printf '%s\n' '#include "a.h"' '#include <b.h>' 'int f(void) { return A * 1000 + B; }' > x.c
	ln -s "$(PATH=$PLAIN_PATH command -v gcc)" bin/cc
}

compile()
{
	PATH=$TREE/first:$TREE/bin:$PATH "$SHIM" "${COMPILER:-gcc}" -O1 -c x.c -iquote early -Iearly -Iway -o "$1"
}

plain()
{
	PATH=$TREE/first:$TREE/bin:$PATH "${COMPILER:-gcc}" -O1 -c x.c -iquote early -Iearly -Iway -o "$1"
}

remote()
{
	"$BUILD/muster" status --json | jq .jobs.remote
}

# HERE=1: it need not go to a worker.
HERE=''
# changed NAME COMMAND: after two compiles that leave everything looked at, COMMAND, and at once the third.
changed()
{
	local before after
	wanted "$1" || return 0
	make_tree
	plain plain1.o
	compile x.o && compile x.o && cmp -s x.o plain1.o || diag 'the compile before is wrong'
	before=$(remote)
	sh -c "$2" && compile x.o
	after=$(remote)
	plain plain2.o
	cmp -s plain1.o plain2.o && diag 'the change changes nothing'
	[ "$HERE" ] || [ "$after" -gt "$before" ] || { diag 'it stayed here'; not_ok "$1"; return; }
	if cmp -s x.o plain2.o && ! cmp -s plain1.o plain2.o; then
		ok "$1"
	else
		not_ok "$1"
	fi
}

changed 'a header is written in place' 'echo "#define A 2" > late/a.h'
changed 'a header is replaced' 'echo "#define A 2" > new; mv new late/a.h'
changed 'a header is replaced by one of the same size and time' \
	'echo "#define A 2" > new; touch -r late/a.h new; mv new late/a.h'
changed 'a header is written, and its time set back' \
	'touch -r late/a.h stamp; echo "#define A 2" > late/a.h; touch -r stamp late/a.h'
changed 'a header is changed through a mapping' "'$WORK/poke' late/a.h 1 2"
changed 'the source is written' 'echo "int g;" >> x.c'
changed 'a header appears in an earlier folder' 'echo "#define A 2" > early/a.h'
changed 'a header is moved to an earlier folder' 'mv other/a.h early/a.h'
changed 'a header is linked into an earlier folder' 'ln other/a.h early/a.h'
changed 'a folder is renamed, another takes its place' 'cp late/b* other; mv late old; mv other late'
changed 'a link to a folder is pointed elsewhere' 'cp late/b* other; ln -sfn other way'
changed 'a link to a header is pointed elsewhere' 'ln -sf b7.h late/b.h'
changed 'an earlier folder becomes a link' 'rmdir early; ln -s other early'
if CLANG=$(PATH=$PLAIN_PATH command -v clang); then
	# by a name of GCC it stays here, and is Clang's object
	COMPILER=cc HERE=1 changed 'another compiler by the same name' "ln -sf '$CLANG' bin/cc"
	COMPILER=cc HERE=1 changed 'another compiler in an earlier folder of PATH' \
		"mkdir first; ln -s '$CLANG' first/cc"
fi

# Edits and compiles as fast as they go.
raced()
{
	local i
	make_tree
	for i in 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24; do
		echo "#define A $i" > late/a.h
		compile x.o && plain plain.o && cmp x.o plain.o || return 1
	done
}

# A header that is there, and is not, in turn, in an earlier folder that others write to.
flickered()
{
	local i
	make_tree
	for i in 1 2 3 4 5 6 7 8; do
		for j in 1 2 3 4 5; do : > "early/$i.$j"; done
		echo "#define A 1$i" > early/a.h
		compile x.o && plain plain.o && cmp x.o plain.o || return 1
		rm early/a.h "early/$i".*
		compile x.o && plain plain.o && cmp x.o plain.o || return 1
	done
}

# While a compile is on its way the header changes, often.
in_flight()
{
	local i editor
	make_tree
	(for ((i = 100; i < 400; i++)); do
		echo "#define A $i" > late/new && mv late/new late/a.h
	done) &
	editor=$!
	for i in 1 2 3 4 5; do compile x.o || return 1; done
	wait $editor
	compile x.o && plain plain.o && cmp x.o plain.o
}

! wanted 'edits and compiles in turn' || check 'edits and compiles in turn' -- raced
! wanted 'a header comes and goes' || check 'a header comes and goes in an earlier folder' -- flickered
! wanted 'edits under way' || check 'edits while compiles are under way' -- in_flight
farm_done

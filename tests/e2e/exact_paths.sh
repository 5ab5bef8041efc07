#!/bin/bash
# Exactness: sources and folders of every spelling, symbolic links, odd names, the variable PWD.
# Run as: exact_paths.sh BUILD_FOLDER; see farm.sh.
# shellcheck disable=SC2016 # commands for an inner shell stand in single quotes
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
farm_start 1

new_tree
mkdir -p src/lib/deep inc other
echo '#define INC 1' > inc/inc.h
printf '#include "inc.h"\n#include "near.h"\n#include <stddef.h>\nconst char *file = __FILE__;\nint x = INC + NEAR;\n' > src/x.c
echo '#define NEAR 2' > src/near.h
printf '#include "../near.h"\n#include "../../inc/inc.h"\nconst char *f = __FILE__; int y = NEAR + INC;\n' > src/lib/y.c
both --remote 'a relative source' -- %CC -g -Iinc -MD -c src/x.c -o x.o
both --remote 'an absolute source' -- %CC -g -I"$TREE/inc" -MD -c "$TREE/src/x.c" -o x.o
both --remote './ before the source' -- %CC -g -I./inc -MD -c ./src/x.c -o x.o
both --remote 'several slashes' -- %CC -g -I.//inc/// -MD -c .//src///x.c -o x.o
both --remote '.. in the source' -- %CC -g -Iinc -MD -c other/../src/x.c -o x.o
both --remote '.. in include paths' -- sh -c 'cd other && %CC -g -I../src/../inc/./ -MD -c ../src/x.c'
both --remote '.. in include names' -- %CC -g -MD -c src/lib/y.c
both --remote 'from the root folder' -- sh -c "cd / && %CC -g -MD -I'$TREE/inc' -c '$TREE/src/x.c' -o '$TREE/x.o'"
both --remote '-I .' -- sh -c 'cd src && %CC -g -MD -I. -I../inc -c x.c'
both --remote '-I- less: -iquote .' -- sh -c 'cd src && %CC -g -MD -iquote . -I ../inc -c x.c'

# --- Symbolic links --------------------------------------------------------------------------
new_tree
mkdir -p real/dir/inner real/up store a b
echo '#define UP 1' > real/up/up.h
echo '#define UP 99' > up.h
echo '#define DIR 2' > real/dir/dir.h
echo '#define STORED 3' > store/hash1.h
ln -s real/dir/inner jump
ln -s ../store/hash1.h a/link1.h
ln -s ../a/link1.h b/link2.h
ln -s "$TREE/b/link2.h" link3.h
ln -s real/dir ldir
ln -s ldir ldir2
printf '#include "jump/../dir.h"\nint d = DIR; const char *f = __FILE__;\n' > up.c
both --remote '.. through a linked folder, in a name' -- %CC -g -MD -c up.c
printf '#include "up.h"\nint u = UP;\n' > via.c
mkdir sub
cp via.c sub/via.c
both --remote '.. through a linked folder, in -I' -- sh -c 'cd sub && %CC -g -MD -I../jump/../../up -c via.c'
printf '#include "link3.h"\nint s = STORED;\n' > chain.c
both --remote 'a header through a chain of links' -- %CC -g -MD -c chain.c
printf '#include <dir.h>\nint s = DIR;\n' > ld.c
both --remote 'a folder through a chain of links' -- %CC -g -MD -Ildir2 -c ld.c
printf '#include "dir.h"\n#include "real/dir/dir.h"\n#include "ldir/dir.h"\nint s = DIR;\n' > twice.c
both --remote 'the same header by three names' -- %CC -g -MD -Ildir2 -c twice.c
ln -s sub/via.c lnk.c
both --remote 'a source that is a link' -- %CC -g -MD -c lnk.c
ln -s hidden/target.c dang.c
both --fails 'a source that is a dangling link' -- %CC -g -MD -c dang.c
ln -s loop.h loop.h
printf '#include "loop.h"\n' > loop.c
both --fails 'a header that is a link to itself' -- %CC -c loop.c
mkdir -p first second
ln -s none.h first/pick.h
echo 'int picked = 2;' > second/pick.h
echo '#include <pick.h>' > pick.c
both --remote 'a dangling link before the header' -- %CC -MD -Ifirst -Isecond -c pick.c
rm first/pick.h
mkdir first/pick.h
both --remote 'a folder with the name of the header before it' -- %CC -MD -Ifirst -Isecond -c pick.c
rmdir first/pick.h
echo 'int picked = 1;' > first/pick.h
both --remote 'a file where a folder is meant' -- %CC -MD -Ipick.c -Ifirst -c pick.c
both --remote 'a link to a folder of the system' -- sh -c 'ln -s /usr/include sys; printf "#include <errno.h>\nint e = ENOENT;\n" > sy.c; %CC -g -MD -Isys -c sy.c'
ln -s "$TREE" "$TREE/whole"
both --remote 'a link to the whole tree' -- sh -c 'cd whole/whole && %CC -g -MD -Iwhole/first -c pick.c'

# --- $PWD ------------------------------------------------------------------------------------
both --remote 'PWD through a link, -g' -- sh -c 'cd ldir && printf "#include \"dir.h\"\nint p = DIR;\n" > p.c && %CC -g -MD -c p.c'
both --remote 'PWD that lies' -- env PWD=/usr %CC -g -Ifirst -c pick.c
both --remote 'PWD that is relative' -- env PWD=. %CC -g -Ifirst -c pick.c
both --remote 'no PWD' -- env -u PWD %CC -g -Ifirst -c pick.c
both --remote 'PWD with a dot at the end' -- env PWD="$TREE/." %CC -g -Ifirst -c pick.c
[ "$FARM_PLAIN" ] || both --uncounted 'a folder that was removed' -- sh -c 'mkdir gone; cd gone; rmdir ../gone; %CC -g -c ../pick.c -I../first -o ../x.o; echo $?; %CC -c "$1/pick.c" -I"$1/first" -o "$1/y.o"; echo $?' sh "$TREE"

# --- Odd names -------------------------------------------------------------------------------
odd()
{
	local name=$1 split=-gsplit-dwarf
	[ "${name#-}" = "$name" ] || split=-O1 # gcc calls objcopy with that name
	new_tree
	mkdir -p "dir $name"
	printf 'int in_header = __COUNTER__;\n' > "dir $name/$name.h"
	# shellcheck disable=SC2059
	printf '#include "%s.h"\nconst char *f = __FILE__ __BASE_FILE__;\n#warning noted\n' "$name" > "./$name.c"
	both --remote "a name like this: $name" -- %CC -g -MD -I"dir $name" -c "./$name.c" -o "./$name.o"
	both --remote "without -o: $name" -- %CC -g -MMD -MP -I"dir $name" -c "./$name.c"
	both --remote "absolute: $name" -- %CC -g $split -I"$TREE/dir $name" -c "$TREE/$name.c"
}
odd 'with blank'
odd 'a,b'
odd "it's"
odd 'dollar$HOME'
odd 'hash#tag'
odd 'grüße-日本'
odd $'latin-\xfc'
odd '-dash'
odd '@at'
odd 'semi;colon&amp'
odd 'star*'
odd 'per%cent%s%n'
odd 'equal=sign'
odd 'colon:name'
odd '(round)[square]{curly}'
odd 'tilde~'
odd "$(printf 'n%.0s' {1..200})"
new_tree
printf 'int tab;\n' > $'tab\there.c'
both --remote 'a tab' -- %CC -g -MD -c $'tab\there.c'
printf 'int q;\n' > 'quote".c'
both 'a double quote' -- %CC -g -MD -c 'quote".c'
printf 'int b;\n' > 'back\slash.c'
both 'a backslash' -- %CC -g -MD -c 'back\slash.c'
printf 'int n;\n' > $'new\nline.c'
both 'a line feed' -- %CC -g -c $'new\nline.c' -o nl.o
echo 'int in_h;' > 'back\slash.h'
printf '#include "back\\slash.h"\n' > bs.c
both 'a header with a backslash' -- %CC -MD -c bs.c
echo 'int sp;' > ' lead and trail '
printf '#include " lead and trail "\n' > sp.c
both --remote 'a header with blanks at its ends' -- %CC -MD -c sp.c
printf 'int plain;\n' > '-c.c'
both 'a source behind --' -- sh -c '%CC -c -o m.o -- -c.c; echo $?'
printf 'int plain;\n' > 'UPPER.C'
both --remote 'the suffix .C is C++' -- %CC -c UPPER.C
deep=d
for _ in {1..40}; do deep+=/dddddddddddddddddddd; done
mkdir -p "$deep"
printf '#include "%s/h.h"\n' "$deep" > deep.c
echo 'int far_away;' > "$deep/h.h"
both --remote 'a path of a thousand bytes' -- %CC -g -MD -c deep.c

far=$(printf 'f/%.0s' {1..70})
mkdir -p "$far"
echo 'int far_down;' > "$far/f.c"
both --remote 'seventy folders down' -- sh -c 'cd "$1" && %CC -g -MD -c f.c' sh "$far"

# --- Maps of paths ---------------------------------------------------------------------------
new_tree
mkdir inc
printf '#include "h.h"\nconst char *f = __FILE__; const char *g = H;\n' > x.c
echo '#define H __FILE__' > inc/h.h
both --remote '-fdebug-prefix-map' -- %CC -g -Iinc -fdebug-prefix-map="$TREE=/src" -c x.c
both --remote '-ffile-prefix-map' -- %CC -g -Iinc -ffile-prefix-map="$TREE=." -c "$TREE/x.c"
both --remote '-fmacro-prefix-map' -- %CC -g -I"$TREE/inc" -fmacro-prefix-map="$TREE/=" -c "$TREE/x.c"
both --remote '-fdebug-prefix-map of an = in the path' -- %CC -g -Iinc -fdebug-prefix-map==x= -c x.c

farm_done

#!/bin/sh
# hostlist_oracle.sh HELPER: lists of hosts mean to us what they mean to the installed distcc: whether it takes
# them, how many jobs at once it tells (distcc -j), and the hosts (distcc --show-hosts). HELPER is hostlist_print.
# Where we differ, we do it on purpose: those lists say how and why. TAP on standard output.
helper=$1
if [ ! -x "$helper" ]; then
	echo "Bail out! usage: hostlist_oracle.sh HELPER"
	exit 1
fi
distcc=/usr/bin/distcc
skip() {
	echo "1..0 # SKIP $1"
	exit 0
}
[ -x "$distcc" ] || skip "there is no $distcc"
case $("$distcc" --version 2>/dev/null) in
"distcc 3."*) ;;
*) skip "$distcc is not distcc 3" ;;
esac

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
number=0

# The two verdicts on a list: "ok N HOST HOST…", "none" or "refused".
theirs() {
	jobs=$(env -i DISTCC_DIR="$work" HOME="$work" DISTCC_HOSTS="$1" "$distcc" -j 2>"$work/errors")
	if [ -n "$jobs" ]; then
		echo "ok $jobs" "$(env -i DISTCC_DIR="$work" HOME="$work" DISTCC_HOSTS="$1" \
			"$distcc" --show-hosts 2>/dev/null | tr '\n' ' ')"
	elif grep -q 'contained no hosts' "$work/errors"; then
		echo none
	else
		echo refused
	fi
}

ours() {
	"$helper" "$1" >"$work/ours"
	case $(head -1 "$work/ours") in
	"ok "* | none) tr '\n' ' ' <"$work/ours" ;;
	"refused: word "*) echo refused ;;
	*) echo 'no answer' ;;
	esac
}

# shellcheck disable=SC2086 # the words of a verdict, with single blanks
plain() {
	set -f
	echo $1
	set +f
}

verdict() { # OK SENTENCE
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		ok=ok
	else
		ok='not ok'
	fi
	# A '#' in the name of a test would begin a directive.
	printf '%s %d - %s\n' "$ok" "$number" "$2" | sed 's/#/\\#/g'
}

# same LIST: we and distcc agree. LIST may have \n, \r, \f, \t.
same() {
	list=$(printf '%b' "$1")
	a=$(plain "$(theirs "$list")") b=$(plain "$(ours "$list")")
	[ "$a" = "$b" ]
	result=$?
	[ "$result" = 0 ] || echo "# distcc: '$a', we: '$b'"
	verdict "$result" "'$1' is '$a'"
}

# differ LIST THEIRS OURS WHY: distcc's verdict begins with THEIRS and ours with OURS.
differ() {
	list=$(printf '%b' "$1")
	a=$(plain "$(theirs "$list")") b=$(plain "$(ours "$list")") result=1
	case "$a /$b " in
	"$2 "*"/$3 "*) result=0 ;;
	*) echo "# distcc: '$a', expected '$2'; we: '$b', expected '$3'" ;;
	esac
	verdict "$result" "'$1' is '$2' there and '$3' here: $4"
}

all() {
	# No hosts, and blanks
	same ''
	same ' '
	same ' \t\r\n\f '
	same 'a b  c'
	same ' a\tb/2\rc/3\fd/5\ne/7 '
	# Comments
	same '# x'
	same '# a b\na/3'
	same 'a#x b'
	same 'a/3#x\nb'
	same 'a#x\rb'
	same 'a#x\fb'
	same 'a # ,,@:\n b'
	# This machine
	same localhost
	same localhost/3
	same localhost/0
	same localhost/
	same localhost/x
	same localhost/3,lzo
	same localhost,lzo
	same localhost:80
	same localhost:80/9
	same localhosts
	same LOCALHOST/5
	# Over TCP
	same a
	same a.b-c_d.example/7
	same 10.0.0.1:80/3
	same a/3:80
	same a/0
	same a/
	same a/x
	same a:4200
	same a:65535/1
	same a:x
	same a:80x
	same a:80:90
	same angry::
	same :
	same :4200
	same /3
	same ,lzo
	same '[::1]'
	same '[::1]:4000'
	same '[::1]/9'
	same '[::1]=9'
	same '[::1]:4000/9,lzo'
	same '[::1]/9:4000'
	same '[fe80::1%lo]/3'
	same '[::1'
	same '[]'
	same '[]:80'
	same ::1
	same '[::1]/'
	# Over ssh
	same @b
	same mbp@b/5
	same @b:/opt/bin/distccd
	same mbp@b/16:/opt/bin/distccd,lzo,cpp
	same @b:distccd/3
	same @b/3:x/5
	same @b:a:b
	same @b:
	same @b/3:,lzo
	same @
	same mbp@
	same mbp@/3
	same mbp@:x
	same mbp@,lzo
	same '@b/0'
	# Options
	same a,lzo
	same a/3,lzo
	same a/3,lzo,cpp
	same a:80/3,cpp,lzo
	same a,lzo,lzo
	same a,cpp
	same @b,cpp
	same a,
	same a,lzo,
	same a,,lzo
	same a,LZO
	same a,quick
	same 'a/3 b,quick c'
	# The whole list
	same --randomize
	same 'a/3 --randomize'
	same --localslots=3
	same --localslots_cpp=3
	same 'a --localslots=3 --localslots_cpp=16 localhost/7'
	same 'a --localslots/3 --localslots_cpp/16'
	same 'localhost/3 a/7 @b,lzo [::1]:4000/9,lzo'
	same 'localhost/2 @bigman/16:/opt/bin/distccd oldmachine:4200/1\n# cartman is down\ndistant/3,lzo'

	differ 'a/3,down b' 'ok 7' 'ok 4' 'no job goes to a host that is down'
	differ a,auth 'ok 4' refused 'GSS-API is not offered, and must not be believed to be on'
	differ a,auth=x 'ok 4' refused 'the same'
	differ a=7 'ok 4 a=7' 'ok 7' "'=N' is '/N' for every host, not the end of a name"
	differ @b=7 'ok 4 @b=7' 'ok 7' 'the same'
	differ localhost=7 'ok 4' 'ok 7' 'the same'
	differ a:80=3 refused 'ok 3' 'the same'
	differ --localslots=0 'ok 4' refused 'distcc makes it a host of that name'
	differ 'a --localslots=x' 'ok 8' refused 'the same'
	differ 'a --localslots' 'ok 4' refused 'its number is missing'
	differ 'a --localslots_cpp=0' 'ok 4' refused 'its number is bad, which distcc passes over'
	differ 'a --localslotsx=3' 'ok 4' refused 'a slip of the pen'
	differ 'a --randomise' 'ok 8' refused 'distcc makes it a host of that name'
	differ 'a +zero' 'ok 8' refused 'the same'
	differ a,lzo/3 'ok 4' refused 'distcc drops the number in silence'
	differ a,lzox 'ok 4' refused 'distcc drops the rest of an option in silence'
	differ a/3x 'ok 3' refused 'distcc drops the rest of a number in silence'
	differ 'a/ 3' 'ok 7' refused 'distcc reads on behind the blank, and takes 3 for a host too'
	differ a/+3 'ok 3' refused 'a number is digits'
	differ a/-1 'ok -1' refused 'a number is digits'
	differ a/4294967297 'ok 1' refused 'the number overflows'
	differ a/10001 'ok 10001' refused 'more than the limit'
	differ a/3:80/4 'ok 4' refused 'two numbers of jobs'
	differ localhost/3:80 'ok 3' refused 'distcc drops the port in silence'
	differ a: 'ok 4' refused 'distcc connects to port 0'
	differ a:0 'ok 4' refused 'no port'
	differ a:-1 'ok 4' refused 'no port'
	differ a:65539 'ok 4' refused 'distcc connects to port 3'
	differ '@[::1]/3' 'ok 4' 'ok 3' 'distcc takes the first colon for that of the command, and calls ssh for "["'
	differ '[::1]x' 'ok 4' refused 'distcc drops the rest in silence'
	differ '[a]' 'ok 4' refused 'brackets hold an IPv6 address'
	differ 'a;b' 'ok 4' refused 'no name of a host'
	differ 'a\vb' 'ok 4' refused 'no name of a host'
	differ @-oProxyCommand=x 'ok 4' refused 'ssh would take it for an option'
	differ @b:-x 'ok 4' refused 'ssh would take it for an option'
	differ u@b@c 'ok 4' refused 'two @'
	# Not compared: +zeroconf, for which distcc starts a daemon that looks around on the network.
}

all >"$work/results"
cat "$work/results"
echo "1..$(grep -c -e '^ok ' -e '^not ok ' "$work/results")"
! grep -q '^not ok ' "$work/results"

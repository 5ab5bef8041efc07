#!/bin/bash
# jobserver_make.sh HELPER [MAKE...]: what real makes do with our jobserver. HELPER is jobserver_hold; each MAKE (by
# default make) is tried with a pipe, and with a fifo too from 4.4 on. TAP on standard output.
#
# Every recipe says "+NAME" when it begins, waits at its gate (a fifo) until it is let go, and says "-NAME". What
# recipes and the helper say comes through one fifo in the order in which it happened; so nothing here waits for time
# to pass, and how many run at once is known at each moment.
helper=$1
shift
if [ ! -x "$helper" ]; then
	echo "Bail out! usage: jobserver_make.sh HELPER [MAKE...]"
	exit 1
fi
helper=$(realpath "$helper")
[ $# -gt 0 ] || set -- make
unset MAKEFLAGS GNUMAKEFLAGS MAKELEVEL MFLAGS
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
number=0
most=60 # seconds that anything may take

cat >Makefile <<'MAKEFILE'
# Leaves JOBS, by this make or, with SUBS, by one below it for each of SUBS.
all: $(if $(SUBS),$(SUBS:%=sub.%),$(JOBS:%=job.$(SUB)%))
job.%:
	@echo "+$*" >$(HERE)/events; read go <$(HERE)/gate.$*; echo "-$*" >$(HERE)/events
sub.%:
	@$(PREFIX)$(MAKE) -f $(HERE)/Makefile SUBS= SUB=$*
MAKEFILE

bad=0
check() { # WHAT, of what has been counted in BAD since the last one
	number=$((number + 1))
	if [ "$bad" = 0 ]; then
		echo "ok $number - $label: $1"
	else
		echo "not ok $number - $label: $1"
	fi
	bad=0
}

wrong() {
	echo "# $*"
	bad=1
}

same() { # GOT EXPECTED WHAT
	[ "$1" = "$2" ] || wrong "$3: $1, expected $2"
}

running=() # names, the oldest first
allowed=0  # how many may run

# Reads the next event into $event and keeps the account.
next() {
	event=
	if ! IFS= read -r -t $most -u 3 event; then
		wrong 'nothing happens any more'
		most=1 # nor will it
		return 1
	fi
	case $event in
	+*)
		running+=("${event#+}")
		[ ${#running[@]} -le "$allowed" ] || wrong "${#running[@]} run, $allowed may"
		;;
	-*)
		local left=() name
		for name in "${running[@]}"; do
			[ "$name" = "${event#-}" ] || left+=("$name")
		done
		running=("${left[@]}")
		;;
	esac
}

# Until an event that is PATTERN.
await() {
	while next; do
		# shellcheck disable=SC2053 # it is a pattern
		[[ $event == $1 ]] && return 0
	done
	return 1
}

say() {
	echo "$*" >&"$to"
}

ask() { # LINE PATTERN: the answer is in $event
	say "$1"
	await "$2"
}

idle() {
	ask idle 'idle *'
	same "${event#idle }" "$1" "idle tokens${2:+ $2}"
}

until_running() {
	while [ ${#running[@]} -lt "$1" ]; do
		next || return 1
	done
}

let_go() { # the oldest
	timeout $most sh -c 'echo go >"$1"' sh "gate.${running[0]}" || wrong "nobody is at gate.${running[0]}"
}

# Lets all go, one after the other, until the command has ended; its status must be $1.
finish() {
	local last=
	say wait
	while :; do
		if [ ${#running[@]} -gt 0 ] && [ "${running[0]}" != "$last" ]; then
			last=${running[0]}
			let_go
		fi
		next || return 1
		case $event in
		'?'*) break ;;
		esac
	done
	same "${event#?}" "$1" 'exit status'
}

open_helper() { # LIMIT
	rm -f gate.* commands
	mkfifo events commands
	exec 3<>events
	"$helper" "${style[@]}" "$1" <commands >events &
	pid=$!
	exec {to}>commands
	running=()
}

close_helper() {
	exec {to}>&-
	wait "$pid" || wrong "the helper ended with $?"
	exec 3<&-
	rm -f events commands
}

names() { # PREFIX COUNT
	seq -s ' ' -f "$1%g" "$2"
}

gates() { # PREFIX COUNT
	local i
	for i in $(seq "$2"); do
		mkfifo "gate.$1$i"
	done
}

start() { # JOBS WORDS...: make with them, in the folder of the gates
	local jobs=$1
	shift
	say "start exec $make HERE=$work JOBS='$jobs' $* 2>>$work/errors"
}

steady() {
	open_helper 100
	gates '' 12
	allowed=3
	ask 'jobs 3' =2
	idle 2 'before'
	start "$(names '' 12)"
	until_running 3
	idle 0 'while 3 run'
	finish 0
	idle 2 'afterwards'
	check 'no more run than the tokens allow, and all tokens come back'
	allowed=1
	ask 'jobs 1' =0
	start "$(names '' 4)"
	until_running 1
	idle 0
	finish 0
	check 'one job needs no token'
	close_helper
}

changing() {
	open_helper 100
	gates '' 300
	allowed=2
	ask 'jobs 2' =1
	start "$(names '' 300)"
	until_running 2
	idle 0
	allowed=6
	ask 'jobs 6' =5
	until_running 6
	idle 0 'after growing'
	check 'a running build grows'
	# It shrinks as jobs end. Whether we or make get a token that has come back is a race; on a busy machine we lose
	# many of them, never all.
	ask 'jobs 2' =more
	local released=0
	while [ "$event" != =1 ] && [ $released -lt 280 ]; do
		let_go
		released=$((released + 1))
		await -*
		next
	done
	same "$event" =1 'the helper has its tokens'
	echo "# 4 tokens were taken back while $released jobs ended"
	same "${#running[@]}" 2 'running'
	idle 0 'after shrinking'
	allowed=2
	for _ in 1 2 3; do
		let_go
		await -*
		until_running 2
	done
	check 'a running build shrinks'
	allowed=60
	ask 'jobs 60' =59
	finish 0
	idle 59 'afterwards'
	check 'and grows again to the end'
	close_helper
}

recursive() {
	open_helper 100
	gates a. 5
	gates b. 5
	gates c. 5
	allowed=4
	ask 'jobs 4' =3
	start "$(names . 5)" SUBS="'a b c'"
	until_running 4
	idle 0
	check 'makes below make share the tokens'
	allowed=7
	ask 'jobs 7' =6
	until_running 7
	idle 0
	finish 0
	idle 6 'afterwards'
	check 'a recursive build grows, and all tokens come back'
	close_helper
}

own_number() {
	open_helper 100
	gates '' 8
	allowed=3
	ask 'jobs 8' =7
	start "$(names '' 8)" -j3
	until_running 3
	idle 7
	finish 0
	idle 7 'afterwards'
	check 'a make with a -j of its own keeps it, and takes none of our tokens'
	close_helper
}

killed() {
	open_helper 100
	gates '' 9
	gates a. 6
	gates b. 6
	allowed=4
	ask 'jobs 4' =3
	start "$(names '' 9)"
	until_running 4
	say 'kill 15'
	ask wait '[?]*'
	[ "$event" != '?0' ] || wrong 'a killed make ended well'
	# A make 4.4 does not, and nobody has them then; nor has anybody after SIGKILL.
	[ "$version" != 4.3 ] || idle 3 'afterwards'
	say forget
	ask 'jobs 4' =3
	idle 3 'when they are made again'
	check 'after a make that is terminated all tokens are there'
	running=()
	# The make below for "a" is killed when both are at work; -k lets the other one go on.
	start "$(names . 6)" -k SUBS="'a b'" PREFIX="'echo \$\$\$\$ >pid.\$*; exec '"
	until_running 4
	idle 0
	while [[ ${running[*]} != *a.* ]]; do
		let_go
		await +*
	done
	kill -TERM "$(cat pid.a)"
	local left=() name
	for name in "${running[@]}"; do
		[[ $name == a.* ]] || left+=("$name")
	done
	running=("${left[@]}")
	finish 2
	[ "$version" != 4.3 ] || idle 3 'afterwards'
	say forget
	ask 'jobs 4' =3
	check 'the same with a make below make'
	running=()
	start "$(names '' 9)"
	until_running 4
	say 'kill 9'
	ask wait '[?]*'
	same "$event" '?137' 'status of a killed make'
	while [ ${#running[@]} -gt 0 ]; do # its recipes live on
		let_go
		await -*
	done
	idle 0 'which it took with it'
	say forget
	ask 'jobs 4' =3
	check 'the same with SIGKILL'
	start "$(names '' 9)"
	until_running 4
	idle 0
	finish 0
	check 'the next make has them all'
	close_helper
}

all() {
	for make; do
		version=$("$make" --version 2>/dev/null | sed -n 's/^GNU Make \([0-9.]*\).*/\1/p')
		[ -n "$version" ] || continue
		styles=pipe
		[ "$(printf '%s\n' 4.4 "$version" | sort -V | head -1)" = 4.4 ] && styles='pipe fifo'
		for kind in $styles; do
			style=()
			[ $kind = pipe ] || style=(--fifo "$work")
			label="make $version, $kind"
			steady
			changing
			recursive
			own_number
			killed
		done
	done
}

all "$@" >results
cat results
[ ! -s errors ] || sort errors | uniq -c | sed 's/^/# /'
if ! grep -q ok results; then
	echo '1..0 # SKIP there is no GNU make'
	exit 0
fi
echo "1..$(grep -c -e '^ok ' -e '^not ok ' results)"
! grep -q '^not ok ' results

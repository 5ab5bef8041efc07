#!/bin/bash
# Workers through ssh: a real sshd on loopback, three "machines" of it.
. "$(dirname "$0")/farm.sh"
. "$E2E/peers.sh"
. "$E2E/engines.sh"
farm_init "$1"
engines_init
ssh_set_up > "$WORK/ssh.log" 2>&1 || skip_all "sshd does not work here: $(tail -1 "$WORK/ssh.log")"
export DISTCC_SSH=$SSH_COMMAND
# shellcheck disable=SC2034 # for engines.sh
URL="ssh://127.0.0.1,$(id -un)@127.0.0.1,localhost?slots=4"
sed -i "s/^\(\[127.0.0.1\]\)\(:[0-9]*\) /\1\2,[localhost]\2 /" "$WORK/ssh/known"

# sshd hands its own environment to nobody, so the workers' folders are in the machines' temporary folder; their names tell whose
# they are.
engine_left()
{
	local file
	for file in /proc/[0-9]*/cmdline; do
		case $(tr '\0' ' ' < "$file") in
		*muster-worker\ --call*--name\ ssh-*) tr '\0' ' ' < "$file" ;;
		esac
	done 2>/dev/null
}

story_identical ssh
story_killed ssh

# One machine's connection is cut.
cut_one()
{
	local pid
	for pid in $(farm_processes); do
		case $(tr '\0' ' ' < "/proc/$pid/cmdline") in
		*ssh\ *\ localhost\ exec*) kill -KILL "$pid"; return ;;
		esac
	done 2>/dev/null
	return 1
}
story_loss ssh 'a connection is cut' cut_one

kill_workers()
{
	local file
	for file in /proc/[0-9]*/cmdline; do
		case $(tr '\0' ' ' < "$file") in
		*muster-worker\ --call*--name\ ssh-*) kill -KILL "$(echo "$file" | cut -d/ -f3)" ;;
		esac
	done 2>/dev/null
	true
}
story_loss ssh 'all workers are killed' kill_workers

story_refused 'ssh: a user who may not' 'ssh://nobody-at-all@127.0.0.1' 'Permission denied'
DISTCC_SSH=${SSH_COMMAND% -p *} story_refused 'ssh: nobody listens' "ssh://127.0.0.1:1?slots=4" 'refused'
story_refused 'ssh: no host' 'ssh://' 'names no host'
story_refused 'ssh: an option in disguise' 'ssh://-oProxyCommand=x' 'is no host'
# The file that is brought along needs nothing that a machine may lack: it runs where there is nothing else at all.
in_empty_root()
{
	local enter=(chroot)
	[ "$(id -u)" = 0 ] || enter=(unshare -r chroot)
	mkdir -p "$WORK/root/tmp"
	cp "$BUILD/muster-worker-static" "$WORK/root/worker"
	head -c 32 /dev/urandom | od -A n -t x1 | tr -d ' \n' > "$WORK/root/key"
	chmod 600 "$WORK/root/key"
	timeout 60 "${enter[@]}" "$WORK/root" /worker --call 127.0.0.1:1 --key-file /key --state /tmp/state --grace 1 \
		> "$WORK/root.log" 2>&1
	grep -q 'cannot be reached' "$WORK/root.log" && return
	diag "$(cat "$WORK/root.log")"
	return 1
}
! wanted 'an empty root' || check 'the static worker runs in an empty root' -- in_empty_root
farm_done

/* muster-agent: one a user and state folder. Started by the first compile, gone after idling. Holds what all
 * compiles share: the disk's digests, the scans, the connections to workers. */
#include "agent/agent.h"
#include "agent/compilers.h"
#include "agent/disk.h"
#include "agent/hosts.h"
#include "agent/learned.h"
#include "agent/leases.h"
#include "agent/lists.h"
#include "agent/local.h"
#include "agent/probe.h"
#include "agent/remote.h"
#include "agent/sample.h"
#include "agent/shims.h"
#include "agent/tally.h"
#include "agent/task.h"
#include "agent/turn.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "farm/member.h"
#include "net/trust.h"
#include "scan/scan.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "wire/local.h"
#include "wire/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: muster-agent [--verbose]\n"
    "Compiles for muster-cc on the workers that MUSTER_HOSTS or the hosts file names. Usually started by the\n"
    "first compile; stays until it has been idle for MUSTER_IDLE_SECONDS (600).\n"
    "\n"
    "  --ready-fd N   write a byte to descriptor N once it listens\n"
    "  --verbose      say more\n"
    "  --help, --version\n";

enum {
	OPT_READY = 256,
	OPT_VERBOSE,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
    {"ready-fd",   required_argument, NULL, OPT_READY},
    {"verbose",        no_argument, NULL, OPT_VERBOSE},
    {"help",            no_argument, NULL, OPT_HELP},
    {"version",no_argument, NULL, OPT_VERSION},
    {0},
};

static const char *env_of_process(const char *name)
{
	return getenv(name);
}

/* A whole number from the environment, or FALLBACK when it is unset or makes no sense. */
static long env_number(const char *name, long fallback, long least, long most)
{
	const char *text = getenv(name);
	char *end;

	if (!text || !*text)
		return fallback;
	long v = strtol(text, &end, 10);

	if (*end || v < least || v > most) {
		log_line(LOG_WARNING, "%s=%s is no number from %ld to %ld; %ld is used",
			 name, text, least, most, fallback);
		return fallback;
	}
	return v;
}

static void on_signal(void *ctx, unsigned got)
{
	(void)got;
	loop_stop(ctx, 0);
}

/* Idle for long enough: nobody asks, nobody waits. */
struct idle {
	struct agent *agent;
	struct loop_timer *timer;
	uint64_t seen;
	nsec since, limit;
};

static void on_idle(void *ctx)
{
	struct idle *i = ctx;
	struct agent *a = i->agent;

	if (shims_count(a->shims) || a->next_task != i->seen) {
		i->seen = a->next_task;
		i->since = loop_now();
	} else if (loop_now() - i->since >= i->limit) {
		log_line(LOG_INFO, "idle, so leaving");
		loop_stop(a->loop, 0);
		return;
	}
	loop_timer_set(i->timer, i->limit / 4);
}

static void on_wake(void *ctx)
{
	agent_sched(ctx, (struct sched_event){.type = SCHED_TICK});
}

/* One agent a state folder: the lock lives as long as we do. False when there is one already; one
 * that is just leaving is waited for. */
static bool lock_state(const char *dir)
{
	enum {
		TRIES = 300
	};
	static const struct timespec nap = {.tv_nsec = 5 * 1000 * 1000};
	AUTO_FREE char *path = xasprintf("%s/agent.lock", dir);
	AUTO_FREE char *socket = xasprintf("%s/agent.sock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	for (int i = 0; fd >= 0 && i < TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (access(socket, F_OK) == 0)
			return false; /* it serves */
		nanosleep(&nap, NULL);
	}
	return false;
}

static void say_ready(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "r", 1) != 1)
		log_line(LOG_WARNING, "nobody waits for the ready byte");
	close(fd);
}

static void open_state(struct agent *a)
{
	char dir[256];
	struct err e = {0};

	if (local_socket_dir(dir, sizeof dir, getuid(), env_of_process)) {
		log_line(LOG_ERROR, "the state folder's path is too long, or not absolute");
		exit(1);
	}
	if (fs_mkdirs(dir, 0700, &e)) {
		log_line(LOG_ERROR, "cannot keep state: %s", e.text);
		exit(1);
	}
	a->state_dir = xstrdup(dir);
	if (!lock_state(dir))
		exit(0); /* another one was faster, and serves */
}

static void agent_free(struct agent *a)
{
	struct remote *r, *next;

	shims_free(a->shims);
	learned_free(a->learned);
	a->learned = NULL;
	agent_discover_end(a);
	leases_free(a->leases);
	HASH_ITER(hh, a->remotes, r, next) remote_free(r);
	lists_free(a->lists);
	member_free(a->member);
	trust_free(a->trust);
	local_free(a->local);
	turn_free(a->turn);
	compilers_free(a->compilers);
	sample_free(a->samples);
	probes_free(a->probes);
	scan_free(a->scan);
	disk_free(a->disk);
	loop_timer_free(a->wake);
	loop_timer_free(a->reap);
	loop_timer_free(a->preprocess_turn);
	sched_free(a->sched);
	tally_free(&a->why_local);
	tally_free(&a->why_other);
	loop_free(a->loop);
	free(a->events);
	free(a->hosts);
	hostlist_free(&a->named);
	free(a->ssh_words);
	free(a->scheduler);
	free(a->farm);
	free(a->state_dir);
}

static void serve(struct agent *a, int ready_fd)
{
	struct err e = {0};

	a->loop = loop_new();
	a->wake = loop_timer_new(a->loop, on_wake, a);
	a->reap = loop_timer_new(a->loop, agent_reap, a);
	a->sched = sched_new((uint64_t)loop_now());
	a->learned = learned_new(a);
	a->disk = disk_new();
	a->scan = scan_new(disk_scan_fs(a->disk));
	a->probes = probes_new(a->disk, a->scan);
	a->compilers = compilers_new();
	a->local_slots =
	    (unsigned)env_number("MUSTER_LOCAL_SLOTS", machine_cores(), 1, 10000);
	a->lists = lists_new();
	a->trust = trust_new();
	a->member = member_new(a->loop, a->trust);
	a->local = local_new(a->local_slots, task_slot);
	a->turn = turn_new(a->loop, a->disk, task_turn);
	if (getrandom(&a->instance, sizeof a->instance, 0) != sizeof a->instance)
		a->instance = (uint64_t)loop_now();
	snprintf(a->name, sizeof a->name, TALK_AGENT_NAME, a->instance);
	a->peer_timeout_ms = (int)env_number("MUSTER_PEER_TIMEOUT_MS", 15000, 100, 3600000);
	a->compress_always = env_number("MUSTER_COMPRESS_ALWAYS", 0, 0, 1) != 0;
	a->leases = leases_new(a);
	hosts_apply(a, environ);
	a->shims = shims_new(a, &e);
	if (!a->shims) {
		log_line(LOG_ERROR, "cannot serve: %s", e.text);
		exit(1);
	}
	struct idle idle = {.agent = a,
			    .since = loop_now(),
			    .limit = LOOP_MS(1000) *
				     env_number("MUSTER_IDLE_SECONDS", 600, 1, 1000000)};
	struct loop_watch *stop[] = {loop_signal(a->loop, SIGTERM, on_signal, a->loop),
				     loop_signal(a->loop, SIGINT, on_signal, a->loop)};

	idle.timer = loop_timer_new(a->loop, on_idle, &idle);
	loop_timer_set(idle.timer, idle.limit / 4);
	say_ready(ready_fd);
	loop_run(a->loop);
	loop_timer_free(idle.timer);
	for (size_t i = 0; i < sizeof stop / sizeof *stop; i++)
		loop_unwatch(stop[i]);
	agent_free(a);
}

int main(int argc, char **argv)
{
	struct agent agent = {0};
	enum log_level level = LOG_NOTICE;
	int ready_fd = -1, c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_READY: ready_fd = atoi(optarg); break;
		case OPT_VERBOSE: level = LOG_INFO; break;
		case OPT_HELP: fputs(usage, stdout); return 0;
		case OPT_VERSION: puts("muster-agent " MUSTER_VERSION); return 0;
		default: fputs(usage, stderr); return 2;
		}
	}
	log_setup("muster-agent", level);
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	machine_raise_files();
	if (ready_fd >= 0)
		fcntl(ready_fd, F_SETFD, FD_CLOEXEC);
	open_state(&agent);
	serve(&agent, ready_fd);
	return 0;
}

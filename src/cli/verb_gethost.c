/* gethost: runs a command, mostly `distcc gcc …`, on a host that the farm's scheduler chooses. The lease is the connection: it
 * ends with us, however we end, and the command does not outlive us.
 *
 *   dial ─► WANT {1 slot of a host that speaks distcc's protocol} ─► LEASE ─► DISTCC_HOSTS, the command ─► its status
 *
 * Whatever goes wrong with scheduler or farm costs speed and never the command: it then runs with
 * DISTCC_HOSTS=localhost. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/scheduler.h"
#include "cli/verbs.h"
#include "net/address.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "wire/message.h"
#include "wire/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
    "usage: gethost [options] COMMAND [ARGUMENT...]\n"
    "Asks the farm's scheduler for a host, sets DISTCC_HOSTS to it and runs the command, as in\n"
    "make -j40 CC=\"gethost distcc gcc\".\n"
    "\n"
    "  -s, --scheduler LIST    HOST[:PORT][,HOST[:PORT]...] (or MUSTER_SCHEDULER)\n"
    "  -p, --port PORT         the port of the scheduler named with -s\n"
    "  -w, --wait SECONDS      how long to wait for a host (default 30); then, as with no host at all,\n"
    "                          the command gets DISTCC_HOSTS=localhost\n"
    "  -t, --type NAME         the partition of the farm (or MUSTER_PARTITION)\n"
    "      --platform NAME     the hosts' platform (default: this machine's)\n"
    "  -v, --verbose           say which host it is\n"
    "      --help\n";

enum {
	BUILD = 0,
	WAIT_S = 30,
	WAIT_MAX_S = 86400,
	EXIT_CANNOT = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL = 128,
	FILES_MAX = 1024, /* descriptors that we may have inherited */
	OPT_PLATFORM = 256,
	OPT_HELP
};

struct gethost {
	struct loop *loop;
	struct scheduler *scheduler;
	struct loop_timer *patience;
	struct loop_watch *child_ended, *asked_to_end[3];
	char **command;
	const char *partition;
	char *platform;
	bool verbose;
	pid_t child; /* 0: it was not started */
	char *host;  /* that is ours, or NULL */
	struct arena *arena;
	bool inherited
	    [FILES_MAX]; /* open when we began, as make's jobserver: the command's, too */
};

/* ---- the command --------------------------------------------------------------------------- */

static void on_child(void *ctx, unsigned got)
{
	struct gethost *g = ctx;
	int status;

	(void)got;
	if (!g->child || waitpid(g->child, &status, WNOHANG) != g->child)
		return;
	loop_stop(g->loop,
		  WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNAL + WTERMSIG(status));
}

/* The connection is the lease: the command must not hold it when we are gone. */
static void close_own(const struct gethost *g)
{
	for (int fd = STDERR_FILENO + 1; fd < FILES_MAX; fd++)
		if (!g->inherited[fd])
			close(fd);
}

static void note_inherited(struct gethost *g)
{
	for (int fd = 0; fd < FILES_MAX; fd++)
		g->inherited[fd] = fcntl(fd, F_GETFD) >= 0;
}

static _Noreturn void become(struct gethost *g, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_CANNOT);
	close_own(g);
	execvp(g->command[0], g->command);
	int code = errno;

	fprintf(stderr, "gethost: run %s: %s\n", g->command[0], strerror(code));
	_exit(code == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT);
}

/* HOSTS: what distcc shall use. */
static void run(struct gethost *g, const char *hosts)
{
	pid_t parent = getpid();

	loop_timer_off(g->patience);
	if (g->child)
		return;
	if (g->verbose)
		fprintf(stderr, "gethost: DISTCC_HOSTS=%s\n", hosts);
	setenv("DISTCC_HOSTS", hosts, 1);
	fflush(NULL);
	g->child = fork();
	if (g->child == 0)
		become(g, parent);
	if (g->child < 0) {
		fprintf(stderr, "gethost: start a process: %s\n", strerror(errno));
		g->child = 0;
		loop_stop(g->loop, EXIT_CANNOT);
	}
}

static void run_here(struct gethost *g, const char *why)
{
	if (!g->child)
		fprintf(stderr, "gethost: no host, so this runs here: %s\n", why);
	run(g, "localhost");
}

static void pass_on(void *ctx, unsigned got)
{
	struct gethost *g = ctx;

	if (g->child)
		kill(g->child, (int)got);
	else
		loop_stop(g->loop, EXIT_SIGNAL + (int)got);
}

/* ---- the lease ----------------------------------------------------------------------------- */

static void on_welcome(void *ctx, const char *scheduler)
{
	struct gethost *g = ctx;
	AUTO_BUF struct buf b = {0};

	(void)scheduler;
	message_put_want(&b, &(struct message_want){.build = BUILD,
						    .slots = 1,
						    .cap = 1,
						    .flags = TALK_WANT_DISTCC,
						    .platform = g->platform,
						    .partition = g->partition});
	scheduler_send(g->scheduler, &b);
}

/* The lease of one host is used; whatever else is offered goes back. */
static void on_lease(struct gethost *g, const struct message_lease *m)
{
	AUTO_BUF struct buf b = {0};

	if (!g->host && m->slots) {
		g->host = xstrdup(m->host);
		/* distcc's own limit is for a host that it shares with nobody: ours counts. */
		AUTO_FREE char *hosts = xasprintf("%s/100,lzo", m->host);

		run(g, hosts);
	}
	bool ours = g->host && strcmp(g->host, m->host) == 0;

	message_put_held(&b, &(struct message_held){.build = BUILD,
						    .host = m->host,
						    .serial = m->serial,
						    .slots = ours && m->slots,
						    .used = ours});
	scheduler_send(g->scheduler, &b);
}

static int on_message(void *ctx, unsigned type, const char *p, size_t n)
{
	struct gethost *g = ctx;
	struct message_lease lease;
	struct message_waiting waiting;

	switch (type) {
	case MESSAGE_LEASE:
		if (message_get_lease(&lease, g->arena, p, n) ||
		    !address_is_harmless(lease.host))
			return -1;
		on_lease(g, &lease);
		return 0;
	case MESSAGE_WAITING:
		if (message_get_waiting(&waiting, g->arena, p, n))
			return -1;
		if (waiting.hopeless && waiting.missing)
			run_here(g, scheduler_words(g->arena, waiting.why));
		return 0;
	case MESSAGE_BUDGET: return 0;
	default: return -1;
	}
}

static void on_lost(void *ctx, const struct err *why)
{
	run_here(ctx, why->text);
}

static void on_time(void *ctx)
{
	run_here(ctx, "none has become free in time");
}

/* ---- the verb ------------------------------------------------------------------------------ */

struct options {
	const char *scheduler, *port, *wait;
};

/* 0; else the exit status + 1. */
static int parse(int argc, char **argv, struct options *o, struct gethost *g)
{
	static const struct option options[] = {
	    {"scheduler",        required_argument, NULL, 's'},
	    {"server",              required_argument, NULL, 's'},
	    {"port",                  required_argument, NULL, 'p'},
	    {"wait",required_argument, NULL, 'w'},
	    {"type",               required_argument, NULL, 't'},
	    {"platform",             required_argument, NULL, OPT_PLATFORM},
	    {"verbose",              no_argument, NULL, 'v'},
	    {"help",                  no_argument, NULL, OPT_HELP},
	    {0             },
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "+s:p:w:t:v", options, NULL)) != -1)
		switch (c) {
		case 's': o->scheduler = optarg; break;
		case 'p': o->port = optarg; break;
		case 'w': o->wait = optarg; break;
		case 't': g->partition = optarg; break;
		case OPT_PLATFORM:
			free(g->platform);
			g->platform = xstrdup(optarg);
			break;
		case 'v': g->verbose = true; break;
		case OPT_HELP: fputs(usage, stdout); return 1;
		default: fputs(usage, stderr); return 3;
		}
	if (optind == argc) {
		fputs(usage, stderr);
		return 3;
	}
	g->command = argv + optind;
	return 0;
}

static void begin(struct gethost *g, const struct options *o, long wait_s)
{
	static const struct scheduler_talk talk = {
	    .welcome = on_welcome, .message = on_message, .lost = on_lost};
	AUTO_FREE char *named =
	    o->scheduler && o->port ? xasprintf("%s:%s", o->scheduler, o->port) : NULL;
	AUTO_FREE char *list = scheduler_list(named ? named : o->scheduler);
	struct err e = {0};

	g->loop = loop_new();
	g->patience = loop_timer_new(g->loop, on_time, g);
	g->child_ended = loop_signal(g->loop, SIGCHLD, on_child, g);
	g->asked_to_end[0] = loop_signal(g->loop, SIGTERM, pass_on, g);
	g->asked_to_end[1] = loop_signal(g->loop, SIGINT, pass_on, g);
	g->asked_to_end[2] = loop_signal(g->loop, SIGHUP, pass_on, g);
	loop_timer_set(g->patience, LOOP_MS(1000) * wait_s);
	g->scheduler = scheduler_dial(g->loop, list, TALK_AGENT, &talk, g, &e);
	if (!g->scheduler)
		run_here(g, e.text);
}

int verb_gethost(int argc, char **argv)
{
	struct options o = {0};
	struct gethost g = {.partition = getenv("MUSTER_PARTITION"),
			    .platform = machine_platform(),
			    .arena = arena_new()};
	int status = parse(argc, argv, &o, &g);
	char *end = NULL;
	long wait_s = o.wait ? strtol(o.wait, &end, 10) : WAIT_S;

	if (status == 0 && o.wait &&
	    (*end || end == o.wait || wait_s < 0 || wait_s > WAIT_MAX_S)) {
		fprintf(stderr, "gethost: --wait wants a number of seconds, not '%s'\n",
			o.wait);
		status = 3;
	}
	if (status == 0) {
		signal(SIGPIPE, SIG_IGN);
		note_inherited(&g);
		begin(&g, &o, wait_s);
		status = loop_run(g.loop) + 1;
		scheduler_close(g.scheduler);
		loop_unwatch(g.child_ended);
		for (size_t i = 0; i < sizeof g.asked_to_end / sizeof *g.asked_to_end; i++)
			loop_unwatch(g.asked_to_end[i]);
		loop_timer_free(g.patience);
		loop_free(g.loop);
	}
	free(g.host);
	free(g.platform);
	arena_free(g.arena);
	return status - 1;
}

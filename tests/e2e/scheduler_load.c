/* Guests for a scheduler: as many workers and agents as wanted, in one process, and a few that misbehave.
 *
 *   scheduler_load [--workers N] [--agents N] [--pid PID] ADDRESS   registers them, then looks what that costs PID
 *   scheduler_load --garbage|--flood|--mute|--liar|--dialect N ADDRESS
 *
 * Prints one line a figure, or what the scheduler answered. */
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/peer.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "wire/message.h"
#include "wire/talk.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WORKERS = 2000,
	AGENTS = 500,
	BURST = 64, /* connections that are dialled at once */
	IDLE_S = 10,
	SLOTS = 8,
	WANTED = 30,
	FLOOD = 200000
};

enum mode {
	LOAD,
	GARBAGE,
	FLOOD_IT,
	MUTE,
	LIAR
};

struct load;

struct one {
	struct load *load;
	struct peer *peer;
	unsigned number;
	bool worker, welcome;
	unsigned leased;
};

struct load {
	struct loop *loop;
	const char *address, *name;
	enum mode mode;
	unsigned dialect, workers, agents, dialled, welcomed, leased, lost;
	int pid;
	struct one *v;
	struct loop_timer *timer, *report;
	nsec began;
	unsigned phase;
	double cpu_s;
};

static const struct peer_handler handler;

/* ---- what the scheduler costs -------------------------------------------------------------- */

static double cpu_of(int pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	unsigned long user = 0, system = 0;

	if (!f)
		return -1;
	if (fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		   &user, &system) != 2)
		user = system = 0;
	fclose(f);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static long rss_mb(int pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/statm", pid);
	FILE *f = fopen(path, "r");
	long pages = 0;

	if (!f)
		return -1;
	if (fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE) >> 20;
}

/* ---- guests -------------------------------------------------------------------------------- */

static void dial_more(struct load *l)
{
	while (l->dialled < l->workers + l->agents && l->dialled - l->welcomed < BURST) {
		struct one *o = &l->v[l->dialled];
		struct peer_self self = {.name = "load", .timeout_ms = 60000};
		struct err e = {0};

		o->load = l;
		o->number = l->dialled++;
		o->worker = o->number < l->workers;
		o->peer = peer_dial(l->loop, l->address, &self, &handler, o, &e);
		if (!o->peer) {
			fprintf(stderr, "scheduler_load: %s\n", e.text);
			exit(1);
		}
	}
}

static void send_report(struct one *o)
{
	AUTO_FREE char *address = xasprintf("10.%u.%u.%u:3690", o->number >> 16,
					    o->number >> 8 & 255, o->number & 255);
	AUTO_FREE char *platform = machine_platform();
	AUTO_BUF struct buf b = {0};

	message_put_report(
	    &b, &(struct message_report){.address = address,
					 .platform = platform,
					 .speaks = TALK_MUSTER,
					 .slots = o->load->mode == LIAR ? 1000000 : SLOTS,
					 .owner_slots = SLOTS,
					 .memory_mib = 16384,
					 .room_mib = 12000});
	peer_send(o->peer, &b);
}

static void send_want(struct one *o, unsigned slots)
{
	AUTO_FREE char *platform = machine_platform();
	AUTO_BUF struct buf b = {0};

	message_put_want(
	    &b, &(struct message_want){.build = 1, .slots = slots, .platform = platform});
	peer_send(o->peer, &b);
}

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	struct one *o = ctx;
	struct load *l = o->load;
	AUTO_FREE char *name = l->name ? xstrdup(l->name) : xasprintf("w%u", o->number);
	AUTO_FREE char *user = xasprintf("user%u", o->number % 50);
	AUTO_BUF struct buf b = {0};

	(void)hello;
	(void)e;
	if (l->mode == MUTE)
		return 0;
	if (l->mode == GARBAGE) {
		for (unsigned i = 0; i < 4096; i++)
			buf_u8(&b, i * 37 + 255);
		peer_send(p, &b);
		return 0;
	}
	message_put_enroll(
	    &b, &(struct message_enroll){.dialect = l->dialect,
					 .role = o->worker ? TALK_WORKER : TALK_AGENT,
					 .name = name,
					 .user = user});
	peer_send(p, &b);
	return 0;
}

static void on_welcome(struct one *o)
{
	struct load *l = o->load;
	AUTO_BUF struct buf b = {0};

	o->welcome = true;
	l->welcomed++;
	if (o->worker)
		send_report(o);
	for (unsigned i = 0; l->mode == FLOOD_IT && i < FLOOD; i++)
		message_put_want(&b, &(struct message_want){
					 .build = i & 63, .slots = i % 7, .platform = "x"});
	peer_send(o->peer, &b);
	dial_more(l);
	if (l->mode == LOAD && l->welcomed == l->workers + l->agents)
		loop_timer_set(l->timer, 0);
}

static int on_message(void *ctx, struct peer *peer, unsigned type, const char *p, size_t n,
		      struct err *e)
{
	struct one *o = ctx;
	struct message_refused refused;
	struct message_lease lease;
	struct arena *a = arena_new();
	AUTO_BUF struct buf b = {0};

	(void)e;
	if (type == MESSAGE_WELCOME) {
		on_welcome(o);
	} else if (type == MESSAGE_REFUSED && !message_get_refused(&refused, a, p, n)) {
		puts(refused.why);
		fflush(stdout);
	} else if (type == MESSAGE_LEASE && !message_get_lease(&lease, a, p, n)) {
		message_put_held(&b, &(struct message_held){.build = lease.build,
							    .host = lease.host,
							    .serial = lease.serial,
							    .slots = lease.slots,
							    .used = lease.slots});
		o->load->leased += lease.slots; /* of grants only, each host once */
		peer_send(peer, &b);
	}
	arena_free(a);
	return 0;
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct one *o = ctx;

	(void)p;
	o->peer = NULL;
	o->load->lost++;
	if (o->load->mode == LOAD) {
		fprintf(stderr, "scheduler_load: guest %u lost: %s\n", o->number,
			why->text);
		exit(1);
	}
	printf("closed: %s\n", why->text);
	fflush(stdout);
	loop_stop(o->load->loop, 0);
}

static const struct peer_handler handler = {
    .up = on_up, .message = on_message, .down = on_down};

/* ---- the course of a load ------------------------------------------------------------------ */

static double seconds(const struct load *l)
{
	return (double)(loop_now() - l->began) / 1e9;
}

static void on_timer(void *ctx)
{
	struct load *l = ctx;

	switch (l->phase++) {
	case 0:
		printf("registered: %u workers and %u agents in %.2f s\n", l->workers,
		       l->agents, seconds(l));
		loop_timer_set(l->timer, LOOP_MS(3000));
		break;
	case 1:
		l->cpu_s = cpu_of(l->pid);
		l->began = loop_now();
		loop_timer_set(l->timer, LOOP_MS(1000) * IDLE_S);
		break;
	case 2:
		printf("idle: %.2f %% of a core, %ld MB\n",
		       (cpu_of(l->pid) - l->cpu_s) / seconds(l) * 100, rss_mb(l->pid));
		l->cpu_s = cpu_of(l->pid);
		l->began = loop_now();
		for (unsigned i = l->workers; i < l->dialled; i++)
			send_want(&l->v[i], WANTED);
		loop_timer_set(l->timer, LOOP_MS(3000));
		break;
	default:
		printf("all want %u: %u slots leased, %.3f s of CPU, %ld MB\n", WANTED,
		       l->leased, cpu_of(l->pid) - l->cpu_s, rss_mb(l->pid));
		loop_stop(l->loop, 0);
	}
	fflush(stdout);
}

/* Every worker as often as real ones, spread over the time. */
static void on_report(void *ctx)
{
	enum {
		PARTS = 40
	};
	struct load *l = ctx;
	static unsigned part;

	for (unsigned i = part++ % PARTS; i < l->workers && i < l->dialled; i += PARTS)
		if (l->v[i].peer && l->v[i].welcome)
			send_report(&l->v[i]);
	loop_timer_set(l->report, LOOP_MS(TALK_REPORT_MS) / PARTS);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"workers",          required_argument, NULL, 'w'},
	    {"agents",              required_argument, NULL, 'a'},
	    {"pid",                  required_argument, NULL, 'p'},
	    {"garbage",no_argument, NULL, 'g'},
	    {"flood",               no_argument, NULL, 'f'},
	    {"mute",              no_argument, NULL, 'm'},
	    {"liar",              no_argument, NULL, 'l'},
	    {"dialect",                  required_argument, NULL, 'd'},
	    {"name",                    required_argument, NULL, 'n'},
	    {"help",               no_argument, NULL, 'h'},
	    {0           }
        };
	struct load l = {.workers = WORKERS, .agents = AGENTS, .dialect = TALK_DIALECT};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'w': l.workers = (unsigned)atoi(optarg); break;
		case 'a': l.agents = (unsigned)atoi(optarg); break;
		case 'p': l.pid = atoi(optarg); break;
		case 'g': l.mode = GARBAGE; break;
		case 'f': l.mode = FLOOD_IT; break;
		case 'm': l.mode = MUTE; break;
		case 'l': l.mode = LIAR; break;
		case 'd': l.dialect = (unsigned)atoi(optarg); break;
		case 'n': l.name = optarg; break;
		case 'h': puts("usage: scheduler_load [options] ADDRESS"); return 0;
		default: return 2;
		}
	if (optind + 1 != argc)
		return 2;
	l.address = argv[optind];
	if (l.mode != LOAD || l.dialect != TALK_DIALECT) {
		l.workers = l.mode == LIAR;
		l.agents = !l.workers;
		if (l.mode == LIAR && !l.name)
			l.name = "liar";
		if (l.mode == LOAD)
			l.mode = FLOOD_IT; /* never welcome */
	}
	signal(SIGPIPE, SIG_IGN);
	machine_raise_files();
	l.v = xcalloc(l.workers + l.agents, sizeof *l.v);
	l.loop = loop_new();
	l.timer = loop_timer_new(l.loop, on_timer, &l);
	l.report = loop_timer_new(l.loop, on_report, &l);
	loop_timer_set(l.report, 0);
	l.began = loop_now();
	dial_more(&l);
	int status = loop_run(l.loop);

	for (unsigned i = 0; i < l.dialled; i++)
		if (l.v[i].peer)
			peer_close(l.v[i].peer);
	loop_timer_free(l.timer);
	loop_timer_free(l.report);
	loop_free(l.loop);
	free(l.v);
	return status;
}

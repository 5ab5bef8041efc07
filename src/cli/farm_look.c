/* One connection to each, side by side on one loop. A scheduler that is older does not tell its time, and answers all the same. */
#include "cli/farm_look.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/scheduler.h"
#include "net/schedulers.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "wire/message.h"
#include "wire/talk.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct look {
	struct farm_look *to;
	struct all *all;
	struct scheduler *scheduler;
	bool done;
};

struct all {
	struct loop *loop;
	struct arena *arena;
	char *platform;
	nsec began;
	struct look v[SCHEDULERS_MAX];
	size_t n, done;
};

static void end(struct look *l)
{
	if (l->done)
		return;
	l->done = true;
	if (++l->all->done == l->all->n)
		loop_stop(l->all->loop, 0);
}

static void on_welcome(void *ctx, const char *scheduler)
{
	struct look *l = ctx;
	AUTO_BUF struct buf b = {0};

	(void)scheduler;
	l->to->ms = (long)((loop_now() - l->all->began) / LOOP_MS(1));
	scheduler_who(l->scheduler, l->all->arena, &l->to->software, &l->to->farm,
		      &l->to->name);
	message_put_ask_hosts(&b, &(struct message_ask_hosts){.flags = TALK_ASK_CLOCK});
	scheduler_send(l->scheduler, &b);
}

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void add_host(struct look *l, const struct message_host *h)
{
	if (strcmp(h->platform, l->all->platform) != 0)
		return;
	l->to->slots += h->slots < TALK_SLOTS ? h->slots : TALK_SLOTS;
	l->to->usable += h->usable < TALK_SLOTS ? h->usable : TALK_SLOTS;
	l->to->used += h->held < TALK_SLOTS ? h->held : TALK_SLOTS;
}

static int on_message(void *ctx, unsigned type, const char *p, size_t n)
{
	struct look *l = ctx;
	struct arena *a = l->all->arena;
	struct message_clock clock;
	struct message_host host;
	struct message_hosts_end all;

	switch (type) {
	case MESSAGE_CLOCK:
		if (message_get_clock(&clock, a, p, n) || clock.ms > INT64_MAX / 2)
			return -1;
		l->to->has_clock = true;
		l->to->ahead_ms = (int64_t)clock.ms - clock_ms();
		return 0;
	case MESSAGE_HOST:
		if (message_get_host(&host, a, p, n))
			return -1;
		add_host(l, &host);
		return 0;
	case MESSAGE_HOSTS_END:
		if (message_get_hosts_end(&all, a, p, n))
			return -1;
		l->to->answers = true;
		l->to->hosts = all.hosts;
		l->to->agents = all.agents;
		end(l);
		return 0;
	default: return -1;
	}
}

static void on_lost(void *ctx, const struct err *why)
{
	struct look *l = ctx;
	const char *said = scheduler_words(l->all->arena, why->text);
	const char *about = arena_printf(l->all->arena, "scheduler %s: ", l->to->address);
	size_t n = strlen(about);

	if (!l->to->answers)
		l->to->why = strncmp(said, about, n) == 0 ? said + n : said;
	end(l);
}

static void on_time(void *ctx)
{
	struct all *all = ctx;

	loop_stop(all->loop, 0);
}

static void ask_all(struct all *all, int ms)
{
	static const struct scheduler_talk talk = {
	    .welcome = on_welcome, .message = on_message, .lost = on_lost};
	struct loop_timer *patience = loop_timer_new(all->loop, on_time, all);
	struct err e = {0};

	loop_timer_set(patience, LOOP_MS(ms));
	for (size_t i = 0; i < all->n; i++) {
		struct look *l = &all->v[i];

		l->scheduler =
		    scheduler_dial(all->loop, l->to->address, TALK_PERSON, &talk, l, &e);
		if (!l->scheduler)
			on_lost(l, &e);
	}
	if (all->done < all->n)
		loop_run(all->loop);
	for (size_t i = 0; i < all->n; i++)
		scheduler_close(all->v[i].scheduler);
	loop_timer_free(patience);
}

int farm_look(struct farm_look **v, const char *text, int ms, struct arena *a,
	      struct err *e)
{
	struct schedulers list;
	struct all all = {.arena = a};

	if (schedulers_parse(&list, text, e))
		return -1;
	*v = arena_alloc(a, list.n * sizeof **v);
	all.loop = loop_new();
	all.platform = machine_platform();
	all.began = loop_now();
	all.n = list.n;
	for (size_t i = 0; i < list.n; i++) {
		(*v)[i] = (struct farm_look){.address = arena_strdup(a, list.v[i]),
					     .software = "",
					     .farm = "",
					     .name = "",
					     .why = "it does not answer"};
		all.v[i] = (struct look){.to = &(*v)[i], .all = &all};
	}
	ask_all(&all, ms);
	schedulers_free(&list);
	loop_free(all.loop);
	free(all.platform);
	return (int)all.n;
}

const char *farm_schedulers(const char *listed)
{
	const char *variable = getenv("MUSTER_SCHEDULER");
	const char *list = variable && *variable ? variable : listed;

	return list && *list ? list : NULL;
}

int farm_slots(const char *listed, int ms, struct arena *a, struct err *e)
{
	const char *list = farm_schedulers(listed);
	struct farm_look *v;

	if (!list)
		return 0;
	int n = farm_look(&v, list, ms, a, e);

	if (n < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (v[i].answers && v[i].usable)
			return (int)v[i].usable;
	for (int i = 0; i < n; i++)
		if (v[i].answers)
			return err_set(e, 0, "the farm of %s has no slots now",
				       v[i].address);
	return err_set(e, 0, "no scheduler answers (%s: %s)", v[0].address, v[0].why);
}

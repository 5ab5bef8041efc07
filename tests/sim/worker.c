/* Workers: each runs so many jobs at a time, the others wait for their turn in order of arrival. */
#include "base/mem.h"
#include "sim_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
	REPORT_MS = 4000,
	MIB_A_SLOT = 1000,
	EXCUSED_S = 20, /* until the agents know of its fall, and */
	LONGEST = 9,    /* what they started before that has ended: see check.c */
};

/* Agents that have not heard of W's fall may start jobs there for a while. */
void worker_excuse(struct sim *s, struct sim_worker *w, nsec down)
{
	nsec longest = (nsec)(LONGEST * s->c.mean_s * (s->c.slow ? 5 : 1) * 1e9);

	w->excused_until = s->now + down + EXCUSED_S * SEC + longest;
}

void worker_start(struct sim *s, unsigned index)
{
	struct sim_worker *w = &s->worker[index];

	w->index = index;
	w->speed = sim_speed(&s->c, index);
	w->slowness = 1;
	w->alive = true;
	plan(s, travel(s), (struct happening){.kind = WORKER_LINK, .to = index});
	plan(s, (nsec)chance_below(&s->chance, REPORT_MS) * MS,
	     (struct happening){.kind = WORKER_TIMER, .to = index});
}

void worker_end(struct sim_worker *w)
{
	free(w->task);
}

static void report(struct sim *s, struct sim_worker *w)
{
	send_to_farm(s, &w->link,
		     (struct happening){.kind = WORKER_REPORT,
					.to = w->index,
					.a = (uint32_t)w->running,
					.flag = w->owner});
}

static void worker_link(struct sim *s, struct sim_worker *w)
{
	if (!w->alive || w->link.up)
		return;
	if (s->now < w->link.cut_until) {
		plan(s, w->link.cut_until - s->now,
		     (struct happening){.kind = WORKER_LINK, .to = w->index});
		return;
	}
	w->link.epoch++;
	w->link.up = true;
	w->dead_since = 0;
	report(s, w);
}

/* At the farm's end of the connection. */
static void reported(struct sim *s, struct sim_worker *w, const struct happening *h)
{
	uint64_t id = conn_id(h->epoch, w->index);
	char name[16];

	if (h->epoch != w->link.epoch || !w->link.up)
		return;
	if (w->known && w->known != h->epoch)
		farm_event(s, (struct farm_event){.type = FARM_WORKER_GONE,
						  .worker = conn_id(w->known, w->index)});
	if (w->known != h->epoch) {
		w->known = h->epoch;
		snprintf(name, sizeof name, "w%u", w->index);
		farm_event(
		    s, (struct farm_event){
			   .type = FARM_WORKER,
			   .worker = id,
			   .desc = {.name = name,
				    .platform = "x86_64-linux",
				    .partition = "",
				    .slots = s->c.slots,
				    .owner_slots = s->c.slots / 2,
				    .memory_mib = s->c.memory ? s->c.slots * MIB_A_SLOT : 0,
				    .running = h->a}
                });
	}
	farm_event(s, (struct farm_event){
			  .type = FARM_REPORT,
			  .worker = id,
			  .report = {.running = h->a, .owner = h->flag}
        });
}

void link_drop(struct sim *s, struct sim_worker *w)
{
	w->known = 0;
	if (!w->link.up)
		return;
	w->link.up = false;
	worker_excuse(s, w, 0);
	plan(s, travel(s) + (nsec)chance_below(&s->chance, 500) * MS,
	     (struct happening){.kind = WORKER_LINK, .to = w->index});
}

static void answer(struct sim *s, const struct sim_worker *w, const struct task *t,
		   bool lost)
{
	plan(s, travel(s),
	     (struct happening){.kind = AGENT_DONE,
				.from = w->index,
				.to = t->agent,
				.a = t->job,
				.b = t->attempt,
				.epoch = t->agent_life,
				.flag = lost});
}

void worker_crash(struct sim *s, struct sim_worker *w, nsec down)
{
	if (!w->alive)
		return;
	w->alive = false;
	w->life++;
	for (size_t i = 0; i < w->n; i++)
		answer(s, w, &w->task[i], true);
	w->n = w->running = 0;
	w->dead_since = s->now;
	worker_excuse(s, w, down);
	link_end(s, &w->link, (struct happening){.to = w->index, .flag = true});
	plan(s, down, (struct happening){.kind = WORKER_BACK, .to = w->index});
}

static void run_next(struct sim *s, struct sim_worker *w)
{
	for (size_t i = 0; i < w->n && w->running < s->c.slots; i++) {
		struct task *t = &w->task[i];

		if (t->running)
			continue;
		t->running = true;
		w->running++;
		double cost = (double)s->agent[t->agent].job[t->job].cost;

		plan(s, (nsec)(cost / w->speed * w->slowness * 1e9),
		     (struct happening){.kind = WORKER_DONE,
					.to = w->index,
					.from = t->agent,
					.a = t->job,
					.b = t->attempt,
					.epoch = t->agent_life,
					.c = w->life});
	}
}

static struct task *task_find(struct sim_worker *w, const struct happening *h)
{
	for (size_t i = 0; i < w->n; i++) {
		struct task *t = &w->task[i];

		if (t->agent == h->from && t->job == h->a && t->attempt == h->b &&
		    t->agent_life == h->epoch)
			return t;
	}
	return NULL;
}

static void task_end(struct sim *s, struct sim_worker *w, struct task *t, bool lost)
{
	answer(s, w, t, lost);
	w->running -= t->running;
	size_t after = (size_t)(w->task + --w->n - t);

	memmove(t, t + 1, after * sizeof *t);
	run_next(s, w);
}

static void task_begin(struct sim *s, struct sim_worker *w, const struct happening *h)
{
	struct task t = {h->from, h->a, h->b, h->epoch, false};

	if (!w->alive) {
		answer(s, w, &t, true);
		return;
	}
	if (h->epoch != s->agent[h->from].life)
		return;
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 8;
		w->task = xreallocarray(w->task, w->cap, sizeof *w->task);
	}
	w->task[w->n++] = t;
	run_next(s, w);
}

void worker_happen(struct sim *s, const struct happening *h)
{
	struct sim_worker *w = &s->worker[h->to];
	struct task *t;

	switch ((enum kind)h->kind) {
	case WORKER_LINK: worker_link(s, w); break;
	case WORKER_TIMER:
		if (w->alive && w->link.up)
			report(s, w);
		plan(s, REPORT_MS * MS,
		     (struct happening){.kind = WORKER_TIMER, .to = w->index});
		break;
	case WORKER_REPORT: reported(s, w, h); break;
	case WORKER_BACK:
		w->alive = true;
		worker_link(s, w);
		break;
	case WORKER_START: task_begin(s, w, h); break;
	case WORKER_CANCEL:
	case WORKER_DONE:
		if (h->kind == WORKER_DONE && h->c != w->life)
			break;
		t = task_find(w, h);
		if (t)
			task_end(s, w, t, h->kind == WORKER_CANCEL);
		break;
	default: break;
	}
}

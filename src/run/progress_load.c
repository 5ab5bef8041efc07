/* Sums, by kind: each sample says under which kind the time since the one before fell. A pause of the clock (the
 * machine slept) counts as little. */
#include "run/progress_load.h"

enum {
	IDLE_PARTS = 10, /* more than one of so many: slots are idle */
	LEAST_S = 3      /* of samples, before anything is said */
};

static const double BUSY = 0.9;
static const double SECOND = 1e9;
static const double LONGEST = 10e9; /* that one sample may stand for */

static unsigned busy_remote(const struct progress_now *n)
{
	return n->remote - (n->moving < n->remote ? n->moving : n->remote);
}

/* Of the slots that count: the workers', or, when there are none, those of this machine. */
static unsigned slots_of(const struct progress_now *n)
{
	return n->slots > 0 ? n->slots : n->local_slots;
}

static unsigned idle_of(const struct progress_now *n)
{
	unsigned slots = slots_of(n), busy = n->slots > 0 ? busy_remote(n) : n->local;

	return busy < slots ? slots - busy : 0;
}

static bool is_limited(const struct progress_now *n)
{
	return n->jobs > 0 && n->remote + n->local + n->waiting >= n->jobs;
}

enum held progress_held_now(const struct progress_now *n)
{
	bool idle = (uint64_t)idle_of(n) * IDLE_PARTS > slots_of(n);
	bool full = slots_of(n) > 0 && !idle;

	if (full && (n->waiting > 0 || is_limited(n)))
		return HELD_BY_SLOTS;
	if (n->slots == 0 && n->machine_cpu >= BUSY && n->local + n->waiting > 0)
		return HELD_BY_SLOTS;
	if (full)
		return HELD_BY_NOTHING;
	if (n->agent_cpu >= BUSY)
		return HELD_BY_AGENT;
	if (n->machine_cpu >= BUSY)
		return HELD_BY_MACHINE;
	if (n->slots == 0)
		return HELD_BY_WIDTH;
	if (n->waiting > 0 && n->local_slots > 0 && n->local >= n->local_slots)
		return HELD_BY_LOCAL;
	if (n->waiting > 0 || (n->moving > 0 && n->moving >= n->remote - n->remote / 2))
		return HELD_BY_NETWORK;
	return HELD_BY_WIDTH;
}

static void sum_add(struct load_sum *to, const struct load_sum *s)
{
	to->time += s->time;
	to->slots += s->slots;
	to->idle += s->idle;
	to->used += s->used;
	to->local_used += s->local_used;
	to->waiting += s->waiting;
	to->agent_cpu += s->agent_cpu;
	to->machine_cpu += s->machine_cpu;
	to->limited += s->limited;
	to->moved += s->moved;
}

static double grown(uint64_t now, uint64_t before)
{
	return now > before ? (double)(now - before) : 0;
}

void progress_load_sample(struct progress_load *l, nsec now, const struct progress_now *n)
{
	double elapsed = (double)(now - l->last);

	if (elapsed <= 0)
		return;
	double time = elapsed < LONGEST ? elapsed : LONGEST;
	struct load_sum s = {
	    .time = time,
	    .slots = time * slots_of(n),
	    .idle = time * idle_of(n),
	    .used = time * n->remote,
	    .local_used = time * n->local,
	    .waiting = time * n->waiting,
	    .agent_cpu = time * n->agent_cpu,
	    .machine_cpu = time * n->machine_cpu,
	    .limited = is_limited(n) ? time : 0,
	    .moved = grown(n->bytes_up, l->now.bytes_up) +
		     grown(n->bytes_down, l->now.bytes_down),
	};

	if (s.moved / elapsed * SECOND > l->peak)
		l->peak = s.moved / elapsed * SECOND;
	sum_add(&l->kind[progress_held_now(n)], &s);
	sum_add(&l->all, &s);
	l->last = now;
	l->now = *n;
}

enum held progress_held(const struct progress_load *l, struct load_sum *sum)
{
	static const enum held client[] = {HELD_BY_AGENT, HELD_BY_MACHINE, HELD_BY_LOCAL};

	static const enum held others[] = {HELD_BY_NETWORK, HELD_BY_SLOTS, HELD_BY_WIDTH,
					   HELD_BY_NOTHING};
	enum held most = HELD_BY_AGENT;

	*sum = (struct load_sum){0};
	if (l->all.time < LEAST_S * SECOND)
		return HELD_UNKNOWN;
	for (size_t i = 0; i < sizeof client / sizeof *client; i++) {
		sum_add(sum, &l->kind[client[i]]);
		if (l->kind[client[i]].time > l->kind[most].time)
			most = client[i];
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (l->kind[others[i]].time > sum->time) {
			*sum = l->kind[others[i]];
			most = others[i];
		}
	return most;
}

const char *progress_held_key(enum held h)
{
	switch (h) {
	case HELD_BY_AGENT:
	case HELD_BY_MACHINE:
	case HELD_BY_LOCAL: return "client-cpu";
	case HELD_BY_NETWORK: return "network";
	case HELD_BY_SLOTS: return "slots";
	case HELD_BY_WIDTH: return "width";
	case HELD_BY_NOTHING: return "nothing";
	case HELD_UNKNOWN:
	case HELD_NKINDS:
	default: return NULL;
	}
}

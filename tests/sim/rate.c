/* The farm alone at its full size: 10,000 workers with 8 slots, 1,000 agents that want more than there is.
 * One decision: an agent gives back a slot, and the farm finds who gets one and where. */
#include "base/mem.h"
#include "core/farm.h"
#include "sim_rate.h"
#include "world.h"

#include <malloc.h>
#include <stdlib.h>
#include <time.h>

enum {
	WORKERS = 10000,
	SLOTS = 8,
	AGENTS = 1000,
	USERS = 100,
	DECISIONS = 2000000,
};

struct held {
	uint64_t build, worker, serial;
	unsigned slots;
};

struct bed {
	struct farm *farm;
	nsec now;
	struct held *held; /* leases with something in them, dense */
	size_t n;
	size_t *at; /* of lease (build, worker) + 1, by build * WORKERS + worker */
	uint64_t granted;
};

static void step(struct bed *b, struct farm_event ev)
{
	struct farm_out out;

	ev.now = b->now += 2000;
	farm_step(b->farm, &ev, &out);
	for (size_t i = 0; i < out.n; i++) {
		const struct farm_effect *e = &out.v[i];

		if (e->type != FARM_GRANT)
			continue;
		size_t *at = &b->at[(e->build - 1) * WORKERS + e->worker - 1];

		if (!*at) {
			b->held[b->n++] = (struct held){e->build, e->worker, 0, 0};
			*at = b->n;
		}
		b->granted += e->slots - b->held[*at - 1].slots;
		b->held[*at - 1].slots = e->slots;
		b->held[*at - 1].serial = e->serial;
	}
}

static void give_back_one(struct bed *b, struct chance *c)
{
	size_t i = chance_below(c, b->n);
	struct held *h = &b->held[i];
	struct held told = *h;

	h->slots--;
	told.slots--;
	if (h->slots == 0) {
		b->at[(h->build - 1) * WORKERS + h->worker - 1] = 0;
		*h = b->held[--b->n];
		if (i < b->n)
			b->at[(h->build - 1) * WORKERS + h->worker - 1] = i + 1;
	}
	step(b, (struct farm_event){
		    .type = FARM_HELD,
		    .build = told.build,
		    .worker = told.worker,
		    .held = {told.serial, told.slots, told.slots}
        });
}

static void want(struct bed *b, uint64_t build, unsigned slots)
{
	char user[16];

	snprintf(user, sizeof user, "user%u", (unsigned)(build % USERS));
	step(b, (struct farm_event){
		    .type = FARM_BUILD,
		    .build = build,
		    .want = {.agent = build,
			     .user = user,
			     .platform = "x",
			     .partition = "",
			     .slots = slots,
			     .memory_mib = 500,
			     .cpu = SEC}
        });
}

static void populate(struct bed *b)
{
	char name[16];

	for (uint64_t w = 1; w <= WORKERS; w++) {
		snprintf(name, sizeof name, "w%llu", (unsigned long long)w);
		step(b, (struct farm_event){
			    .type = FARM_WORKER,
			    .worker = w,
			    .desc = {.name = name,
				     .platform = "x",
				     .partition = "",
				     .slots = SLOTS,
				     .memory_mib = 16000}
                });
	}
	for (uint64_t a = 1; a <= AGENTS; a++)
		want(b, a, 80);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int sim_rate(void)
{
	struct bed b = {0};
	struct chance c = {1};

	b.held = xcalloc((size_t)WORKERS * SLOTS, sizeof *b.held);
	b.at = xcalloc((size_t)WORKERS * AGENTS, sizeof *b.at);
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;

	b.farm = farm_new(1, 0);
	double t0 = now_s();

	populate(&b);
	double t1 = now_s();
	size_t used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	uint64_t filled = b.granted;

	printf(
	    "%u workers x %u slots and %u agents: %llu slots granted in %.2f s; %.1f MB\n",
	    WORKERS, SLOTS, AGENTS, (unsigned long long)filled, t1 - t0,
	    (double)used / 1e6);
	t0 = now_s();
	for (int i = 0; i < DECISIONS; i++)
		give_back_one(&b, &c);
	t1 = now_s();
	printf(
	    "%llu decisions (a slot given back, and granted elsewhere) in %.2f s: %.0f a "
	    "second\n",
	    (unsigned long long)(b.granted - filled), t1 - t0,
	    (double)(b.granted - filled) / (t1 - t0));
	farm_free(b.farm);
	free(b.held);
	free(b.at);
	return 0;
}

/* The farm, one rule a test: events in, effects out. What many rules do together, and under faults, is the
 * simulator's (test_sim); whole traces are its stories. */
#include "core/farm.h"
#include "test.h"

#include <string.h>

#define MS  ((nsec)1000000)
#define SEC ((nsec)1000000000)

static struct farm *farm;
static struct farm_out out;
static nsec now;

static void begin(nsec settle)
{
	farm_free(farm);
	farm = farm_new(1, settle);
	now = 0;
}

static void step(struct farm_event ev)
{
	ev.now = now;
	farm_step(farm, &ev, &out);
	farm_check(farm);
}

static void pass(nsec time)
{
	for (nsec end = now + time; now < end;) {
		now += 500 * MS;
		step((struct farm_event){.type = FARM_TICK});
		if (out.n)
			return;
	}
}

static struct farm_event worker_event(uint64_t id, unsigned slots)
{
	static char name[8][16];

	snprintf(name[id % 8], sizeof name[0], "w%u", (unsigned)id);
	return (struct farm_event){
	    .type = FARM_WORKER,
	    .worker = id,
	    .desc = {
		     .name = name[id % 8], .platform = "x", .partition = "", .slots = slots}
        };
}

static void worker(uint64_t id, unsigned slots)
{
	step(worker_event(id, slots));
}

static struct farm_event build_event(uint64_t id, const char *user, unsigned slots)
{
	return (struct farm_event){
	    .type = FARM_BUILD,
	    .build = id,
	    .want = {.agent = id * 100,
		     .user = user,
		     .platform = "x",
		     .partition = "",
		     .slots = slots}
        };
}

static void build(uint64_t id, const char *user, unsigned slots)
{
	step(build_event(id, user, slots));
}

static void held(uint64_t b, uint64_t w, uint64_t serial, unsigned slots, unsigned used)
{
	step((struct farm_event){
	    .type = FARM_HELD, .build = b, .worker = w, .held = {serial, slots, used}
        });
}

static void report(uint64_t w, struct farm_report r)
{
	step((struct farm_event){.type = FARM_REPORT, .worker = w, .report = r});
}

/* The effect of that type about that build (0: any), or NULL. */
static const struct farm_effect *effect(enum farm_effect_type type, uint64_t b)
{
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].type == type && (b == 0 || out.v[i].build == b))
			return &out.v[i];
	return NULL;
}

static bool waits(uint64_t b, enum farm_reason why)
{
	const struct farm_effect *e = effect(FARM_WAIT, b);

	return e && e->reason == why;
}

static unsigned granted(uint64_t b)
{
	const struct farm_effect *e = effect(FARM_GRANT, b);

	return e ? e->slots : 0;
}

static uint64_t serial_of(enum farm_effect_type type, uint64_t b)
{
	const struct farm_effect *e = effect(type, b);

	return e ? e->serial : 0;
}

static void test_grant(void)
{
	begin(0);
	worker(1, 4);
	build(1, "ann", 3);
	CHECK(granted(1) == 3);
	CHECK(!effect(FARM_WAIT, 1));
	build(1, "ann", 9); /* declared again: the new whole */
	CHECK(granted(1) == 4);
	CHECK(effect(FARM_WAIT, 1) && effect(FARM_WAIT, 1)->missing == 5);
	CHECK(farm_lease(farm, 1, 1) == 4);
}

static void test_unknown(void)
{
	begin(0);
	held(9, 9, 1, 5, 5);
	report(9, (struct farm_report){.running = 3});
	step((struct farm_event){.type = FARM_WORKER_GONE, .worker = 9});
	step((struct farm_event){.type = FARM_BUILD_GONE, .build = 9});
	step((struct farm_event){.type = FARM_AGENT_GONE, .agent = 9});
	step((struct farm_event){.type = FARM_RESULT, .worker = 9, .build = 9});
	CHECK(out.n == 0);
}

static void test_reasons(void)
{
	struct farm_event other = worker_event(1, 2);
	struct farm_event ev = build_event(1, "ann", 1);
	const char *no[] = {"w2"};

	begin(0);
	build(1, "ann", 1);
	CHECK(waits(1, FARM_NO_WORKERS));
	other.desc.partition = "lab";
	step(other);
	build(1, "ann", 1);
	CHECK(waits(1, FARM_NO_PARTITION));
	other = worker_event(3, 2);
	other.desc.platform = "arm";
	step(other);
	build(1, "ann", 1);
	CHECK(waits(1, FARM_NO_PLATFORM));
	ev.want.exclude = no;
	ev.want.nexclude = 1;
	step(ev);
	worker(2, 2);
	CHECK(waits(1, FARM_EXCLUDED));
	step((struct farm_event){.type = FARM_DRAIN, .worker = 2, .yes = true});
	CHECK(waits(1, FARM_DRAINED));
	step((struct farm_event){.type = FARM_DRAIN, .worker = 2});
	build(1, "ann", 1);
	CHECK(granted(1) == 1 && waits(1, FARM_OK));
}

static void test_only(void)
{
	struct farm_event ev = build_event(1, "ann", 5);
	const char *only[] = {"w2"};

	begin(0);
	worker(1, 4);
	worker(2, 2);
	ev.want.only = only;
	ev.want.nonly = 1;
	step(ev);
	CHECK(granted(1) == 2 && farm_lease(farm, 1, 2) == 2 &&
	      farm_lease(farm, 1, 1) == 0);
	build(2, "bob", 9); /* what it cannot use is lent */
	CHECK(farm_lease(farm, 2, 1) == 4);
}

static void test_fair_share(void)
{
	begin(0);
	worker(1, 8);
	build(1, "ann", 99);
	uint64_t serial = serial_of(FARM_GRANT, 1);

	held(1, 1, serial, 8, 8);
	build(2, "bob", 99);
	CHECK(effect(FARM_BUDGET, 1) && effect(FARM_BUDGET, 1)->budget == 4);
	CHECK(waits(2, FARM_COMING));
	held(1, 1, serial, 7, 7); /* a job ended */
	CHECK(granted(2) == 1);
	held(1, 1, serial, 4, 4);
	CHECK(granted(2) == 4);
	CHECK(waits(2, FARM_SHARE));
	step((struct farm_event){.type = FARM_BUILD_GONE, .build = 2});
	CHECK(granted(1) == 8);
}

static void test_weights_and_priorities(void)
{
	struct farm_event low = build_event(1, "ann", 99);

	begin(0);
	step((struct farm_event){.type = FARM_USER, .name = "bob", .user = {.weight = 3}});
	low.want.priority = FARM_LOW;
	step(low);
	build(2, "bob", 99);
	build(3, "ann", 99);
	worker(1, 72);
	CHECK(farm_lease(farm, 2, 1) == 54);
	CHECK(farm_lease(farm, 3, 1) == 16 && farm_lease(farm, 1, 1) == 2);
}

static void test_caps(void)
{
	struct farm_event ev = build_event(1, "ann", 99);

	begin(0);
	step((struct farm_event){.type = FARM_USER, .name = "ann", .user = {.cap = 3}});
	worker(1, 8);
	ev.want.cap = 2;
	step(ev);
	CHECK(granted(1) == 2 && waits(1, FARM_BUILD_CAP));
	build(2, "ann", 99);
	CHECK(granted(2) == 1 && waits(2, FARM_USER_CAP));
	/* The cap holds over all pools. */
	struct farm_event lab = worker_event(2, 8), there = build_event(3, "ann", 9);

	lab.desc.partition = there.want.partition = "lab";
	step(lab);
	step(there);
	CHECK(granted(3) == 0 && waits(3, FARM_USER_CAP));
}

static void test_turns(void)
{
	begin(0);
	worker(1, 1);
	build(1, "ann", 9);
	uint64_t serial = serial_of(FARM_GRANT, 1);

	held(1, 1, serial, 1, 1);
	build(2, "bob", 9);
	CHECK(waits(2, FARM_SHARE));
	pass((FARM_TURN_MS + 2000) * MS);
	CHECK(effect(FARM_BUDGET, 1) && effect(FARM_BUDGET, 1)->budget == 0);
	held(1, 1, serial, 0, 0);
	CHECK(granted(2) == 1);
}

static void test_owner_and_load(void)
{
	struct farm_event ev = worker_event(1, 8);

	begin(0);
	ev.desc.owner_slots = 2;
	step(ev);
	build(1, "ann", 8);
	uint64_t serial = serial_of(FARM_GRANT, 1);

	held(1, 1, serial, 8, 8);
	report(1, (struct farm_report){.running = 8, .owner = true});
	const struct farm_effect *e = effect(FARM_RECALL, 1);

	CHECK(e && e->slots == 2 && e->reason == FARM_OWNER);
	held(1, 1, e ? e->serial : 0, 2, 8); /* its jobs go on */
	CHECK(farm_lease(farm, 1, 1) == 8);
	held(1, 1, serial + 9, 2, 2);
	CHECK(farm_lease(farm, 1, 1) == 2);
	report(1, (struct farm_report){.running = 2});
	CHECK(granted(1) == 8);
	report(1, (struct farm_report){.running = 8, .foreign_milli = 3000});
	CHECK(effect(FARM_RECALL, 1) && effect(FARM_RECALL, 1)->slots == 5);
	report(1, (struct farm_report){.running = 5, .memory_percent = 50});
	CHECK(effect(FARM_RECALL, 1) && effect(FARM_RECALL, 1)->slots == 0);
	report(1, (struct farm_report){0}); /* calm again: it comes back by and by */
	struct farm_worker_view v;

	CHECK(farm_worker_at(farm, 0, &v) && v.usable == 2);
}

static void test_memory(void)
{
	struct farm_event ev = worker_event(1, 8), big = build_event(1, "ann", 9);

	begin(0);
	ev.desc.memory_mib = 8000;
	step(ev);
	big.want.memory_mib = 3000;
	step(big);
	CHECK(granted(1) == 2 && waits(1, FARM_MEMORY_BUSY));
	build(2, "bob", 9); /* the slots that no big job fits are lent */
	CHECK(granted(2) == 6);
	big = build_event(3, "eve", 1);
	big.want.memory_mib = 9000;
	step(big);
	CHECK(waits(3, FARM_MEMORY) && effect(FARM_WAIT, 3)->which == 1);
}

/* One that fits nowhere gets room made for it. */
static void test_starving(void)
{
	struct farm_event ev = worker_event(1, 4), big = build_event(2, "bob", 1);

	begin(0);
	ev.desc.memory_mib = 4000;
	step(ev);
	struct farm_event small = build_event(1, "ann", 9);

	small.want.memory_mib = 1000;
	step(small);
	uint64_t serial = serial_of(FARM_GRANT, 1);

	held(1, 1, serial, 4, 4);
	big.want.memory_mib = 3500;
	step(big);
	held(1, 1, serial, 3, 3); /* one slot, one gibibyte: not enough */
	CHECK(granted(2) == 0);
	const struct farm_effect *e = NULL;

	for (int i = 0; i < 40 && !(e = effect(FARM_RECALL, 1)); i++) {
		now += 500 * MS;
		report(1, (struct farm_report){.running = 4});
	}
	CHECK(e && e->slots == 0);
	held(1, 1, e ? e->serial : 0, 0, 0);
	CHECK(granted(2) == 1);
}

static void test_repeated_and_lost(void)
{
	begin(0);
	worker(1, 4);
	build(1, "ann", 4);
	uint64_t serial = serial_of(FARM_GRANT, 1);

	pass((FARM_RESEND_MS + 1000) * MS); /* it was not answered */
	CHECK(granted(1) == 4 && serial_of(FARM_GRANT, 1) == serial);
	held(1, 1, serial, 4, 4);
	held(1, 1, serial, 4, 4);
	CHECK(out.n == 0);
	step((struct farm_event){.type = FARM_DRAIN, .worker = 1, .yes = true});
	uint64_t recall = serial_of(FARM_RECALL, 1);

	CHECK(recall > serial);
	held(1, 1, serial, 4, 4); /* sent before the recall arrived: says nothing */
	CHECK(farm_lease(farm, 1, 1) == 4);
	held(1, 1, recall, 0, 0);
	CHECK(farm_lease(farm, 1, 1) == 0);
}

static void test_redeclare(void)
{
	struct farm_event w = worker_event(1, 4);
	struct farm_event first = build_event(1, "ann", 4);

	begin(SEC);
	w.desc.running = 3; /* from before the scheduler's restart */
	step(w);
	build(2, "bob", 9);
	CHECK(granted(2) == 0 && waits(2, FARM_SETTLING));
	first.want.more = true;
	step(first);
	held(1, 1, 0, 2, 2);
	CHECK(effect(FARM_GRANT, 1) && granted(1) == 2);
	held(1, 7, 0, 2, 2); /* a worker that is not here */
	CHECK(effect(FARM_RECALL, 1) && effect(FARM_RECALL, 1)->reason == FARM_WORKER_LOST);
	first.want.more = false;
	first.want.slots = 2;
	step(first);
	pass(2 * SEC);
	CHECK(granted(2) == 1); /* two are ann's, one is an orphan */
	report(1, (struct farm_report){.running = 2});
	CHECK(granted(2) == 2);
}

static void test_overbooked(void)
{
	struct farm_event ev = build_event(1, "ann", 9);

	begin(0);
	worker(1, 4);
	build(2, "bob", 3);
	ev.want.more = true;
	step(ev);
	held(1, 1, 0, 4, 0);
	const struct farm_effect *e = effect(FARM_RECALL, 1);

	CHECK(e && e->slots == 1 && e->reason == FARM_OVERBOOKED);
}

static void test_agent_gone(void)
{
	begin(0);
	worker(1, 4);
	build(1, "ann", 4);
	held(1, 1, serial_of(FARM_GRANT, 1), 4, 4);
	build(2, "bob", 4);
	step((struct farm_event){.type = FARM_AGENT_GONE, .agent = 100});
	CHECK(granted(2) == 0); /* its jobs may still run */
	now += 100 * MS;
	report(1, (struct farm_report){.running = 1});
	CHECK(granted(2) == 3);
	report(1, (struct farm_report){.running = 0});
	CHECK(granted(2) == 4);
}

static void test_silent_worker(void)
{
	begin(0);
	worker(1, 4);
	build(1, "ann", 4);
	held(1, 1, serial_of(FARM_GRANT, 1), 4, 4);
	bool dropped = false;

	for (int i = 0; i < 40 && !dropped; i++) {
		now += 500 * MS;
		step((struct farm_event){.type = FARM_TICK});
		dropped = effect(FARM_DROP, 0) != NULL;
	}
	CHECK(dropped && now == FARM_SILENCE_MS * MS);
	CHECK(effect(FARM_RECALL, 1) && effect(FARM_RECALL, 1)->reason == FARM_WORKER_LOST);
	CHECK(waits(1, FARM_NO_WORKERS));
}

/* The process slept for an hour: the farm's own silence is nobody's fault. */
static void test_clock(void)
{
	begin(0);
	worker(1, 4);
	now += 3600 * SEC;
	step((struct farm_event){.type = FARM_TICK});
	CHECK(!effect(FARM_DROP, 0));
	now -= 7200 * SEC;
	build(1, "ann", 2);
	CHECK(granted(1) == 2 && out.wake > now && out.wake <= now + SEC);
}

static void fails(uint64_t b, uint64_t w)
{
	step((struct farm_event){
	    .type = FARM_RESULT, .build = b, .worker = w, .result = {.failed = true}});
}

static void test_quarantine(void)
{
	begin(0);
	worker(1, 4);
	build(1, "ann", 2);
	build(2, "bob", 2);
	fails(1, 1);
	fails(1, 1);
	fails(1, 1);
	fails(1, 1);
	CHECK(out.n == 0); /* one agent's word is not enough while others use it */
	fails(2, 1);
	CHECK(effect(FARM_RECALL, 1) && effect(FARM_RECALL, 1)->reason == FARM_QUARANTINED);
	CHECK(effect(FARM_RECALL, 2) != NULL);
	held(1, 1, serial_of(FARM_RECALL, 1), 0, 0);
	held(2, 1, 999, 0, 0);
	unsigned slots = 0;

	for (int i = 0; i < 60 && !slots; i++) {
		now += 500 * MS;
		report(1, (struct farm_report){0});
		slots = granted(1) + granted(2);
	}
	CHECK(slots == 1 && now >= FARM_QUARANTINE_MS * MS); /* one, on probation */
}

static void test_fastest_first(void)
{
	begin(0);
	worker(1, 2);
	worker(2, 2);
	build(1, "ann", 4);
	held(1, 1, 1, 2, 2);
	held(1, 2, 2, 2, 2);
	for (int i = 0; i < 40; i++) {
		for (uint64_t w = 1; w <= 2; w++)
			step((struct farm_event){
			    .type = FARM_RESULT,
			    .build = 1,
			    .worker = w,
			    .result = {.unit = 5, .cpu = (nsec)w * SEC}
                        });
	}
	step((struct farm_event){.type = FARM_BUILD_GONE, .build = 1});
	build(2, "bob", 2);
	CHECK(farm_lease(farm, 2, 1) == 2);
	build(3, "bob", 2);
	CHECK(farm_lease(farm, 3, 2) == 2);
}

static void test_evicted(void)
{
	const struct farm_effect *e = NULL;

	begin(0);
	worker(1, 4);
	build(1, "ann", 4); /* and never says a word again */
	build(2, "bob", 4);
	for (int i = 0; i < 100 && !e; i++) {
		now += 500 * MS;
		report(1, (struct farm_report){.running = 0});
		e = effect(FARM_EVICT, 1);
	}
	CHECK(e && e->worker == 1 && e->agent == 100 && e->slots == 0);
	now += 2 * SEC;
	report(1, (struct farm_report){.running = 0});
	CHECK(farm_lease(farm, 2, 1) == 4);
	held(1, 1, 0, 0, 0); /* it lives after all */
	CHECK(effect(FARM_BUDGET, 2) && effect(FARM_BUDGET, 2)->budget == 2);
}

static void test_too_many(void)
{
	begin(0);
	worker(1, 4);
	for (uint64_t i = 1; i <= FARM_MAX_BUILDS + 1; i++) {
		struct farm_event ev = build_event(i, "ann", 1);

		ev.want.agent = 1;
		step(ev);
	}
	CHECK(waits(FARM_MAX_BUILDS + 1, FARM_TOO_MANY));
}

/* Many agents of one user, each with its builds somewhere else: the others' pools are not used up. */
static void test_too_many_pools(void)
{
	char platform[16];

	begin(0);
	worker(1, 4);
	for (uint64_t i = 1; i <= FARM_MAX_USER_POOLS + 1; i++) {
		struct farm_event ev = build_event(i, "ann", 1);

		snprintf(platform, sizeof platform, "p%u", (unsigned)i);
		ev.want.platform = platform;
		step(ev);
	}
	CHECK(waits(FARM_MAX_USER_POOLS + 1, FARM_TOO_MANY));
	/* Where he has builds already he may have more. */
	struct farm_event ev = build_event(1000, "ann", 1);

	ev.want.platform = "p1";
	step(ev);
	CHECK(!waits(1000, FARM_TOO_MANY));
	build(2000, "ben", 1);
	CHECK(granted(2000) == 1);
}

static void test_bad_input(void)
{
	struct farm_event ev = worker_event(1, 4000000000u);
	struct farm_event b = build_event(1, "ann", 4000000000u);
	struct farm_worker_view v;

	begin(0);
	step(ev);
	b.want.memory_mib = 4000000000u;
	b.want.weight = 4000000000u;
	step(b);
	report(1, (struct farm_report){.running = 4000000000u,
				       .foreign_milli = 4000000000u,
				       .memory_percent = 4000000000u});
	CHECK(farm_worker_at(farm, 0, &v) && v.slots == FARM_MAX_SLOTS && v.usable == 0);
	/* Somebody else's build. */
	b = build_event(1, "eve", 0);
	b.want.agent = 5;
	step(b);
	struct farm_build_view bv;

	CHECK(farm_build_at(farm, 0, &bv) && strcmp(bv.user, "ann") == 0 && bv.want > 0);
	/* As much memory as a number can say, where nobody knows how much there is. */
	begin(0);
	worker(1, 4);
	b = build_event(1, "ann", 3);
	b.want.memory_mib = UINT32_MAX;
	step(b);
	CHECK(granted(1) == 3 || effect(FARM_WAIT, 1));
	report(1, (struct farm_report){.running = UINT32_MAX});
	now += 2 * SEC;
	report(1, (struct farm_report){.running = UINT32_MAX});
	build(2, "ben", 3);
	CHECK(granted(2) == 0 && farm_lease(farm, 2, 1) == 0);
}

TESTS({"a build gets slots, and more when it wants more", test_grant},
      {"unknown ids are ignored", test_unknown}, {"a refusal has its reason", test_reasons},
      {"only and exclude", test_only}, {"a second user gets half", test_fair_share},
      {"weights and priorities", test_weights_and_priorities}, {"caps", test_caps},
      {"more builds than slots take turns", test_turns},
      {"owner, load and pressure shrink a worker", test_owner_and_load},
      {"workers are packed by memory", test_memory},
      {"room is made for a big job", test_starving},
      {"lost and repeated messages", test_repeated_and_lost},
      {"leases are declared again", test_redeclare}, {"overbooked", test_overbooked},
      {"an agent's end", test_agent_gone},
      {"a silent worker is dropped", test_silent_worker},
      {"a clock that jumps", test_clock}, {"quarantine", test_quarantine},
      {"fastest first, as learned", test_fastest_first},
      {"an agent that does not answer is evicted", test_evicted},
      {"too many builds", test_too_many},
      {"too many pools of one user", test_too_many_pools}, {"bad input", test_bad_input})

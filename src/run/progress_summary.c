/* What stands at the end of a build: four lines, each beginning with "muster: " as the tools around it begin theirs. */
#include "run/progress_summary.h"

#include "base/mem.h"
#include "run/glyph.h"
#include "run/progress_state.h"
#include "run/progress_words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	REASONS_SHOWN = 4,
	SLOWEST_SHOWN = 3,
	NAME_COLUMNS = 60,
	ESTIMATED_PARTS = 10 /* more than one of so many is a guess: "about" */
};

static void words_name(struct buf *b, const char *name)
{
	glyph_add_tail(b, name, strlen(name), NAME_COLUMNS);
}

static void words_reasons(struct buf *b, const struct progress *p)
{
	size_t n;
	AUTO_FREE const struct progress_reason **v = progress_reasons(p, &n);
	uint64_t rest = 0;

	buf_str(b, " (");
	for (size_t i = 0; i < n; i++) {
		if (i >= REASONS_SHOWN) {
			rest += v[i]->njobs;
			continue;
		}
		buf_printf(b, "%s%" PRIu64 ": ", i > 0 ? "; " : "", v[i]->njobs);
		words_name(b, v[i]->text);
	}
	if (rest > 0)
		buf_printf(b, "; %" PRIu64 ": for other reasons", rest);
	buf_str(b, ")");
}

static void words_jobs(struct buf *b, const struct progress *p)
{
	uint64_t remote = progress_remote_jobs(p), local = p->here.njobs;

	if (p->njobs == 0) {
		buf_str(b, "no compiles");
		return;
	}
	words_count(b, p->njobs, "compile", "compiles");
	if (remote > 0) {
		if (local > 0)
			buf_printf(b, ": %" PRIu64, remote);
		buf_str(b, " on ");
		words_count(b, HASH_COUNT(p->workers), "worker", "workers");
	}
	if (local > 0) {
		if (remote > 0)
			buf_printf(b, ", %" PRIu64 " here", local);
		else
			buf_str(b, local == 1 ? " here" : ", all here");
		words_reasons(b, p);
	}
}

static void words_gain(struct buf *b, const struct progress *p, nsec total)
{
	const struct progress_now *n = &p->load.now;
	struct progress_cpu cpu;

	progress_cpu(p, &cpu);
	const char *about =
	    cpu.estimated * ESTIMATED_PARTS > cpu.remote + cpu.local ? "about " : "";

	if (progress_remote_jobs(p) == 0) {
		buf_str(b, "no CPU time elsewhere");
	} else if (cpu.untold) {
		buf_str(b, "the workers do not tell their CPU time");
	} else {
		buf_str(b, about);
		words_time(b, (nsec)cpu.remote);
		buf_str(b, " of CPU time elsewhere");
	}
	if (p->njobs > 0 && total > 0 && !cpu.untold) {
		buf_printf(b, "; speed-up %s", about);
		words_tenths(b, (cpu.remote + cpu.local) / (double)total);
		buf_str(b, " over one core");
		if (n->local_slots > 0)
			buf_printf(b, ", of which this machine has %u", n->local_slots);
	}
	if (n->bytes_up + n->bytes_down > 0) {
		buf_str(b, "; ");
		words_bytes(b, n->bytes_up);
		buf_str(b, " up, ");
		words_bytes(b, n->bytes_down);
		buf_str(b, " down");
	}
}

static void words_slowest(struct buf *b, const struct progress *p)
{
	for (unsigned i = 0; i < p->nslowest && i < SLOWEST_SHOWN; i++) {
		const struct progress_kept *k = &p->slowest[i];

		buf_str(b, i > 0 ? ", " : "");
		words_name(b, k->file);
		buf_str(b, " ");
		words_time(b, k->end - k->start);
		buf_str(b, k->host->address ? " on " : " here");
		if (k->host->address)
			words_name(b, k->host->address);
	}
}

static unsigned average(double of, const struct load_sum *s)
{
	return s->time > 0 ? (unsigned)(of / s->time + 0.5) : 0;
}

static unsigned percent(double share)
{
	return share >= 1 ? 100 : (unsigned)(share * 100 + 0.5);
}

/* "30 of 48 slots were idle" */
static void words_idle(struct buf *b, const struct load_sum *s)
{
	unsigned idle = average(s->idle, s);

	buf_printf(b, "%u of %u slots %s idle", idle, average(s->slots, s),
		   idle == 1 ? "was" : "were");
}

static void words_network(struct buf *b, const struct progress_load *l,
			  const struct load_sum *s)
{
	const double second = 1e9, flat = 0.5; /* of the best second ever */
	double rate = s->moved / s->time * second;

	if (rate >= flat * l->peak && rate >= 1) {
		buf_str(b, "the network: files came and went at its ");
		words_bytes(b, (uint64_t)rate);
		buf_str(b, " a second while on average ");
	} else {
		buf_str(b, "the way to the workers: though no more than ");
		words_bytes(b, (uint64_t)rate);
		buf_str(b, " a second moved, on average ");
	}
	words_idle(b, s);
}

static void words_slots(struct buf *b, const struct progress_load *l,
			const struct load_sum *s)
{
	unsigned slots = average(s->slots, s), waiting = average(s->waiting, s);

	buf_str(b, "too few slots: ");
	if (l->now.slots == 0)
		buf_str(b, "this machine's ");
	if (slots == 1)
		buf_str(b, l->now.slots ? "the only one was" : "only one was");
	else
		buf_printf(b, "%s%u were", l->now.slots ? "all " : "", slots);
	buf_printf(b, " in use %u%% of the time", percent(s->time / l->all.time));
	if (waiting > 0) {
		buf_str(b, " while on average ");
		words_count(b, waiting, "compile", "compiles");
		buf_str(b, " waited");
	}
}

static void words_width(struct buf *b, const struct progress_load *l,
			const struct load_sum *s)
{
	const double mostly = 0.5;
	bool workers = l->now.slots > 0;
	unsigned used = average(workers ? l->all.used : l->all.local_used, &l->all);

	buf_printf(b, "the build's own width: on average %u of %u slots %s in use", used,
		   average(l->all.slots, &l->all), used == 1 ? "was" : "were");
	if (s->limited >= mostly * s->time)
		buf_printf(b, ", with -j%u", l->now.jobs);
}

void progress_verdict(struct buf *b, const struct progress *p)
{
	struct load_sum s;
	enum held held = progress_held(&p->load, &s);

	if (held != HELD_UNKNOWN)
		buf_str(b, "held back by ");
	switch (held) {
	case HELD_BY_AGENT:
		buf_printf(b, "muster's agent: %u%% of a core while on average ",
			   percent(s.agent_cpu / s.time));
		words_idle(b, &s);
		break;
	case HELD_BY_MACHINE:
		buf_printf(b, "this machine's processor: %u%% busy while on average ",
			   percent(s.machine_cpu / s.time));
		words_idle(b, &s);
		break;
	case HELD_BY_LOCAL:
		buf_str(
		    b,
		    "this machine: compiles that run only here waited while on average ");
		words_idle(b, &s);
		break;
	case HELD_BY_NETWORK: words_network(b, &p->load, &s); break;
	case HELD_BY_SLOTS: words_slots(b, &p->load, &s); break;
	case HELD_BY_WIDTH: words_width(b, &p->load, &s); break;
	case HELD_BY_NOTHING:
		buf_str(b, "nothing: all slots were in use and no compile waited");
		break;
	case HELD_UNKNOWN:
	case HELD_NKINDS:
	default: buf_str(b, "too short a build to say what held it back"); break;
	}
}

void progress_summary(struct buf *b, const struct progress *p, nsec total)
{
	buf_str(b, "muster: ");
	words_time(b, total);
	buf_str(b, "; ");
	words_jobs(b, p);
	buf_str(b, "\nmuster: ");
	words_gain(b, p, total);
	buf_str(b, "\nmuster: slowest: ");
	if (p->nslowest > 0)
		words_slowest(b, p);
	else
		buf_str(b, "none");
	buf_str(b, "\nmuster: ");
	progress_verdict(b, p);
	buf_str(b, "\n");
}

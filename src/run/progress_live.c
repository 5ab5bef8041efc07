/* The live line. Its parts stand in the order of their worth; each is put there if it fits whole, and the first that
 * does not is the last that is looked at, so that the line's parts keep their places while it changes. */
#include "run/glyph.h"
#include "run/progress_state.h"
#include "run/progress_words.h"

#include <inttypes.h>
#include <string.h>

static const nsec SECOND = 1000000000;

enum {
	SPEEDUP_LEAST_JOBS = 3, /* before a speed-up means anything */
	SPEEDUP_LEAST_S = 2,
	LEFT_LEAST_S = 5,
	NAME_LEAST = 12 /* columns that a file's name is worth showing in */
};

struct line {
	struct buf *to;
	unsigned room; /* columns */
	bool full;
};

/* PART is ASCII. */
static void line_add(struct line *l, struct buf *part)
{
	if (part->len > l->room)
		l->full = true;
	if (!l->full) {
		buf_add(l->to, part->data, part->len);
		l->room -= (unsigned)part->len;
	}
	part->len = 0;
}

static void words_done(struct buf *b, const struct progress *p)
{
	const struct progress_tool *t = &p->tool;

	if (t->total == 0)
		buf_printf(b, "muster %" PRIu64 " compiled, now", p->njobs);
	else if (t->percent)
		buf_printf(b, "muster %" PRIu64 "%%:", t->done);
	else
		buf_printf(b, "muster %" PRIu64 "/%" PRIu64 ":", t->done, t->total);
}

static void words_running(struct buf *b, const struct progress_now *n)
{
	if (n->slots > 0 || n->remote > 0)
		buf_printf(b, " %u remote,", n->remote);
	buf_printf(b, " %u here", n->local);
}

static void words_left_of(struct buf *b, const struct progress *p, nsec now)
{
	const struct progress_now *n = &p->load.now;
	unsigned slots = n->slots + n->local_slots;
	nsec left, median = progress_median(p);

	if (p->tool.total > 0) {
		left = progress_tool_left(&p->tool, now);
		if (left < 0)
			return;
		buf_str(b, ", ");
	} else {
		if (median < 0 || slots == 0 || n->waiting < slots)
			return;
		left = (nsec)((double)n->waiting / slots * (double)median);
		if (left < LEFT_LEAST_S * SECOND)
			return;
		buf_str(b, ", at least ");
	}
	words_left(b, left);
	buf_str(b, " left");
}

static void words_speedup(struct buf *b, const struct progress *p, nsec now)
{
	struct progress_cpu cpu;

	if (p->njobs < SPEEDUP_LEAST_JOBS || now < SPEEDUP_LEAST_S * SECOND)
		return;
	progress_cpu(p, &cpu);
	if (cpu.untold)
		return;
	buf_str(b, ", speed-up ");
	words_tenths(b, (cpu.remote + cpu.local) / (double)now);
}

static void line_add_file(struct line *l, const char *file, nsec age)
{
	AUTO_BUF struct buf end = {0};
	const char before[] = "; ";
	const unsigned nbefore = sizeof before - 1;

	buf_str(&end, " ");
	words_time(&end, age);
	if (l->full || l->room < nbefore + end.len + NAME_LEAST)
		return;
	buf_str(l->to, before);
	l->room -= nbefore + (unsigned)end.len;
	l->room -= glyph_add_tail(l->to, file, strnlen(file, PROGRESS_NAME_MAX), l->room);
	buf_add(l->to, end.data, end.len);
}

void progress_live(struct buf *b, const struct progress *p, nsec now, unsigned width,
		   const char *slowest, nsec slowest_since)
{
	AUTO_BUF struct buf part = {0};
	struct line l = {.to = b, .room = width};

	words_done(&part, p);
	words_running(&part, &p->load.now);
	line_add(&l, &part);
	words_left_of(&part, p, now);
	line_add(&l, &part);
	words_speedup(&part, p, now);
	line_add(&l, &part);
	if (p->load.now.waiting > 0)
		buf_printf(&part, ", %u waiting", p->load.now.waiting);
	line_add(&l, &part);
	if (slowest && now - slowest_since >= SECOND)
		line_add_file(&l, slowest, now - slowest_since);
}

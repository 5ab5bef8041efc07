/* The trace. Jobs are taken by their start, and each goes to the first row of its host whose last job has ended: so no
 * more rows are needed than ran at once. Times are cut to whole microseconds at both ends, which keeps their order; so
 * rows do not overlap in the file either. */
#include "base/mem.h"
#include "run/jsontext.h"
#include "run/progress_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const nsec MICROSECOND = 1000;

struct rows {
	nsec *end; /* of the last job in each */
	size_t n, cap;
};

struct trace {
	struct buf *b;
	bool begun;         /* an event was written */
	struct rows *hosts; /* by their order */
};

static int by_start(const void *a, const void *b)
{
	const struct progress_kept *x = *(const struct progress_kept *const *)a;
	const struct progress_kept *y = *(const struct progress_kept *const *)b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x > y) - (x < y); /* as they were told */
}

static size_t take_row(struct rows *r, const struct progress_kept *k)
{
	size_t i = 0;

	while (i < r->n && r->end[i] > k->start)
		i++;
	if (i == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 16;
		r->end = xreallocarray(r->end, r->cap, sizeof *r->end);
	}
	if (i == r->n)
		r->n++;
	r->end[i] = k->end;
	return i;
}

static void begin_event(struct trace *t)
{
	buf_str(t->b, t->begun ? ",\n" : "\n");
	t->begun = true;
}

static void put_name(struct trace *t, const char *what, unsigned pid, size_t tid,
		     const char *name)
{
	begin_event(t);
	buf_printf(
	    t->b,
	    "{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%u,\"tid\":%zu,\"args\":{\"name\":",
	    what, pid, tid);
	json_text(t->b, name);
	buf_str(t->b, "}}");
}

static void put_host(struct trace *t, const struct progress_host *h)
{
	const struct rows *r = &t->hosts[h->order];
	unsigned pid = h->order + 1;

	put_name(t, "process_name", pid, 0, h->address ? h->address : "this machine");
	begin_event(t);
	buf_printf(t->b,
		   "{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":%u,\"tid\":0,"
		   "\"args\":{\"sort_index\":%u}}",
		   pid, h->order);
	for (size_t i = 0; i < r->n; i++) {
		char name[32];

		snprintf(name, sizeof name, "slot %zu", i + 1);
		put_name(t, "thread_name", pid, i + 1, name);
	}
}

static void put_job(struct trace *t, const struct progress_kept *k)
{
	size_t row = take_row(&t->hosts[k->host->order], k);
	nsec from = k->start / MICROSECOND, to = k->end / MICROSECOND;

	begin_event(t);
	buf_str(t->b, "{\"ph\":\"X\",\"name\":");
	json_text(t->b, k->file);
	buf_printf(t->b,
		   ",\"cat\":\"%s\",\"ts\":%" PRId64 ",\"dur\":%" PRId64
		   ",\"pid\":%u,\"tid\":%zu,\"args\":{\"status\":%d",
		   k->host->address ? "remote" : "local", from, to - from,
		   k->host->order + 1, row + 1, k->status);
	if (k->cpu > 0) {
		buf_str(t->b, ",\"cpu_seconds\":");
		json_seconds(t->b, k->cpu);
	}
	if (k->why) {
		buf_str(t->b, ",\"why_here\":");
		json_text(t->b, k->why);
	}
	buf_str(t->b, "}}");
}

void progress_trace(struct buf *b, const struct progress *p)
{
	size_t nhosts = HASH_COUNT(p->workers) + 1;
	AUTO_FREE const struct progress_kept **sorted =
	    xcalloc(p->nkept + 1, sizeof(struct progress_kept *));
	struct trace t = {.b = b, .hosts = xcalloc(nhosts, sizeof(struct rows))};

	for (size_t i = 0; i < p->nkept; i++)
		sorted[i] = &p->jobs[i];
	qsort(sorted, p->nkept, sizeof *sorted, by_start);
	buf_str(b, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
	for (size_t i = 0; i < p->nkept; i++)
		put_job(&t, sorted[i]);
	put_host(&t, &p->here);
	for (const struct progress_host *h = p->workers; h; h = h->hh.next)
		put_host(&t, h);
	buf_str(b, "\n]}\n");
	for (size_t i = 0; i < nhosts; i++)
		free(t.hosts[i].end);
	free(t.hosts);
}

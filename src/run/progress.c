/* Counting. Names are kept once each for hosts and reasons; jobs are kept for the trace up to a limit and counted
 * always. CPU time that a job does not tell is estimated from those of its kind that do: the same share of its wall
 * time; of a job here, when none tells, all of it (it has a core to itself); of a job elsewhere, when none tells,
 * nothing (much of its time is the way there). */
#include "run/progress.h"

#include "base/mem.h"
#include "run/progress_state.h"

#include <stdlib.h>
#include <string.h>

enum {
	MEDIAN_LEAST = 16
};

struct progress *progress_new(void)
{
	struct progress *p = xcalloc(1, sizeof *p);

	p->arena = arena_new();
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	HASH_CLEAR(hh, p->workers);
	HASH_CLEAR(hh, p->reasons);
	arena_free(p->arena);
	free(p->jobs);
	free(p);
}

static const char *keep(struct progress *p, const char *name)
{
	return arena_strndup(p->arena, name, strnlen(name, PROGRESS_NAME_MAX));
}

static struct progress_host *host_of(struct progress *p, const char *address)
{
	struct progress_host *h = NULL;

	if (!address)
		return &p->here;
	size_t n = strnlen(address, PROGRESS_NAME_MAX);

	HASH_FIND(hh, p->workers, address, n, h);
	if (!h) {
		h = arena_alloc(p->arena, sizeof *h);
		h->address = keep(p, address);
		h->order = HASH_COUNT(p->workers) + 1;
		HASH_ADD_KEYPTR(hh, p->workers, h->address, n, h);
	}
	return h;
}

static struct progress_reason *reason_find(struct progress *p, const char *text, bool make)
{
	struct progress_reason *r = NULL;
	size_t n = strnlen(text, PROGRESS_NAME_MAX);

	HASH_FIND(hh, p->reasons, text, n, r);
	if (!r && make) {
		r = arena_alloc(p->arena, sizeof *r);
		r->text = keep(p, text);
		HASH_ADD_KEYPTR(hh, p->reasons, r->text, n, r);
	}
	return r;
}

static struct progress_reason *reason_of(struct progress *p, const char *text)
{
	bool room = HASH_COUNT(p->reasons) < PROGRESS_REASONS_MAX;
	struct progress_reason *r = text && *text ? reason_find(p, text, room) : NULL;

	return r ? r : reason_find(p, "other reasons", true);
}

static void rank(struct progress *p, const struct progress_kept *k)
{
	unsigned at = p->nslowest;

	while (at > 0 &&
	       k->end - k->start > p->slowest[at - 1].end - p->slowest[at - 1].start)
		at--;
	if (at == PROGRESS_SLOWEST)
		return;
	if (p->nslowest < PROGRESS_SLOWEST)
		p->nslowest++;
	memmove(p->slowest + at + 1, p->slowest + at,
		(p->nslowest - at - 1) * sizeof *p->slowest);
	p->slowest[at] = *k;
}

static void count(struct progress *p, struct progress_host *h,
		  const struct progress_kept *k)
{
	nsec wall = k->end - k->start;

	p->njobs++;
	p->nfailed += k->status != 0;
	h->njobs++;
	h->wall += wall;
	if (k->cpu > 0) {
		h->cpu_known += k->cpu;
		h->cpu_wall += wall;
	}
	p->recent[p->nrecent++ % PROGRESS_RECENT] = wall;
	if (k->end > p->now)
		p->now = k->end;
}

bool progress_is_empty(const struct progress *p)
{
	return p->njobs == 0;
}

void progress_job(struct progress *p, const struct progress_job *job)
{
	struct progress_host *h = host_of(p, job->host);
	struct progress_reason *r = job->host ? NULL : reason_of(p, job->why);
	struct progress_kept k = {
	    .host = h,
	    .why = r ? r->text : NULL,
	    .start = job->start > 0 ? job->start : 0,
	    .cpu = job->cpu,
	    .status = job->status,
	};

	k.end = job->end > k.start ? job->end : k.start;
	if (r)
		r->njobs++;
	count(p, h, &k);
	if (p->nkept == PROGRESS_JOBS_MAX)
		return;
	k.file = keep(p, job->file ? job->file : "?");
	rank(p, &k);
	if (p->nkept == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 256;
		p->jobs = xreallocarray(p->jobs, p->cap, sizeof *p->jobs);
	}
	p->jobs[p->nkept++] = k;
}

void progress_sample(struct progress *p, nsec now, const struct progress_now *n)
{
	progress_load_sample(&p->load, now, n);
	if (now > p->now)
		p->now = now;
}

void progress_line(struct progress *p, const char *line, size_t n)
{
	progress_tool_line(&p->tool, p->now, line, n);
}

void progress_output(struct progress *p, const char *bytes, size_t n)
{
	progress_tool_output(&p->tool, p->now, bytes, n);
}

uint64_t progress_remote_jobs(const struct progress *p)
{
	return p->njobs - p->here.njobs;
}

static double estimate(nsec wall, nsec known, nsec known_wall, double unknown_share)
{
	double share = known_wall > 0 ? (double)known / (double)known_wall : unknown_share;

	return (double)(wall - known_wall) * share;
}

void progress_cpu(const struct progress *p, struct progress_cpu *c)
{
	nsec wall = 0, known = 0, known_wall = 0;

	for (const struct progress_host *h = p->workers; h; h = h->hh.next) {
		wall += h->wall;
		known += h->cpu_known;
		known_wall += h->cpu_wall;
	}
	double remote = estimate(wall, known, known_wall, 0);
	double local = estimate(p->here.wall, p->here.cpu_known, p->here.cpu_wall, 1);

	c->remote = (double)known + remote;
	c->local = (double)p->here.cpu_known + local;
	c->estimated = remote + local;
	c->untold = wall > 0 && known == 0;
}

static int by_length(const void *a, const void *b)
{
	nsec x = *(const nsec *)a, y = *(const nsec *)b;

	return (x > y) - (x < y);
}

nsec progress_median(const struct progress *p)
{
	nsec sorted[PROGRESS_RECENT];
	size_t n = p->nrecent < PROGRESS_RECENT ? (size_t)p->nrecent : PROGRESS_RECENT;

	if (n < MEDIAN_LEAST)
		return -1;
	memcpy(sorted, p->recent, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_length);
	return sorted[n / 2];
}

static int by_jobs(const void *a, const void *b)
{
	const struct progress_reason *x = *(const struct progress_reason *const *)a;
	const struct progress_reason *y = *(const struct progress_reason *const *)b;

	if (x->njobs != y->njobs)
		return x->njobs < y->njobs ? 1 : -1;
	return strcmp(x->text, y->text);
}

const struct progress_reason **progress_reasons(const struct progress *p, size_t *n)
{
	const struct progress_reason **v =
	    xcalloc(HASH_COUNT(p->reasons) + 1, sizeof(struct progress_reason *));

	*n = 0;
	for (const struct progress_reason *r = p->reasons; r; r = r->hh.next)
		v[(*n)++] = r;
	qsort(v, *n, sizeof *v, by_jobs);
	return v;
}

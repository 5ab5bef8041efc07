/* distccd's statistics: counters, the longest job, and what was compiled in the last 1,
 * 5 and 15 minutes.
 *
 * The past is a ring of slices of 3 seconds. A slice knows which 3 seconds it is about,
 * so an old one is seen as empty and nothing has to be done while nothing happens. A job
 * counts in the slice in which it ended; the time it took is spread over all slices in
 * which it ran, so the average of busy jobs is right also for jobs that last longer than
 * a slice. Names come from clients: they are cut, and bytes that could forge a line are
 * replaced. */
#include "worker/stats.h"

#include "base/buf.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SLICE  ((nsec)3 * 1000000000)
#define MINUTE ((nsec)60 * 1000000000)

enum {
	SLICES = 301, /* of 15 minutes, and the present one, which is not over */
	NAME_MAX_BYTES = 256
};

struct slice_of_time {
	int64_t number; /* it is about [number * SLICE, (number + 1) * SLICE) */
	uint64_t jobs;
	nsec busy;
};

struct stats {
	unsigned limit;
	uint64_t accepted, ends[STATS_ENDS];
	nsec longest; /* -1: none yet */
	char longest_file[NAME_MAX_BYTES], longest_compiler[NAME_MAX_BYTES];
	struct slice_of_time past[SLICES];
};

static const struct {
	const char *field, *word;
} ends[STATS_ENDS] = {
    [STATS_BAD_REQUEST] = {"dcc_rej_bad_req",     "REJ_BAD_REQ"    },
    [STATS_OVERLOAD] = {"dcc_rej_overload",    "REJ_OVERLOAD"   },
    [STATS_COMPILE_OK] = {"dcc_compile_ok",      "COMPILE_OK"     },
    [STATS_COMPILE_ERROR] = {"dcc_compile_error",   "COMPILE_ERROR"  },
    [STATS_COMPILE_TIMEOUT] = {"dcc_compile_timeout", "COMPILE_TIMEOUT"},
    [STATS_CLIENT_GONE] = {"dcc_cli_disconnect",  "CLI_DISCONN"    },
    [STATS_OTHER] = {"dcc_other",           "OTHER"          },
};

const char *stats_end_word(enum stats_end end)
{
	assert(end < STATS_ENDS);
	return ends[end].word;
}

struct stats *stats_new(unsigned limit)
{
	struct stats *s = xcalloc(1, sizeof *s);

	s->limit = limit;
	s->longest = -1;
	strcpy(s->longest_file, "none");
	strcpy(s->longest_compiler, "none");
	for (size_t i = 0; i < SLICES; i++)
		s->past[i].number = -1;
	return s;
}

void stats_free(struct stats *s)
{
	free(s);
}

void stats_accepted(struct stats *s)
{
	s->accepted++;
}

void stats_ended(struct stats *s, enum stats_end end)
{
	assert(end < STATS_ENDS);
	s->ends[end]++;
}

/* The slice with this NUMBER, emptied if its place held an older one. */
static struct slice_of_time *slice_at(struct stats *s, int64_t number)
{
	struct slice_of_time *t = &s->past[number % SLICES];

	if (t->number != number)
		*t = (struct slice_of_time){.number = number};
	return t;
}

static void keep_name(char out[NAME_MAX_BYTES], const char *name)
{
	size_t n = 0;

	for (; name && name[n] && n < NAME_MAX_BYTES - 1; n++)
		out[n] = (unsigned char)name[n] < 0x20 || name[n] == 0x7f ? '?' : name[n];
	out[n] = 0;
	if (n == 0)
		strcpy(out, "unknown");
}

void stats_compiled(struct stats *s, const struct stats_compile *c)
{
	assert(c->now >= 0 && c->began <= c->now);
	stats_ended(s, c->end);
	int64_t last = c->now / SLICE, first = last - (SLICES - 1);
	nsec from = c->began > first * SLICE ? c->began : first * SLICE;

	if (from < 0)
		from = 0;
	slice_at(s, last)->jobs++;
	for (int64_t i = from / SLICE; i <= last; i++) {
		nsec end = (i + 1) * SLICE < c->now ? (i + 1) * SLICE : c->now;

		slice_at(s, i)->busy += end - from;
		from = end;
	}
	if (c->now - c->began > s->longest) {
		s->longest = c->now - c->began;
		keep_name(s->longest_file, c->file);
		keep_name(s->longest_compiler, c->compiler);
	}
}

/* The past is looked at in whole slices: from the beginning of the one that is SPAN ago. */
static int64_t first_slice(nsec now, nsec span)
{
	return now / SLICE - span / SLICE;
}

static struct slice_of_time sum(const struct stats *s, nsec now, nsec span)
{
	struct slice_of_time all = {0};

	for (size_t i = 0; i < SLICES; i++) {
		const struct slice_of_time *t = &s->past[i];

		if (t->number < 0 || t->number < first_slice(now, span) ||
		    t->number > now / SLICE)
			continue;
		all.jobs += t->jobs;
		all.busy += t->busy;
	}
	return all;
}

static void add_unless_negative(struct buf *out, const char *name, int64_t v,
				const char *unit)
{
	buf_printf(out, "%s %" PRId64 "%s\n", name, v < 0 ? -1 : v, unit);
}

static void add_past(struct buf *out, const struct stats *s, nsec now, bool averages)
{
	static const nsec spans[3] = {MINUTE, 5 * MINUTE, 15 * MINUTE};

	for (int i = 0; i < 3; i++) {
		struct slice_of_time all = sum(s, now, spans[i]);
		nsec time = now - first_slice(now, spans[i]) * SLICE;

		if (averages)
			buf_printf(out, "dcc_avg_kids%d %" PRId64 "\n", i + 1,
				   (all.busy + time / 2) / time);
		else
			buf_printf(out, "dcc_num_compiles%d %" PRIu64 "\n", i + 1,
				   all.jobs);
	}
}

static void add_load(struct buf *out, const struct stats_machine *m)
{
	add_unless_negative(out, "dcc_current_load", m->runnable, "");
	for (int i = 0; i < 3; i++)
		buf_printf(out, "dcc_load%d %1.2f\n", i + 1,
			   m->load[i] < 0 ? -1.0 : m->load[i]);
}

void stats_page(struct buf *out, const struct stats *s, const struct stats_machine *m,
		nsec now)
{
	buf_str(out, "HTTP/1.0 200 OK\nContent-Type: text/plain\nConnection: close\n\n"
		     "argv /distccd\n<distccstats>\n");
	buf_printf(out, "dcc_tcp_accept %" PRIu64 "\n", s->accepted);
	for (int i = 0; i < STATS_ENDS; i++)
		buf_printf(out, "%s %" PRIu64 "\n", ends[i].field, s->ends[i]);
	buf_printf(out, "dcc_longest_job %s\ndcc_longest_job_compiler %s\n",
		   s->longest_file, s->longest_compiler);
	add_unless_negative(out, "dcc_longest_job_time_msecs",
			    s->longest < 0 ? -1 : s->longest / 1000000, "");
	buf_printf(out, "dcc_max_kids %u\n", s->limit);
	add_past(out, s, now, true);
	add_load(out, m);
	add_past(out, s, now, false);
	add_unless_negative(out, "dcc_num_procstate_D", m->waiting, "");
	add_unless_negative(out, "dcc_max_RSS", m->rss_kb, "");
	buf_printf(out, "dcc_max_RSS_name %s\n", *m->rss_name ? m->rss_name : "none");
	add_unless_negative(out, "dcc_io_rate", m->sectors_s, "");
	add_unless_negative(out, "dcc_free_space", m->disk_free_mb, " MB");
	add_unless_negative(out, "dcc_free_mem", m->memory_free_mb, " MB");
	buf_str(out, "</distccstats>\n");
}

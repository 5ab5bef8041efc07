/* The JSON report; progress.h names its members. */
#include "base/mem.h"
#include "run/jsontext.h"
#include "run/progress_state.h"
#include "run/progress_summary.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	REPORT_VERSION = 1
};

/* A fraction with two decimals, whatever the locale. */
static void put_hundredths(struct buf *b, double v)
{
	int64_t n = v > 0 ? (int64_t)(v * 100 + 0.5) : 0;

	buf_printf(b, "%" PRId64 ".%02" PRId64, n / 100, n % 100);
}

static void put_tool(struct buf *b, const struct progress_tool *t)
{
	buf_str(b, ",\n \"tool\": ");
	if (t->total == 0)
		buf_str(b, "null");
	else
		buf_printf(
		    b, "{\"done\": %" PRIu64 ", \"total\": %" PRIu64 ", \"percent\": %s}",
		    t->done, t->total, t->percent ? "true" : "false");
}

static void put_jobs(struct buf *b, const struct progress *p)
{
	size_t n;
	AUTO_FREE const struct progress_reason **v = progress_reasons(p, &n);

	buf_printf(b,
		   ",\n \"jobs\": {\"total\": %" PRIu64 ", \"remote\": %" PRIu64
		   ", \"local\": %" PRIu64 ", \"failed\": %" PRIu64 "},\n \"why_local\": [",
		   p->njobs, progress_remote_jobs(p), p->here.njobs, p->nfailed);
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "%s\n  {\"reason\": ", i > 0 ? "," : "");
		json_text(b, v[i]->text);
		buf_printf(b, ", \"jobs\": %" PRIu64 "}", v[i]->njobs);
	}
	buf_str(b, "]");
}

static void put_cpu(struct buf *b, const struct progress *p, nsec total)
{
	struct progress_cpu cpu;

	progress_cpu(p, &cpu);
	buf_str(b, ",\n \"cpu_seconds\": {\"remote\": ");
	json_seconds(b, (nsec)cpu.remote);
	buf_str(b, ", \"local\": ");
	json_seconds(b, (nsec)cpu.local);
	buf_str(b, ", \"estimated\": ");
	json_seconds(b, (nsec)cpu.estimated);
	buf_str(b, "},\n \"speed_up\": ");
	put_hundredths(b, total > 0 ? (cpu.remote + cpu.local) / (double)total : 0);
	buf_printf(b, ",\n \"bytes_up\": %" PRIu64 ",\n \"bytes_down\": %" PRIu64,
		   p->load.now.bytes_up, p->load.now.bytes_down);
}

static void put_workers(struct buf *b, const struct progress *p)
{
	buf_str(b, ",\n \"workers\": [");
	for (const struct progress_host *h = p->workers; h; h = h->hh.next) {
		buf_printf(b, "%s\n  {\"address\": ", h->order > 1 ? "," : "");
		json_text(b, h->address);
		buf_printf(b, ", \"jobs\": %" PRIu64 ", \"seconds\": ", h->njobs);
		json_seconds(b, h->wall);
		buf_str(b, ", \"cpu_seconds\": ");
		json_seconds(b, h->cpu_known);
		buf_str(b, "}");
	}
	buf_str(b, "]");
}

static void put_slots(struct buf *b, const struct progress_load *l)
{
	bool workers = l->now.slots > 0;
	double time = l->all.time > 0 ? l->all.time : 1;

	buf_str(b, ",\n \"slots\": {\"remote\": ");
	put_hundredths(b, workers ? l->all.slots / time : 0);
	buf_str(b, ", \"remote_used\": ");
	put_hundredths(b, l->all.used / time);
	buf_printf(b, ", \"local\": %u}", l->now.local_slots);
}

static void put_slowest(struct buf *b, const struct progress *p)
{
	buf_str(b, ",\n \"slowest\": [");
	for (unsigned i = 0; i < p->nslowest; i++) {
		const struct progress_kept *k = &p->slowest[i];

		buf_printf(b, "%s\n  {\"file\": ", i > 0 ? "," : "");
		json_text(b, k->file);
		buf_str(b, ", \"host\": ");
		json_text(b, k->host->address);
		buf_str(b, ", \"seconds\": ");
		json_seconds(b, k->end - k->start);
		buf_str(b, ", \"cpu_seconds\": ");
		if (k->cpu > 0)
			json_seconds(b, k->cpu);
		else
			buf_str(b, "null");
		buf_str(b, "}");
	}
	buf_str(b, "]");
}

void progress_report(struct buf *b, const struct progress *p, nsec total, int status)
{
	AUTO_BUF struct buf verdict = {0};
	struct load_sum sum;

	buf_printf(b,
		   "{\n \"version\": %d,\n \"status\": %d,\n \"seconds\": ", REPORT_VERSION,
		   status);
	json_seconds(b, total);
	put_tool(b, &p->tool);
	put_jobs(b, p);
	put_cpu(b, p, total);
	put_workers(b, p);
	put_slots(b, &p->load);
	put_slowest(b, p);
	buf_str(b, ",\n \"held_back_by\": ");
	json_text(b, progress_held_key(progress_held(&p->load, &sum)));
	progress_verdict(&verdict, p);
	buf_u8(&verdict, 0);
	buf_str(b, ",\n \"held_back\": ");
	json_text(b, verdict.data);
	buf_str(b, "\n}\n");
}

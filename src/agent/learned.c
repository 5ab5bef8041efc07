/* The file "learned" is text: a line with its version, then "unit ID WORK_NS MEMORY_KB" and "host SPEED WORD". Written beside
 * itself and renamed, some minutes after something was learned, and at the end.
 *
 * Fails quietly: a line that makes no sense is left out, a file of another version is not read, one that cannot be written is
 * said once in the log. */
#include "agent/learned.h"

#include "agent/agent.h"
#include "agent/remote.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/loop.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum {
	FILE_MAX = 16 << 20,
	HOSTS_MAX = 10000,
};

static const char version[] = "muster learned 1\n";
static const nsec write_after = LOOP_MS(180000);

struct known_host {
	char *word; /* key */
	double speed;
	UT_hash_handle hh;
};

struct learned {
	struct agent *agent;
	char *path;
	struct known_host *hosts;
	struct loop_timer *timer;
	bool dirty, complained;
};

double learned_speed(const struct learned *l, const char *word)
{
	struct known_host *h = NULL;

	if (l)
		HASH_FIND_STR(l->hosts, word, h);
	return h ? h->speed : 0;
}

void learned_keep(struct learned *l, const char *word, double speed)
{
	struct known_host *h = NULL;

	if (!l || !(speed > 0))
		return;
	HASH_FIND_STR(l->hosts, word, h);
	if (!h && HASH_COUNT(l->hosts) >= HOSTS_MAX)
		return;
	if (!h) {
		h = xcalloc(1, sizeof *h);
		h->word = xstrdup(word);
		HASH_ADD_KEYPTR(hh, l->hosts, h->word, strlen(h->word), h);
	}
	h->speed = speed;
}

/* ---- reading ---- */

static void take_line(struct learned *l, const char *line)
{
	uint64_t unit;
	int64_t work;
	uint32_t memory_kb;
	double speed;
	int at = 0;

	if (sscanf(line, "unit %" SCNx64 " %" SCNd64 " %" SCNu32, &unit, &work,
		   &memory_kb) == 3)
		sched_remember(l->agent->sched, unit, work, memory_kb);
	else if (sscanf(line, "host %lf %n", &speed, &at) == 1 && at && line[at])
		learned_keep(l, line + at, speed);
}

static void read_file(struct learned *l)
{
	AUTO_BUF struct buf b = {0};

	if (fs_read(l->path, FILE_MAX, &b, NULL))
		return;
	buf_u8(&b, 0);
	if (strncmp(b.data, version, sizeof version - 1) != 0)
		return;
	for (char *line = b.data + sizeof version - 1, *end; (end = strchr(line, '\n'));
	     line = end + 1) {
		*end = 0;
		take_line(l, line);
	}
}

/* ---- writing ---- */

static void put_unit(void *ctx, uint64_t unit, nsec work, uint32_t memory_kb)
{
	buf_printf(ctx, "unit %016" PRIx64 " %" PRId64 " %" PRIu32 "\n", unit, work,
		   memory_kb);
}

static void write_file(struct learned *l)
{
	const struct agent *a = l->agent;
	AUTO_BUF struct buf b = {0};
	struct err e = {0};

	if (!l->dirty)
		return;
	l->dirty = false;
	for (const struct remote *r = a->remotes; r; r = r->hh.next)
		learned_keep(l, r->host.word, sched_learned(a->sched, r->id));
	buf_add(&b, version, sizeof version - 1);
	sched_tell(a->sched, &b, put_unit);
	for (const struct known_host *h = l->hosts; h; h = h->hh.next)
		buf_printf(&b, "host %.3f %s\n", h->speed, h->word);
	if (fs_write_file(l->path, b.data, b.len, 0600, &e) && !l->complained) {
		l->complained = true;
		log_line(LOG_WARNING, "what was learned of compiles is not kept: %s",
			 e.text);
	}
}

static void on_time(void *ctx)
{
	write_file(ctx);
}

void learned_touch(struct learned *l)
{
	if (!l->dirty)
		loop_timer_set(l->timer, write_after);
	l->dirty = true;
}

struct learned *learned_new(struct agent *a)
{
	struct learned *l = xcalloc(1, sizeof *l);

	l->agent = a;
	l->path = xasprintf("%s/learned", a->state_dir);
	l->timer = loop_timer_new(a->loop, on_time, l);
	read_file(l);
	return l;
}

void learned_free(struct learned *l)
{
	struct known_host *h, *next;

	if (!l)
		return;
	write_file(l);
	HASH_ITER(hh, l->hosts, h, next)
	{
		HASH_DEL(l->hosts, h);
		free(h->word);
		free(h);
	}
	loop_timer_free(l->timer);
	free(l->path);
	free(l);
}

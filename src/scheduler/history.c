/* Memory is the truth while the scheduler runs; the file follows once in a while, in one transaction. Nothing waits for it and
 * nothing needs it: whatever fails is a line in the log. What was not noted for KEEP_DAYS is forgotten. */
#include "scheduler/history.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

enum {
	KEEP_DAYS = 90,
	PROJECTS_MAX = 100000, /* projects that are remembered */
	MACHINES_MAX = 100000, /* names of hosts likewise */
	JOBS_LEARNT = 200,     /* the newest jobs count for 1/200 of an average at least */
	DECAY = 1000           /* of the memory's peak, for each job */
};

/* What is known by a host's name. */
struct machine {
	char *name;   /* key */
	char *url;    /* of one that was added, or NULL */
	double speed; /* 0: unknown */
	bool drained, dirty;
	UT_hash_handle hh;
};

struct project {
	uint64_t number; /* key */
	uint64_t jobs;
	double cpu_us, peak_kb;
	bool dirty;
	UT_hash_handle hh;
};

struct history {
	sqlite3 *db;
	struct machine *machines;
	struct project *projects;
	bool complained;
};

static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
    "CREATE TABLE IF NOT EXISTS machine(name TEXT PRIMARY KEY, url TEXT, speed REAL, "
    "drained INTEGER, noted INTEGER) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS project(number INTEGER PRIMARY KEY, jobs INTEGER, cpu_us REAL, "
    "peak_kb REAL, noted INTEGER);"
    "PRAGMA user_version=1;";

/* ---- in memory ----------------------------------------------------------------------------- */

static struct machine *machine_find(const struct history *h, const char *name)
{
	struct machine *m = NULL;

	HASH_FIND_STR(h->machines, name, m);
	return m;
}

/* NULL when there are too many. */
static struct machine *machine_get(struct history *h, const char *name)
{
	struct machine *m = machine_find(h, name);

	if (m || HASH_COUNT(h->machines) >= MACHINES_MAX)
		return m;
	m = xcalloc(1, sizeof *m);
	m->name = xstrdup(name);
	HASH_ADD_KEYPTR(hh, h->machines, m->name, strlen(m->name), m);
	return m;
}

static struct project *project_get(struct history *h, uint64_t number)
{
	struct project *p = NULL;

	HASH_FIND(hh, h->projects, &number, sizeof number, p);
	if (p || HASH_COUNT(h->projects) >= PROJECTS_MAX)
		return p;
	p = xcalloc(1, sizeof *p);
	p->number = number;
	HASH_ADD(hh, h->projects, number, sizeof p->number, p);
	return p;
}

static void forget(struct history *h)
{
	struct machine *m, *next_m;
	struct project *p, *next_p;

	HASH_ITER(hh, h->machines, m, next_m)
	{
		HASH_DEL(h->machines, m);
		free(m->name);
		free(m->url);
		free(m);
	}
	HASH_ITER(hh, h->projects, p, next_p)
	{
		HASH_DEL(h->projects, p);
		free(p);
	}
}

/* ---- the file ------------------------------------------------------------------------------ */

static const char *text_at(sqlite3_stmt *row, int column)
{
	return (const char *)sqlite3_column_text(row, column);
}

static void take_machine(struct history *h, sqlite3_stmt *row)
{
	const char *name = text_at(row, 0), *url = text_at(row, 1);
	struct machine *m = name ? machine_get(h, name) : NULL;

	if (!m)
		return;
	m->url = url ? xstrdup(url) : NULL;
	m->speed = sqlite3_column_double(row, 2);
	if (!(m->speed > 0.001 && m->speed < 1000))
		m->speed = 0;
	m->drained = sqlite3_column_int(row, 3);
}

static void take_project(struct history *h, sqlite3_stmt *row)
{
	struct project *p = project_get(h, (uint64_t)sqlite3_column_int64(row, 0));
	double cpu_us = sqlite3_column_double(row, 2), peak = sqlite3_column_double(row, 3);

	if (!p || !(cpu_us >= 0 && cpu_us < 1e12) || !(peak >= 0 && peak < 1e12))
		return;
	p->jobs = (uint64_t)sqlite3_column_int64(row, 1);
	p->cpu_us = cpu_us;
	p->peak_kb = peak;
}

/* 0, or an error code of SQLite. */
static int each_row(struct history *h, const char *query,
		    void (*take)(struct history *, sqlite3_stmt *))
{
	sqlite3_stmt *row = NULL;
	int r = sqlite3_prepare_v2(h->db, query, -1, &row, NULL);

	while (r == SQLITE_OK && (r = sqlite3_step(row)) == SQLITE_ROW) {
		take(h, row);
		r = SQLITE_OK;
	}
	sqlite3_finalize(row);
	return r == SQLITE_DONE ? 0 : r;
}

static int load(struct history *h)
{
	int r = sqlite3_exec(h->db, schema, NULL, NULL, NULL);

	if (!r)
		r = each_row(h, "SELECT name, url, speed, drained FROM machine",
			     take_machine);
	if (!r)
		r = each_row(h, "SELECT number, jobs, cpu_us, peak_kb FROM project",
			     take_project);
	return r;
}

static int open_file(struct history *h, const char *path)
{
	int r = sqlite3_open_v2(
	    path, &h->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	    NULL);

	if (!r)
		sqlite3_busy_timeout(h->db, 1000);
	return r ? r : load(h);
}

static void close_file(struct history *h)
{
	sqlite3_close(h->db);
	h->db = NULL;
}

/* Beside itself, with what SQLite keeps next to it. */
static int put_aside(const char *path, const char *why, struct err *e)
{
	static const char *const beside[] = {"-wal", "-shm"};
	AUTO_FREE char *bad = xasprintf("%s.bad", path);

	if (rename(path, bad))
		return err_set(e, errno, "put the damaged file %s aside", path);
	for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
		AUTO_FREE char *other = xasprintf("%s%s", path, beside[i]);

		unlink(other);
	}
	log_line(
	    LOG_WARNING,
	    "the history in %s cannot be used (%s): it is now %s, and a new one begins",
	    path, why, bad);
	return 0;
}

struct history *history_open(const char *path, struct err *e)
{
	struct history *h = xcalloc(1, sizeof *h);
	int r = open_file(h, path);

	if (r == SQLITE_CORRUPT || r == SQLITE_NOTADB || r == SQLITE_ERROR ||
	    r == SQLITE_MISMATCH) {
		AUTO_FREE char *why = xstrdup(sqlite3_errmsg(h->db));

		close_file(h);
		forget(h);
		if (put_aside(path, why, e))
			goto fail;
		r = open_file(h, path);
	}
	if (r == SQLITE_OK)
		return h;
	err_set(e, 0, "open the history %s: %s", path,
		h->db ? sqlite3_errmsg(h->db) : sqlite3_errstr(r));
fail:
	close_file(h);
	forget(h);
	free(h);
	return NULL;
}

static int put_machine(struct history *h, sqlite3_stmt *put, struct machine *m)
{
	(void)h;
	sqlite3_bind_text(put, 1, m->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(put, 2, m->url, -1, SQLITE_STATIC);
	sqlite3_bind_double(put, 3, m->speed);
	sqlite3_bind_int(put, 4, m->drained);
	int r = sqlite3_step(put);

	sqlite3_reset(put);
	return r == SQLITE_DONE ? 0 : r;
}

static int put_project(struct history *h, sqlite3_stmt *put, struct project *p)
{
	(void)h;
	sqlite3_bind_int64(put, 1, (int64_t)p->number);
	sqlite3_bind_int64(put, 2, (int64_t)p->jobs);
	sqlite3_bind_double(put, 3, p->cpu_us);
	sqlite3_bind_double(put, 4, p->peak_kb);
	int r = sqlite3_step(put);

	sqlite3_reset(put);
	return r == SQLITE_DONE ? 0 : r;
}

static int put_all(struct history *h)
{
	sqlite3_stmt *machine = NULL, *project = NULL;
	char old[160];
	int r = sqlite3_prepare_v2(h->db,
				   "INSERT OR REPLACE INTO machine VALUES"
				   "(?1, ?2, ?3, ?4, strftime('%s'))",
				   -1, &machine, NULL);

	if (!r)
		r = sqlite3_prepare_v2(h->db,
				       "INSERT OR REPLACE INTO project VALUES"
				       "(?1, ?2, ?3, ?4, strftime('%s'))",
				       -1, &project, NULL);
	for (struct machine *m = h->machines; m && !r; m = m->hh.next)
		if (m->dirty)
			r = put_machine(h, machine, m);
	for (struct project *p = h->projects; p && !r; p = p->hh.next)
		if (p->dirty)
			r = put_project(h, project, p);
	sqlite3_finalize(machine);
	sqlite3_finalize(project);
	snprintf(old, sizeof old,
		 "DELETE FROM machine WHERE url IS NULL AND NOT drained AND "
		 "noted+0 < strftime('%%s') - %d",
		 KEEP_DAYS * 86400);
	if (!r)
		r = sqlite3_exec(h->db, old, NULL, NULL, NULL);
	snprintf(old, sizeof old,
		 "DELETE FROM project WHERE noted+0 < strftime('%%s') - %d",
		 KEEP_DAYS * 86400);
	return r ? r : sqlite3_exec(h->db, old, NULL, NULL, NULL);
}

void history_save(struct history *h)
{
	int r = sqlite3_exec(h->db, "BEGIN", NULL, NULL, NULL);

	if (!r)
		r = put_all(h);
	if (!r)
		r = sqlite3_exec(h->db, "COMMIT", NULL, NULL, NULL);
	if (r) {
		if (!h->complained)
			log_line(LOG_WARNING, "the history is not kept: %s",
				 sqlite3_errmsg(h->db));
		h->complained = true;
		sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
		return;
	}
	h->complained = false;
	for (struct machine *m = h->machines; m; m = m->hh.next)
		m->dirty = false;
	for (struct project *p = h->projects; p; p = p->hh.next)
		p->dirty = false;
}

void history_close(struct history *h)
{
	if (!h)
		return;
	history_save(h);
	close_file(h);
	forget(h);
	free(h);
}

/* ---- notes --------------------------------------------------------------------------------- */

void history_host(struct history *h, const char *name, const char *url)
{
	struct machine *m = machine_get(h, name);

	if (!m || (url && m->url && strcmp(url, m->url) == 0))
		return;
	free(m->url);
	m->url = url ? xstrdup(url) : NULL;
	m->dirty = true;
	history_save(h);
}

void history_each_host(struct history *h,
		       void (*each)(void *ctx, const char *name, const char *url),
		       void *ctx)
{
	for (struct machine *m = h->machines; m; m = m->hh.next)
		if (m->url)
			each(ctx, m->name, m->url);
}

void history_drain(struct history *h, const char *name, bool on)
{
	struct machine *m = machine_get(h, name);

	if (!m || m->drained == on)
		return;
	m->drained = on;
	m->dirty = true;
	history_save(h);
}

bool history_drained(struct history *h, const char *name)
{
	const struct machine *m = machine_find(h, name);

	return m && m->drained;
}

void history_speed(struct history *h, const char *name, double speed)
{
	struct machine *m = machine_get(h, name);

	if (!m || m->speed == speed)
		return;
	m->speed = speed;
	m->dirty = true;
}

double history_speed_of(struct history *h, const char *name)
{
	const struct machine *m = machine_find(h, name);

	return m ? m->speed : 0;
}

void history_job(struct history *h, uint64_t project, uint64_t cpu_us, uint64_t maxrss_kb)
{
	struct project *p = project_get(h, project);

	if (!p)
		return;
	if (p->jobs < JOBS_LEARNT)
		p->jobs++;
	p->cpu_us += ((double)cpu_us - p->cpu_us) / (double)p->jobs;
	p->peak_kb -= p->peak_kb / DECAY;
	if ((double)maxrss_kb > p->peak_kb)
		p->peak_kb = (double)maxrss_kb;
	p->dirty = true;
}

void history_predict(struct history *h, uint64_t project, uint64_t *cpu_us,
		     unsigned *memory_mib)
{
	struct project *p = NULL;

	HASH_FIND(hh, h->projects, &project, sizeof project, p);
	*cpu_us = p ? (uint64_t)p->cpu_us : 0;
	*memory_mib = p ? (unsigned)(p->peak_kb / 1024) : 0;
}

/* A client's messages, carried out. Happy path: VIEW (names; NEED back for bytes that are not here), BLOBs,
 * JOB, then run and results. A message that makes no sense closes the connection with a sentence; a failure
 * of this machine (disk full) fails the jobs that need it, and the agent goes elsewhere. */
#include "worker/client.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cas/store.h"
#include "sys/loop.h"
#include "wire/entries.h"
#include "wire/message.h"
#include "worker/client_state.h"
#include "worker/compilers.h"
#include "worker/job.h"
#include "worker/view.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file of the view that waits for its bytes. */
struct missing {
	struct missing *next;
	struct entry entry; /* its path is owned */
	uint64_t serial;
	bool stale;   /* the client said: it changed, the bytes will not come */
	char *broken; /* or why it could not be placed here */
};

enum {
	COMPILERS_MAX = 256
};

static void remove_job(struct client *c, struct job *job)
{
	for (struct job **p = &c->jobs; *p; p = &(*p)->next)
		if (*p == job) {
			*p = job->next;
			c->njobs--;
			job_free(job);
			return;
		}
}

/* Sends results as fast as the socket takes them. */
static void on_results(void *ctx)
{
	struct client *c = ctx;
	AUTO_BUF struct buf b = {0};

	while (peer_backlog(c->peer) < PEER_HIGH) {
		struct job *j = c->jobs;

		while (j && j->stage != JOB_SENDING)
			j = j->next;
		if (!j)
			break;
		int all = job_send_some(j, &b);

		peer_send(c->peer, &b);
		if (all)
			remove_job(c, j);
	}
}

/* From the loop, never at once: the caller may be walking over the jobs. */
void client_has_results(struct client *c)
{
	loop_timer_set(c->results, 0);
}

static void on_drained(void *ctx, struct peer *p)
{
	(void)p;
	on_results(ctx);
}

void *client_accept(void *ctx, struct peer *peer, const char *from)
{
	struct worker *w = ctx;
	struct client *c = xcalloc(1, sizeof *c);
	AUTO_FREE char *dir =
	    xasprintf("%s/views/%llu", w->state_dir, (unsigned long long)++w->serial);
	struct err e = {0};

	c->worker = w;
	c->peer = peer;
	c->results = loop_timer_new(w->loop, on_results, c);
	c->from = xstrdup(from);
	c->view = view_new(dir, w->store, w->own, &e);
	if (!c->view) {
		log_line(LOG_ERROR, "client=%s refused: %s", from, e.text);
		loop_timer_free(c->results);
		free(c->from);
		free(c);
		return NULL;
	}
	return c;
}

static void missing_free(struct missing *m)
{
	free((char *)(uintptr_t)m->entry.path);
	free(m->broken);
	free(m);
}

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	struct client *c = ctx;

	(void)p;
	(void)e;
	c->name = xstrdup(hello->name);
	log_line(LOG_INFO, "client=%s name=\"%s\" software=\"%s\" connected", c->from,
		 hello->name, hello->software);
	return 0;
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct client *c = ctx;

	(void)p;
	log_line(LOG_INFO, "client=%s gone: %s", c->from, why->text);
	while (c->jobs)
		remove_job(c, c->jobs);
	for (struct missing *m = c->first, *next; m; m = next) {
		next = m->next;
		missing_free(m);
	}
	store_writer_abort(c->writer);
	view_free(c->view);
	loop_timer_free(c->results);
	free(c->compilers);
	free(c->from);
	free(c->name);
	free(c);
}

/* Waiting jobs whose files have all come move on; those that need a stale or broken one fail. */
static void release_jobs(struct client *c)
{
	uint64_t pending = c->first ? c->first->serial : UINT64_MAX;

	for (struct job *j = c->jobs, *next; j; j = next) {
		next = j->next;
		if (j->stage == JOB_WAITING && j->barrier < pending)
			worker_ready(c->worker, j);
	}
}

static void fail_waiting(struct client *c, uint64_t serial, unsigned outcome,
			 const char *why)
{
	for (struct job *j = c->jobs, *next; j; j = next) {
		next = j->next;
		if (j->stage == JOB_WAITING && j->barrier >= serial)
			job_fail(j, outcome, why);
	}
}

/* Drops the settled ones from the front of the list. */
static void settle(struct client *c)
{
	while (c->first && (c->first->stale || c->first->broken || !c->first->entry.path)) {
		struct missing *m = c->first;

		if (m->stale)
			fail_waiting(c, m->serial, WIRE_STALE,
				     "a file changed before it was sent");
		else if (m->broken)
			fail_waiting(c, m->serial, WIRE_FAILED, m->broken);
		c->first = m->next;
		if (!c->first)
			c->last = NULL;
		c->nmissing--;
		missing_free(m);
	}
	release_jobs(c);
}

/* The blob has arrived (or not: E): place it wherever it is waited for. */
static void blob_settled(struct client *c, const struct digest *d, bool stale,
			 const struct err *failed)
{
	for (struct missing *m = c->first; m; m = m->next) {
		struct err e = {0};

		if (!m->entry.path || m->stale || m->broken ||
		    !digest_equal(&m->entry.digest, d))
			continue;
		m->stale = stale;
		if (stale)
			continue;
		int have = failed ? -1 : view_apply(c->view, &m->entry, &e);

		if (have > 0) {
			free((char *)(uintptr_t)m->entry.path);
			m->entry.path = NULL;
		} else {
			m->broken = xstrdup(failed     ? failed->text
					    : have < 0 ? e.text
						       : "the store lost a blob at once");
		}
	}
	settle(c);
}

static void want(struct client *c, const struct entry *en, struct buf *digests)
{
	struct missing *m = xcalloc(1, sizeof *m);
	bool asked = false;

	for (struct missing *i = c->first; i && !asked; i = i->next)
		asked = i->entry.path && !i->stale &&
			digest_equal(&i->entry.digest, &en->digest);
	if (!asked)
		buf_add(digests, en->digest.b, DIGEST_SIZE);
	m->entry = *en;
	m->entry.path = xstrdup(en->path);
	m->serial = ++c->asked;
	if (c->last)
		c->last->next = m;
	else
		c->first = m;
	c->last = m;
	c->nmissing++;
}

static int take_view(struct client *c, struct arena *a, const char *p, size_t n,
		     struct err *e)
{
	struct message_view view;
	char path[WIRE_PATH_MAX], target[WIRE_PATH_MAX];
	AUTO_BUF struct buf digests = {0};
	struct wire_entry w;
	int more;

	if (message_get_view(&view, a, p, n))
		return err_set(e, EPROTO, "a malformed VIEW");
	struct cursor at = {view.entries.p, view.entries.p + view.entries.n, 0};

	while ((more = wire_entry_get(&at, &w, path, target)) > 0) {
		struct entry en = {.kind = w.kind,
				   .path = path,
				   .target = target,
				   .digest = w.digest,
				   .size = w.size,
				   .mtime_s = w.mtime_s,
				   .mode = w.mode};
		struct err failed = {0};
		int have = view_apply(c->view, &en, &failed);

		if (have < 0 && failed.code == EINVAL)
			return err_set(e, EPROTO, "%s", failed.text);
		if (have == 0 || (have < 0 && en.kind == ENTRY_FILE))
			want(c, &en, &digests);
		if (have < 0) {
			log_line(LOG_WARNING, "client=%s %s", c->from, failed.text);
			if (en.kind != ENTRY_FILE)
				want(c, &en, &digests);
			c->last->broken = xstrdup(failed.text);
		}
		if (c->nmissing > CLIENT_MISSING_MAX)
			return err_set(e, EPROTO, "more than %d files are missing",
				       CLIENT_MISSING_MAX);
	}
	if (more < 0)
		return err_set(e, EPROTO, "a malformed VIEW entry");
	if (digests.len) {
		AUTO_BUF struct buf b = {0};

		for (size_t i = 0; i < digests.len;) {
			enum {
				BATCH = 8192 * DIGEST_SIZE
			};

			size_t some = digests.len - i < BATCH ? digests.len - i : BATCH;

			message_put_need(&b, &(struct message_need){
						 {digests.data + i, some}
                        });
			i += some;
		}
		peer_send(c->peer, &b);
	}
	settle(c);
	return 0;
}

static int blob_failed(struct client *c, const struct digest *d, const struct err *why)
{
	log_line(LOG_WARNING, "client=%s blob not stored: %s", c->from, why->text);
	store_writer_abort(c->writer);
	c->writer = NULL;
	blob_settled(c, d, false, why);
	return 0;
}

static int take_blob(struct client *c, struct arena *a, const char *p, size_t n,
		     struct err *e)
{
	struct message_blob m;
	struct err failed = {0};

	if (message_get_blob(&m, a, p, n) || m.bytes.n > MESSAGE_CHUNK ||
	    m.size > (uint64_t)BLOB_MAX_MB << 20 || m.offset > m.size ||
	    m.bytes.n > m.size - m.offset)
		return err_set(e, EPROTO, "a malformed BLOB");
	if (m.offset == 0) {
		store_writer_abort(c->writer);
		c->written = 0;
		c->writing = m.digest;
		c->writer = store_write(c->worker->store, &m.digest, m.size, &failed);
		if (!c->writer)
			return blob_failed(c, &m.digest, &failed);
	}
	if (!c->writer)
		return 0; /* the rest of one that failed */
	if (!digest_equal(&c->writing, &m.digest) || m.offset != c->written)
		return err_set(e, EPROTO, "a BLOB out of order");
	if (store_writer_add(c->writer, m.bytes.p, m.bytes.n, &failed))
		return blob_failed(c, &m.digest, &failed);
	c->written += m.bytes.n;
	if (c->written < m.size)
		return 0;
	struct store_writer *w = c->writer;

	c->writer = NULL;
	if (store_writer_commit(w, &failed))
		return blob_failed(c, &m.digest, &failed);
	blob_settled(c, &m.digest, false, NULL);
	return 0;
}

static int take_toolchain(struct client *c, struct arena *a, const char *p, size_t n,
			  struct err *e)
{
	struct message_toolchain m;
	struct err why = {0};

	if (message_get_toolchain(&m, a, p, n) || m.ref >= COMPILERS_MAX)
		return err_set(e, EPROTO, "a malformed TOOLCHAIN");
	const struct compiler *found =
	    compilers_find(c->worker->compilers, m.driver, &m.id, m.entries, &why);

	if (m.ref >= c->ncompilers) {
		size_t many = m.ref + 1;

		c->compilers = xreallocarray(c->compilers, many, sizeof *c->compilers);
		while (c->ncompilers < many)
			c->compilers[c->ncompilers++] = NULL;
	}
	c->compilers[m.ref] = found;
	AUTO_BUF struct buf b = {0};

	message_put_toolchain_answer(
	    &b, &(struct message_toolchain_answer){
		    .ref = m.ref, .yes = found != NULL, .why = why.text});
	peer_send(c->peer, &b);
	return 0;
}

static int take_job(struct client *c, const char *p, size_t n, struct err *e)
{
	struct arena *a = arena_new();
	struct message_job *m = arena_alloc(a, sizeof *m);

	if (message_get_job(m, a, p, n) || !m->argv[0] || m->program[0] != '/' ||
	    m->cwd[0] != '/') {
		arena_free(a);
		return err_set(e, EPROTO, "a malformed JOB");
	}
	if (c->njobs >= CLIENT_JOBS_MAX || m->toolchain >= c->ncompilers ||
	    !c->compilers[m->toolchain]) {
		arena_free(a);
		return err_set(e, EPROTO,
			       "a JOB for a compiler that is not here, or too many jobs");
	}
	struct job *j = xcalloc(1, sizeof *j);
	struct job **last = &c->jobs;

	while (*last)
		last = &(*last)->next;
	*last = j;
	c->njobs++;
	*j = (struct job){.client = c,
			  .id = m->id,
			  .arena = a,
			  .ask = m,
			  .fd = -1,
			  .stage = JOB_WAITING,
			  .compiler = c->compilers[m->toolchain],
			  .barrier = c->asked};
	if (!c->first)
		j->barrier = 0;
	if (!c->worker->confined)
		job_fail(j, WIRE_FAILED, "it cannot confine compiles");
	else
		release_jobs(c);
	return 0;
}

static int take_cancel(struct client *c, struct arena *a, const char *p, size_t n,
		       struct err *e)
{
	struct message_cancel m;

	if (message_get_cancel(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed CANCEL");
	for (struct job *j = c->jobs; j; j = j->next)
		if (j->id == m.id) {
			remove_job(c, j);
			break;
		}
	return 0;
}

static int take_gone(struct client *c, struct arena *a, const char *p, size_t n,
		     struct err *e)
{
	struct message_blob_gone m;

	if (message_get_blob_gone(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed BLOB_GONE");
	if (c->writer && digest_equal(&c->writing, &m.digest)) {
		store_writer_abort(c->writer);
		c->writer = NULL;
	}
	blob_settled(c, &m.digest, true, NULL);
	return 0;
}

static int on_message(void *ctx, struct peer *peer, unsigned type, const char *p, size_t n,
		      struct err *e)
{
	struct client *c = ctx;
	struct arena *a = arena_new();
	int r;

	(void)peer;
	switch (type) {
	case MESSAGE_VIEW: r = take_view(c, a, p, n, e); break;
	case MESSAGE_BLOB: r = take_blob(c, a, p, n, e); break;
	case MESSAGE_BLOB_GONE: r = take_gone(c, a, p, n, e); break;
	case MESSAGE_TOOLCHAIN: r = take_toolchain(c, a, p, n, e); break;
	case MESSAGE_JOB: r = take_job(c, p, n, e); break;
	case MESSAGE_CANCEL: r = take_cancel(c, a, p, n, e); break;
	default:
		r = err_set(e, EPROTO, "an unexpected %s message (%u)", message_name(type),
			    type);
	}
	arena_free(a);
	return r;
}

const struct peer_handler client_handler = {
    .up = on_up, .message = on_message, .drained = on_drained, .down = on_down};

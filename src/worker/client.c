/* A client's messages, carried out. Happy path: VIEW (names; NEED back for bytes that are not here), BLOBs,
 * JOB, then run and results.
 *
 * Invariant: the view is what the client was told that it is, but for the files that wait for their bytes
 * (struct missing), and no job starts before those that were asked for ahead of it have come. So a message
 * that makes no sense closes the connection with a sentence, and so does an entry that cannot be placed
 * here (disk full, a blob larger than the store): the client believes that it stands, and only a
 * connection that is gone makes it tell everything anew. Its jobs go elsewhere meanwhile. */
#include "worker/client.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cas/store.h"
#include "net/stranger.h"
#include "sys/loop.h"
#include "wire/entries.h"
#include "wire/message.h"
#include "worker/bare_command.h"
#include "worker/cage.h"
#include "worker/client_state.h"
#include "worker/compilers.h"
#include "worker/job.h"
#include "worker/own_user.h"
#include "worker/run.h"
#include "worker/view.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

enum missing_state {
	PENDING,
	SETTLED, /* placed, or a later entry took its place */
	STALE    /* the client said: it changed, the bytes will not come */
};

/* A file of the view whose bytes were asked for. In two hashes until it is settled, in the list of those
 * asked for until all before it are settled too. */
struct missing {
	struct missing *next;
	struct missing *same_prev, *same_next; /* others that wait for the same bytes */
	UT_hash_handle by_path;
	struct entry entry; /* its path is owned */
	uint64_t serial;
	enum missing_state state;
};

/* A blob that was asked for and has not come. */
struct wanted {
	UT_hash_handle hh;
	struct digest digest;
	struct missing *files; /* utlist; NULL when nothing waits for it any more */
};

enum {
	COMPILERS_MAX = 256
};

static void remove_job(struct client *c, struct job *job)
{
	DL_DELETE(c->jobs, job);
	c->njobs--;
	job_free(job);
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
	if (!c->results)
		c->results = loop_timer_new(c->worker->loop, on_results, c);
	loop_timer_set(c->results, 0);
}

static void on_drained(void *ctx, struct peer *p)
{
	(void)p;
	on_results(ctx);
}

/* Those who only connect must not use up the descriptors: the one that has been idle longest goes. */
static void make_room(struct worker *w)
{
	struct client *c = w->clients;

	if (w->nidle < w->idle_max)
		return;
	while (c && c->view)
		c = c->next;
	if (!c)
		return;
	stranger_line(LOG_NOTICE, c->from,
		      "closed: it asks for nothing, and there are many");
	client_close(c);
}

void *client_accept(void *ctx, struct peer *peer, const char *from)
{
	struct worker *w = ctx;

	if (w->own_user_only && !own_user_is(from)) {
		stranger_line(
		    LOG_WARNING, from,
		    "refused: nothing cages jobs here, so only this worker's own user has "
		    "them done");
		return NULL;
	}
	struct client *c = xcalloc(1, sizeof *c);

	make_room(w);
	c->worker = w;
	c->peer = peer;
	c->from = xstrdup(from);
	DL_APPEND(w->clients, c);
	w->nidle++;
	return c;
}

/* Its view, which one who only connects does not cost us. 0 or -1. */
static int begin_view(struct client *c, struct err *e)
{
	struct worker *w = c->worker;

	if (c->view)
		return 0;
	AUTO_FREE char *dir =
	    xasprintf("%s/views/%llu", w->state_dir, (unsigned long long)++w->serial);

	c->view = view_new(dir, w->store, w->own, e);
	if (!c->view)
		return -1;
	if (w->view_bytes)
		view_limit(c->view, w->view_bytes, CLIENT_NAMES_MAX);
	w->nidle--;
	return 0;
}

static void missing_free(struct missing *m)
{
	free((char *)(uintptr_t)m->entry.path);
	free(m);
}

static void forget_missing(struct client *c)
{
	struct wanted *w, *more;

	HASH_CLEAR(by_path, c->pending);
	HASH_ITER(hh, c->wanted, w, more)
	{
		HASH_DEL(c->wanted, w);
		free(w);
	}
	for (struct missing *m = c->first, *next; m; m = next) {
		next = m->next;
		missing_free(m);
	}
}

/* First out of the queue with all that wait for a slot: else the end of a running one would start them. */
static void end_jobs(struct client *c)
{
	for (struct job *j = c->jobs; j; j = j->next)
		if (j->stage == JOB_READY)
			job_unready(j);
	while (c->jobs)
		remove_job(c, c->jobs);
}

static void client_free(struct client *c)
{
	struct worker *w = c->worker;

	end_jobs(c);
	forget_missing(c);
	store_writer_abort(c->writer);
	runs_reap();
	w->nidle -= !c->view;
	view_free(c->view);
	cage_free(c->cage);
	for (size_t i = 0; i < c->ncompilers; i++)
		compiler_release(c->compilers[i]);
	loop_timer_free(c->results);
	free(c->compilers);
	free(c->from);
	free(c->name);
	DL_DELETE(w->clients, c);
	free(c);
	if (!w->clients && w->left)
		w->left(w->left_ctx);
}

void client_close(struct client *c)
{
	peer_close(c->peer);
	client_free(c);
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
	if (why->code == EPROTO || c->blamed)
		stranger_line(LOG_WARNING, c->from, "closed: %s", why->text);
	else
		log_line(LOG_INFO, "client=%s gone: %s", c->from, why->text);
	client_free(c);
}

/* Waiting jobs whose files have all come move on. */
static void release_jobs(struct client *c)
{
	uint64_t pending = c->first ? c->first->serial : UINT64_MAX;

	for (struct job *j = c->jobs, *next; j; j = next) {
		next = j->next;
		if (j->stage == JOB_WAITING && j->barrier < pending)
			job_ready(j);
	}
}

/* Fails the jobs that came after the file was asked for. */
static void fail_waiting(struct client *c, uint64_t serial)
{
	for (struct job *j = c->jobs, *next; j; j = next) {
		next = j->next;
		if (j->stage == JOB_WAITING && j->barrier >= serial)
			job_fail(j, WIRE_STALE, "a file changed before it was sent");
	}
}

/* Drops the settled ones from the front of the list. */
static void drop_settled(struct client *c)
{
	if (!c->first || c->first->state == PENDING)
		return;
	while (c->first && c->first->state != PENDING) {
		struct missing *m = c->first;

		if (m->state == STALE)
			fail_waiting(c, m->serial);
		c->first = m->next;
		if (!c->first)
			c->last = NULL;
		c->nmissing--;
		missing_free(m);
	}
	release_jobs(c);
}

static struct wanted *find_wanted(struct client *c, const struct digest *d)
{
	struct wanted *w;

	HASH_FIND(hh, c->wanted, d, sizeof *d, w);
	return w;
}

/* The bytes for M are not awaited any more; what it becomes, the caller says. */
static void settle(struct client *c, struct missing *m, enum missing_state state)
{
	struct wanted *w = find_wanted(c, &m->entry.digest);

	DL_DELETE2(w->files, m, same_prev, same_next);
	HASH_DELETE(by_path, c->pending, m);
	m->state = state;
}

/* The blob has arrived: places it wherever it is waited for. */
static int place_blob(struct client *c, const struct digest *d, struct err *e)
{
	struct wanted *w = find_wanted(c, d);

	if (!w)
		return 0; /* nobody asked: it is in the store, which does no harm */
	while (w->files) {
		struct missing *m = w->files;
		struct err failed = {0};
		int have = 1; /* when its folder went after it was asked for */

		if (view_has_folder(c->view, m->entry.path))
			have = view_apply(c->view, &m->entry, &failed);
		if (have <= 0)
			return err_set(e, 0, "%s",
				       have ? failed.text
					    : "the store lost a blob at once");
		settle(c, m, SETTLED);
	}
	HASH_DEL(c->wanted, w);
	free(w);
	drop_settled(c);
	return 0;
}

/* The blob will not come. */
static void give_up_blob(struct client *c, const struct digest *d)
{
	struct wanted *w = find_wanted(c, d);

	if (!w)
		return;
	while (w->files)
		settle(c, w->files, STALE);
	HASH_DEL(c->wanted, w);
	free(w);
	drop_settled(c);
}

/* EN takes the place of what was to come under its name or, unless it is a folder, below it: bytes that
 * arrive late must not undo it. Below a file is not looked: it seldom takes the place of a folder, and
 * what arrives for that then finds no folder. */
static void supersede(struct client *c, const struct entry *en)
{
	size_t n = strlen(en->path);
	struct missing *m;

	HASH_FIND(by_path, c->pending, en->path, n, m);
	if (m)
		settle(c, m, SETTLED);
	if (en->kind != ENTRY_GONE && en->kind != ENTRY_LINK)
		return;
	for (m = c->first; m; m = m->next)
		if (m->state == PENDING && strncmp(m->entry.path, en->path, n) == 0 &&
		    m->entry.path[n] == '/')
			settle(c, m, SETTLED);
}

/* Notes that the bytes of EN are missing; adds their digest to DIGESTS unless they were asked for. */
static void want(struct client *c, const struct entry *en, struct buf *digests)
{
	struct missing *m = xcalloc(1, sizeof *m);
	struct wanted *w = find_wanted(c, &en->digest);

	if (!w) {
		w = xcalloc(1, sizeof *w);
		w->digest = en->digest;
		HASH_ADD(hh, c->wanted, digest, sizeof w->digest, w);
		buf_add(digests, en->digest.b, DIGEST_SIZE);
	}
	m->entry = *en;
	m->entry.path = xstrdup(en->path);
	m->entry.target = NULL;
	m->serial = ++c->asked;
	DL_APPEND2(w->files, m, same_prev, same_next);
	HASH_ADD_KEYPTR(by_path, c->pending, m->entry.path, strlen(m->entry.path), m);
	if (c->last)
		c->last->next = m;
	else
		c->first = m;
	c->last = m;
	c->nmissing++;
}

/* Asks the client for these bytes. */
static void send_need(struct client *c, const struct buf *digests)
{
	AUTO_BUF struct buf b = {0};

	for (size_t i = 0; i < digests->len;) {
		enum {
			BATCH = 8192 * DIGEST_SIZE
		};

		size_t some = digests->len - i < BATCH ? digests->len - i : BATCH;

		message_put_need(&b, &(struct message_need){
					 {digests->data + i, some}
                });
		i += some;
	}
	peer_send(c->peer, &b);
}

static int take_entry(struct client *c, const struct entry *en, struct buf *digests,
		      struct err *e)
{
	supersede(c, en);
	struct err failed = {0};
	int have = view_apply(c->view, en, &failed);

	if (have < 0)
		return err_set(e, 0, "%s", failed.text);
	if (have == 0)
		want(c, en, digests);
	if (c->nmissing > CLIENT_MISSING_MAX || HASH_COUNT(c->wanted) > CLIENT_MISSING_MAX)
		return err_set(e, EPROTO, "more than %d files are missing",
			       CLIENT_MISSING_MAX);
	return 0;
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
	if (begin_view(c, e))
		return -1;
	struct cursor at = {view.entries.p, view.entries.p + view.entries.n, 0};

	while ((more = wire_entry_get(&at, &w, path, target)) > 0) {
		struct entry en = {.kind = w.kind,
				   .path = path,
				   .target = target,
				   .digest = w.digest,
				   .size = w.size,
				   .mtime_s = w.mtime_s,
				   .mode = w.mode};

		if (take_entry(c, &en, &digests, e))
			return -1;
	}
	if (more < 0)
		return err_set(e, EPROTO, "a malformed VIEW entry");
	send_need(c, &digests);
	drop_settled(c);
	return 0;
}

static int take_blob(struct client *c, struct arena *a, const char *p, size_t n,
		     struct err *e)
{
	struct message_blob m;

	if (message_get_blob(&m, a, p, n) || m.bytes.n > MESSAGE_CHUNK ||
	    m.size > (uint64_t)BLOB_MAX_MB << 20 || m.offset > m.size ||
	    m.bytes.n > m.size - m.offset)
		return err_set(e, EPROTO, "a malformed BLOB");
	if (m.offset == 0) {
		store_writer_abort(c->writer);
		c->written = 0;
		c->writing = m.digest;
		c->writer = store_write(c->worker->store, &m.digest, m.size, e);
		if (!c->writer)
			return -1;
	}
	if (!c->writer || !digest_equal(&c->writing, &m.digest) || m.offset != c->written)
		return err_set(e, EPROTO, "a BLOB out of order");
	if (store_writer_add(c->writer, m.bytes.p, m.bytes.n, e))
		return -1;
	c->written += m.bytes.n;
	if (c->written < m.size)
		return 0;
	struct store_writer *w = c->writer;

	c->writer = NULL;
	return store_writer_commit(w, e) ? -1 : place_blob(c, &m.digest, e);
}

static struct compiler *find_compiler(struct client *c, const struct message_toolchain *m,
				      struct err *why)
{
	if (m->ref >= COMPILERS_MAX) {
		err_set(why, 0, "too many compilers on one connection");
		return NULL;
	}
	struct compiler *found =
	    compilers_find(c->worker->compilers, m->driver, &m->id, m->entries, why);

	if (m->ref >= c->ncompilers) {
		size_t many = m->ref + 1;

		c->compilers = xreallocarray(c->compilers, many, sizeof *c->compilers);
		while (c->ncompilers < many)
			c->compilers[c->ncompilers++] = NULL;
	}
	compiler_release(c->compilers[m->ref]);
	c->compilers[m->ref] = found;
	return found;
}

static int take_toolchain(struct client *c, struct arena *a, const char *p, size_t n,
			  struct err *e)
{
	struct message_toolchain m;
	struct err why = {0};

	if (message_get_toolchain(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed TOOLCHAIN");
	bool yes = find_compiler(c, &m, &why) != NULL;
	AUTO_BUF struct buf b = {0};

	message_put_toolchain_answer(&b, &(struct message_toolchain_answer){
					     .ref = m.ref, .yes = yes, .why = why.text});
	peer_send(c->peer, &b);
	return 0;
}

static int take_job(struct client *c, const char *p, size_t n, struct err *e)
{
	struct arena *a = arena_new();
	struct message_job *m = arena_alloc(a, sizeof *m);

	if (message_get_job(m, a, p, n) || !m->argv[0] || m->cwd[0] != '/' ||
	    !bare_is_wellformed(m)) {
		arena_free(a);
		return err_set(e, EPROTO, "a malformed JOB");
	}
	if (c->njobs >= CLIENT_JOBS_MAX || m->toolchain >= c->ncompilers ||
	    !c->compilers[m->toolchain]) {
		arena_free(a);
		return err_set(e, EPROTO,
			       "a JOB for a compiler that is not here, or too many jobs");
	}
	if (begin_view(c, e)) {
		arena_free(a);
		return -1;
	}
	struct job *j = xcalloc(1, sizeof *j);

	*j = (struct job){.client = c,
			  .id = m->id,
			  .arena = a,
			  .ask = m,
			  .fd = -1,
			  .stage = JOB_WAITING,
			  .compiler = compiler_hold(c->compilers[m->toolchain]),
			  .barrier = c->asked};
	DL_APPEND(c->jobs, j);
	c->njobs++;
	const char *unfit = c->worker->confined ? caged_refuses(a, m) : bare_refuses(a, m);

	if (unfit) {
		log_line(LOG_WARNING, "client=%s a job is refused: %s", c->from, unfit);
		job_fail(j, WIRE_FAILED, unfit);
	} else if (!c->first)
		job_ready(j);
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
	give_up_blob(c, &m.digest);
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
	c->blamed = r != 0;
	return r;
}

const struct peer_handler client_handler = {
    .up = on_up, .message = on_message, .drained = on_drained, .down = on_down};

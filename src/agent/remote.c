/* Happy path: dial, HELLO, TOOLCHAIN question for the compilers in use, then per job a VIEW of what the worker
 * has not been told yet, the JOB, the blobs it asks for, and its outputs back. When the connection breaks, all
 * that the worker was told is forgotten with it, its tasks are told, and the scheduler backs off. */
#include "agent/remote.h"

#include "agent/agent.h"
#include "agent/compilers.h"
#include "agent/disk.h"
#include "agent/plan.h"
#include "agent/task.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/peer.h"
#include "wire/entries.h"
#include "wire/message.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	VIEW_BATCH = 256 << 10
};

struct upload {
	struct upload *next;
	struct digest digest;
	int fd; /* -1: not begun */
	uint64_t offset, size;
};

static void upload_free(struct upload *u)
{
	if (u->fd >= 0)
		close(u->fd);
	free(u);
}

static void drop_uploads(struct remote *r)
{
	for (struct upload *u = r->first, *next; u; u = next) {
		next = u->next;
		upload_free(u);
	}
	r->first = r->last = NULL;
}

/* -- connection ------------------------------------------------------------------------------ */

static void forget_connection(struct remote *r)
{
	struct agent *a = r->agent;

	if (r->peer) {
		a->bytes_up += peer_bytes_out(r->peer);
		a->bytes_down += peer_bytes_in(r->peer);
	}
	r->peer = NULL;
	r->up = false;
	drop_uploads(r);
	free(r->sent_nodes);
	free(r->sent_files);
	r->sent_nodes = r->sent_files = NULL;
	r->nsent_nodes = r->nsent_files = 0;
}

/* By id: what one task does of it may end others. */
static void tell_tasks(struct remote *r)
{
	struct agent *a = r->agent;
	size_t n = 0;
	uint64_t *ids = xreallocarray(NULL, HASH_COUNT(a->tasks) + 1, sizeof *ids);

	for (struct task *t = a->tasks; t; t = t->hh.next)
		if (t->remote == r)
			ids[n++] = t->id;
	for (size_t i = 0; i < n; i++) {
		struct task *t = task_find(a, ids[i]);

		if (t && t->remote == r)
			task_lost(t);
	}
	free(ids);
	r->running = 0;
}

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	struct remote *r = ctx;

	(void)p;
	(void)e;
	free(r->name);
	r->name = xstrdup(hello->name);
	r->confined = hello->confined;
	r->slots = hello->slots;
	if (r->limit && r->limit < r->slots)
		r->slots = r->limit;
	r->up = true;
	r->why[0] = 0;
	for (r->gone = 0; disk_gone(r->agent->disk, r->gone);)
		r->gone++;
	if (!r->confined) {
		snprintf(r->why, sizeof r->why, "it cannot confine compiles: %s",
			 hello->unconfined_why);
		log_line(LOG_WARNING, "worker=%s gets no jobs: %s", r->address, r->why);
		r->slots = 0;
	}
	log_line(LOG_INFO, "worker=%s name=\"%s\" slots=%u up", r->address, r->name,
		 r->slots);
	agent_sched(r->agent, (struct sched_event){.type = SCHED_WORKER_UP,
						   .worker = r->id,
						   .slots = r->slots});
	return 0;
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct remote *r = ctx;

	(void)p;
	snprintf(r->why, sizeof r->why, "%s", why->text);
	log_line(r->up ? LOG_WARNING : LOG_NOTICE, "worker=%s down: %s", r->address,
		 why->text);
	if (r->running)
		r->nfailures++;
	forget_connection(r);
	agent_sched(r->agent,
		    (struct sched_event){.type = SCHED_WORKER_DOWN, .worker = r->id});
	tell_tasks(r);
}

static int on_message(void *ctx, struct peer *p, unsigned type, const char *payload,
		      size_t n, struct err *e);
static void on_drained(void *ctx, struct peer *p);
static const struct peer_handler handler = {
    .up = on_up, .message = on_message, .drained = on_drained, .down = on_down};

void remote_dial(struct remote *r)
{
	struct peer_self self = {.name = "agent",
				 .timeout_ms = r->agent->peer_timeout_ms,
				 .compress_always = r->agent->compress_always};
	struct err e = {0};

	assert(!r->peer);
	r->peer = peer_dial(r->agent->loop, r->address, &self, &handler, r, &e);
	if (!r->peer) {
		snprintf(r->why, sizeof r->why, "%s", e.text);
		log_line(LOG_WARNING, "worker=%s: %s", r->address, e.text);
		agent_sched(r->agent, (struct sched_event){.type = SCHED_WORKER_DOWN,
							   .worker = r->id});
	}
}

struct remote *remote_new(struct agent *a, const char *address, unsigned limit)
{
	struct remote *r = xcalloc(1, sizeof *r);

	r->agent = a;
	r->id = ++a->next_remote;
	r->address = xstrdup(address);
	r->limit = limit;
	HASH_ADD(hh, a->remotes, id, sizeof r->id, r);
	return r;
}

void remote_free(struct remote *r)
{
	if (r->peer) {
		struct peer *p = r->peer;

		forget_connection(r);
		peer_close(p);
	}
	tell_tasks(r);
	HASH_DEL(r->agent->remotes, r);
	free(r->address);
	free(r->name);
	free(r);
}

/* -- what it is told ------------------------------------------------------------------------- */

void remote_query(struct remote *r, uint64_t ref)
{
	const struct compiler *c = compilers_by_ref(r->agent->compilers, ref);
	AUTO_BUF struct buf entries = {0}, b = {0};

	if (!r->up || !c)
		return;
	for (size_t i = 0; i < c->toolchain->n; i++) {
		const struct entry *en = &c->toolchain->entries[i];
		struct wire_entry w = {.kind = en->kind,
				       .path = en->path,
				       .target = en->target,
				       .digest = en->digest,
				       .size = en->size,
				       .mode = en->mode};

		wire_entry_put(&entries, &w);
	}
	message_put_toolchain(&b, &(struct message_toolchain){
				      .ref = (uint32_t)ref,
				      .id = c->toolchain->id,
				      .driver = c->toolchain->driver,
				      .entries = {entries.data, entries.len}
        });
	peer_send(r->peer, &b);
}

static uint64_t *slot(uint64_t **list, size_t *n, uint32_t id)
{
	if (id >= *n) {
		size_t more = id + id / 2 + 64;

		*list = xreallocarray(*list, more, sizeof **list);
		memset(*list + *n, 0, (more - *n) * sizeof **list);
		*n = more;
	}
	return &(*list)[id];
}

struct telling {
	struct remote *remote;
	struct buf entries, out;
};

static void tell_flush(struct telling *t, bool all)
{
	if (!t->entries.len || (!all && t->entries.len < VIEW_BATCH))
		return;
	message_put_view(&t->out, &(struct message_view){
				      {t->entries.data, t->entries.len}
        });
	t->entries.len = 0;
}

static void tell_node(void *ctx, struct node *n)
{
	struct telling *t = ctx;
	struct remote *r = t->remote;
	uint64_t *sent = slot(&r->sent_nodes, &r->nsent_nodes, n->id);
	struct wire_entry w = {.path = n->path, .target = n->target};

	if (*sent >= n->stamp)
		return;
	switch (n->kind) {
	case NODE_DIR: w.kind = ENTRY_DIR; break;
	case NODE_LINK: w.kind = ENTRY_LINK; break;
	case NODE_FILE:
		w.kind = ENTRY_FILE;
		w.digest = n->digest;
		w.size = (uint64_t)n->st.st_size;
		w.mtime_s = n->st.st_mtim.tv_sec;
		w.mode = n->st.st_mode & 0111 ? 0755 : 0644;
		break;
	case NODE_GONE:
	case NODE_OTHER: return;
	}
	*sent = n->stamp;
	wire_entry_put(&t->entries, &w);
	tell_flush(t, false);
}

/* Names that it has been told and that exist no more. */
static void tell_gone(struct telling *t)
{
	struct remote *r = t->remote;
	struct node *n;

	for (; (n = disk_gone(r->agent->disk, r->gone)); r->gone++) {
		uint64_t *sent = slot(&r->sent_nodes, &r->nsent_nodes, n->id);

		if (!*sent)
			continue;
		*sent = 0;
		if (n->kind != NODE_GONE)
			continue;
		wire_entry_put(&t->entries,
			       &(struct wire_entry){.kind = ENTRY_GONE, .path = n->path});
	}
}

static void tell_plan(struct telling *t, const struct plan *plan)
{
	struct remote *r = t->remote;
	struct disk *disk = r->agent->disk;

	tell_gone(t);
	for (size_t i = 0; i < plan->nfiles; i++) {
		uint64_t stamp = disk_file_stamp(disk, plan->files[i]);
		uint64_t *sent = slot(&r->sent_files, &r->nsent_files, plan->files[i]->id);

		if (*sent >= stamp)
			continue;
		disk_file_walk(disk, plan->files[i], tell_node, t);
		*sent = stamp;
	}
	for (size_t i = 0; i < plan->places.n; i++)
		disk_walk(disk, plan->places.v[i], tell_node, t);
	tell_gone(t); /* what these walks found missing */
	tell_flush(t, true);
}

void remote_send(struct remote *r, struct task *task)
{
	const struct plan *p = task->plan;
	const struct local_request *q = task->request;
	struct telling t = {.remote = r};
	struct message_job job = {
	    .id = task->id,
	    .toolchain = p->compiler->ref,
	    .flags = q->flags & LOCAL_STDERR_TTY ? (uint32_t)WIRE_JOB_TERMINAL : 0,
	    .umask = q->umask,
	    .columns = q->columns,
	    .cwd = p->cwd,
	    .argv = p->argv.v,
	    .env = p->env.v,
	};

	assert(r->up);
	r->running++;
	tell_plan(&t, p);
	message_put_job(&t.out, &job);
	peer_send(r->peer, &t.out);
	buf_free(&t.entries);
	buf_free(&t.out);
}

void remote_cancel(struct remote *r, struct task *task)
{
	AUTO_BUF struct buf b = {0};

	if (!r->up)
		return;
	r->running--;
	message_put_cancel(&b, &(struct message_cancel){task->id});
	peer_send(r->peer, &b);
}

/* -- blobs ----------------------------------------------------------------------------------- */

/* The file with these bytes changed (or we never had such): what the worker was told of it is void. */
static void say_gone(struct remote *r, const struct digest *d)
{
	AUTO_BUF struct buf b = {0};
	struct node *n = disk_by_digest(r->agent->disk, d);

	if (n && n->id < r->nsent_nodes)
		r->sent_nodes[n->id] = 0;
	/* Whichever other names had these bytes: tell everything anew. It is rare. */
	memset(r->sent_files, 0, r->nsent_files * sizeof *r->sent_files);
	memset(r->sent_nodes, 0, r->nsent_nodes * sizeof *r->sent_nodes);
	message_put_blob_gone(&b, &(struct message_blob_gone){*d});
	peer_send(r->peer, &b);
}

/* Opens what is to be sent next; false when it is not there any more. */
static bool upload_open(struct remote *r, struct upload *u)
{
	struct node *n = disk_by_digest(r->agent->disk, &u->digest);

	if (!n || !disk_node_same(r->agent->disk, n))
		return false;
	u->fd = open(n->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	u->size = (uint64_t)n->st.st_size;
	return u->fd >= 0;
}

/* One chunk of the first upload. */
static void upload_some(struct remote *r)
{
	struct upload *u = r->first;
	char chunk[MESSAGE_CHUNK];
	AUTO_BUF struct buf b = {0};
	bool fine = u->fd >= 0 || upload_open(r, u);
	ssize_t n = fine ? pread(u->fd, chunk, sizeof chunk, (off_t)u->offset) : -1;

	if (n < 0 || (n == 0 && u->offset < u->size) || u->offset + (uint64_t)n > u->size) {
		say_gone(r, &u->digest);
		n = -1;
	} else {
		message_put_blob(&b, &(struct message_blob){
					 .digest = u->digest,
					 .size = u->size,
					 .offset = u->offset,
					 .bytes = {chunk, (size_t)n}
                });
		u->offset += (uint64_t)n;
		peer_send(r->peer, &b);
	}
	if (n >= 0 && u->offset < u->size)
		return;
	r->first = u->next;
	if (!r->first)
		r->last = NULL;
	upload_free(u);
}

static void pump(struct remote *r)
{
	while (r->up && r->first && peer_backlog(r->peer) < PEER_HIGH)
		upload_some(r);
}

static void on_drained(void *ctx, struct peer *p)
{
	(void)p;
	pump(ctx);
}

static int take_need(struct remote *r, struct arena *a, const char *p, size_t n,
		     struct err *e)
{
	struct message_need m;

	if (message_get_need(&m, a, p, n) || m.digests.n % DIGEST_SIZE)
		return err_set(e, EPROTO, "a malformed NEED");
	for (size_t i = 0; i < m.digests.n; i += DIGEST_SIZE) {
		struct upload *u = xcalloc(1, sizeof *u);

		memcpy(u->digest.b, m.digests.p + i, DIGEST_SIZE);
		u->fd = -1;
		if (r->last)
			r->last->next = u;
		else
			r->first = u;
		r->last = u;
	}
	pump(r);
	return 0;
}

/* -- answers --------------------------------------------------------------------------------- */

static int take_answer(struct remote *r, struct arena *a, const char *p, size_t n,
		       struct err *e)
{
	struct message_toolchain_answer m;

	if (message_get_toolchain_answer(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed TOOLCHAIN_ANSWER");
	if (!m.yes) {
		snprintf(r->why, sizeof r->why, "%s", m.why);
		log_line(LOG_WARNING, "worker=%s does not get jobs of one compiler: %s",
			 r->address, m.why);
	}
	agent_sched(r->agent, (struct sched_event){.type = SCHED_TOOLCHAIN,
						   .worker = r->id,
						   .toolchain = m.ref,
						   .yes = m.yes != 0});
	return 0;
}

static int take_output(struct remote *r, struct arena *a, const char *p, size_t n,
		       struct err *e)
{
	struct message_output m;

	if (message_get_output(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed OUTPUT");
	struct task *t = task_find(r->agent, m.id);

	return t && t->remote == r ? task_output(t, &m, e)
				   : 0; /* else it was cancelled meanwhile */
}

static int take_result(struct remote *r, struct arena *a, const char *p, size_t n,
		       struct err *e)
{
	struct message_result m;

	if (message_get_result(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed RESULT");
	struct task *t = task_find(r->agent, m.id);

	if (!t || t->remote != r)
		return 0;
	r->running--;
	r->njobs++;
	if (m.outcome == WIRE_FAILED) {
		r->nfailures++;
		snprintf(r->why, sizeof r->why, "%s", m.why);
		log_line(LOG_WARNING, "worker=%s failed a job: %s", r->address, m.why);
	}
	return task_result(t, &m, e);
}

static int on_message(void *ctx, struct peer *peer, unsigned type, const char *p, size_t n,
		      struct err *e)
{
	struct remote *r = ctx;
	struct arena *a = arena_new();
	int result = 0;

	(void)peer;
	switch (type) {
	case MESSAGE_TOOLCHAIN_ANSWER: result = take_answer(r, a, p, n, e); break;
	case MESSAGE_NEED: result = take_need(r, a, p, n, e); break;
	case MESSAGE_OUTPUT: result = take_output(r, a, p, n, e); break;
	case MESSAGE_RESULT: result = take_result(r, a, p, n, e); break;
	case MESSAGE_STARTED: break;
	default:
		result = err_set(e, EPROTO, "an unexpected %s message (%u)",
				 message_name(type), type);
	}
	arena_free(a);
	return result;
}

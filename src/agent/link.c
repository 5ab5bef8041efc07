/* Happy path: dial, HELLO, TOOLCHAIN question for the compilers in use, then per job a VIEW of what the worker
 * has not been told yet, the JOB, the blobs it asks for, and its outputs back. When the connection breaks, all
 * that the worker was told is forgotten with it. */
#include "agent/link.h"

#include "agent/agent.h"
#include "agent/callers.h"
#include "agent/compilers.h"
#include "agent/disk.h"
#include "agent/link_state.h"
#include "agent/plan.h"
#include "agent/preprocess.h"
#include "agent/remote.h"
#include "agent/task.h"
#include "agent/told.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cc/preprocessed.h"
#include "net/peer.h"
#include "net/tls.h"
#include "net/trust.h"
#include "wire/entries.h"
#include "wire/local.h"
#include "wire/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- connection ------------------------------------------------------------------------------ */

static void link_free(struct link *l)
{
	link_watch_end(l);
	link_forget_blobs(l);
	link_forget_views(l);
	free(l);
}

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	struct link *l = ctx;
	struct remote *r = l->remote;

	(void)p;
	(void)e;
	while (disk_gone(r->agent->disk, l->gone))
		l->gone++;
	free(r->name);
	r->name = told_dup(hello->name);
	r->confined = hello->confined;
	r->plain = !r->confined;
	r->why[0] = 0;
	told_copy(r->cage, sizeof r->cage, hello->unconfined_why);
	if (r->plain) {
		snprintf(r->why, sizeof r->why, "it cannot confine compiles: %s", r->cage);
		log_line(LOG_WARNING, "worker=%s gets only preprocessed source: %s",
			 r->host.word, r->why);
	}
	remote_up(r, hello->slots);
	return 0;
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct link *l = ctx;
	struct remote *r = l->remote;
	bool foreign = !r->up && !l->tls && peer_is_foreign(p);
	const struct tls *other;
	struct err told = *why;
	bool again = !r->up && trust_retry(r->agent->trust, p, l->tls, &other, &told);

	r->local = peer_is_local(p);
	remote_count(r, peer_bytes_out(p), peer_bytes_in(p));
	link_free(l);
	r->link = NULL;
	if (again)
		remote_dial_with(r, other);
	else if (foreign)
		remote_is_foreign(r);
	else
		remote_down(r, told.text);
}

static void on_drained(void *ctx, struct peer *p)
{
	(void)p;
	link_pump(ctx);
}

static int on_message(void *ctx, struct peer *peer, unsigned type, const char *p, size_t n,
		      struct err *e);
const struct peer_handler link_handler = {
    .up = on_up, .message = on_message, .drained = on_drained, .down = on_down};

static struct peer_self self_of(const struct remote *r)
{
	return (struct peer_self){.name = r->agent->name,
				  .timeout_ms = r->agent->peer_timeout_ms,
				  .compress_always = r->agent->compress_always,
				  .admits = TLS_WORKER};
}

struct link *link_dial(struct remote *r, const char *address, const struct tls *tls,
		       struct err *e)
{
	struct peer_self self = self_of(r);
	struct link *l = xcalloc(1, sizeof *l);

	self.tls = tls;
	l->remote = r;
	l->tls = tls;
	l->peer = peer_dial(r->agent->loop, address, &self, &link_handler, l, e);
	if (l->peer)
		return l;
	free(l);
	return NULL;
}

struct link *link_adopt(struct remote *r, int fd)
{
	struct peer_self self = self_of(r);
	struct link *l = xcalloc(1, sizeof *l);

	l->remote = r;
	l->peer = peer_adopt(r->agent->loop, fd, &self, &link_handler, l);
	return l;
}

struct link *link_answer(struct remote *r, struct peer *p)
{
	struct link *l = xcalloc(1, sizeof *l);

	l->remote = r;
	l->peer = p;
	return l;
}

void link_close(struct link *l)
{
	remote_count(l->remote, peer_bytes_out(l->peer), peer_bytes_in(l->peer));
	peer_close(l->peer);
	link_free(l);
}

uint64_t link_bytes_out(const struct link *l)
{
	return peer_bytes_out(l->peer);
}

uint64_t link_bytes_in(const struct link *l)
{
	return peer_bytes_in(l->peer);
}

/* -- what it is asked ------------------------------------------------------------------------ */

void link_query(struct link *l, uint64_t key)
{
	const struct compiler *c =
	    compilers_by_ref(l->remote->agent->compilers, compiler_key_ref(key));
	AUTO_BUF struct buf entries = {0}, b = {0};

	if (!c)
		return;
	if (l->remote->plain && compiler_key_way(key) != WAY_TEXT_EXACT) {
		remote_answer(l->remote, key, false);
		return;
	}
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
				      .ref = c->ref,
				      .id = c->toolchain->id,
				      .driver = c->toolchain->driver,
				      .entries = {entries.data, entries.len}
        });
	peer_send(l->peer, &b);
	l->asked++;
}

void link_send(struct link *l, struct task *task)
{
	const struct plan *p = task->plan;
	const struct local_request *q = task->request;
	AUTO_BUF struct buf b = {0};
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

	link_tell_plan(l, p, &b);
	message_put_job(&b, &job);
	peer_send(l->peer, &b);
	link_watch(l);
}

void link_send_text(struct link *l, struct task *task, const struct preprocess_end *end)
{
	const struct cc_preprocessed *two = task->plan->two;
	const char *name = link_keep_text(l, task, two->suffix, end);
	AUTO_BUF struct buf b = {0};
	struct strv argv = {0};

	link_tell_text(l, name, &end->digest, end->size, &b);
	for (size_t i = 0; i < two->second.n; i++)
		strv_add(task->arena, &argv,
			 i == two->second_source ? name : two->second.v[i]);
	message_put_job(&b, &(struct message_job){
				.id = task->id,
				.toolchain = task->plan->compiler->ref,
				.flags = WIRE_JOB_PREPROCESSED,
				.cwd = "/",
				.argv = argv.v,
				.env = (char *[]){NULL},
				.source = (uint32_t)two->second_source,
				.object = (uint32_t)two->second_object,
			    });
	peer_send(l->peer, &b);
	link_watch(l);
}

bool link_cancel(struct link *l, struct task *task)
{
	AUTO_BUF struct buf b = {0};

	if (l->remote->plain && !link_drop_text(l, task))
		return false;
	message_put_cancel(&b, &(struct message_cancel){task->id});
	peer_send(l->peer, &b);
	return true;
}

/* -- answers --------------------------------------------------------------------------------- */

static int take_need(struct link *l, struct arena *a, const char *p, size_t n,
		     struct err *e)
{
	struct message_need m;

	if (message_get_need(&m, a, p, n) || m.digests.n % DIGEST_SIZE)
		return err_set(e, EPROTO, "a malformed NEED");
	for (size_t i = 0; i < m.digests.n; i += DIGEST_SIZE) {
		struct digest d;

		memcpy(d.b, m.digests.p + i, DIGEST_SIZE);
		link_upload(l, &d);
	}
	link_pump(l);
	return 0;
}

static int take_answer(struct link *l, struct arena *a, const char *p, size_t n,
		       struct err *e)
{
	struct message_toolchain_answer m;

	if (message_get_toolchain_answer(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed TOOLCHAIN_ANSWER");
	if (l->asked > 0)
		l->asked--;
	if (!m.yes) {
		told_copy(l->remote->why, sizeof l->remote->why, m.why);
		log_line(LOG_WARNING, "worker=%s does not get jobs of one compiler: %s",
			 l->remote->host.word, l->remote->why);
		const struct compiler *c =
		    compilers_by_ref(l->remote->agent->compilers, m.ref);

		if (c && l->remote->door)
			callers_unfit(l->remote->door, l->remote, l->remote->why,
				      c->toolchain->driver, c->toolchain->version);
	}
	remote_answer_ways(l->remote, m.ref, m.yes, m.yes && !l->remote->plain,
			   m.yes && !l->remote->plain);
	return 0;
}

static int take_started(struct link *l, struct arena *a, const char *p, size_t n,
			struct err *e)
{
	struct message_started m;

	if (message_get_started(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed STARTED");
	struct task *t = task_find(l->remote->agent, m.id);

	if (t && t->remote == l->remote)
		t->started = true;
	return 0;
}

static int take_output(struct link *l, struct arena *a, const char *p, size_t n,
		       struct err *e)
{
	struct message_output m;

	if (message_get_output(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed OUTPUT");
	struct task *t = task_find(l->remote->agent, m.id);

	return t && t->remote == l->remote ? task_output(t, &m, e)
					   : 0; /* else it was cancelled meanwhile */
}

static int take_result(struct link *l, struct arena *a, const char *p, size_t n,
		       struct err *e)
{
	struct message_result m;

	if (message_get_result(&m, a, p, n))
		return err_set(e, EPROTO, "a malformed RESULT");
	struct task *t = task_find(l->remote->agent, m.id);

	if (!t || t->remote != l->remote)
		return 0;
	l->remote->running--;
	l->remote->njobs++;
	if (l->remote->plain)
		link_drop_text(l, t);
	if (m.outcome == WIRE_FAILED) {
		l->remote->nfailures++;
		told_copy(l->remote->why, sizeof l->remote->why, m.why);
		log_line(LOG_WARNING, "worker=%s failed a job: %s", l->remote->host.word,
			 l->remote->why);
	}
	return task_result(t, &m, e);
}

static int on_message(void *ctx, struct peer *peer, unsigned type, const char *p, size_t n,
		      struct err *e)
{
	struct link *l = ctx;
	struct arena *a = arena_new();
	int result = 0;

	(void)peer;
	switch (type) {
	case MESSAGE_TOOLCHAIN_ANSWER: result = take_answer(l, a, p, n, e); break;
	case MESSAGE_NEED: result = take_need(l, a, p, n, e); break;
	case MESSAGE_OUTPUT: result = take_output(l, a, p, n, e); break;
	case MESSAGE_RESULT: result = take_result(l, a, p, n, e); break;
	case MESSAGE_STARTED: result = take_started(l, a, p, n, e); break;
	default:
		result = err_set(e, EPROTO, "an unexpected %s message (%u)",
				 message_name(type), type);
	}
	arena_free(a);
	return result;
}

#include "worker/job.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "cc/preprocessed.h"
#include "net/peer.h"
#include "sys/fs.h"
#include "wire/message.h"
#include "worker/client_state.h"
#include "worker/compilers.h"
#include "worker/evict.h"
#include "worker/view.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void job_fail(struct job *j, unsigned outcome, const char *why)
{
	j->outcome = outcome;
	snprintf(j->why, sizeof j->why, "%s", why);
	j->stage = JOB_SENDING;
	client_has_results(j->client);
}

static void on_done(void *ctx, const struct run_end *end)
{
	struct job *j = ctx;
	struct client *c = j->client;

	j->end = end;
	if (!end->ran)
		job_fail(j, WIRE_FAILED, end->why);
	else
		job_fail(j, WIRE_COMPILED, "");
	worker_slot_free(c->worker, &c->tenant);
}

enum {
	TEXT_MAX = 1 << 30
};

/* The text gets a second name in the job's folder. That is no way out of the view: a name of one part is looked up in
 * its top folder only, and a link there would be linked itself and not what it points to. */
static int take_text(struct job *j, const char *name, const char *to, struct err *e)
{
	AUTO_FREE char *from = xasprintf("%s%s", view_root(j->client->view), name);
	AUTO_BUF struct buf text = {0};
	struct stat st;

	if (strchr(name + 1, '/'))
		return err_set(e, EINVAL, "take the preprocessed text %s", name);
	if (linkat(AT_FDCWD, from, AT_FDCWD, to, 0) || lstat(to, &st) ||
	    !S_ISREG(st.st_mode))
		return err_set(e, errno, "take the preprocessed text %s", name);
	if (fs_read(to, TEXT_MAX, &text, e))
		return err_wrap(e, "take the preprocessed text %s", name);
	const char *why =
	    cc_preprocessed_text_unfit(CC_GCC, text.data ? text.data : "", text.len);

	return why ? err_set(e, 0, "%s", why) : 0;
}

/* In a folder of its own, on a text whose name there and whose object's name are ours. */
static void make_bare(struct job *j, struct run_spec *spec, struct err *e)
{
	struct worker *w = j->client->worker;
	const struct message_job *m = j->ask;
	struct strv argv = {0};

	j->dir = xasprintf("%s/jobs/%" PRIu64, w->state_dir, ++w->serial);
	const char *out = arena_printf(j->arena, "%s/out", j->dir);

	if (fs_mkdirs(out, 0700, e))
		return;
	const char *text =
	    arena_printf(j->arena, "%s/text%s", j->dir, path_suffix(m->argv[m->source]));

	if (take_text(j, m->argv[m->source], text, e))
		return;
	for (uint32_t i = 0; m->argv[i]; i++)
		strv_add(j->arena, &argv,
			 i == m->source   ? text
			 : i == m->object ? arena_printf(j->arena, "%s/object.o", out)
					  : m->argv[i]);
	spec->argv = argv.v;
	spec->bare = out;
	spec->umask = 077;
}

static void on_slot(struct slot_wait *wait)
{
	struct job *j = (struct job *)((char *)wait - offsetof(struct job, wait));
	struct worker *w = j->client->worker;
	struct err e = {0};
	const char *lower[] = {view_root(j->client->view), compiler_root(j->compiler)};
	struct run_spec spec = {
	    .cage = &j->client->cage,
	    .limits = &w->limits,
	    .who = j->client->from,
	    .lower = lower,
	    .nlower = 2,
	    .cwd = j->ask->cwd,
	    .program = compiler_driver(j->compiler),
	    .argv = j->ask->argv,
	    .env = j->ask->env,
	    .umask = j->ask->umask & 0777,
	    .terminal = j->ask->flags & WIRE_JOB_TERMINAL,
	    .columns = j->ask->columns,
	};

	if (j->ask->flags & WIRE_JOB_PREPROCESSED)
		make_bare(j, &spec, &e);
	if (!e.text[0])
		j->run = run_start(w->loop, &spec, on_done, j, &e);
	if (!j->run) {
		job_fail(j, WIRE_FAILED, e.text);
		worker_slot_free(w, &j->client->tenant);
		return;
	}
	j->stage = JOB_RUNNING;
	AUTO_BUF struct buf b = {0};

	message_put_started(&b, &(struct message_started){j->id});
	peer_send(j->client->peer, &b);
}

void job_ready(struct job *j)
{
	const char *unwelcome = evict_refuses(j->client);

	if (unwelcome) {
		job_fail(j, WIRE_FAILED, unwelcome);
		return;
	}
	j->stage = JOB_READY;
	j->wait.start = on_slot;
	j->wait.tenant = &j->client->tenant;
	worker_want_slot(j->client->worker, &j->wait);
}

void job_unready(struct job *j)
{
	j->stage = JOB_WAITING;
	worker_leave_line(j->client->worker, &j->wait);
}

void job_evict(struct job *j, const char *why)
{
	struct client *c = j->client;
	bool running = j->stage == JOB_RUNNING;

	if (!running)
		job_unready(j);
	run_free(j->run);
	j->run = NULL;
	job_fail(j, WIRE_FAILED, why);
	if (running)
		worker_slot_free(c->worker, &c->tenant);
}

void job_free(struct job *j)
{
	bool running = j->stage == JOB_RUNNING;
	struct worker *w = j->client->worker;
	struct tenant *tenant = &j->client->tenant;

	if (j->stage == JOB_READY)
		job_unready(j);
	run_free(j->run);
	if (j->dir)
		fs_remove_tree(j->dir, NULL);
	free(j->dir);
	compiler_release(j->compiler);
	if (j->fd >= 0)
		close(j->fd);
	arena_free(j->arena);
	free(j);
	if (running)
		worker_slot_free(w, tenant);
}

static unsigned outputs(const struct job *j)
{
	if (j->outcome != WIRE_COMPILED)
		return 0;
	return 2 + (unsigned)j->end->nfiles;
}

static int send_result(struct job *j, struct buf *b)
{
	struct message_result m = {
	    .id = j->id, .outcome = j->outcome, .why = j->why, .outputs = outputs(j)};

	if (j->outcome == WIRE_FAILED && j->end)
		m.maxrss_kb = j->end->starved_kb;
	if (j->outcome == WIRE_COMPILED) {
		m.status = (uint32_t)j->end->status;
		m.user_us = j->end->user_us;
		m.sys_us = j->end->sys_us;
		m.maxrss_kb = j->end->maxrss_kb;
	}
	message_put_result(b, &m);
	return 1;
}

static int open_next(struct job *j)
{
	struct err e = {0};

	j->fd = run_open(j->run, j->index, &j->size, &e);
	j->offset = 0;
	if (j->fd >= 0)
		return 0;
	j->outcome = WIRE_FAILED;
	snprintf(j->why, sizeof j->why, "%s", e.text);
	return -1;
}

int job_send_some(struct job *j, struct buf *b)
{
	char chunk[MESSAGE_CHUNK];

	if (j->index == outputs(j) || (j->fd < 0 && open_next(j)))
		return send_result(j, b);
	ssize_t n = pread(j->fd, chunk, sizeof chunk, (off_t)j->offset);

	if (n < 0 || (n == 0 && j->offset < j->size)) {
		j->outcome = WIRE_FAILED;
		snprintf(j->why, sizeof j->why, "cannot read what the compiler wrote");
		return send_result(j, b);
	}
	const struct run_file *file = j->index < 2 ? NULL : &j->end->files[j->index - 2];

	message_put_output(b, &(struct message_output){
				  .id = j->id,
				  .index = j->index,
				  .path = file && j->offset == 0 ? file->path : "",
				  .mode = file ? file->mode : 0,
				  .size = j->size,
				  .offset = j->offset,
				  .bytes = {chunk, (size_t)n},
        });
	j->offset += (uint64_t)n;
	if (j->offset >= j->size) {
		close(j->fd);
		j->fd = -1;
		j->index++;
	}
	return 0;
}

#include "worker/job.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/peer.h"
#include "wire/message.h"
#include "worker/client_state.h"
#include "worker/compilers.h"
#include "worker/view.h"
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	worker_slot_free(c->worker);
}

void job_start(struct job *j)
{
	struct worker *w = j->client->worker;
	struct err e = {0};
	const char *lower[] = {view_root(j->client->view), compiler_root(j->compiler)};
	struct run_spec spec = {
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

	j->run = run_start(w->loop, &spec, on_done, j, &e);
	if (!j->run) {
		job_fail(j, WIRE_FAILED, e.text);
		return;
	}
	j->stage = JOB_RUNNING;
	w->running++;
	AUTO_BUF struct buf b = {0};

	message_put_started(&b, &(struct message_started){j->id});
	peer_send(j->client->peer, &b);
}

void job_free(struct job *j)
{
	bool running = j->stage == JOB_RUNNING;
	struct worker *w = j->client->worker;

	if (j->stage == JOB_READY)
		worker_unready(w, j);
	run_free(j->run);
	compiler_release(j->compiler);
	if (j->fd >= 0)
		close(j->fd);
	arena_free(j->arena);
	free(j);
	if (running)
		worker_slot_free(w);
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

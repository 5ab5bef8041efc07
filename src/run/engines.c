/* The keeper's lines are read as they come, while the build's loop runs. It ends by itself when our end of the socket is closed,
 * however that comes; engines_end only waits for it, so that a build that has ended has given everything back. */
#include "run/engines.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "engine/url.h"
#include "run/keeper.h"
#include "sys/fs.h"
#include "sys/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WORKER_IDLE_S = 120,
	END_MS = 8000,
	LINES = 1 << 16
};

struct engines {
	struct loop *loop;
	struct engines_spec spec; /* its texts are not kept */
	struct engine_url url;
	char *worker;
	unsigned most;
	int pid, control; /* -1: it has ended */
	struct loop_watch *watch;
	struct buf in;
	nsec began, first_up, last_up; /* 0: not yet */
	unsigned workers, slots;       /* now */
	unsigned most_workers, most_slots;
	bool bad;
	char why[512];
	char waits[256];   /* why a worker has not come yet, or "" */
	unsigned required; /* stop the loop when so many are there */
};

char *engines_worker_file(struct err *e)
{
	static const char *const beside[] = {"muster-worker-static",
					     "../libexec/muster/muster-worker-static"};
	const char *named = getenv("MUSTER_STATIC_WORKER");
	AUTO_FREE char *dir = fs_program_dir();

	if (named && *named) {
		if (access(named, R_OK) == 0)
			return xstrdup(named);
		err_set(e, errno, "read the worker that MUSTER_STATIC_WORKER names, %s",
			named);
		return NULL;
	}
	for (size_t i = 0; dir && i < sizeof beside / sizeof *beside; i++) {
		char *path = xasprintf("%s/%s", dir, beside[i]);

		if (access(path, R_OK) == 0)
			return path;
		free(path);
	}
	err_set(e, 0,
		"there is no muster-worker-static beside muster: without it nothing can be "
		"brought to other machines (MUSTER_STATIC_WORKER names it elsewhere)");
	return NULL;
}

/* -- what the keeper says -------------------------------------------------------------------- */

static void take_up(struct engines *n, const char *text)
{
	unsigned workers, slots;

	if (sscanf(text, "%u %u", &workers, &slots) != 2)
		return;
	if (workers && !n->first_up)
		n->first_up = loop_now();
	if (workers > n->most_workers) {
		n->most_workers = workers;
		n->last_up = loop_now();
	}
	if (slots > n->most_slots)
		n->most_slots = slots;
	n->workers = workers;
	n->slots = slots;
}

static void take_line(struct engines *n, const char *line)
{
	if (strncmp(line, "up ", 3) == 0)
		take_up(n, line + 3);
	if (strncmp(line, "wait ", 5) == 0)
		snprintf(n->waits, sizeof n->waits, "%s", line + 5);
	if (strncmp(line, "bad ", 4) == 0) {
		n->bad = true;
		snprintf(n->why, sizeof n->why, "%s", line + 4);
	}
	if (strncmp(line, "say ", 4) == 0 ||
	    (strncmp(line, "bad ", 4) == 0 && !n->required))
		n->spec.say(n->spec.ctx, line + 4);
	if (n->required && (n->bad || n->workers >= n->required))
		loop_stop(n->loop, 0);
}

static void on_line(void *ctx, unsigned got)
{
	struct engines *n = ctx;
	ssize_t k = recv(n->control, buf_room(&n->in, 4096), 4096, MSG_DONTWAIT);
	char *end;

	(void)got;
	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (k <= 0 || n->in.len > LINES) {
		loop_unwatch(n->watch);
		n->watch = NULL;
		if (!n->bad)
			take_line(n, "bad the process that keeps the workers has ended");
		return;
	}
	n->in.len += (size_t)k;
	while ((end = memchr(n->in.data, '\n', n->in.len))) {
		*end = 0;
		take_line(n, n->in.data);
		buf_drop(&n->in, (size_t)(end - n->in.data) + 1);
	}
}

/* -- its life -------------------------------------------------------------------------------- */

/* What the URL says, else the user's number of jobs. */
static unsigned most_slots(const struct engines *n, int jobs)
{
	unsigned most = jobs > 0 ? (unsigned)jobs : ENGINES_SLOTS;

	if (strcmp(n->url.scheme, "local") == 0 && *n->url.place)
		most = (unsigned)strtoul(n->url.place, NULL, 10);
	engine_url_number(&n->url, "n", 1, UINT_MAX, &most, NULL);
	return most;
}

static int start(struct engines *n, const struct engines_spec *spec, struct err *e)
{
	if (engine_url_parse(&n->url, spec->url, e) || engine_check(&n->url, e))
		return -1;
	if (!spec->state)
		return err_set(e, 0, "no agent runs, at which workers could call");
	n->worker = engines_worker_file(e);
	if (!n->worker)
		return -1;
	n->most = most_slots(n, spec->jobs);
	struct keeper_spec keeper = {.url = &n->url,
				     .state = spec->state,
				     .name = spec->run,
				     .worker = n->worker,
				     .ssh = getenv("DISTCC_SSH"),
				     .call = getenv("MUSTER_CALL"),
				     .most = n->most,
				     .idle_s = WORKER_IDLE_S};

	n->pid = keeper_fork(&keeper, &n->control);
	if (n->pid < 0)
		return err_set(e, errno, "start the process that keeps the workers");
	n->watch = loop_watch(n->loop, n->control, LOOP_READ, on_line, n);
	return 0;
}

struct engines *engines_start(struct loop *l, const struct engines_spec *spec,
			      struct err *e)
{
	struct engines *n = xcalloc(1, sizeof *n);

	n->loop = l;
	n->spec = *spec;
	n->began = loop_now();
	n->control = -1;
	if (start(n, spec, e)) {
		engines_end(n);
		err_wrap(e, "--workers %s", spec->url);
		return NULL;
	}
	return n;
}

unsigned engines_most(const struct engines *n)
{
	return n ? n->most : 0;
}

static void on_late(void *ctx)
{
	loop_stop(ctx, 0);
}

int engines_require(struct engines *n, unsigned workers, unsigned seconds, struct err *e)
{
	struct loop_timer *late = loop_timer_new(n->loop, on_late, n->loop);

	n->required = workers;
	loop_timer_set(late, LOOP_MS(1000) * seconds);
	if (!n->bad && n->workers < workers)
		loop_run(n->loop);
	loop_timer_free(late);
	n->required = 0;
	if (n->workers >= workers)
		return 0;
	if (n->bad)
		return err_set(e, 0, "%u of %u workers are there: %s", n->workers, workers,
			       n->why);
	return err_set(e, 0, "%u of %u workers are there after %u s", n->workers, workers,
		       seconds);
}

static void await_end(int pid)
{
	for (int waited = 0; waited < END_MS; waited += 20) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		poll(NULL, 0, 20);
	}
}

void engines_end(struct engines *n)
{
	if (!n)
		return;
	loop_unwatch(n->watch);
	if (n->control >= 0)
		close(n->control);
	if (n->pid > 0)
		await_end(n->pid);
	buf_free(&n->in);
	free(n->worker);
	engine_url_free(&n->url);
	free(n);
}

void engines_story(const struct engines *n, struct buf *out)
{
	const char *scheme = n->url.scheme, *place = n->url.place;

	if (!n->most_workers) {
		if (!n->bad) /* else it has been said */
			buf_printf(out, "%s://%s: no worker came in time%s%s", scheme,
				   place, *n->waits ? ": " : "", n->waits);
		return;
	}
	buf_printf(out, "%s://%s: %u worker%s with %u slots, the first after %.1f s",
		   scheme, place, n->most_workers, n->most_workers == 1 ? "" : "s",
		   n->most_slots, (double)(n->first_up - n->began) / 1e9);
	if (n->most_workers > 1)
		buf_printf(out, ", all after %.1f s",
			   (double)(n->last_up - n->began) / 1e9);
}

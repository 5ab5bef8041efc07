/* Happy path: door_open ─► open(address, key) ─► engine_open ─► events of engine, door and agent go into the pool, what it answers
 * goes to the engine ─► the control socket ends ─► engine_close.
 *
 * Fails: the engine says no (a sentence; the build goes on without it), the agent goes away (all is given back), the engine's own
 * machinery is away (workers stay, nothing is asked). What is said for people is said once. */
#include "run/keeper.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/pool.h"
#include "engine/callpoint.h"
#include "engine/engine.h"
#include "engine/url.h"
#include "run/agentwatch.h"
#include "run/door.h"
#include "run/keeperlog.h"
#include "sys/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	DIAL_S = 60,
	IDLE_S = 25,
	CONTROL_FD = 3,
	QUIET_S = 3, /* so long nothing is said of waiting */
	SAID = 4096
};

struct keeper {
	const struct keeper_spec *spec;
	struct loop *loop;
	struct door *door;
	struct engine *engine;
	struct agentwatch *watch;
	struct pool pool;
	struct loop_timer *wake, *soon, *quiet;
	struct loop_watch *heard; /* of the control socket */
	struct callpoint point;
	char *listens, *address, *key; /* what workers call, and show there */
	struct buf said; /* lines for people that were said, each with its end */
	char waits[256]; /* why a worker waits, for when nobody is up in time */
	bool compiled;   /* a compile of the build was seen */
	bool ready;      /* engine_open has returned */
	unsigned up_workers, up_slots; /* told last */
};

/* -- words ----------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3)))
control(struct keeper *k, const char *fmt, ...)
{
	AUTO_BUF struct buf b = {0};
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	buf_printf(&b, "%s\n", text);
	/* Whoever does not listen any more has ended, which is heard elsewhere. */
	(void)!send(k->spec->control, b.data, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* KIND: "say" or "bad". Once for each text. */
static void say(struct keeper *k, const char *kind, const char *text)
{
	AUTO_FREE char *line = xasprintf("%s %s\n", kind, text);

	if (k->said.len && memmem(k->said.data, k->said.len, line, strlen(line)))
		return;
	if (k->said.len > SAID)
		return;
	buf_str(&k->said, line);
	log_line(LOG_NOTICE, "%s", text);
	control(k, "%s %s://%s: %s", kind, k->spec->url->scheme, k->spec->url->place, text);
}

static void tell_up(struct keeper *k)
{
	unsigned workers = pool_count(&k->pool, POOL_UP);
	unsigned slots = pool_slots(&k->pool, POOL_UP);

	if (workers == k->up_workers && slots == k->up_slots)
		return;
	k->up_workers = workers;
	k->up_slots = slots;
	control(k, "up %u %u", workers, slots);
}

/* -- the pool -------------------------------------------------------------------------------- */

static void follow(struct keeper *k)
{
	struct pool_effect f;
	nsec wake;

	while (pool_step(&k->pool, loop_now(), &f, &wake)) {
		if (f.type == POOL_WANT)
			engine_want(k->engine, f.slots);
		else if (f.type == POOL_RETIRE)
			engine_retire(k->engine, f.handle);
		else
			say(k, "bad", k->pool.why);
	}
	loop_timer_off(k->wake);
	if (wake != INT64_MAX)
		loop_timer_set(k->wake, wake > loop_now() ? wake - loop_now() : 0);
	tell_up(k);
}

static void on_wake(void *ctx)
{
	follow(ctx);
}

/* Events come from within the engine, so what follows from them waits for the loop. */
static void follow_soon(struct keeper *k)
{
	if (k->ready)
		loop_timer_set(k->soon, 0);
}

static void take_denial(struct keeper *k, const struct engine_event *v)
{
	pool_denied(&k->pool, loop_now(), v->retry, v->why);
	if (v->retry)
		say(k, "say", v->why);
}

/* Why workers are not there yet; said when it lasts, or when none came at all. */
static void take_reason(struct keeper *k, const char *why)
{
	if (!*why)
		return;
	snprintf(k->waits, sizeof k->waits, "%s", why);
	control(k, "wait %s", why);
}

static void on_event(void *ctx, const struct engine_event *v)
{
	struct keeper *k = ctx;
	nsec now = loop_now();

	log_line(LOG_INFO, "event=%d worker=%s slots=%u why=%s", v->type, v->handle,
		 v->slots, v->why);
	switch (v->type) {
	case ENGINE_PENDING:
		if (*v->handle)
			pool_pending(&k->pool, now, v->handle, v->slots);
		take_reason(k, v->why);
		break;
	case ENGINE_STARTED: pool_started(&k->pool, now, v->handle, v->slots); break;
	case ENGINE_ENDING: break; /* its connection will tell */
	case ENGINE_LOST:
		pool_gone(&k->pool, now, v->handle, v->why);
		if (*v->why)
			log_line(LOG_NOTICE, "%s: %s", v->handle, v->why);
		if (!pool_count(&k->pool, POOL_UP))
			take_reason(k, v->why);
		break;
	case ENGINE_DENIED: take_denial(k, v); break;
	case ENGINE_DOWN: say(k, "say", v->why); break;
	case ENGINE_UP: break;
	}
	follow_soon(k);
}

/* -- the door, and the build ----------------------------------------------------------------- */

static void end(struct keeper *k)
{
	loop_stop(k->loop, 0);
}

static void on_open(void *ctx, const char *address, const char *key)
{
	struct keeper *k = ctx;
	struct err e = {0};

	char call[CALLPOINT_MAX];

	callpoint_told(&k->point, address, call);
	k->listens = xstrdup(address);
	k->address = xstrdup(call);
	k->key = xstrdup(key);
	log_line(LOG_INFO, "listens=%s workers-call=%s", address, call);
	control(k, "at %s", call);
	struct engine_spec spec = {.build = k->spec->name,
				   .call = k->address,
				   .listen = k->listens,
				   .key = k->key,
				   .worker = k->spec->worker,
				   .ssh = k->spec->ssh,
				   .idle_s = k->spec->idle_s,
				   .keep = k->spec->lasting};

	k->engine = engine_open(k->loop, k->spec->url, &spec, on_event, k, &e);
	if (!k->engine) {
		say(k, "bad", e.text);
		end(k);
		return;
	}
	k->ready = true;
	/* What the build needs is not known yet, so it gets what it may have. */
	pool_demand(&k->pool, loop_now(), k->spec->most);
	follow(k);
}

static void on_worker(void *ctx, const char *name, unsigned slots, unsigned running)
{
	struct keeper *k = ctx;

	pool_up(&k->pool, loop_now(), name, slots, running);
	follow_soon(k);
}

static void on_gone(void *ctx, const char *name)
{
	struct keeper *k = ctx;

	/* Its engine may take long to find out, or think that it is well. */
	engine_retire(k->engine, name);
	pool_gone(&k->pool, loop_now(), name, "");
	follow_soon(k);
}

static void on_unfit(void *ctx, const char *why, const char *driver, const char *version)
{
	struct keeper *k = ctx;
	AUTO_FREE char *text = xasprintf(
	    "a worker cannot compile for %s, which is '%s' here: %s; such compiles need the "
	    "same compiler there: %s",
	    driver, version, why, engine_remedy(k->spec->url));

	say(k, "say", text);
}

static void on_lost(void *ctx, const char *why)
{
	struct keeper *k = ctx;

	say(k, "bad", why);
	end(k);
}

static void on_job(void *ctx, const struct progress_job *job)
{
	(void)ctx;
	(void)job;
}

static void on_now(void *ctx, const struct agentwatch_now *n)
{
	struct keeper *k = ctx;
	unsigned jobs = n->now.remote + n->now.moving + n->now.waiting + n->now.local;

	k->compiled |= jobs > 0;
	if (!k->ready || !k->compiled)
		return;
	pool_demand(&k->pool, loop_now(), jobs);
	follow_soon(k);
}

static void on_watch_lost(void *ctx)
{
	(void)ctx; /* the door hears it too */
}

/* Why not all have come yet, once there is a reason. */
static void on_quiet(void *ctx)
{
	struct keeper *k = ctx;
	unsigned up = pool_slots(&k->pool, POOL_UP);

	if (*k->waits && up == 0) {
		say(k, "say", k->waits);
	} else if (*k->waits && pool_count(&k->pool, POOL_PENDING)) {
		AUTO_FREE char *text =
		    xasprintf("%u of %u slots, for now: %s", up, k->spec->most, k->waits);

		say(k, "say", text);
	} else if (up < k->spec->most) {
		loop_timer_set(k->quiet, LOOP_MS(1000) * QUIET_S);
	}
}

/* -- the process ----------------------------------------------------------------------------- */

static void on_control(void *ctx, unsigned got)
{
	struct keeper *k = ctx;
	char bytes[256];
	ssize_t n = recv(k->spec->control, bytes, sizeof bytes, MSG_DONTWAIT);

	(void)got;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	loop_unwatch(k->heard);
	k->heard = NULL;
	if (!k->spec->lasting)
		end(k);
}

static void on_signal(void *ctx, unsigned got)
{
	(void)got;
	end(ctx);
}

static int open_all(struct keeper *k, struct err *e)
{
	static const struct door_handler door = {.open = on_open,
						 .worker = on_worker,
						 .gone = on_gone,
						 .unfit = on_unfit,
						 .lost = on_lost};
	static const struct agentwatch_handler watch = {
	    .job = on_job, .now = on_now, .lost = on_watch_lost};

	if (engine_check(k->spec->url, e) ||
	    callpoint_find(k->spec->url, k->spec->call, &k->point, e))
		return -1;
	k->door =
	    door_open(k->loop, k->spec->state, k->spec->name, k->point.listen, &door, k, e);
	if (!k->door)
		return -1;
	if (!k->spec->lasting)
		k->watch = agentwatch_open(k->loop, k->spec->state, k->spec->name, &watch,
					   k, NULL);
	return 0;
}

static int open_lock(const char *state)
{
	AUTO_FREE char *path = xasprintf("%s/pool.lock", state);

	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* Held until we end. */
static int take_lock(const char *state, struct err *e)
{
	int fd = open_lock(state);

	if (fd < 0)
		return err_set(e, errno, "open pool.lock in %s", state);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return err_set(e, 0, "there are workers already; 'muster down' ends them");
	}
	if (ftruncate(fd, 0) || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return err_set(e, errno, "write pool.lock in %s", state);
	return 0;
}

int keeper_lasting(const char *state)
{
	AUTO_FD int fd = open_lock(state);
	char text[32] = "";

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return read(fd, text, sizeof text - 1) > 0 ? atoi(text) : 0;
}

int keeper_end(const char *state, unsigned seconds, struct err *e)
{
	int pid = keeper_lasting(state);

	if (pid <= 1 || kill(pid, SIGTERM))
		return err_set(e, 0, "no workers are kept by 'muster up'");
	for (unsigned i = 0; i < seconds * 20; i++) {
		if (!keeper_lasting(state))
			return 0;
		poll(NULL, 0, 50);
	}
	return err_set(e, 0, "the workers are still there after %u s (workers.log in %s)",
		       seconds, state);
}

int keeper_run(const struct keeper_spec *spec)
{
	struct keeper k = {.spec = spec, .loop = loop_new()};
	struct err e = {0};
	int status = 1;

	k.wake = loop_timer_new(k.loop, on_wake, &k);
	k.soon = loop_timer_new(k.loop, on_wake, &k);
	k.quiet = loop_timer_new(k.loop, on_quiet, &k);
	pool_init(&k.pool,
		  &(struct pool_config){.most = spec->most,
					.per_worker = engine_worker_slots(spec->url),
					.dial = LOOP_MS(1000) * DIAL_S,
					.idle = LOOP_MS(1000) * IDLE_S,
					.lasting = spec->lasting});
	struct loop_watch *signals[] = {loop_signal(k.loop, SIGTERM, on_signal, &k),
					loop_signal(k.loop, SIGINT, on_signal, &k)};

	k.heard = loop_watch(k.loop, spec->control, LOOP_READ, on_control, &k);

	loop_timer_set(k.quiet, LOOP_MS(1000) * QUIET_S);
	if (spec->lasting && take_lock(spec->state, &e))
		say(&k, "bad", e.text);
	else if (open_all(&k, &e))
		say(&k, "bad", e.text);
	else
		status = loop_run(k.loop);
	loop_unwatch(k.heard);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		loop_unwatch(signals[i]);
	engine_close(k.engine);
	door_close(k.door);
	agentwatch_close(k.watch);
	pool_free(&k.pool);
	loop_timer_free(k.wake);
	loop_timer_free(k.soon);
	loop_timer_free(k.quiet);
	free(k.listens);
	free(k.address);
	free(k.key);
	buf_free(&k.said);
	loop_free(k.loop);
	return status;
}

/* In the new process: nothing of who started it is held on to, so that nobody waits for its end but who means it. */
static _Noreturn void become(const struct keeper_spec *given, int control_fd)
{
	struct keeper_spec spec = *given;
	AUTO_FREE char *path = xasprintf("%s/workers.log", given->state);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	keeperlog_open(path, "muster-workers");
	if (control_fd != CONTROL_FD)
		dup2(control_fd, CONTROL_FD);
	closefrom(CONTROL_FD + 1);
	fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
	(void)!chdir("/");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	spec.control = CONTROL_FD;
	_exit(keeper_run(&spec));
}

int keeper_fork(const struct keeper_spec *spec, int *control_fd)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -1;
	int pid = fork();

	if (pid == 0)
		become(spec, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -1;
	}
	*control_fd = ends[0];
	return pid;
}

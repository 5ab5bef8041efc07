/* slurm://[PARTITION]: through sbatch, squeue and scancel, which are the same on every site and go through its plug-ins, accounts and
 * wrappers. One array job for each time that more is wanted; one task of it is one worker: each starts when it fits, fails alone,
 * and is cancelled alone.
 *
 * Invariant: a task is in the list from sbatch's answer until squeue does not show it any more, or as ended. All jobs have one name, unique to the
 * build, by which squeue finds them and the end cancels them, also one that sbatch was about to submit.
 *
 * squeue is asked often while something has just been asked for, then every two seconds while something waits, else rarely: that a
 * worker is up or gone is known from its own connection. Each command is under a time limit, since it blocks for seconds when the
 * controller is away. */
#include "engine/slurm.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/face.h"
#include "engine/kind.h"
#include "engine/launch.h"
#include "engine/tool.h"
#include "sys/hash.h"
#include "sys/spawn.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TOOL_MS = 15000, /* the commands' own limit is 10 s */
	FACE_MS = 12000,
	POLL_FRESH_MS = 250,
	FRESH_MS = 5000, /* for so long after sbatch */
	POLL_WAITING_MS = 2000,
	POLL_MS = 10000,
	RETRY_LATER_S = 30,
	RETRY_AWAY_S = 15,
	ARRAY_MAX = 1000,     /* MaxArraySize is 1001 unless configured */
	SCRIPT_MAX = 4000000, /* max_script_size is 4 MiB unless configured */
	MINUTES = 240,
	FACE_OUTPUT = 4 << 20,
	CLOSE_TRIES = 3
};

struct slurm_task {
	unsigned long job;
	unsigned task;
	enum slurm_state state; /* never SLURM_GONE */
	bool cancelled;
	bool seen;      /* by the squeue under way */
	unsigned since; /* number of squeues before it was submitted */
	char ended[64]; /* Slurm's reason for its end, or "" */
};

struct slurm {
	struct engine *x;
	char name[96]; /* of all jobs */
	struct buf script;
	struct slurm_task *v;
	size_t n, cap;
	unsigned wanted;
	struct tool *submit, *poll, *cancel;
	unsigned submitting; /* tasks */
	unsigned polls;      /* squeues begun */
	struct loop_timer *next_poll;
	nsec submitted; /* when sbatch last answered */
	nsec quiet;     /* nothing is submitted before */
	bool away;
	char reason[64];    /* told last */
	struct buf cancels; /* " ID_TASK" of those for the next scancel */
};

static const char *const options[] = {"account",     "qos",  "constraint", "time",
				      "mem-per-cpu", "ship", NULL};

static void handle_of(const struct slurm_task *t, char out[ENGINE_HANDLE])
{
	snprintf(out, ENGINE_HANDLE, "slurm-%lu_%u", t->job, t->task);
}

static void tell_task(struct slurm *s, const struct slurm_task *t,
		      enum engine_event_type type, const char *why)
{
	char handle[ENGINE_HANDLE];

	handle_of(t, handle);
	engine_tell(s->x, &(struct engine_event){.type = type,
						 .handle = handle,
						 .slots = s->x->worker_slots,
						 .why = why});
}

static void tell(struct slurm *s, enum engine_event_type type, const char *why, nsec retry)
{
	engine_tell(s->x, &(struct engine_event){
			      .type = type, .handle = "", .why = why, .retry = retry});
}

/* The controller's state as it was found out by a command. */
static void set_away(struct slurm *s, bool away, const char *why)
{
	if (away != s->away)
		tell(s, away ? ENGINE_DOWN : ENGINE_UP, why, 0);
	s->away = away;
}

/* -- ending ---------------------------------------------------------------------------------- */

static void cancel_next(struct slurm *s);

/* Of a task that has ended meanwhile it says so, which is fine; and when the controller is away its workers end by themselves. */
static void on_cancelled(void *ctx, int status, const struct buf *out, const char *said)
{
	struct slurm *s = ctx;

	(void)status;
	(void)out;
	(void)said;
	tool_free(s->cancel);
	s->cancel = NULL;
	cancel_next(s);
}

static void cancel_next(struct slurm *s)
{
	if (s->cancel || !s->cancels.len)
		return;
	struct arena *a = arena_new();
	struct strv argv = {0};
	char *rest = arena_strndup(a, s->cancels.data, s->cancels.len), *word;
	struct err e = {0};

	s->cancels.len = 0;
	strv_add(a, &argv, "scancel");
	strv_add(a, &argv, "-Q");
	while ((word = strsep(&rest, " ")))
		if (*word)
			strv_add(a, &argv, word);
	s->cancel = tool_start(
	    s->x->loop,
	    &(struct tool_spec){
		.argv = argv.v, .timeout_ms = TOOL_MS, .done = on_cancelled, .ctx = s},
	    &e);
	arena_free(a);
}

static void cancel(struct slurm *s, struct slurm_task *t)
{
	if (t->cancelled)
		return;
	t->cancelled = true;
	buf_printf(&s->cancels, " %lu_%u", t->job, t->task);
}

/* -- asking ---------------------------------------------------------------------------------- */

static void follow(struct slurm *s);

static void poll_later(struct slurm *s)
{
	bool waiting = false;

	for (size_t i = 0; i < s->n; i++)
		waiting |= s->v[i].state == SLURM_PENDING || s->v[i].cancelled;
	if (s->n == 0)
		return;
	loop_timer_set(s->next_poll, LOOP_MS(!waiting ? POLL_MS
					     : loop_now() - s->submitted < LOOP_MS(FRESH_MS)
						 ? POLL_FRESH_MS
						 : POLL_WAITING_MS));
}

static void take_line(struct slurm *s, char *text)
{
	struct slurm_line l;

	if (!slurm_read_line(text, &l))
		return;
	for (size_t i = 0; i < s->n; i++) {
		struct slurm_task *t = &s->v[i];

		if (t->job != l.job || t->task != l.task)
			continue;
		t->seen = l.state != SLURM_GONE;
		if (!t->seen)
			snprintf(t->ended, sizeof t->ended, "%s", l.reason);
		if (l.state == SLURM_RUNNING && t->state == SLURM_PENDING) {
			t->state = SLURM_RUNNING;
			tell_task(s, t, ENGINE_STARTED, "");
		}
		if (l.state == SLURM_PENDING && strcmp(s->reason, l.reason) != 0 &&
		    *slurm_reason(l.reason)) {
			char why[160];

			snprintf(s->reason, sizeof s->reason, "%s", l.reason);
			snprintf(why, sizeof why, "%s (%.60s)", slurm_reason(l.reason),
				 l.reason);
			tell_task(s, t, ENGINE_PENDING, why);
		}
		return;
	}
}

/* It is for who called engine_want to ask for another one. */
static void forget(struct slurm *s, const struct slurm_task *t)
{
	unsigned per = s->x->worker_slots;

	if (!t->cancelled)
		s->wanted -= s->wanted < per ? s->wanted : per;
}

static void why_ended(const struct slurm_task *t, char *why, size_t size)
{
	if (!*t->ended || strcmp(t->ended, "None") == 0)
		snprintf(why, size, "Slurm has ended it");
	else
		snprintf(why, size, "Slurm has ended it: %s (%.60s)",
			 slurm_end_reason(t->ended), t->ended);
}

/* What the squeue did not show, though it was there before it began. */
static void drop_gone(struct slurm *s)
{
	char why[160];

	for (size_t i = 0; i < s->n;) {
		struct slurm_task t = s->v[i];

		if (t.seen || t.since >= s->polls) {
			s->v[i++].seen = false;
			continue;
		}
		s->v[i] = s->v[--s->n];
		forget(s, &t);
		why_ended(&t, why, sizeof why);
		tell_task(s, &t, ENGINE_LOST, why);
	}
}

static void on_polled(void *ctx, int status, const struct buf *out, const char *said)
{
	struct slurm *s = ctx;

	set_away(s, status != 0, slurm_complaint(said));
	if (status == 0) {
		for (char *rest = out->data, *line; (line = strsep(&rest, "\n"));)
			take_line(s, line);
		drop_gone(s);
	}
	tool_free(s->poll);
	s->poll = NULL;
	follow(s);
	poll_later(s);
}

static void on_poll_time(void *ctx)
{
	struct slurm *s = ctx;
	char filter[128];
	struct err e = {0};

	if (s->poll)
		return;
	snprintf(filter, sizeof filter, "--name=%s", s->name);
	const char *argv[] = {"squeue", "-h", "-r",       "-t", "all",
			      filter,   "-o", "%i|%T|%r", NULL};

	s->polls++;
	s->poll = tool_start(s->x->loop,
			     &(struct tool_spec){.argv = (char *const *)(uintptr_t)argv,
						 .timeout_ms = TOOL_MS,
						 .done = on_polled,
						 .ctx = s},
			     &e);
}

/* -- submitting ------------------------------------------------------------------------------ */

static unsigned slots_of(const struct slurm *s)
{
	unsigned tasks = s->submitting;

	for (size_t i = 0; i < s->n; i++)
		tasks += !s->v[i].cancelled;
	return tasks * s->x->worker_slots;
}

static void add_tasks(struct slurm *s, unsigned long job, unsigned n)
{
	if (s->n + n > s->cap) {
		s->cap = s->cap * 2 + n;
		s->v = xreallocarray(s->v, s->cap, sizeof *s->v);
	}
	for (unsigned i = 1; i <= n; i++) {
		struct slurm_task *t = &s->v[s->n++];

		*t = (struct slurm_task){
		    .job = job, .task = i, .state = SLURM_PENDING, .since = s->polls};
		tell_task(s, t, ENGINE_PENDING, "");
	}
}

static void take_denial(struct slurm *s, const char *said)
{
	enum slurm_denial d = slurm_denial(said);
	const char *why = *said ? slurm_complaint(said) : "sbatch failed without a word";
	nsec retry = d == SLURM_NEVER
			 ? 0
			 : LOOP_MS(1000) * (d == SLURM_AWAY ? RETRY_AWAY_S : RETRY_LATER_S);

	s->quiet = retry ? loop_now() + retry : INT64_MAX;
	if (d == SLURM_AWAY)
		set_away(s, true, why);
	tell(s, ENGINE_DENIED, why, retry);
}

static void on_submitted(void *ctx, int status, const struct buf *out, const char *said)
{
	struct slurm *s = ctx;
	unsigned long job = status ? 0 : slurm_read_job(out->data);
	unsigned n = s->submitting;

	s->submitting = 0;
	s->submitted = loop_now();
	if (job) {
		set_away(s, false, "");
		add_tasks(s, job, n);
	} else {
		take_denial(s, said);
	}
	tool_free(s->submit);
	s->submit = NULL;
	follow(s);
	poll_later(s);
}

static void add_option(struct slurm *s, struct arena *a, struct strv *argv,
		       const char *name)
{
	const char *value = engine_url_get(s->x->url, name);

	if (value && *value)
		strv_add(a, argv, arena_printf(a, "--%s=%s", name, value));
}

static void submit(struct slurm *s, unsigned tasks)
{
	struct arena *a = arena_new();
	struct strv argv = {0};
	struct err e = {0};
	const char *time = engine_url_get(s->x->url, "time");

	strv_add(a, &argv, "sbatch");
	strv_add(a, &argv, "--parsable");
	strv_add(a, &argv, "--no-requeue"); /* a worker of old must not come back */
	strv_add(a, &argv, "--ntasks=1");
	strv_add(a, &argv, "--output=/dev/null");
	strv_add(a, &argv, "--export=PATH,HOME,USER,LOGNAME,TMPDIR");
	strv_add(a, &argv, "--chdir=/");
	strv_add(a, &argv, "--signal=B:TERM@60");
	strv_add(a, &argv, arena_printf(a, "--job-name=%s", s->name));
	strv_add(a, &argv, arena_printf(a, "--comment=%s", s->name));
	strv_add(a, &argv, arena_printf(a, "--array=1-%u", tasks));
	strv_add(a, &argv, arena_printf(a, "--cpus-per-task=%u", s->x->worker_slots));
	strv_add(a, &argv,
		 time ? arena_printf(a, "--time=%s", time)
		      : arena_printf(a, "--time=%d", MINUTES));
	if (*s->x->url->place)
		strv_add(a, &argv, arena_printf(a, "--partition=%s", s->x->url->place));
	add_option(s, a, &argv, "account");
	add_option(s, a, &argv, "qos");
	add_option(s, a, &argv, "constraint");
	add_option(s, a, &argv, "mem-per-cpu");
	s->submitting = tasks;
	s->submit = tool_start(
	    s->x->loop,
	    &(struct tool_spec){
		.argv = argv.v, .timeout_ms = TOOL_MS, .done = on_submitted, .ctx = s},
	    &e);
	arena_free(a);
	if (s->submit) {
		tool_feed(s->submit, &s->script, NULL);
		tool_hang_up(s->submit);
		return;
	}
	s->submitting = 0;
	tell(s, ENGINE_DENIED, e.text, 0);
}

static void follow(struct slurm *s)
{
	unsigned per = s->x->worker_slots;

	for (size_t i = s->n; i-- > 0 && slots_of(s) >= s->wanted + per;)
		if (s->v[i].state == SLURM_PENDING)
			cancel(s, &s->v[i]);
	cancel_next(s);
	if (s->submit || slots_of(s) >= s->wanted || loop_now() < s->quiet)
		return;
	unsigned tasks = (s->wanted - slots_of(s) + per - 1) / per;

	submit(s, tasks < ARRAY_MAX ? tasks : ARRAY_MAX);
}

/* -- the script ------------------------------------------------------------------------------ */

/* "shared": the worker's file is at the same path there; "embed": it is in the script; else the first where it is the same, or the
 * second. */
static int make_fetch(const struct engine *x, struct buf *out, struct err *e)
{
	const char *ship = engine_url_get(x->url, "ship"), *path = x->spec.worker;
	AUTO_BUF struct buf packed = {0};
	struct digest digest;
	char hex[DIGEST_HEX];
	bool shared = !ship || strcmp(ship, "shared") == 0;
	bool embed = !ship || strcmp(ship, "embed") == 0;

	if (hash_file(path, &digest, NULL, e) ||
	    (embed && launch_pack(&x->spec, &packed, e)))
		return -1;
	if (embed && packed.len > SCRIPT_MAX) {
		if (!shared)
			return err_set(
			    e, 0,
			    "ship=embed: the worker is too large for Slurm's "
			    "limit of a script; ship=shared needs it on a shared disk");
		embed = false;
	}
	buf_str(out, "worker=\"$d/muster-worker\"\n");
	if (shared)
		buf_printf(out,
			   "if [ \"$(sha256sum <\"%s\" 2>/dev/null)\" = \"%s  -\" ]; then "
			   "ln -s \"%s\" \"$worker\"; fi\n",
			   path, digest_hex(&digest, hex), path);
	if (embed) {
		buf_str(out, "[ -e \"$worker\" ] || base64 -d <<\\MUSTER_END | gzip -dc "
			     ">\"$worker\" && chmod 700 \"$worker\" || exit 1\n");
		buf_add(out, packed.data, packed.len);
		buf_str(out, "MUSTER_END\n");
	}
	buf_u8(out, 0);
	return 0;
}

static int make_script(struct slurm *s, struct err *e)
{
	AUTO_BUF struct buf fetch = {0};

	if (make_fetch(s->x, &fetch, e))
		return -1;
	buf_str(&s->script, "#!/bin/sh\n");
	launch_script(
	    &s->script,
	    &(struct launch){.spec = &s->x->spec,
			     .call = s->x->spec.call,
			     .name = "slurm-${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}",
			     .slots = "${SLURM_CPUS_PER_TASK}",
			     .fetch = fetch.data});
	return 0;
}

/* -- the engine ------------------------------------------------------------------------------ */

static int slurm_check(const struct engine_url *u, struct err *e)
{
	static const char *const commands[] = {"sbatch", "squeue", "scancel", "sinfo"};
	const char *ship = engine_url_get(u, "ship");

	if (ship && strcmp(ship, "shared") != 0 && strcmp(ship, "embed") != 0)
		return err_set(e, 0, "ship=%.40s: it is 'shared' or 'embed'", ship);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		AUTO_FREE char *found = spawn_find(commands[i]);

		if (!found)
			return err_set(e, 0,
				       "%s is not on PATH: slurm:// needs Slurm's commands "
				       "(Debian: slurm-client)",
				       commands[i]);
	}
	return 0;
}

/* By the address of a node, which Slurm's daemons themselves use. */
static int slurm_face(const struct engine_url *u, char *host, size_t size, struct err *e)
{
	AUTO_FREE char *sinfo = spawn_find("sinfo");
	AUTO_FREE char *partition = xasprintf("--partition=%s", u->place);
	AUTO_BUF struct buf out = {0}, said = {0};
	char *argv[] = {sinfo,
			(char[]){"-h"},
			(char[]){"-o"},
			(char[]){"%o"},
			(char[]){"-N"},
			*u->place ? partition : NULL,
			NULL};
	int status;

	if (!sinfo)
		return err_set(e, 0, "sinfo is not on PATH");
	if (spawn_capture(argv, environ, NULL, FACE_OUTPUT, FACE_MS, &out, &said, &status,
			  e))
		return err_wrap(e, "ask Slurm");
	buf_u8(&out, 0);
	buf_u8(&said, 0);
	said.data[strcspn(said.data, "\n")] = 0;
	if (status)
		return err_set(e, 0, "%s", slurm_complaint(said.data));
	out.data[strcspn(out.data, " \n")] = 0;
	if (!*out.data)
		return err_set(e, 0, "Slurm has no node in %s%s",
			       *u->place ? "the partition " : "any partition", u->place);
	return face_towards(out.data, host, size, e);
}

static void *slurm_open(struct engine *x, struct err *e)
{
	struct slurm *s = xcalloc(1, sizeof *s);

	s->x = x;
	snprintf(s->name, sizeof s->name, "muster-%.80s", x->spec.build);
	if (make_script(s, e)) {
		buf_free(&s->script);
		free(s);
		return NULL;
	}
	s->next_poll = loop_timer_new(x->loop, on_poll_time, s);
	return s;
}

static void slurm_want(void *self, unsigned slots)
{
	struct slurm *s = self;

	s->wanted = slots;
	follow(s);
}

static void slurm_retire(void *self, const char *handle)
{
	struct slurm *s = self;
	char own[ENGINE_HANDLE];

	for (size_t i = 0; i < s->n; i++) {
		handle_of(&s->v[i], own);
		if (strcmp(own, handle) == 0)
			cancel(s, &s->v[i]);
	}
	cancel_next(s);
}

/* For sbatch to end, so that there is something to cancel. */
static void on_close_time(void *ctx)
{
	loop_stop(ctx, 0);
}

static void await_submit(struct slurm *s)
{
	struct loop_timer *tick = loop_timer_new(s->x->loop, on_close_time, s->x->loop);

	s->wanted = 0;
	while (s->submit) {
		loop_timer_set(tick, LOOP_MS(20));
		loop_run(s->x->loop);
	}
	loop_timer_free(tick);
}

static void cancel_all(const struct slurm *s)
{
	AUTO_FREE char *scancel = spawn_find("scancel");
	AUTO_FREE char *filter = xasprintf("--name=%s", s->name);
	char *argv[] = {scancel, (char[]){"-Q"}, filter, NULL};
	int status = 1;

	for (int i = 0; scancel && status && i < CLOSE_TRIES; i++)
		if (spawn_capture(argv, environ, NULL, FACE_OUTPUT, TOOL_MS, NULL, NULL,
				  &status, NULL))
			status = 1;
}

static void slurm_close(void *self)
{
	struct slurm *s = self;
	bool any = s->submit || s->n;

	await_submit(s);
	if (any || s->n)
		cancel_all(s);
	tool_free(s->poll);
	tool_free(s->cancel);
	loop_timer_free(s->next_poll);
	buf_free(&s->script);
	buf_free(&s->cancels);
	free(s->v);
	free(s);
}

const struct engine_kind engine_slurm = {
    .scheme = "slurm",
    .options = options,
    .example = "slurm://[PARTITION]",
    .slots_option = "cpus-per-worker",
    .remedy =
	"install the same package on the nodes, or choose those that have it with constraint=",
    .worker_slots = 4,
    .check = slurm_check,
    .face = slurm_face,
    .open = slurm_open,
    .want = slurm_want,
    .retire = slurm_retire,
    .close = slurm_close,
};

/* mesos://HOST:PORT,…: a framework of Mesos for the length of a build, by the v1 scheduler HTTP API.
 *
 *   APART ─► SUBSCRIBING ─► SUBSCRIBED ─► (the stream ends, or is silent) ─► APART, with the same framework id
 *
 * One call holds the stream of events; all others are calls of their own. Offers are answered as they come: accepted as far as slots
 * are missing, else declined; when nothing is missing the master is told to send none (SUPPRESS), and again some (REVIVE). One task is
 * one worker, of as many slots as fit into the offer.
 *
 * Leaks nothing: TEARDOWN ends all tasks (who is APART at the end subscribes once more for it); without it the master does so FAILOVER_S
 * after our stream has ended; and workers end with their own connection.
 *
 * Masters: the one that answers, or that it names (307). What a task's script holds, the key among it, can be seen by who may see the
 * framework's tasks on the master; it is good for this build only. */
#include "engine/mesos.h"

#include "base/err.h"
#include "base/mem.h"
#include "engine/face.h"
#include "engine/fileserver.h"
#include "engine/frames.h"
#include "engine/http.h"
#include "engine/kind.h"
#include "engine/launch.h"
#include "sys/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FAILOVER_S = 45,
	BACKOFF_MS = 500,
	BACKOFF_MAX_MS = 15000,
	HEARTBEATS = 5, /* so many may be missing */
	HEARTBEAT_S = 15,
	CLOSE_MS = 5000,
	HOPS = 3,
	QUIET_MS = 5000, /* without a fitting offer for so long it is said */
	SECRET_MAX = 4096,
	CPUS_MAX = 256,
	MB_MAX = 1 << 20
};

struct mesos {
	struct engine *x;
	struct http *http;
	struct fileserver *files;
	struct http_trust trust;
	struct buf secret;
	struct mesos_settings settings;
	char name[128];
	char leader[300]; /* "http://HOST:PORT" */
	size_t at;        /* of the URL's masters */
	unsigned hops;
	char id[128], stream[128]; /* "": none yet */
	bool subscribed, down, refused, suppressed, leaving;
	struct http_call *events;
	struct frames frames;
	struct loop_timer *again, *silence, *quiet;
	nsec backoff, heartbeat;
	struct mesos_task *tasks;
	size_t n, cap;
	unsigned wanted, count; /* slots; tasks so far */
};

static const char *const options[] = {"role",        "cpus", "mem",   "principal", "user",
				      "secret-file", "uri",  "files", NULL};

static void tell(struct mesos *m, enum engine_event_type type, const char *handle,
		 unsigned slots, const char *why)
{
	engine_tell(m->x, &(struct engine_event){
			      .type = type, .handle = handle, .slots = slots, .why = why});
}

/* -- calls ----------------------------------------------------------------------------------- */

static void on_called(void *ctx, const struct http_answer *a)
{
	(void)ctx;
	(void)a; /* what is lost by it is told again by the stream, or by its end */
}

static void send_to(struct mesos *m, json_t *call, const struct http_request *with)
{
	AUTO_FREE char *url = xasprintf("%s/api/v1/scheduler", m->leader);
	AUTO_FREE char *stream = xasprintf("Mesos-Stream-Id: %s", m->stream);
	AUTO_FREE char *text = json_dumps(call, JSON_COMPACT);
	struct http_request r = *with;

	json_decref(call);
	r.method = "POST";
	r.url = url;
	r.body = text;
	r.nbody = strlen(text);
	r.headers[0] = "Content-Type: application/json";
	r.headers[1] = "Accept: application/json";
	r.headers[2] = r.piece ? NULL : stream;
	r.trust = &m->trust;
	struct http_call *c = http_send(m->http, &r);

	if (r.piece)
		m->events = c;
}

static void call(struct mesos *m, json_t *body)
{
	if (m->subscribed && body)
		send_to(m, body, &(struct http_request){.done = on_called, .ctx = m});
	else
		json_decref(body);
}

/* -- tasks ----------------------------------------------------------------------------------- */

static unsigned slots_of(const struct mesos *m)
{
	unsigned slots = 0;

	for (size_t i = 0; i < m->n; i++)
		slots += m->tasks[i].killed ? 0 : m->tasks[i].slots;
	return slots;
}

static struct mesos_task *task_of(struct mesos *m, const char *id)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->tasks[i].id, id) == 0)
			return &m->tasks[i];
	return NULL;
}

/* Offers are wanted while slots are missing. */
static void suppress_or_revive(struct mesos *m)
{
	bool enough = slots_of(m) >= m->wanted;

	if (m->subscribed && enough != m->suppressed) {
		m->suppressed = enough;
		call(m, mesos_call(enough ? "SUPPRESS" : "REVIVE", m->id));
	}
	if (enough)
		loop_timer_off(m->quiet);
	else
		loop_timer_set(m->quiet, LOOP_MS(QUIET_MS));
}

static void on_quiet(void *ctx)
{
	struct mesos *m = ctx;

	if (m->subscribed)
		tell(m, ENGINE_PENDING, "", 0,
		     "the cluster offers nothing that is large enough");
}

static void kill_task(struct mesos *m, struct mesos_task *t)
{
	t->killed = true;
	call(m, mesos_kill(m->id, t));
}

static void lose(struct mesos *m, struct mesos_task *t, const char *why)
{
	struct mesos_task gone = *t;

	*t = m->tasks[--m->n];
	if (!gone.killed)
		m->wanted -= m->wanted < gone.slots ? m->wanted : gone.slots;
	tell(m, ENGINE_LOST, gone.id, gone.slots, gone.killed ? "" : why);
}

static void take_update(struct mesos *m, const json_t *status)
{
	const char *id = mesos_text(status, "task_id", "value"),
		   *text = mesos_text(status, "state", NULL),
		   *message = mesos_text(status, "message", NULL);
	struct mesos_task *t = task_of(m, id);
	enum mesos_state state = mesos_state(text);

	call(m, mesos_acknowledge(m->id, status));
	if (!t) {
		struct mesos_task stray = {0};

		/* One that was thought lost is back: there is another in its place. */
		snprintf(stray.id, sizeof stray.id, "%s", id);
		snprintf(stray.agent, sizeof stray.agent, "%s",
			 mesos_text(status, "agent_id", "value"));
		if (state != MESOS_GONE)
			call(m, mesos_kill(m->id, &stray));
		return;
	}
	if (state == MESOS_RUNNING && !t->running) {
		t->running = true;
		tell(m, ENGINE_STARTED, t->id, t->slots, "");
	}
	if (state == MESOS_GONE) {
		lose(m, t, *message ? message : text);
		suppress_or_revive(m);
	}
}

/* -- offers ---------------------------------------------------------------------------------- */

static void launch(struct mesos *m, const json_t *offer, unsigned slots)
{
	AUTO_BUF struct buf script = {0};
	char number[16];

	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 16;
		m->tasks = xreallocarray(m->tasks, m->cap, sizeof *m->tasks);
	}
	struct mesos_task *t = &m->tasks[m->n++];

	*t = (struct mesos_task){.slots = slots};
	snprintf(t->id, sizeof t->id, "mesos-%.100s-%u", m->x->spec.build, ++m->count);
	snprintf(t->agent, sizeof t->agent, "%s", mesos_text(offer, "agent_id", "value"));
	snprintf(number, sizeof number, "%u", slots);
	buf_str(&script, "TMPDIR=$PWD\n");
	launch_script(&script,
		      &(struct launch){.spec = &m->x->spec,
				       .call = m->x->spec.call,
				       .name = t->id,
				       .slots = number,
				       .fetch =
					   "cp muster-worker \"$d/muster-worker\" && chmod "
					   "700 \"$d/muster-worker\" || exit 1\n"});
	buf_u8(&script, 0);
	const char *uri = engine_url_get(m->x->url, "uri");

	call(m, mesos_accept(m->id, offer, t, &m->settings, script.data,
			     uri ? uri : fileserver_url(m->files)));
	tell(m, ENGINE_PENDING, t->id, t->slots, "");
}

static void take_offer(struct mesos *m, const json_t *offer)
{
	unsigned have = slots_of(m), missing = m->wanted > have ? m->wanted - have : 0;
	unsigned fits = mesos_fits(offer, &m->settings);

	fits = fits < m->x->worker_slots ? fits : m->x->worker_slots;
	fits = fits < missing ? fits : missing;
	if (fits)
		launch(m, offer, fits);
	else
		call(m, mesos_decline(m->id, mesos_text(offer, "id", "value"),
				      missing ? 5.0 : 60.0));
}

/* -- events ---------------------------------------------------------------------------------- */

static void heard(struct mesos *m)
{
	loop_timer_set(m->silence, m->heartbeat * HEARTBEATS);
}

static void take_subscribed(struct mesos *m, const json_t *o)
{
	double beat = json_number_value(json_object_get(o, "heartbeat_interval_seconds"));
	bool again = *m->id != 0;

	snprintf(m->id, sizeof m->id, "%s", mesos_text(o, "framework_id", "value"));
	m->subscribed = true;
	m->suppressed = false;
	m->backoff = LOOP_MS(BACKOFF_MS);
	m->hops = 0;
	m->heartbeat = (nsec)((beat > 0 && beat < 3600 ? beat : HEARTBEAT_S) * 1e9);
	if (m->leaving) {
		call(m, mesos_call("TEARDOWN", m->id));
		return;
	}
	if (m->down)
		tell(m, ENGINE_UP, "", 0, "");
	m->down = false;
	if (again)
		call(m, mesos_reconcile(m->id));
	suppress_or_revive(m);
}

/* -1 ends the stream. */
static int take_error(struct mesos *m, const char *message, struct err *e)
{
	/* Torn down, or failed over too late: what ran there is gone. */
	if (strstr(message, "removed")) {
		m->id[0] = 0;
		while (m->n)
			lose(m, &m->tasks[0], "the master has removed the framework");
	} else if (!strstr(message, "failed over")) {
		m->refused = true;
		tell(m, ENGINE_DENIED, "", 0, message);
	}
	return err_set(e, 0, "%s", message);
}

static int take_event(void *ctx, const char *record, size_t n, struct err *e)
{
	struct mesos *m = ctx;
	json_t *o = json_loadb(record, n, 0, NULL);
	const char *type = mesos_text(o, "type", NULL);
	int result = 0;

	if (strcmp(type, "SUBSCRIBED") == 0)
		take_subscribed(m, json_object_get(o, "subscribed"));
	else if (strcmp(type, "UPDATE") == 0)
		take_update(m, json_object_get(json_object_get(o, "update"), "status"));
	else if (strcmp(type, "ERROR") == 0)
		result = take_error(m, mesos_text(o, "error", "message"), e);
	if (strcmp(type, "OFFERS") == 0) {
		const json_t *all = json_object_get(json_object_get(o, "offers"), "offers");

		for (size_t i = 0; i < json_array_size(all); i++)
			take_offer(m, json_array_get(all, i));
		suppress_or_revive(m);
	}
	json_decref(o);
	return result;
}

/* -- the stream ------------------------------------------------------------------------------ */

static int on_piece(void *ctx, const struct http_answer *a, const char *p, size_t n)
{
	struct mesos *m = ctx;
	struct err e = {0};

	snprintf(m->stream, sizeof m->stream, "%s", a->stream_id);
	heard(m);
	return frames_feed(&m->frames, p, n, take_event, m, &e);
}

static void apart(struct mesos *m, const char *why)
{
	m->subscribed = false;
	loop_timer_off(m->silence);
	if (m->refused || m->leaving)
		return;
	if (!m->down)
		tell(m, ENGINE_DOWN, "", 0, why);
	m->down = true;
	loop_timer_set(m->again, m->backoff);
	m->backoff = m->backoff * 2 < LOOP_MS(BACKOFF_MAX_MS) ? m->backoff * 2
							      : LOOP_MS(BACKOFF_MAX_MS);
	/* The next of the list, after the last the first again. */
	m->at = (m->at + 1) % m->x->url->places.n;
	snprintf(m->leader, sizeof m->leader, "http://%.280s", m->x->url->places.v[m->at]);
}

static void refuse(struct mesos *m, const struct http_answer *a)
{
	AUTO_FREE char *why =
	    a->status == 401 || a->status == 403
		? xasprintf("the master does not let us in (%ld; principal=, secret-file=)",
			    a->status)
		: xasprintf("the master says %ld: %.200s", a->status, a->body->data);

	m->refused = true;
	tell(m, ENGINE_DENIED, "", 0, why);
}

static void subscribe(void *ctx);

static void on_stream_end(void *ctx, const struct http_answer *a)
{
	struct mesos *m = ctx;
	char why[300];

	m->events = NULL;
	if (a->status == 307 && strncmp(a->location, "//", 2) == 0 && m->hops++ < HOPS) {
		const char *host = a->location + 2;

		snprintf(m->leader, sizeof m->leader, "http://%.*s",
			 (int)(strcspn(host, "/") < 280 ? strcspn(host, "/") : 280), host);
		subscribe(m);
		return;
	}
	m->hops = 0;
	if (a->status >= 400 && a->status < 500 && !m->subscribed)
		refuse(m, a);
	if (a->status == 0)
		snprintf(why, sizeof why, "no master can be reached: %.200s", a->why);
	else if (a->status == 200)
		snprintf(why, sizeof why, "the connection to the master has ended");
	else
		snprintf(why, sizeof why, "the master says %ld: %.200s", a->status,
			 a->body->data);
	apart(m, why);
}

static void subscribe(void *ctx)
{
	struct mesos *m = ctx;

	frames_free(&m->frames);
	frames_init(&m->frames, FRAMES_RECORDS, FRAMES_MAX);
	m->stream[0] = 0;
	send_to(m, mesos_subscribe(&m->settings, *m->id ? m->id : NULL),
		&(struct http_request){
		    .piece = on_piece, .done = on_stream_end, .ctx = m, .timeout_ms = -1});
}

static void on_silence(void *ctx)
{
	struct mesos *m = ctx;

	http_cancel(m->events);
	m->events = NULL;
	apart(m, "the master is silent");
}

/* -- the engine ------------------------------------------------------------------------------ */

static int settings_of(const struct engine_url *u, struct mesos_settings *s, struct err *e)
{
	const char *role = engine_url_get(u, "role");
	unsigned cpus = 1, mem = 512;

	if (engine_url_number(u, "cpus", 1, CPUS_MAX, &cpus, e) ||
	    engine_url_number(u, "mem", 16, MB_MAX, &mem, e))
		return -1;
	*s = (struct mesos_settings){.role = role ? role : "*",
				     .principal = engine_url_get(u, "principal"),
				     .user = engine_url_get(u, "user"),
				     .cpus = cpus,
				     .mem = mem,
				     .failover_s = FAILOVER_S};
	return 0;
}

static int mesos_check(const struct engine_url *u, struct err *e)
{
	struct mesos_settings s;

	if (u->places.n == 0)
		return err_set(e, 0, "mesos:// names no master: mesos://HOST:PORT,...");
	if (strncmp(u->place, "zk:", 3) == 0)
		return err_set(e, 0,
			       "mesos://%.100s: ZooKeeper is not asked here; name the "
			       "masters themselves, all of them: mesos://HOST:PORT,... "
			       "(whichever is asked says who leads)",
			       u->place);
	for (size_t i = 0; i < u->places.n; i++)
		if (!strchr(u->places.v[i], ':') || strpbrk(u->places.v[i], "/ @?#"))
			return err_set(
			    e, 0,
			    "mesos://%.100s: a master is HOST:PORT (those behind "
			    "ZooKeeper are named themselves, all of them)",
			    u->places.v[i]);
	return settings_of(u, &s, e);
}

static int mesos_face(const struct engine_url *u, char *host, size_t size, struct err *e)
{
	AUTO_FREE char *master = xstrdup(u->places.v[0]);

	*strrchr(master, ':') = 0;
	return face_towards(master, host, size, e);
}

/* Only who is subscribed may call TEARDOWN. */
static void leave(struct mesos *m)
{
	m->wanted = 0;
	m->leaving = true;
	loop_timer_off(m->again);
	if (m->subscribed) {
		call(m, mesos_call("TEARDOWN", m->id));
	} else if (!*m->id || m->refused) {
		http_cancel(m->events);
		m->events = NULL;
	} else if (!m->events) {
		subscribe(m);
	}
}

static void mesos_close(void *self)
{
	struct mesos *m = self;

	leave(m);
	if (m->http)
		http_drain(m->http, CLOSE_MS);
	http_free(m->http);
	fileserver_free(m->files);
	frames_free(&m->frames);
	buf_free(&m->secret);
	loop_timer_free(m->again);
	loop_timer_free(m->silence);
	loop_timer_free(m->quiet);
	free(m->tasks);
	free(m);
}

/* Agents fetch the worker's file from us, by another port than the workers' one. */
static int serve_file(struct mesos *m, struct err *e)
{
	const char *outside = engine_url_get(m->x->url, "files");
	AUTO_FREE char *host = xstrdup(m->x->spec.listen);
	size_t n = (size_t)(strrchr(host, ':') - host);

	host[n] = 0;
	if (!outside && strncmp(m->x->spec.call, m->x->spec.listen, n + 1) != 0)
		return err_set(e, 0,
			       "workers call at %s, but where do they get their file? "
			       "files=HOST:PORT names a second port that is handed on to "
			       "us, uri= a place where the file is",
			       m->x->spec.call);
	if (outside && !strrchr(outside, ':'))
		return err_set(e, 0, "files=%.100s: HOST:PORT is expected", outside);
	m->files = fileserver_new(m->x->loop, host, outside, m->x->spec.worker, e);
	return m->files ? 0 : -1;
}

static int open_parts(struct mesos *m, struct err *e)
{
	const struct engine_url *u = m->x->url;
	const char *file = engine_url_get(u, "secret-file");
	if (settings_of(u, &m->settings, e) ||
	    (file && fs_read(file, SECRET_MAX, &m->secret, e)))
		return -1;
	buf_u8(&m->secret, 0);
	m->secret.data[strcspn(m->secret.data, "\r\n")] = 0;
	snprintf(m->name, sizeof m->name, "muster %.100s", m->x->spec.build);
	m->settings.name = m->name;
	if (file && m->settings.principal)
		m->trust = (struct http_trust){.user = m->settings.principal,
					       .password = m->secret.data};
	return engine_url_get(u, "uri") ? 0 : serve_file(m, e);
}

static void *mesos_open(struct engine *x, struct err *e)
{
	struct mesos *m = xcalloc(1, sizeof *m);

	m->x = x;
	m->backoff = LOOP_MS(BACKOFF_MS);
	m->heartbeat = LOOP_MS(1000) * HEARTBEAT_S;
	m->again = loop_timer_new(x->loop, subscribe, m);
	m->silence = loop_timer_new(x->loop, on_silence, m);
	m->quiet = loop_timer_new(x->loop, on_quiet, m);
	if (open_parts(m, e)) {
		mesos_close(m);
		return NULL;
	}
	m->http = http_new(x->loop);
	snprintf(m->leader, sizeof m->leader, "http://%.280s", x->url->places.v[0]);
	loop_timer_set(m->again, 0);
	return m;
}

static void mesos_want(void *self, unsigned slots)
{
	struct mesos *m = self;

	m->wanted = slots;
	for (size_t i = m->n; i-- > 0;)
		if (!m->tasks[i].running && !m->tasks[i].killed &&
		    slots_of(m) >= slots + m->tasks[i].slots)
			kill_task(m, &m->tasks[i]);
	suppress_or_revive(m);
}

static void mesos_retire(void *self, const char *handle)
{
	struct mesos *m = self;
	struct mesos_task *t = task_of(m, handle);

	if (t && !t->killed)
		kill_task(m, t);
}

const struct engine_kind engine_mesos = {
    .scheme = "mesos",
    .options = options,
    .example = "mesos://HOST:PORT,...",
    .slots_option = "slots",
    .remedy =
	"install the same package on the agents, or choose a role= of agents that have it",
    .worker_slots = 8,
    .check = mesos_check,
    .face = mesos_face,
    .open = mesos_open,
    .want = mesos_want,
    .retire = mesos_retire,
    .close = mesos_close,
};

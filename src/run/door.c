/* The query "callers" (agent/callers.h) tells who comes and goes; how many compiles each has is seen in "status", which is asked for
 * while somebody is there. The key is made here; its file is there only until the agent has read it. */
#include "run/door.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/key.h"
#include "run/agentquery.h"
#include "sys/loop.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct door {
	struct loop *loop;
	char *dir, *file;
	char key[2 * KEY_SIZE + 1];
	struct agentquery *callers, *status;
	struct buf text; /* of the status, as far as it came */
	struct loop_timer *look;
	struct door_handler handler;
	void *ctx;
	size_t n; /* workers that are there */
};

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static unsigned number_of(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n < 0 || n > 1000000 ? 0 : (unsigned)n;
}

/* -- how busy they are ----------------------------------------------------------------------- */

/* The status is one object on many lines. */
static void on_status(void *ctx, const char *line, size_t n)
{
	struct door *d = ctx;

	buf_add(&d->text, line, n);
}

static void on_status_end(void *ctx, const char *why)
{
	struct door *d = ctx;
	json_t *o = why ? NULL : json_loadb(d->text.data, d->text.len, 0, NULL);
	const json_t *workers = json_object_get(o, "workers");

	for (size_t i = 0; i < json_array_size(workers); i++) {
		const json_t *w = json_array_get(workers, i);

		if (strcmp(text_of(w, "state"), "up") == 0)
			d->handler.worker(d->ctx, text_of(w, "name"), number_of(w, "slots"),
					  number_of(w, "running"));
	}
	json_decref(o);
	d->text.len = 0;
	agentquery_close(d->status);
	d->status = NULL;
}

static void on_look(void *ctx)
{
	static const struct agentquery_handler handler = {.line = on_status,
							  .done = on_status_end};
	struct door *d = ctx;

	if (d->n && !d->status)
		d->status = agentquery_open(d->loop, d->dir, "status", &handler, d, NULL);
	loop_timer_set(d->look, LOOP_MS(DOOR_LOOK_MS));
}

/* -- who comes and goes ---------------------------------------------------------------------- */

static void on_caller(void *ctx, const char *line, size_t n)
{
	struct door *d = ctx;
	json_t *o = json_loadb(line, n, 0, NULL);

	if (json_object_get(o, "door")) {
		unlink(d->file);
		d->handler.open(d->ctx, text_of(o, "door"), d->key);
	} else if (json_object_get(o, "up")) {
		d->n++;
		d->handler.worker(d->ctx, text_of(o, "up"), number_of(o, "slots"), 0);
	} else if (json_object_get(o, "down")) {
		d->n -= d->n > 0;
		log_line(LOG_NOTICE, "worker=%s is gone: %s", text_of(o, "down"),
			 text_of(o, "why"));
		d->handler.gone(d->ctx, text_of(o, "down"));
	} else if (json_object_get(o, "unfit")) {
		d->handler.unfit(d->ctx, text_of(o, "why"), text_of(o, "driver"),
				 text_of(o, "version"));
	}
	json_decref(o);
}

static void on_callers_end(void *ctx, const char *why)
{
	struct door *d = ctx;

	d->handler.lost(d->ctx, why ? why : "the agent has closed the door");
}

static int make_key(struct door *d, const char *name, struct err *e)
{
	struct key key;

	key_make(&key);
	for (size_t i = 0; i < KEY_SIZE; i++)
		snprintf(d->key + 2 * i, 3, "%02x", key.b[i]);
	d->file = xasprintf("%s/door-%s.key", d->dir, name);
	unlink(d->file); /* of one that was killed */
	int failed = key_write(&key, d->file, e);

	key_forget(&key);
	return failed;
}

struct door *door_open(struct loop *l, const char *dir, const char *name, const char *host,
		       const struct door_handler *handler, void *ctx, struct err *e)
{
	static const struct agentquery_handler callers = {.line = on_caller,
							  .done = on_callers_end};
	const char *port = strrchr(host, ':'), *bracket = strrchr(host, ']');
	bool has_port = port && (!bracket || port > bracket);
	struct door *d = xcalloc(1, sizeof *d);

	d->loop = l;
	d->dir = xstrdup(dir);
	d->handler = *handler;
	d->ctx = ctx;
	d->look = loop_timer_new(l, on_look, d);
	if (make_key(d, name, e)) {
		door_close(d);
		return NULL;
	}
	AUTO_FREE char *what =
	    xasprintf("callers %s%s %s %s", host, has_port ? "" : ":0", name, d->file);

	d->callers = agentquery_open(l, dir, what, &callers, d, e);
	if (!d->callers) {
		door_close(d);
		return NULL;
	}
	loop_timer_set(d->look, LOOP_MS(DOOR_LOOK_MS));
	return d;
}

void door_close(struct door *d)
{
	if (!d)
		return;
	agentquery_close(d->callers);
	agentquery_close(d->status);
	loop_timer_free(d->look);
	if (d->file)
		unlink(d->file);
	buf_free(&d->text);
	explicit_bzero(d->key, sizeof d->key);
	free(d->file);
	free(d->dir);
	free(d);
}

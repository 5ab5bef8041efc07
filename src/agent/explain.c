#include "agent/explain.h"

#include "agent/agent.h"
#include "agent/disk.h"
#include "agent/hosts.h"
#include "agent/plan.h"
#include "agent/remote.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "cc/preprocessed.h"
#include "wire/local.h"

#include <jansson.h>
#include <stdlib.h>

/* The bytes of a path need not be UTF-8, a JSON string must. */
static json_t *text(const char *s)
{
	json_t *whole = json_string(s);
	AUTO_BUF struct buf b = {0};

	if (whole)
		return whole;
	for (; *s; s++)
		buf_printf(&b, (unsigned char)*s < 0x80 ? "%c" : "\\x%02x",
			   (unsigned char)*s);
	return json_stringn(b.data, b.len);
}

static json_t *texts(const struct strv *list)
{
	json_t *v = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(v, text(list->v[i]));
	return v;
}

static json_t *outputs(const struct plan *p)
{
	json_t *v = json_array();

	for (size_t i = 0; i < p->command->noutputs; i++) {
		const struct cc_output *o = &p->command->outputs[i];
		AUTO_FREE char *name =
		    xasprintf("%s%s%s%s", o->dir, *o->dir ? "/" : "", o->stem, o->suffix);

		json_array_append_new(v, text(name));
	}
	return v;
}

struct listing {
	json_t *list;
	json_t *seen; /* object: paths that are in LIST */
};

static void add_node(void *ctx, struct node *n)
{
	static const char *const kinds[] = {
	    [NODE_DIR] = "folder", [NODE_FILE] = "file", [NODE_LINK] = "link"};
	struct listing *l = ctx;
	const char *kind =
	    n->kind == NODE_DIR || n->kind == NODE_FILE || n->kind == NODE_LINK
		? kinds[n->kind]
		: NULL;

	if (!kind || json_object_get(l->seen, n->path) ||
	    json_object_set_new(l->seen, n->path, json_true()))
		return;
	json_t *o = json_object();

	json_object_set_new(o, "path", text(n->path));
	json_object_set_new(o, "kind", json_string(kind));
	if (n->kind == NODE_FILE)
		json_object_set_new(o, "size", json_integer(n->st.st_size));
	if (n->kind == NODE_LINK)
		json_object_set_new(o, "target", text(n->target));
	json_array_append_new(l->list, o);
}

static json_t *files(struct agent *a, const struct plan *p)
{
	struct listing l = {.list = json_array(), .seen = json_object()};

	for (size_t i = 0; i < p->nfiles; i++)
		disk_file_walk(a->disk, p->files[i], add_node, &l);
	for (size_t i = 0; i < p->places.n; i++)
		disk_walk(a->disk, p->places.v[i], add_node, &l);
	json_decref(l.seen);
	return l.list;
}

static json_t *workers(const struct agent *a)
{
	json_t *v = json_array();

	for (const struct remote *r = a->remotes; r; r = r->hh.next) {
		json_t *o = json_object();

		json_object_set_new(o, "address", text(r->host.word));
		json_object_set_new(o, "state",
				    json_string(r->up     ? "up"
						: r->link ? "dialing"
							  : "down"));
		json_object_set_new(o, "speaks",
				    json_string(r->foreign ? "distcc" : "muster"));
		json_object_set_new(o, "why", text(r->why));
		json_array_append_new(v, o);
	}
	return v;
}

static void describe(json_t *o, struct agent *a, const struct plan *p)
{
	const struct cc_command *cc = p->command;

	json_object_set_new(o, "travels", json_boolean(p->travels));
	json_object_set_new(o, "compile", json_boolean(!p->other));
	json_object_set_new(o, "why", p->why ? text(p->why) : json_null());
	json_object_set_new(o, "program", p->program ? text(p->program) : json_null());
	json_object_set_new(o, "source", cc->source ? text(cc->source) : json_null());
	if (!p->travels)
		return;
	json_object_set_new(o, "object", text(cc->object));
	json_object_set_new(o, "outputs", outputs(p));
	json_object_set_new(o, "command", texts(&p->argv));
	json_object_set_new(o, "files", files(a, p));
	json_object_set_new(o, "two_steps", p->two->why ? text(p->two->why) : json_null());
}

char *explain_json(struct agent *a, const struct local_request *r)
{
	struct arena *arena = arena_new();
	json_t *o = json_object();

	hosts_apply(a, r->env);
	describe(o, a, plan_make(a, arena, r));
	json_object_set_new(o, "workers", workers(a));
	json_object_set_new(o, "hosts_wrong",
			    *a->hosts_wrong ? text(a->hosts_wrong) : json_null());
	char *all = json_dumps(o, JSON_INDENT(1));

	json_decref(o);
	arena_free(arena);
	return all ? all : xstrdup("{}");
}

/* The table of engines, and what all of them share: the common options, and the words for an engine that is none. */
#include "engine/engine.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/kind.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLOTS_MAX = 10000
};

static const struct engine_kind *const kinds[] = {&engine_ssh, &engine_slurm, &engine_mesos,
						  &engine_kubernetes, &engine_local};

/* call, listen: engine/callpoint.h; n: most slots in all. All are for who opens the engine. */
static const char *const common_options[] = {"call", "listen", "n", NULL};

static const struct engine_kind *kind_of(const struct engine_url *u, struct err *e)
{
	AUTO_BUF struct buf known = {0};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i]->scheme, u->scheme) == 0)
			return kinds[i];
		buf_printf(&known, "%s%s", i ? ", " : "", kinds[i]->example);
	}
	buf_u8(&known, 0);
	err_set(e, 0, "there is no engine '%s' here; there are: %s", u->scheme, known.data);
	return NULL;
}

static int check_options(const struct engine_kind *k, const struct engine_url *u,
			 struct err *e)
{
	AUTO_BUF struct buf known = {0};
	unsigned n = 1;

	for (const char *const *o = common_options; *o; o++)
		buf_printf(&known, "%s%s", known.len ? ", " : "", *o);
	buf_printf(&known, ", %s", k->slots_option);
	for (const char *const *o = k->options; o && *o; o++)
		buf_printf(&known, ", %s", *o);
	buf_u8(&known, 0);
	for (size_t i = 0; i < u->noptions; i++)
		if (!engine_url_knows(common_options, u->options[i].name) &&
		    strcmp(k->slots_option, u->options[i].name) != 0 &&
		    !engine_url_knows(k->options, u->options[i].name))
			return err_set(e, 0, "%s:// has no option '%.40s'; it has: %s",
				       k->scheme, u->options[i].name, known.data);
	if (engine_url_number(u, k->slots_option, 1, SLOTS_MAX, &n, e) ||
	    engine_url_number(u, "n", 1, SLOTS_MAX, &n, e))
		return -1;
	return 0;
}

int engine_check(const struct engine_url *u, struct err *e)
{
	const struct engine_kind *k = kind_of(u, e);

	if (!k || check_options(k, u, e))
		return -1;
	return k->check ? k->check(u, e) : 0;
}

unsigned engine_worker_slots(const struct engine_url *u)
{
	const struct engine_kind *k = kind_of(u, NULL);
	unsigned slots = !k ? 1 : k->slots ? k->slots(u) : k->worker_slots;

	if (k)
		engine_url_number(u, k->slots_option, 1, SLOTS_MAX, &slots, NULL);
	return slots;
}

bool engine_has_way(const struct engine_url *u)
{
	const struct engine_kind *k = kind_of(u, NULL);

	return k && k->own_way && !engine_url_get(u, "call");
}

const char *engine_remedy(const struct engine_url *u)
{
	const struct engine_kind *k = kind_of(u, NULL);

	return k ? k->remedy : "";
}

int engine_face(const struct engine_url *u, char *host, size_t size, struct err *e)
{
	const struct engine_kind *k = kind_of(u, e);

	return k ? k->face(u, host, size, e) : -1;
}

int engine_manifest(const struct engine_url *u, const struct engine_spec *spec,
		    struct buf *out, struct err *e)
{
	const struct engine_kind *k = kind_of(u, e);

	if (!k)
		return -1;
	if (!k->manifest)
		return err_set(e, 0, "%s:// creates no objects that could be shown",
			       k->scheme);
	return k->manifest(u, spec, out, e);
}

struct engine *engine_open(struct loop *l, const struct engine_url *u,
			   const struct engine_spec *spec, engine_handler *handler,
			   void *ctx, struct err *e)
{
	if (engine_check(u, e))
		return NULL;
	struct engine *x = xcalloc(1, sizeof *x);

	*x = (struct engine){.kind = kind_of(u, e),
			     .loop = l,
			     .url = u,
			     .spec = *spec,
			     .handler = handler,
			     .ctx = ctx,
			     .worker_slots = engine_worker_slots(u)};
	x->self = x->kind->open(x, e);
	if (!x->self) {
		free(x);
		return NULL;
	}
	return x;
}

void engine_want(struct engine *x, unsigned slots)
{
	x->kind->want(x->self, slots);
}

void engine_retire(struct engine *x, const char *handle)
{
	x->kind->retire(x->self, handle);
}

void engine_close(struct engine *x)
{
	if (!x)
		return;
	x->kind->close(x->self);
	free(x);
}

void engine_tell(struct engine *x, const struct engine_event *event)
{
	x->handler(x->ctx, event);
}

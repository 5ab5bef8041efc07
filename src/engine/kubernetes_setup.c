/* Objects are made one after the other: the parts of the worker's file, then the Secret with the script; what is there already (409) is
 * ours, since the name is. */
#include "base/err.h"
#include "base/mem.h"
#include "engine/face.h"
#include "engine/kubernetes_state.h"
#include "engine/launch.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HOUR_S = 3600,
	DEADLINE_S = 4 * HOUR_S,
	DEADLINE_MAX_S = 30 * 24 * HOUR_S
};

/* -- what the URL says ----------------------------------------------------------------------- */

/* "CONTEXT/NAMESPACE", where the context may have slashes of its own. Malloc'ed, or NULL. */
static char *context_of(const struct engine_url *u)
{
	const char *slash = strrchr(u->place, '/');

	return slash ? xstrndup(u->place, (size_t)(slash - u->place)) : NULL;
}

static const char *space_of(const struct engine_url *u)
{
	const char *slash = strrchr(u->place, '/');

	return slash ? slash + 1 : u->place;
}

static void settings_of(const struct engine_url *u, const struct engine_spec *spec,
			char name[KUBERNETES_NAME], struct kubernetes_settings *s)
{
	const char *image = engine_url_get(u, "image");
	unsigned deadline = DEADLINE_S;

	snprintf(name, KUBERNETES_NAME, "muster-%.40s", spec->build);
	for (char *p = name; *p; p++)
		*p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '-';
	engine_url_number(u, "deadline", 60, DEADLINE_MAX_S, &deadline, NULL);
	*s = (struct kubernetes_settings){.name = name,
					  .build = name + strlen("muster-"),
					  .image = image ? image : "gcc:12",
					  .worker = engine_url_get(u, "worker"),
					  .memory = engine_url_get(u, "memory"),
					  .selector = engine_url_get(u, "nodeSelector"),
					  .priority = engine_url_get(u, "priority"),
					  .pull_secret = engine_url_get(u, "pull-secret"),
					  .cpu = engine_worker_slots(u),
					  .deadline_s = spec->keep ? 0 : deadline};
}

/* The file as it is spread over ConfigMaps, and the script that puts it together. */
static int make_parts(const struct engine_spec *spec, struct kubernetes_settings *s,
		      struct buf *packed, struct buf *script, struct err *e)
{
	AUTO_BUF struct buf fetch = {0};

	if (s->worker)
		buf_printf(&fetch, "ln -s \"%s\" \"$d/muster-worker\"\n", s->worker);
	else
		buf_str(&fetch, "cat /muster/worker/* | gzip -dc >\"$d/muster-worker\" && "
				"chmod 700 \"$d/muster-worker\" || exit 1\n");
	buf_u8(&fetch, 0);
	if (!s->worker && launch_gzip(spec, packed, e))
		return -1;
	s->nparts = (packed->len + KUBERNETES_PART - 1) / KUBERNETES_PART;
	if (s->nparts > KUBERNETES_PARTS)
		return err_set(e, 0,
			       "the worker is too large for ConfigMaps: put it into the "
			       "image, and name its path with worker=");
	launch_script(script, &(struct launch){.spec = spec,
					       .call = spec->call,
					       .name = "${MUSTER_JOB}",
					       .slots = "${MUSTER_SLOTS}",
					       .fetch = fetch.data});
	buf_u8(script, 0);
	return 0;
}

int kubernetes_check(const struct engine_url *u, struct err *e)
{
	const char *space = space_of(u), *selector = engine_url_get(u, "nodeSelector");
	unsigned n = 0;

	for (const char *p = space; *p; p++)
		if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '-')
			return err_set(e, 0, "'%.63s' is no name of a namespace", space);
	if (selector && !strchr(selector, '='))
		return err_set(e, 0, "nodeSelector=%.60s: KEY=VALUE is expected", selector);
	return engine_url_number(u, "deadline", 60, DEADLINE_MAX_S, &n, e);
}

static int read_config(const struct engine_url *u, struct kubeconfig *c, struct err *e)
{
	AUTO_FREE char *context = context_of(u);

	return kubeconfig_read(c, context, e);
}

int kubernetes_face(const struct engine_url *u, char *host, size_t size, struct err *e)
{
	struct kubeconfig c;
	int failed = read_config(u, &c, e);

	if (!failed) {
		char *server = strstr(c.server, "://");

		server = server ? server + 3 : c.server;
		server += *server == '[';
		server[strcspn(server, *server && strchr(server, ']') ? "]" : ":/")] = 0;
		failed = face_towards(server, host, size, e);
	}
	kubeconfig_free(&c);
	return failed;
}

int kubernetes_manifest(const struct engine_url *u, const struct engine_spec *spec,
			struct buf *out, struct err *e)
{
	struct kubernetes_settings s;
	AUTO_BUF struct buf packed = {0}, script = {0};
	char name[KUBERNETES_NAME];

	settings_of(u, spec, name, &s);
	if (make_parts(spec, &s, &packed, &script, e))
		return -1;
	json_t *items = json_array();

	for (size_t i = 0; i < s.nparts; i++) {
		size_t left = packed.len - i * KUBERNETES_PART;

		json_array_append_new(
		    items,
		    kubernetes_part(&s, i, packed.data + i * KUBERNETES_PART,
				    left < KUBERNETES_PART ? left : KUBERNETES_PART));
	}
	json_array_append_new(items, kubernetes_secret(&s, script.data));
	json_array_append_new(items, kubernetes_job(&s, 1));
	json_t *list = json_pack("{s:s, s:s, s:o}", "apiVersion", "v1", "kind", "List",
				 "items", items);
	char *text = json_dumps(list, JSON_INDENT(2));

	buf_printf(out, "%s\n", text);
	free(text);
	json_decref(list);
	return 0;
}

int kubernetes_prepare(struct kubernetes *k, struct err *e)
{
	const char *space = space_of(k->x->url);

	if (read_config(k->x->url, &k->config, e) || kubeconfig_refresh(&k->config, e))
		return -1;
	k->space = xstrdup(*space                 ? space
			   : k->config.namespace_ ? k->config.namespace_
						  : "default");
	settings_of(k->x->url, &k->x->spec, k->name, &k->settings);
	return make_parts(&k->x->spec, &k->settings, &k->packed, &k->script, e);
}

/* -- the objects ----------------------------------------------------------------------------- */

static void on_object(struct kubernetes_ask *a, const struct http_answer *answer,
		      const json_t *o)
{
	struct kubernetes *k = a->k;

	if (k->closing)
		return;
	if (answer->status != 201 && answer->status != 409) {
		if (kubernetes_refused(k, answer, o))
			loop_timer_set(k->setup_again, LOOP_MS(KUBERNETES_RETRY_MS));
		else if (k->quiet != INT64_MAX) /* a quota */
			loop_timer_set(k->setup_again, k->quiet - loop_now());
		return;
	}
	kubernetes_answered(k);
	k->next++;
	kubernetes_setup(k);
}

void kubernetes_setup(void *ctx)
{
	struct kubernetes *k = ctx;
	bool part = k->next < k->settings.nparts;
	AUTO_FREE char *url =
	    kubernetes_url(k, KUBERNETES_CORE, part ? "configmaps" : "secrets");
	size_t at = k->next * KUBERNETES_PART, left = k->packed.len - at;

	if (k->next > k->settings.nparts) {
		bool first = !k->ready;

		k->ready = true;
		if (first)
			loop_timer_set(k->watch_again, 0);
		kubernetes_follow(k);
		return;
	}
	json_t *o = part ? kubernetes_part(&k->settings, k->next, k->packed.data + at,
					   left < KUBERNETES_PART ? left : KUBERNETES_PART)
			 : kubernetes_secret(&k->settings, k->script.data);

	kubernetes_ask(k, "POST", url, o, (struct kubernetes_ask){.done = on_object});
}

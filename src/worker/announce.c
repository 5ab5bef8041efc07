/* avahi-publish-service holds the announcement while it runs; the daemon of avahi takes it back when that ends, however it
 * ends. Two services of one name cannot be on one machine, so a distccd with a port of its own has it in the name. */
#include "worker/announce.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/kept.h"
#include "sys/machine.h"
#include "sys/spawn.h"
#include "worker/distccd_options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LABEL_MAX = 63,   /* bytes of a label of DNS */
	TXT_MAX = 255,    /* bytes of a word of TXT */
	CC_ANSWER = 4096, /* most bytes that cc may answer */
	CC_TIMEOUT_MS = 5000
};

struct announce {
	struct kept *publisher;
};

struct announce *announce_start(struct loop *l, const struct announce_spec *s)
{
	struct arena *a = arena_new();
	struct strv argv = {0};
	struct err e = {0};
	struct kept_spec spec = {.loss = "this server is not announced by mDNS"};

	strv_add(a, &argv, "avahi-publish-service");
	if (s->subtype)
		strv_add(a, &argv, arena_printf(a, "--subtype=%s", s->subtype));
	strv_add(a, &argv, s->name);
	strv_add(a, &argv, s->type);
	strv_add(a, &argv, arena_printf(a, "%u", s->port));
	for (char *const *word = s->txt; *word; word++)
		strv_add(a, &argv, *word);
	spec.argv = argv.v;
	struct kept *publisher = kept_start(l, &spec, &e);

	arena_free(a);
	if (!publisher) {
		log_line(LOG_WARNING, "%s (Debian's package avahi-utils has it): %s",
			 e.text, spec.loss);
		return NULL;
	}
	struct announce *n = xcalloc(1, sizeof *n);

	n->publisher = publisher;
	return n;
}

void announce_free(struct announce *n)
{
	if (!n)
		return;
	kept_free(n->publisher);
	free(n);
}

/* -- distccd --------------------------------------------------------------------------------- */

/* The first line that `cc QUESTION` prints, or NULL. */
static char *ask_cc(struct arena *a, const char *question)
{
	AUTO_FREE char *cc = spawn_find("cc"), *word = xstrdup(question);
	AUTO_BUF struct buf out = {0};
	struct err e = {0};
	int status = -1;

	if (!cc) {
		err_set(&e, 0, "there is none on PATH");
	} else if (spawn_capture((char *[]){cc, word, NULL}, environ, NULL, CC_ANSWER,
				 CC_TIMEOUT_MS, &out, NULL, &status, &e) == 0) {
		size_t n = 0;

		while (n < out.len && (unsigned char)out.data[n] > ' ')
			n++;
		if (status == 0 && n)
			return arena_strndup(a, out.data, n);
		err_set(&e, 0, "its answer to %s makes no sense", question);
	}
	log_line(LOG_WARNING, "distcc will not find this server under its compiler, cc: %s",
		 e.text);
	return NULL;
}

/* distcc writes '-' for what is neither letter nor digit. NULL: it is too long for a label. */
static const char *subtype_of(struct arena *a, const char *machine, const char *version)
{
	char *label = arena_printf(a, "_%s--%s", machine, version);

	for (char *p = label + 1; *p; p++)
		if (!(*p >= '0' && *p <= '9') && !(*p >= 'a' && *p <= 'z') &&
		    !(*p >= 'A' && *p <= 'Z'))
			*p = '-';
	return strlen(label) > LABEL_MAX ? NULL
					 : arena_printf(a, "%s._sub._distcc._tcp", label);
}

static const char *name_of(struct arena *a, unsigned port)
{
	char host[LABEL_MAX + 1] = "";
	AUTO_FREE char *tail = port == DISTCCD_PORT ? xstrdup("") : xasprintf(":%u", port);

	gethostname(host, sizeof host - 1);
	return arena_printf(a, "distcc@%.*s%s",
			    (int)(LABEL_MAX - strlen("distcc@") - strlen(tail)), host,
			    tail);
}

static void add_txt(struct arena *a, struct strv *txt, const char *key, const char *value)
{
	if (value && strlen(key) + strlen(value) < TXT_MAX)
		strv_add(a, txt, arena_printf(a, "%s=%s", key, value));
}

struct announce *announce_distccd(struct loop *l, unsigned port, unsigned jobs)
{
	struct arena *a = arena_new();
	const char *machine = ask_cc(a, "-dumpmachine");
	const char *version = machine ? ask_cc(a, "-dumpversion") : NULL;
	struct strv txt = {0};

	add_txt(a, &txt, "txtvers", "1");
	add_txt(a, &txt, "cpus", arena_printf(a, "%u", machine_cores()));
	add_txt(a, &txt, "jobs", arena_printf(a, "%u", jobs));
	add_txt(a, &txt, "distcc", MUSTER_VERSION);
	add_txt(a, &txt, "gnuhost", distccd_triplet);
	add_txt(a, &txt, "cc_version", version);
	add_txt(a, &txt, "cc_machine", machine);
	struct announce_spec spec = {
	    .name = name_of(a, port),
	    .type = "_distcc._tcp",
	    .subtype = version ? subtype_of(a, machine, version) : NULL,
	    .port = port,
	    .txt = txt.v,
	};
	struct announce *n = announce_start(l, &spec);

	arena_free(a);
	return n;
}

/* avahi-browse tells, a line each, who comes and goes; what it says makes the set; some moments after the set has
 * changed, the list is made from it. The moments are there since one service comes as many lines, one for each of its
 * addresses.
 *
 * When avahi-browse ends (its daemon was stopped), nobody is known any more until it runs again. */
#include "agent/discover.h"

#include "agent/discover_line.h"
#include "agent/discover_set.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/hostlist.h"
#include "sys/kept.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const nsec settle = LOOP_MS(100);

struct discover {
	char *type;
	struct kept *browser; /* NULL: it is not installed */
	struct discover_set *set;
	struct loop_timer *settled;
	bool settling;   /* it is set */
	struct buf text; /* what LIST was made from */
	struct hostlist list;
	void (*changed)(void *ctx);
	void *ctx;
};

static void on_settled(void *ctx)
{
	struct discover *d = ctx;
	struct buf text = {0};
	struct err e = {0};

	d->settling = false;
	discover_set_hosts(d->set, &text);
	buf_u8(&text, 0);
	if (text.len == d->text.len && memcmp(text.data, d->text.data, text.len) == 0) {
		buf_free(&text);
		return;
	}
	buf_free(&d->text);
	d->text = text;
	hostlist_free(&d->list);
	if (hostlist_parse(&d->list, text.data, 0, &e))
		log_line(LOG_WARNING, "what is announced as %s cannot be used: %s", d->type,
			 e.text);
	log_line(LOG_INFO, "announced=%s hosts=\"%s\"", d->type, text.data);
	d->changed(d->ctx);
}

/* Not put off by what follows: on a busy network it would never be quiet. */
static void settle_soon(struct discover *d)
{
	if (!d->settling)
		loop_timer_set(d->settled, settle);
	d->settling = true;
}

static void on_line(void *ctx, const char *line, size_t n)
{
	struct discover *d = ctx;
	struct discover_line l;

	if (discover_line_parse(&l, line, n) && discover_set_apply(d->set, &l))
		settle_soon(d);
}

static void on_ended(void *ctx)
{
	struct discover *d = ctx;

	discover_set_clear(d->set);
	settle_soon(d);
}

struct discover *discover_start(struct loop *l, const char *type,
				void (*changed)(void *ctx), void *ctx)
{
	struct discover *d = xcalloc(1, sizeof *d);
	struct err e = {0};

	d->type = xstrdup(type);
	d->changed = changed;
	d->ctx = ctx;
	d->set = discover_set_new();
	buf_u8(&d->text, 0);
	d->settled = loop_timer_new(l, on_settled, d);
	char *argv[] = {(char[]){"avahi-browse"},
			(char[]){"--parsable"},
			(char[]){"--resolve"},
			(char[]){"--no-db-lookup"},
			d->type,
			NULL};
	struct kept_spec spec = {.argv = argv,
				 .loss = "workers that announce themselves are not found",
				 .line = on_line,
				 .ended = on_ended,
				 .ctx = d};

	d->browser = kept_start(l, &spec, &e);
	if (!d->browser)
		log_line(LOG_WARNING, "%s (Debian's package avahi-utils has it): %s",
			 e.text, spec.loss);
	return d;
}

const struct hostlist *discover_hosts(const struct discover *d)
{
	return &d->list;
}

void discover_free(struct discover *d)
{
	if (!d)
		return;
	kept_free(d->browser);
	discover_set_free(d->set);
	loop_timer_free(d->settled);
	buf_free(&d->text);
	hostlist_free(&d->list);
	free(d->type);
	free(d);
}

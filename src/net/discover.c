/* avahi-browse tells, a line each, who comes and goes; what it says makes the set; some moments after the set has
 * changed, the list is made from it. The moments are there since one service comes as many lines, one for each of its
 * addresses.
 *
 * When avahi-browse ends (its daemon was stopped), nobody is known any more until it runs again. */
#include "net/discover.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/discover_line.h"
#include "net/discover_set.h"
#include "net/hostlist.h"
#include "sys/kept.h"
#include "sys/loop.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const nsec settle = LOOP_MS(100);

/* One avahi-browse. */
struct browser {
	struct discover *discover;
	struct kept *kept; /* NULL: it is not installed */
};

struct discover {
	struct browser browsers[DISCOVER_TYPES];
	struct discover_set *set;
	struct loop_timer *settled;
	bool settling;   /* it is set */
	struct buf text; /* what LIST was made from */
	struct hostlist list;
	char *print; /* of those that are wanted, or NULL */
	void (*changed)(void *ctx);
	void *ctx;
};

static void on_settled(void *ctx)
{
	struct discover *d = ctx;
	struct buf text = {0};
	struct err e = {0};

	d->settling = false;
	discover_set_hosts(d->set, d->print, &text);
	buf_u8(&text, 0);
	if (text.len == d->text.len && memcmp(text.data, d->text.data, text.len) == 0) {
		buf_free(&text);
		return;
	}
	buf_free(&d->text);
	d->text = text;
	hostlist_free(&d->list);
	if (hostlist_parse(&d->list, text.data, 0, &e))
		log_line(LOG_WARNING, "what is announced cannot be used: %s", e.text);
	log_line(LOG_INFO, "announced=\"%s\"", text.data);
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
	struct browser *b = ctx;
	struct discover *d = b->discover;
	struct discover_line l;

	if (discover_line_parse(&l, line, n) &&
	    discover_set_apply(d->set, (unsigned)(b - d->browsers), &l))
		settle_soon(d);
}

static void on_ended(void *ctx)
{
	struct browser *b = ctx;
	struct discover *d = b->discover;

	discover_set_clear(d->set, (unsigned)(b - d->browsers));
	settle_soon(d);
}

static int browser_start(struct browser *b, struct loop *l, const char *name, struct err *e)
{
	AUTO_FREE char *type = xstrdup(name);
	AUTO_FREE char *loss =
	    xasprintf("workers that announce themselves as %s are not found", type);
	char *argv[] = {(char[]){"avahi-browse"},
			(char[]){"--parsable"},
			(char[]){"--resolve"},
			(char[]){"--no-db-lookup"},
			type,
			NULL};
	struct kept_spec spec = {
	    .argv = argv, .loss = loss, .line = on_line, .ended = on_ended, .ctx = b};

	b->kept = kept_start(l, &spec, e);
	return b->kept ? 0 : -1;
}

struct discover *discover_start(struct loop *l, const char *const *types,
				void (*changed)(void *ctx), void *ctx)
{
	struct discover *d = xcalloc(1, sizeof *d);
	struct err e = {0};

	d->changed = changed;
	d->ctx = ctx;
	d->set = discover_set_new();
	buf_u8(&d->text, 0);
	d->settled = loop_timer_new(l, on_settled, d);
	for (size_t i = 0; types[i]; i++) {
		assert(i < DISCOVER_TYPES);
		d->browsers[i] = (struct browser){.discover = d};
		if (browser_start(&d->browsers[i], l, types[i], &e) == 0)
			continue;
		log_line(LOG_WARNING,
			 "%s (Debian's package avahi-utils has it): "
			 "workers that announce themselves are not found",
			 e.text);
		break;
	}
	return d;
}

void discover_only(struct discover *d, const char *print)
{
	if (print && d->print ? strcmp(print, d->print) == 0 : print == d->print)
		return;
	free(d->print);
	d->print = print ? xstrdup(print) : NULL;
	settle_soon(d);
}

const struct hostlist *discover_hosts(const struct discover *d)
{
	return &d->list;
}

void discover_free(struct discover *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < DISCOVER_TYPES; i++)
		kept_free(d->browsers[i].kept);
	discover_set_free(d->set);
	loop_timer_free(d->settled);
	buf_free(&d->text);
	hostlist_free(&d->list);
	free(d->print);
	free(d);
}

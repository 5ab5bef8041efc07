/* Happy path: see the header. The tunnels are waited for first, since behind them is
 * what is to be asked; everything else is side by side.
 *
 * Fails: a variable that makes no sense, no list, no ssh client (96); no worker and no
 * memory, or nothing allowed, for compiles here (97). A host that fails is left out,
 * with its reason. */
#include "run/driver.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "run/autohosts.h"
#include "run/capacity.h"
#include "run/sizing.h"
#include "run/tunnels.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COMPILER_MB = 1024,
	CITED = 40 /* most bytes of a value */
};

static const char *variable(const struct driver *d, const char *name)
{
	const char *value = d->getenv_fn(d->ctx, name);

	return value && value[strspn(value, " \t\r\n\f\v")] ? value : NULL;
}

/* A whole number from 0, or FALLBACK when it is not set. */
static int read_number(const struct driver *d, const char *name, unsigned fallback,
		       unsigned *out, struct err *e)
{
	const char *value = variable(d, name);
	unsigned n = 0;

	*out = fallback;
	if (!value)
		return 0;
	for (const char *p = value; *p; p++) {
		if (*p < '0' || *p > '9')
			return err_set(e, 0,
				       "%s=%.*s: a whole number from 0 to %d is expected",
				       name, CITED, value, DRIVER_NUMBER_MAX);
		n = n * 10 + (unsigned)(*p - '0');
		if (n > DRIVER_NUMBER_MAX)
			return err_set(e, 0, "%s=%.*s: more than %d makes no sense", name,
				       CITED, value, DRIVER_NUMBER_MAX);
	}
	*out = n;
	return 0;
}

static int read_variables(struct driver *d, struct sizing_ask *ask, struct err *e)
{
	const char *hosts = variable(d, "DISTCC_AUTO_HOSTS");

	if (!hosts)
		return err_set(e, 0,
			       "DISTCC_AUTO_HOSTS is not set: it lists the hosts to use, "
			       "each as %s",
			       AUTOHOSTS_GRAMMAR);
	if (autohosts_parse(d->list, hosts, e))
		return err_wrap(e, "DISTCC_AUTO_HOSTS");
	*ask = (struct sizing_ask){
	    .cores = d->cores, .free_mb = d->free_mb, .wanted = d->wanted};
	if (read_number(d, "DISTCC_AUTO_COMPILER_MEMORY", COMPILER_MB, &ask->compiler_mb,
			e) ||
	    read_number(d, "DISTCC_AUTO_EARLY_LOCAL_JOBS", 0, &ask->early_local, e) ||
	    read_number(d, "DISTCC_AUTO_FALLBACK_LOCAL_JOBS", d->cores,
			&ask->fallback_local, e) ||
	    read_number(d, "DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS", d->cores,
			&ask->preparation, e))
		return -1;
	return 0;
}

static void leave_out(struct driver *d, const struct autohost *h, const char *why)
{
	d->unused = xreallocarray(d->unused, d->nunused + 1, sizeof *d->unused);
	d->unused[d->nunused++] = (struct driver_unused){xstrdup(h->word), xstrdup(why)};
}

/* Is the host AT of the list the same daemon as one before it? */
static bool is_repeated(const struct autohosts *list, size_t at)
{
	const struct autohost *h = &list->v[at];

	for (size_t i = 0; i < at; i++) {
		const struct autohost *o = &list->v[i];

		if (o->ssh == h->ssh && o->port == h->port && o->ssh_port == h->ssh_port &&
		    strcmp(o->name, h->name) == 0)
			return true;
	}
	return false;
}

/* Where host AT is to be asked and used: malloc'ed; NULL with the reason in WHY. */
static char *address_of(const struct driver *d, size_t at, unsigned *stats_port,
			struct err *why)
{
	const struct autohost *h = &d->list->v[at];

	if (is_repeated(d->list, at)) {
		err_set(why, 0, "it is named twice");
		return NULL;
	}
	if (h->ssh) {
		const char *address = tunnels_address(d->tunnels, at, stats_port, why);

		return address ? xstrdup(address) : NULL;
	}
	*stats_port = h->stats_port;
	return strchr(h->name, ':') ? xasprintf("[%s]:%u", h->name, h->port)
				    : xasprintf("%s:%u", h->name, h->port);
}

/* Behind a tunnel each connection is accepted, by ssh, and closed when nobody listens at
 * its end: that looks like a distccd, unless a page of statistics came. */
static void doubt_tunnel(struct capacity *c)
{
	static const char closed[] = "it closes the connection";
	char why[sizeof c->why];

	if (c->answers && (c->muster || c->slots))
		return;
	snprintf(why, sizeof why, "ssh reaches it, but: %.200s",
		 c->answers ? closed : c->why);
	c->answers = false;
	memcpy(c->why, why, sizeof why);
}

/* Asks those that have an ADDRESS; the others are left as they are. */
static void ask_hosts(struct driver *d, struct capacity *all)
{
	size_t n = 0;
	struct capacity *v = xcalloc(d->list->n + 1, sizeof *v);
	size_t *from = xcalloc(d->list->n + 1, sizeof *from);

	for (size_t i = 0; i < d->list->n; i++)
		if (all[i].address) {
			v[n] = all[i];
			from[n++] = i;
		}
	capacity_ask(v, n, d->ask_ms ? d->ask_ms : DRIVER_ASK_MS);
	for (size_t i = 0; i < n; i++) {
		all[from[i]] = v[i];
		if (d->list->v[from[i]].ssh)
			doubt_tunnel(&all[from[i]]);
	}
	free(from);
	free(v);
}

/* The list's text, and who is not in it. */
static void write_hosts(struct driver *d, const struct capacity *all,
			const struct sizing *s, unsigned compiler_mb)
{
	struct buf text = {0};

	/* What distcc calls this machine; muster's agent takes its own slots from
	 * elsewhere. */
	if (s->early_local)
		buf_printf(&text, "localhost/%u ", s->early_local);
	for (size_t i = 0; i < d->list->n; i++) {
		struct err why = {0};

		if (s->slots[i]) {
			/* A distccd gets its text compressed, as is worth its while in
			 * most networks. */
			buf_printf(&text, "%s/%u%s ", all[i].address, s->slots[i],
				   all[i].muster ? "" : ",lzo");
			d->nused++;
			continue;
		}
		sizing_slots(&all[i], compiler_mb, &why);
		leave_out(d, &d->list->v[i], why.text);
		tunnels_drop(d->tunnels, i);
	}
	if (text.len)
		text.len--;
	buf_u8(&text, 0);
	d->hosts = text.data;
}

static int prepare(struct driver *d, struct sizing_ask *ask, struct capacity *all,
		   struct err *e)
{
	struct sizing s;

	tunnels_wait(d->tunnels, d->tunnel_ms ? d->tunnel_ms : DRIVER_TUNNEL_MS);
	for (size_t i = 0; i < d->list->n; i++) {
		struct err why = {0};

		all[i].address = address_of(d, i, &all[i].stats_port, &why);
		if (!all[i].address)
			memccpy(all[i].why, why.text, 0, sizeof all[i].why - 1);
	}
	ask_hosts(d, all);
	ask->hosts = all;
	ask->nhosts = d->list->n;
	d->status = sizing_decide(&s, ask, e);
	write_hosts(d, all, &s, ask->compiler_mb);
	d->jobs = s.jobs;
	d->local_slots = s.local_slots;
	d->remote_slots = s.remote_slots;
	free(s.slots);
	return d->status ? -1 : 0;
}

int driver_prepare(struct driver *d, struct err *e)
{
	struct sizing_ask ask;

	d->list = xcalloc(1, sizeof *d->list);
	d->status = SIZING_EXIT_CONFIG;
	if (read_variables(d, &ask, e))
		return -1;
	d->tunnels = tunnels_open(d->loop, d->list, variable(d, "DISTCC_SSH"), e);
	if (!d->tunnels)
		return -1;
	struct capacity *all = xcalloc(d->list->n + 1, sizeof *all);
	int result = prepare(d, &ask, all, e);

	for (size_t i = 0; i < d->list->n; i++)
		free(all[i].address);
	free(all);
	return result;
}

void driver_close(struct driver *d)
{
	tunnels_close(d->tunnels);
	d->tunnels = NULL;
	if (d->list)
		autohosts_free(d->list);
	free(d->list);
	d->list = NULL;
	for (size_t i = 0; i < d->nunused; i++) {
		free(d->unused[i].word);
		free(d->unused[i].why);
	}
	free(d->unused);
	d->unused = NULL;
	d->nunused = 0;
	free(d->hosts);
	d->hosts = NULL;
}

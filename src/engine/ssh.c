/* ssh://[USER@]HOST[:PORT],…: plain machines through the user's own ssh, which does all that has to do with keys, proxies and
 * trust. The worker's file goes through its standard input, calls come back through its tunnel (-R), so that nothing listens here but
 * on loopback, and machines behind a NAT are as good as others. With call= they dial that address directly.
 *
 * ssh is never to ask, since nobody is there to answer. */
#include "base/err.h"
#include "base/mem.h"
#include "engine/face.h"
#include "engine/kind.h"
#include "engine/shells.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SSH_HANDLE = 96,
	SSH_WORDS = 64 /* most words of what the user calls ssh */
};

struct ssh_engine {
	struct engine *x;
	struct shells *shells;
	char name[SSH_HANDLE]; /* of the place that was asked for last */
};

/* A host must not be taken for an option, and what is no letter could be a shell's somewhere. */
static int ssh_check(const struct engine_url *u, struct err *e)
{
	if (u->places.n == 0)
		return err_set(e, 0, "ssh:// names no host: ssh://[USER@]HOST[:PORT],...");
	for (size_t i = 0; i < u->places.n; i++) {
		const char *p = u->places.v[i];

		if (*p == '-' || strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
					   "VWXYZ0123456789._-@:[]%") != strlen(p))
			return err_set(
			    e, 0, "ssh://: '%.60s' is no host ([USER@]HOST[:PORT])", p);
	}
	return 0;
}

/* [USER@]HOST[:PORT] in its parts, for ssh's words; an IPv6 address stands in brackets. */
static void add_host(struct arena *a, struct strv *argv, const char *place)
{
	char *host = arena_strdup(a, place), *at = strrchr(host, '@');
	char *name = at ? at + 1 : host, *port = strrchr(name, ':');
	char *bracket = strrchr(name, ']');

	if (port && port > bracket) {
		*port = 0;
		strv_add(a, argv, "-p");
		strv_add(a, argv, port + 1);
	}
	if (*name == '[' && bracket) {
		name++;
		*bracket = 0;
	}
	if (at) {
		*at = 0;
		strv_add(a, argv, "-l");
		strv_add(a, argv, host);
	}
	strv_add(a, argv, name);
}

static int ssh_face(const struct engine_url *u, char *host, size_t size, struct err *e)
{
	if (!engine_url_get(u, "call")) {
		snprintf(host, size, "127.0.0.1"); /* the tunnel ends there */
		return 0;
	}
	struct arena *a = arena_new();
	struct strv words = {0};

	add_host(a, &words, u->places.v[0]);
	int failed = face_towards(words.v[words.n - 1], host, size, e);

	arena_free(a);
	return failed;
}

static void command(void *ctx, size_t i, struct arena *a, struct strv *argv)
{
	static const char *const options[] = {
	    "-T",
	    "-o",
	    "BatchMode=yes",
	    "-o",
	    "ConnectTimeout=15",
	    "-o",
	    "ServerAliveInterval=5",
	    "-o",
	    "ServerAliveCountMax=3",
	    "-o",
	    "LogLevel=INFO", /* else the tunnel's port is not said */
	    "-o",
	    "ExitOnForwardFailure=no",
	    "-o",
	    "ControlPath=none", /* a shared connection's tunnels outlive this one */
	};
	struct ssh_engine *s = ctx;
	const char *ssh = s->x->spec.ssh;
	char *words = arena_strdup(a, ssh && *ssh ? ssh : "ssh"), *word;

	for (char *rest = words; (word = strsep(&rest, " \t")) && argv->n < SSH_WORDS;)
		if (*word)
			strv_add(a, argv, word);
	for (size_t k = 0; k < sizeof options / sizeof *options; k++)
		strv_add(a, argv, options[k]);
	if (!engine_url_get(s->x->url, "call")) {
		strv_add(a, argv, "-R");
		strv_add(a, argv, arena_printf(a, "0:%s", s->x->spec.call));
	}
	add_host(a, argv, s->x->url->places.v[i]);
	strv_add(a, argv, "exec /bin/sh -c '" SHELLS_COMMAND "'");
}

static const char *name(void *ctx, size_t i)
{
	struct ssh_engine *s = ctx;

	snprintf(s->name, sizeof s->name, "ssh-%.90s", s->x->url->places.v[i]);
	return s->name;
}

static void *ssh_open(struct engine *x, struct err *e)
{
	struct ssh_engine *s = xcalloc(1, sizeof *s);

	s->x = x;
	s->shells =
	    shells_new(x,
		       &(struct shells_spec){.n = x->url->places.n,
					     .command = command,
					     .name = name,
					     .ctx = s,
					     .carry = true,
					     .tunnel = !engine_url_get(x->url, "call")},
		       e);
	if (!s->shells) {
		free(s);
		return NULL;
	}
	return s;
}

static void ssh_want(void *self, unsigned slots)
{
	shells_want(((struct ssh_engine *)self)->shells, slots);
}

static void ssh_retire(void *self, const char *handle)
{
	shells_retire(((struct ssh_engine *)self)->shells, handle);
}

static void ssh_close(void *self)
{
	struct ssh_engine *s = self;

	shells_close(s->shells);
	free(s);
}

const struct engine_kind engine_ssh = {
    .scheme = "ssh",
    .example = "ssh://[USER@]HOST,...",
    .slots_option = "slots",
    .own_way = true,
    .remedy = "install the same package there",
    .worker_slots = 4,
    .check = ssh_check,
    .face = ssh_face,
    .open = ssh_open,
    .want = ssh_want,
    .retire = ssh_retire,
    .close = ssh_close,
};

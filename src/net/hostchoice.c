#include "net/hostchoice.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/hostlist.h"
#include "sys/fs.h"

#include <stdlib.h>
#include <string.h>

char *hostchoice_file(const char *(*getenv_fn)(void *ctx, const char *name), void *ctx)
{
	const char *config = getenv_fn(ctx, "XDG_CONFIG_HOME");
	const char *home = getenv_fn(ctx, "HOME");

	if (config && *config == '/')
		return xasprintf("%s/muster/hosts", config);
	return home && *home == '/' ? xasprintf("%s/.config/muster/hosts", home) : NULL;
}

/* C's text and origin, if PATH can be read. */
static void take_file(struct hostchoice *c, const char *path)
{
	struct buf b = {0};

	if (!path || fs_read(path, HOSTLIST_FILE, &b, NULL)) {
		buf_free(&b);
		return;
	}
	buf_u8(&b, 0);
	c->text = b.data;
	c->from = xstrdup(path);
}

int hostchoice_find(struct hostchoice *c,
		    const char *(*getenv_fn)(void *ctx, const char *name), void *ctx,
		    struct err *e)
{
	const char *own = getenv_fn(ctx, "MUSTER_HOSTS");

	*c = (struct hostchoice){.port = ADDRESS_PORT};
	if (own) {
		c->text = xstrdup(own);
		c->from = xstrdup("MUSTER_HOSTS");
		return 0;
	}
	if (!getenv_fn(ctx, "DISTCC_HOSTS")) {
		AUTO_FREE char *path = hostchoice_file(getenv_fn, ctx);

		take_file(c, path);
		if (c->text)
			return 0;
	}
	c->port = HOSTCHOICE_DISTCC_PORT;
	c->text = hostlist_find(getenv_fn, ctx, "/etc/distcc/hosts", &c->from, e);
	if (!c->text)
		return -1;
	if (*c->from == '$') /* a variable */
		memmove(c->from, c->from + 1, strlen(c->from));
	return 0;
}

void hostchoice_free(struct hostchoice *c)
{
	free(c->text);
	free(c->from);
	*c = (struct hostchoice){0};
}

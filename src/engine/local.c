/* local://[N]: workers of this machine, as children of ours: the engine that needs nothing, and the one by which the others are
 * measured. */
#include "base/err.h"
#include "base/mem.h"
#include "engine/kind.h"
#include "engine/shells.h"
#include "sys/machine.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	LOCAL_SLOTS_MAX = 10000
};

/* The N of the URL, all of them in one worker; the cores when there is none; 0: it is no number. */
static unsigned local_slots(const struct engine_url *u)
{
	unsigned long n = strtoul(u->place, NULL, 10);

	if (!*u->place)
		return machine_cores();
	for (const char *p = u->place; *p; p++)
		if (!isdigit((unsigned char)*p))
			return 0;
	return n > LOCAL_SLOTS_MAX ? 0 : (unsigned)n;
}

static int local_check(const struct engine_url *u, struct err *e)
{
	if (local_slots(u))
		return 0;
	return err_set(e, 0,
		       "local://%s: what stands there is the number of slots, from 1 to %d",
		       u->place, LOCAL_SLOTS_MAX);
}

static int local_face(const struct engine_url *u, char *host, size_t size, struct err *e)
{
	(void)u;
	(void)e;
	snprintf(host, size, "127.0.0.1");
	return 0;
}

static void command(void *ctx, size_t i, struct arena *a, struct strv *argv)
{
	(void)ctx;
	(void)i;
	(void)a;
	strv_add(a, argv, "sh");
	strv_add(a, argv, "-c");
	strv_add(a, argv, SHELLS_COMMAND);
}

static const char *name(void *ctx, size_t i)
{
	(void)ctx;
	(void)i;
	return "local";
}

static void *local_open(struct engine *x, struct err *e)
{
	unsigned slots = local_slots(x->url), per = x->worker_slots;

	return shells_new(x,
			  &(struct shells_spec){.n = (slots + per - 1) / per,
						.command = command,
						.name = name,
						.sized = true},
			  e);
}

const struct engine_kind engine_local = {
    .scheme = "local",
    .example = "local://N",
    .slots_option = "slots",
    .own_way = true,
    .remedy = "put its folder on the PATH that muster is started with",
    .slots = local_slots,
    .check = local_check,
    .face = local_face,
    .open = local_open,
    .want = shells_want,
    .retire = shells_retire,
    .close = shells_close,
};

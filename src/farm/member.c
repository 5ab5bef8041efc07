#include "farm/member.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/trust.h"
#include "sys/child.h"
#include "sys/fs.h"
#include "sys/loop.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

struct member {
	struct loop *loop;
	const struct trust *trust;
	struct loop_timer *timer;
	struct child *child;
	bool failed; /* the last time: said once */
};

/* The first time soon, but not before all else has begun. */
static const nsec first = LOOP_MS(2000);

static void on_end(void *ctx, int status)
{
	struct member *m = ctx;

	child_free(m->child);
	m->child = NULL;
	if (status && !m->failed)
		log_line(LOG_WARNING, "the farm could not be asked for news: 'muster join "
				      "--renew' tells why; it is tried again");
	m->failed = status != 0;
}

static void ask(struct member *m, const char *dir)
{
	AUTO_FREE char *bin = fs_program_dir();
	AUTO_FREE char *program = xasprintf("%s/muster", bin ? bin : "");
	char join[] = "join", renew[] = "--renew", in[] = "--dir";
	char *argv[] = {program, join, renew, in, (char *)(uintptr_t)dir, NULL};
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct err e = {0};

	m->child = child_start(m->loop, argv, environ, "/", (int[3]){null, null, null},
			       on_end, m, &e);
	if (!m->child)
		on_end(m, 1);
}

static void on_time(void *ctx)
{
	struct member *m = ctx;
	const char *dir = trust_farm_dir(m->trust);
	AUTO_FREE char *address = xasprintf("%s/address", dir ? dir : "");

	if (!m->child && dir && access(address, F_OK) == 0)
		ask(m, dir);
	loop_timer_set(m->timer, LOOP_MS(1000) * MEMBER_EVERY_S);
}

struct member *member_new(struct loop *l, const struct trust *t)
{
	struct member *m = xcalloc(1, sizeof *m);

	m->loop = l;
	m->trust = t;
	m->timer = loop_timer_new(l, on_time, m);
	loop_timer_set(m->timer, first);
	return m;
}

void member_free(struct member *m)
{
	if (!m)
		return;
	child_free(m->child);
	loop_timer_free(m->timer);
	free(m);
}

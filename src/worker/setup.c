#include "worker/setup.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cas/store.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "worker/compilers.h"
#include "worker/own.h"
#include "worker/sandbox.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* One worker a state folder: two would remove each other's views. The lock lives as long as we do. */
static int lock_state(const char *dir, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(e, errno, "open the lock %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB))
		return err_set(e, 0, "another worker uses the state folder %s", dir);
	return 0;
}

/* What an earlier worker left when it was killed. */
static void remove_leftovers(const char *dir)
{
	static const char *const names[] = {"views", "toolchains", "jobs"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names[i]);

		fs_remove_tree(path, NULL);
	}
}

static void check_sandbox(struct worker *w, const struct setup *s)
{
	struct err e = {0};

	if (s->no_sandbox)
		err_set(&e, 0, "%s", s->no_sandbox_why);
	else if (sandbox_check(w->state_dir, &e) == 0)
		w->confined = true;
	if (w->confined)
		return;
	snprintf(w->unconfined_why, sizeof w->unconfined_why, "%s", e.text);
	log_line(
	    LOG_WARNING,
	    "compiles cannot be confined here, so clients send only preprocessed source: %s",
	    e.text);
}

int worker_open(struct worker *w, const struct setup *s, struct err *e)
{
	const char *path = getenv("PATH");

	if (fs_mkdirs(s->state, 0755, e))
		return err_wrap(e, "keep state");
	w->state_dir = realpath(s->state, NULL);
	if (!w->state_dir)
		return err_set(e, errno, "find the state folder %s", s->state);
	if (lock_state(w->state_dir, e))
		return -1;
	remove_leftovers(w->state_dir);
	AUTO_FREE char *store = xasprintf("%s/store", w->state_dir);
	AUTO_FREE char *toolchains = xasprintf("%s/toolchains", w->state_dir);

	w->store = store_open(store, s->store_bytes, e);
	if (!w->store)
		return err_wrap(e, "open the blob store");
	w->compilers =
	    compilers_new(path ? path : "/usr/local/bin:/usr/bin:/bin", toolchains);
	w->own = own_new();
	w->loop = loop_new();
	w->slots = s->slots ? s->slots : machine_cores();
	check_sandbox(w, s);
	return 0;
}

void worker_shut(struct worker *w)
{
	worker_close(w);
	remove_leftovers(w->state_dir);
	compilers_free(w->compilers);
	own_free(w->own);
	store_close(w->store);
	loop_free(w->loop);
	free(w->state_dir);
}

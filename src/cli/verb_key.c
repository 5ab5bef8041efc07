/* muster key: makes the key that lets one's own machines in to each other. */
#include "base/err.h"
#include "base/mem.h"
#include "cli/verbs.h"
#include "net/key.h"
#include "sys/fs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: muster key [FILE]\n"
    "Makes a new key (default: ~/.config/muster/key). Machines that have the same key let each\n"
    "other in: a worker its users, a user his workers.\n";

static const char *get(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

/* The folder of PATH is made; what is there stays as it is. */
static int make_folder(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	AUTO_FREE char *folder = xstrndup(path, (size_t)(slash - path));

	return fs_mkdirs(folder, 0700, e);
}

int verb_key(int argc, char **argv)
{
	struct err e = {0};
	struct key key;
	char name[KEY_NAME];

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		bool asked = argc == 2 && strcmp(argv[1], "--help") == 0;

		fputs(usage, asked ? stdout : stderr);
		return asked ? 0 : 2;
	}
	AUTO_FREE char *own = key_own_path(get, NULL);
	const char *path = argc == 2 ? argv[1] : own;

	if (!path) {
		fputs("muster: there is no HOME to keep a key in: name a file\n", stderr);
		return 1;
	}
	key_make(&key);
	int r = make_folder(path, &e);

	if (r == 0)
		r = key_write(&key, path, &e);
	key_name(&key, name);
	key_forget(&key);
	if (r) {
		fprintf(stderr, "muster: %s\n", e.text);
		if (e.code == EEXIST)
			fputs(
			    "muster: keys are never overwritten: remove it first if it is to "
			    "go\n",
			    stderr);
		return 1;
	}
	printf("%s is a new key, called %s. Whoever has a copy is let in.\n"
	       "To each worker and client:  ssh THERE mkdir -p .config/muster\n"
	       "                            scp -p %s THERE:.config/muster/key\n"
	       "Then on the worker:         muster-worker --listen 0.0.0.0:3690\n"
	       "and here:                   export MUSTER_HOSTS=\"WORKER ...\"\n",
	       path, name, path);
	return 0;
}

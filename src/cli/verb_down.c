/* muster down: gives back what `muster up` got. */
#include "base/err.h"
#include "cli/verbs.h"
#include "run/keeper.h"
#include "wire/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	STATE_DIR = 256,
	PATIENCE_S = 30
};

static const char *get(const char *name)
{
	return getenv(name);
}

int verb_down(int argc, char **argv)
{
	char state[STATE_DIR];
	struct err e = {0};

	if (argc > 1)
		return verb_usage("usage: muster down\n"
				  "Gives back the workers that 'muster up' got.\n",
				  argc, argv);
	if (local_socket_dir(state, sizeof state, getuid(), get))
		err_set(&e, 0, "the state folder's path is too long, or not absolute");
	else if (keeper_end(state, PATIENCE_S, &e) == 0)
		return 0;
	fprintf(stderr, "muster: %s\n", e.text);
	return 1;
}

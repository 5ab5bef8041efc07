#include "base/buf.h"
#include "base/err.h"
#include "cli/ask.h"
#include "cli/verbs.h"

#include <stdio.h>

int verb_stop(int argc, char **argv)
{
	AUTO_BUF struct buf out = {0};
	struct err e = {0};

	if (argc > 1)
		return verb_usage(
		    "usage: muster stop\n"
		    "Ends the agent. What it was doing is done here; the next "
		    "compile starts a new one.\n",
		    argc, argv);
	int r = ask_agent("stop", &out, &e);

	if (r > 0)
		puts("no agent runs");
	if (r < 0)
		fprintf(stderr, "muster: %s\n", e.text);
	return r < 0;
}

#include "base/buf.h"
#include "base/err.h"
#include "cli/ask.h"
#include "cli/verbs.h"

#include <stdio.h>

int verb_stop(int argc, char **argv)
{
	AUTO_BUF struct buf out = {0};
	struct err e = {0};

	(void)argv;
	if (argc > 1) {
		fputs("usage: muster stop\n", stderr);
		return 2;
	}
	int r = ask_agent("stop", &out, &e);

	if (r > 0)
		puts("no agent runs");
	if (r < 0)
		fprintf(stderr, "muster: %s\n", e.text);
	return r < 0;
}

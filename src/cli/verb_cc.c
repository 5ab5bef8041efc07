#include "base/mem.h"
#include "cli/verbs.h"
#include "sys/fs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int verb_cc(int argc, char **argv)
{
	AUTO_FREE char *dir = fs_program_dir();

	if (argc < 2) {
		fputs("usage: muster cc COMPILER ARG...\n", stderr);
		return 2;
	}
	AUTO_FREE char *shim = xasprintf("%s/muster-cc", dir ? dir : "/usr/bin");

	argv[0] = shim;
	execv(shim, argv);
	fprintf(stderr, "muster: run %s: %s\n", shim, strerror(errno));
	return 127;
}

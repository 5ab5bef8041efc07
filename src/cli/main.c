/* muster: every verb of a person. A table of verbs; each has a file of its own. */
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

static const struct verb {
	const char *name;
	int (*run)(int argc,
		   char **argv); /* argv[0] is the verb; returns the exit status */
	const char *arguments, *summary;
} verbs[] = {
    {"cc",     verb_cc,     "COMPILER ARG...", "compile through the farm, as muster-cc does"     },
    {"status", verb_status, "[--json]",
     "what the agent did: jobs, why some stayed here, the workers"                               },
    {"stop",   verb_stop,   "",                "end the agent; the next compile starts a new one"},
};

enum {
	NVERBS = sizeof verbs / sizeof *verbs
};

static void print_usage(FILE *to)
{
	fputs(
	    "usage: muster VERB [ARG...]\nGathers every core you may use and compiles your C and C++ on "
	    "them.\n\n",
	    to);
	for (size_t i = 0; i < NVERBS; i++)
		fprintf(to, "  %-7s%-18s%s\n", verbs[i].name, verbs[i].arguments,
			verbs[i].summary);
	fputs(
	    "\nIn a build: make CC=\"muster-cc gcc\" CXX=\"muster-cc g++\" -j8, with the workers in\n"
	    "MUSTER_HOSTS=\"HOST:PORT ...\" or in ~/.config/muster/hosts.\n",
	    to);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("muster " MUSTER_VERSION);
		return 0;
	}
	for (size_t i = 0; i < NVERBS; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	fprintf(stderr, "muster: '%s' is no verb; 'muster --help' lists them\n", argv[1]);
	return 2;
}

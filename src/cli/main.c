/* muster: every verb of a person. A table of verbs; each has a file of its own. A link to muster with a verb's
 * name is that verb: so distcc's small commands are there under their names. */
#include "base/log.h"
#include "base/path.h"
#include "cli/verbs.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit status */
	const char *arguments, *summary;   /* NULL: another name of the verb above it */
} verbs[] = {
	{"cc", verb_cc, "COMPILER ARG...", "compile through the farm, as muster-cc does"},
	{"run", verb_run, "[OPTION...] COMMAND...", "run a build on all cores you may use"},
	{"status", verb_status, "[--json]", "what the agent did: jobs, why some stayed here, the workers"},
	{"explain", verb_explain, "[--json] [--] COMPILER ARG...", "would this compile travel, with which files, why not"},
	{"doctor", verb_doctor, "[-q] [--json]", "what is wrong with this set-up, and what to do"},
	{"farm", verb_farm, "init|token|serve|list", "make a farm and let machines and users in"},
	{"join", verb_join, "TOKEN", "become one of a farm"},
	{"revoke", verb_revoke, "NAME", "put somebody out of the farm"},
	{"key", verb_key, "[FILE]", "make a key that lets your machines in to each other"},
	{"up", verb_up, "--workers URL [-n N]", "get workers from an engine, for all builds"},
	{"down", verb_down, "", "give them back"},
	{"mesos-distcc", verb_mesos, "[pump] make ARG...", "run a build on a Mesos cluster, as the old script did"},
	{"stop", verb_stop, "", "end the agent; the next compile starts a new one"},
	{"monitor", verb_monitor, "[SECONDS]", "the compiles under way; also as distccmon-text"},
	{"distccmon-text", verb_monitor, NULL, NULL},
	{"links", verb_links, "[--force] DIR", "fill DIR with links of the compilers' names"},
	{"update-distcc-symlinks", verb_links, NULL, NULL},
	{"distcc", verb_distcc, "OPTION", "distcc's own options: --help, --version, --show-hosts, -j"},
	{"lsdistcc", verb_lsdistcc, "[OPTION...] [HOST...]", "which hosts listen on distcc's port"},
	{"pump", verb_pump, "COMMAND ARG...", "run a build with muster's distcc in front of PATH"},
	{"distcc-pump", verb_pump, NULL, NULL},
	{"hosts", verb_hosts, "[add|remove ...]", "the hosts of a farm, as its scheduler sees them"},
	{"drain", verb_drain, "HOST", "no more jobs to that host of the farm; those there end first"},
	{"undrain", verb_undrain, "HOST", "jobs again for that host of the farm"},
	{"gethost", verb_gethost, "[OPTION...] COMMAND...", "run distcc on a host that the farm's scheduler chooses"},
	{"shell", verb_shell, "bash|zsh", "code for a shell's start file: distcc_build, completion"},
};

/* clang-format on */

enum {
	NVERBS = sizeof verbs / sizeof *verbs,
	EXIT_USAGE = 2
};

const char *verb_name(size_t i)
{
	for (size_t at = 0; at < NVERBS; at++)
		if (verbs[at].summary && i-- == 0)
			return verbs[at].name;
	return NULL;
}

static const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < NVERBS; i++)
		if (strcmp(name, verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

/* The summary has a line of its own when what is before it leaves no room. */
static void print_verb(FILE *to, const struct verb *verb)
{
	enum {
		INDENT = 34
	};

	int n = fprintf(to, "  %-8s %s", verb->name, verb->arguments);

	if (n >= INDENT) {
		fputc('\n', to);
		n = 0;
	}
	fprintf(to, "%*s%s\n", INDENT - n, "", verb->summary);
}

static void print_usage(FILE *to)
{
	fputs(
	    "usage: muster VERB [ARG...]\nGathers every core you may use and compiles your C and C++ on "
	    "them.\n\n",
	    to);
	for (size_t i = 0; i < NVERBS; i++)
		if (verbs[i].summary)
			print_verb(to, &verbs[i]);
	fputs(
	    "\nIn a build: make CC=\"muster-cc gcc\" CXX=\"muster-cc g++\" -j8, with the workers in\n"
	    "MUSTER_HOSTS=\"HOST:PORT ...\" or in ~/.config/muster/hosts.\n",
	    to);
}

int verb_usage(const char *text, int argc, char **argv)
{
	bool asked = argc == 2 && strcmp(argv[1], "--help") == 0;

	fputs(text, asked ? stdout : stderr);
	return asked ? 0 : EXIT_USAGE;
}

/* These lines are for people, also where standard error is a file: without the log's levels. */
static void say(enum log_level level, const char *name, const char *text)
{
	(void)level;
	fprintf(stderr, "%s: %s\n", name, text);
}

int main(int argc, char **argv)
{
	const struct verb *verb = argc > 0 ? verb_find(path_base(argv[0])) : NULL;

	log_to(say);
	if (verb) {
		argv[0] = (char *)(uintptr_t)verb->name;
		return verb->run(argc, argv);
	}
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
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
	verb = verb_find(argv[1]);
	if (verb)
		return verb->run(argc - 1, argv + 1);
	fprintf(stderr, "muster: '%s' is no verb; 'muster --help' lists them\n", argv[1]);
	return EXIT_USAGE;
}

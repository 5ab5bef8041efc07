#include "shim/distcc.h"

#include "base/mem.h"
#include "shim/real.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_one_of(const char *word, const char *const *list)
{
	while (*list && strcmp(word, *list) != 0)
		list++;
	return *list;
}

/* As a compiler's name it would make no sense. */
static bool is_source_or_object(const char *word)
{
	static const char *const suffixes[] = {
	    ".c",  ".cc", ".cpp", ".cxx", ".cp", ".c++", ".C",  ".CPP", ".i", ".ii", ".m",
	    ".mm", ".M",  ".mi",  ".mii", ".s",  ".S",   ".sx", ".o",   ".a", ".so", NULL};
	const char *dot = strrchr(word, '.'), *slash = strrchr(word, '/');

	return dot && dot > (slash ? slash + 1 : word) && is_one_of(dot, suffixes);
}

static int become_muster(const char *self, char **argv)
{
	const char *slash = strrchr(self, '/');
	AUTO_FREE char *program =
	    slash ? xasprintf("%.*s/muster", (int)(slash - self), self) : NULL;
	size_t n = 0;

	while (argv[n])
		n++;
	char **words = xreallocarray(NULL, n + 2, sizeof *words);

	words[0] = (char[]){"muster"};
	words[1] = (char[]){"distcc"};
	memcpy(words + 2, argv + 1, n * sizeof *words);
	if (program)
		execv(program, words);
	say("cannot run ", program ? program : "the program muster", ", which answers '",
	    argv[1], "': ", program ? strerror(errno) : "its folder is not known", NULL);
	free(words);
	return DISTCC_BAD_ARGUMENTS;
}

int distcc_call(struct call *call, char **argv)
{
	static const char *const own[] = {
	    "--help", "--version",       "--show-hosts",     "-j",
	    "-h",     "--scan-includes", "--show-principal", NULL};
	size_t n = 0;

	if (!argv[1]) {
		say("missing option/operand; try 'distcc --help'", NULL);
		return DISTCC_BAD_ARGUMENTS;
	}
	if (is_one_of(argv[1], own))
		return become_muster(call->self, argv);
	call->distcc = true;
	if (argv[1][0] != '-' && argv[1][0] != '@' && !is_source_or_object(argv[1])) {
		call->argv = argv + 1;
		return DISTCC_GOES_ON;
	}
	while (argv[n])
		n++;
	call->argv =
	    xreallocarray(NULL, n + 1, sizeof *call->argv); /* for our whole life */
	call->argv[0] = xstrdup("cc");
	memcpy(call->argv + 1, argv + 1, n * sizeof *argv);
	return DISTCC_GOES_ON;
}

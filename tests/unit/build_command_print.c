/* build_command_print COMMAND…: what the command says about jobs by its words and our environment ("8", "unlimited", "none",
 * or "wrong" for what is no number of jobs); then, a line each, its words when it is told of 40. */
#include "run/command.h"

#include <stdio.h>
#include <stdlib.h>

static const char *variable(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

int main(int argc, char **argv)
{
	struct arena *arena = arena_new();
	struct build_command c;
	struct strv env = {0};

	if (argc < 2)
		return 2;
	build_command_parse(&c, argv + 1, variable, NULL);
	if (c.jobs == BUILD_JOBS_UNLIMITED)
		puts("unlimited");
	else if (c.jobs != BUILD_JOBS_NONE)
		printf("%d\n", c.jobs);
	else
		puts(c.jobs_from ? "wrong" : "none");
	struct strv told = build_command_tell(arena, &c, argv + 1, 40, &env);
	for (size_t i = 0; i < told.n; i++)
		puts(told.v[i]);
	arena_free(arena);
	return 0;
}

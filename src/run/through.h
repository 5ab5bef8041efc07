#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Programs that only run another one: env, nice, time, nohup, schroot … Pure.
 *
 * sudo, su, ssh and containers are not among them: the program then runs as somebody else or somewhere else, where neither
 * our PATH nor our agent is. */
struct through {
	size_t at; /* index of the command behind all of them; N if there is none */
	bool
	    own_environment; /* what we put into the environment does not reach the command */
};

/* SET is called for each variable that they set for the command, in order (VALUE NULL: taken away; NAME NULL: all of them). */
struct through through_parse(char *const argv[], size_t n,
			     void (*set)(void *ctx, const char *name, size_t name_len,
					 const char *value),
			     void *ctx);

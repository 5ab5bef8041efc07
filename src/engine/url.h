#pragma once
#include "base/arena.h"

#include <stddef.h>
/* Where workers come from, as text:
 *
 *   SCHEME://[PLACE][?NAME=VALUE[&NAME=VALUE]...]
 *
 * PLACE and the values may have %XX for any byte but NUL. Pure: what the words mean is the engine's. */
struct err;

enum {
	ENGINE_URL_MAX = 8192, /* most bytes of the text */
	ENGINE_URL_OPTIONS = 32,
	ENGINE_URL_PLACES = 1000
};

struct engine_url {
	struct arena *arena; /* holds all of it */
	char *text;          /* as it was given */
	char *scheme;        /* lower case */
	char *place;         /* "" when there is none */
	struct strv places;  /* its parts between commas; none of them is empty */

	struct engine_url_option {
		char *name, *value;
	} options[ENGINE_URL_OPTIONS];

	size_t noptions;
};

/* 0; -1: it is no such text; what was read so far is to be freed all the same. */
int engine_url_parse(struct engine_url *, const char *text, struct err *);
void engine_url_free(struct engine_url *);
const char *engine_url_get(const struct engine_url *, const char *name); /* or NULL */
/* The option NAME as a whole number from LOW to HIGH; *OUT stays what it is when the option is not there. */
int engine_url_number(const struct engine_url *, const char *name, unsigned low,
		      unsigned high, unsigned *out, struct err *);
/* Whether NAME is one of LIST, which ends with NULL. */
int engine_url_knows(const char *const *list, const char *name);

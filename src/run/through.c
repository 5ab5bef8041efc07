/* Each program's options tell how many words it keeps for itself; the next word is a command again, and may be another
 * one of them. What cannot be seen through (env -S, a program with a different idea of its words) leaves the word where
 * it stands as the command, which is then an unknown tool: nothing wrong is done to it. Sources: the programs' manual
 * pages, section 1. */
#include "run/through.h"

#include "base/path.h"
#include "run/options.h"

#include <ctype.h>
#include <string.h>

enum kind {
	PLAIN,
	ENV,     /* NAME=VALUE before the command */
	SCHROOT, /* another environment, if not told otherwise */
	CHRT,    /* its operand may be missing for some policies */
};

static const struct wrapper {
	const char *name;
	enum kind kind;
	unsigned operands; /* its own, before the command */
	struct syntax syntax;
} wrappers[] = {

#define SYNTAX(value, longs) \
	{ \
		value, "", "", longs, "", true \
	}
#define WRAPPER(name, kind, operands, value, longs) \
	{name, kind, operands, SYNTAX(value, longs)},
#include "run/through.def"
};

static const struct wrapper *wrapper_find(const char *word)
{
	const char *name = path_base(word);

	for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++) {
		if (strcmp(name, wrappers[i].name) == 0)
			return &wrappers[i];
	}
	return NULL;
}

struct walk {
	struct through result;
	void (*set)(void *ctx, const char *name, size_t name_len, const char *value);
	void *ctx;
};

static void walk_empty(struct walk *w)
{
	w->result.own_environment = true;
	w->set(w->ctx, NULL, 0, NULL);
}

/* -1: what follows is not words of ours. */
static int walk_option(struct walk *w, const struct wrapper *wrapper,
		       const struct option *o)
{
	if (wrapper->kind != ENV)
		return 0;
	if (option_is(o, 'S', "split-string"))
		return -1;
	if (option_is(o, 'i', "ignore-environment"))
		walk_empty(w);
	if (option_is(o, 'u', "unset") && o->value)
		w->set(w->ctx, o->value, strlen(o->value), NULL);
	return 0;
}

static size_t walk_assignments(struct walk *w, char *const argv[], size_t at, size_t n)
{
	if (at < n && strcmp(argv[at], "-") == 0) { /* an old form of -i */
		walk_empty(w);
		at++;
	}
	for (; at < n; at++) {
		const char *equals = strchr(argv[at], '=');

		if (!equals)
			break;
		size_t len = (size_t)(equals - argv[at]);
		w->set(w->ctx, argv[at], len, equals + 1);
		if (len == 4 && memcmp(argv[at], "PATH", 4) == 0)
			w->result.own_environment = true;
	}
	return at;
}

/* Index of the word behind the wrapper at AT and all that is its own; AT itself: not to be seen through. */
static size_t walk_through(struct walk *w, const struct wrapper *wrapper,
			   char *const argv[], size_t at, size_t n)
{
	struct options options = options_of(&wrapper->syntax, argv, at + 1, n);
	struct option o;
	bool preserved = false;

	while (options_next(&options, &o)) {
		if (walk_option(w, wrapper, &o) < 0)
			return at;
		preserved |= option_is(&o, 'p', "preserve-environment");
	}
	size_t next = options.at;
	if (wrapper->kind == ENV)
		next = walk_assignments(w, argv, next, n);
	if (wrapper->kind == SCHROOT && !preserved)
		walk_empty(w);
	if (wrapper->kind == CHRT && next < n && !isdigit((unsigned char)argv[next][0]))
		return next;
	return next + wrapper->operands;
}

struct through through_parse(char *const argv[], size_t n,
			     void (*set)(void *ctx, const char *name, size_t name_len,
					 const char *value),
			     void *ctx)
{
	struct walk w = {.set = set, .ctx = ctx};
	size_t at = 0;

	while (at < n) {
		const struct wrapper *wrapper = wrapper_find(argv[at]);
		size_t next = wrapper ? walk_through(&w, wrapper, argv, at, n) : at;

		if (next == at)
			break;
		at = next;
	}
	w.result.at = at < n ? at : n;
	return w.result;
}

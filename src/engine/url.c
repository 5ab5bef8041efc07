/* The text is cut first (at "://", '?', '&', '=', ','), and only then are the pieces decoded: a %2C is no comma that
 * separates, a %26 ends no option. Fails: too long, no scheme, a bad %XX, an option twice or without a name. */
#include "engine/url.h"

#include "base/err.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	CITED = 60 /* most bytes of a piece in a sentence */
};

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* P[0..N) with its %XX as bytes; NULL with ERR. */
static char *decode(struct arena *a, const char *p, size_t n, struct err *e)
{
	char *out = arena_alloc(a, n + 1), *to = out;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '%') {
			*to++ = p[i];
			continue;
		}
		if (n - i < 3 || hex(p[i + 1]) < 0 || hex(p[i + 2]) < 0 ||
		    (p[i + 1] == '0' && p[i + 2] == '0')) {
			err_set(e, 0, "'%.*s': %% is followed by two hexadecimal digits",
				(int)(n < CITED ? n : CITED), p);
			return NULL;
		}
		*to++ = (char)(hex(p[i + 1]) * 16 + hex(p[i + 2]));
		i += 2;
	}
	return out;
}

static int read_scheme(struct engine_url *u, size_t n, struct err *e)
{
	if (n == 0 || n > 32)
		return err_set(e, 0, "a URL begins with the engine's name and ://");
	u->scheme = arena_strndup(u->arena, u->text, n);
	for (char *p = u->scheme; *p; p++) {
		if (!isalnum((unsigned char)*p))
			return err_set(e, 0, "'%s' is no name of an engine", u->scheme);
		*p = (char)tolower((unsigned char)*p);
	}
	return 0;
}

static int read_place(struct engine_url *u, const char *p, size_t n, struct err *e)
{
	/* A '/' at the end is what a shell's completion or a habit adds. */
	while (n && p[n - 1] == '/')
		n--;
	u->place = decode(u->arena, p, n, e);
	if (!u->place)
		return -1;
	for (const char *end = p + n; p < end;) {
		size_t part = strcspn(p, ",");

		if (part > (size_t)(end - p))
			part = (size_t)(end - p);
		if (part == 0)
			return err_set(e, 0, "a comma separates nothing in '%.*s'", CITED,
				       u->place);
		if (u->places.n == ENGINE_URL_PLACES)
			return err_set(e, 0, "more than %d places make no sense",
				       ENGINE_URL_PLACES);
		char *text = decode(u->arena, p, part, e);

		if (!text)
			return -1;
		strv_add(u->arena, &u->places, text);
		p += part + 1;
	}
	return 0;
}

static int read_option(struct engine_url *u, const char *p, size_t n, struct err *e)
{
	const char *equals = memchr(p, '=', n);

	if (!equals || equals == p)
		return err_set(e, 0, "'%.*s': an option is NAME=VALUE",
			       (int)(n < CITED ? n : CITED), p);
	if (u->noptions == ENGINE_URL_OPTIONS)
		return err_set(e, 0, "more than %d options make no sense",
			       ENGINE_URL_OPTIONS);
	struct engine_url_option o = {.name = decode(u->arena, p, (size_t)(equals - p), e)};

	if (!o.name)
		return -1;
	o.value = decode(u->arena, equals + 1, n - (size_t)(equals + 1 - p), e);
	if (!o.value)
		return -1;
	if (engine_url_get(u, o.name))
		return err_set(e, 0, "%.*s is given twice", CITED, o.name);
	u->options[u->noptions++] = o;
	return 0;
}

int engine_url_parse(struct engine_url *u, const char *text, struct err *e)
{
	*u = (struct engine_url){.arena = arena_new()};
	if (strlen(text) > ENGINE_URL_MAX)
		return err_set(e, 0, "a URL of more than %d bytes makes no sense",
			       ENGINE_URL_MAX);
	u->text = arena_strdup(u->arena, text);
	u->scheme = u->place = arena_strdup(u->arena, "");
	const char *colon = strstr(u->text, "://");

	if (read_scheme(u, colon ? (size_t)(colon - u->text) : 0, e))
		return -1;
	const char *place = colon + 3, *rest = place + strcspn(place, "?");

	if (read_place(u, place, (size_t)(rest - place), e))
		return -1;
	while (*rest) {
		const char *option = rest + 1;

		rest = option + strcspn(option, "&");
		if (rest > option && read_option(u, option, (size_t)(rest - option), e))
			return -1;
	}
	return 0;
}

void engine_url_free(struct engine_url *u)
{
	arena_free(u->arena);
	*u = (struct engine_url){0};
}

const char *engine_url_get(const struct engine_url *u, const char *name)
{
	for (size_t i = 0; i < u->noptions; i++)
		if (strcmp(u->options[i].name, name) == 0)
			return u->options[i].value;
	return NULL;
}

int engine_url_number(const struct engine_url *u, const char *name, unsigned low,
		      unsigned high, unsigned *out, struct err *e)
{
	const char *text = engine_url_get(u, name);
	char *end;

	if (!text)
		return 0;
	unsigned long v = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end || v < low || v > high)
		return err_set(e, 0, "%s=%.*s: a whole number from %u to %u is expected",
			       name, CITED, text, low, high);
	*out = (unsigned)v;
	return 0;
}

int engine_url_knows(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (strcmp(*list, name) == 0)
			return 1;
	return 0;
}

/* Reading a foreign program's options without being it. A long name may be cut short, as getopt_long allows; we do not
 * mind whether it is still unique, since the program will say so. An option that is not in the syntax has no value. */
#include "run/options.h"

#include <ctype.h>
#include <string.h>

struct options options_of(const struct syntax *syntax, char *const *v, size_t at, size_t n)
{
	return (struct options){.syntax = syntax, .v = v, .at = at, .n = n};
}

static bool letter_in(const char *letters, char c)
{
	return letters && strchr(letters, c);
}

/* LIST has a name that begins with the N bytes of NAME. */
static bool name_in(const char *list, const char *name, size_t n)
{
	for (const char *p = list; p && (p = strchr(p, ' ')); p++) {
		if (strncmp(p + 1, name, n) == 0)
			return true;
	}
	return false;
}

static bool is_number(const char *s)
{
	if (!*s)
		return true; /* GNU make takes an empty word, too, and complains */
	for (; *s; s++) {
		if (!isdigit((unsigned char)*s) && *s != '.')
			return false;
	}
	return true;
}

static const char *next_word(struct options *o)
{
	return o->at < o->n ? o->v[o->at++] : NULL;
}

static const char *next_number(struct options *o)
{
	return o->at < o->n && is_number(o->v[o->at]) ? o->v[o->at++] : NULL;
}

static void take_long(struct options *o, struct option *out, const char *word)
{
	const struct syntax *s = o->syntax;
	const char *equals = strchr(word, '=');

	out->name = word;
	out->name_len = equals ? (size_t)(equals - word) : strlen(word);
	if (equals)
		out->value = equals + 1;
	else if (name_in(s->long_value, word, out->name_len))
		out->value = next_word(o);
	else if (name_in(s->long_number, word, out->name_len))
		out->value = next_number(o);
}

static void take_short(struct options *o, struct option *out)
{
	const struct syntax *s = o->syntax;

	out->letter = *o->bundle++;
	const char *rest = *o->bundle ? o->bundle : NULL;
	if (letter_in(s->value, out->letter))
		out->value = rest ? rest : next_word(o);
	else if (letter_in(s->number, out->letter))
		out->value = rest ? rest : next_number(o);
	else if (letter_in(s->attached, out->letter))
		out->value = rest;
	else if (rest)
		return;
	o->bundle = NULL;
}

bool options_next(struct options *o, struct option *out)
{
	*out = (struct option){.at = o->at};
	if (o->bundle) {
		out->at = o->at - 1;
		take_short(o, out);
		return true;
	}
	if (o->at >= o->n)
		return false;
	const char *word = o->v[o->at];
	if (word[0] != '-' || !word[1]) {
		if (o->syntax->stops)
			return false;
		o->at++;
		out->value = word;
		return true;
	}
	o->at++;
	if (strcmp(word, "--") == 0) {
		o->dashes = true;
		return false;
	}
	if (word[1] == '-') {
		take_long(o, out, word + 2);
		return true;
	}
	o->bundle = word + 1;
	take_short(o, out);
	return true;
}

bool option_is(const struct option *o, char letter, const char *name)
{
	if (o->letter)
		return o->letter == letter;
	return o->name && o->name_len && strncmp(name, o->name, o->name_len) == 0;
}

#include "net/schedulers.h"

#include "base/err.h"
#include "base/mem.h"
#include "wire/talk.h"

#include <stdlib.h>
#include <string.h>

enum {
	CITED = 60
};

void schedulers_free(struct schedulers *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	*list = (struct schedulers){0};
}

/* P[0..N) with its port, malloc'ed; NULL: it is no place. */
static char *place_of(const char *p, size_t n)
{
	const char *close = *p == '[' ? memchr(p, ']', n) : NULL;
	const char *name_end = close ? close + 1 : memchr(p, ':', n);
	const char *end = p + n;

	if (!name_end)
		name_end = end;
	if (n == 0 || n > TALK_ADDRESS || name_end == p || (*p == '[' && !close))
		return NULL;
	if (name_end == end)
		return xasprintf("%.*s:%d", (int)n, p, TALK_PORT);
	size_t digits = (size_t)(end - name_end) - 1;

	if (*name_end != ':' || digits == 0 || digits > 5 ||
	    strspn(name_end + 1, "0123456789") < digits || atoi(name_end + 1) > 65535 ||
	    atoi(name_end + 1) == 0)
		return NULL;
	return xstrndup(p, n);
}

static int add(struct schedulers *list, const char *p, size_t n, struct err *e)
{
	char *place = place_of(p, n);

	if (!place)
		return err_set(e, 0,
			       "'%.*s' is no scheduler: HOST or HOST:PORT is expected, an "
			       "IPv6 address in brackets",
			       n < CITED ? (int)n : CITED, p);
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], place) == 0) {
			free(place);
			return 0;
		}
	if (list->n == SCHEDULERS_MAX) {
		free(place);
		return err_set(e, 0, "more than %d schedulers are named", SCHEDULERS_MAX);
	}
	list->v[list->n++] = place;
	return 0;
}

int schedulers_parse(struct schedulers *list, const char *text, struct err *e)
{
	*list = (struct schedulers){0};
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, ", \t\n");

		if (n && add(list, p, n, e)) {
			schedulers_free(list);
			return -1;
		}
		p += n + (p[n] != 0);
	}
	return list->n ? 0 : err_set(e, 0, "no scheduler is named");
}

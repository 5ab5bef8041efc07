#include "net/discover_set.h"

#include "base/buf.h"
#include "base/mem.h"
#include "net/discover_line.h"

#include <stdlib.h>
#include <string.h>

struct announcement {
	unsigned source;
	struct discover_line line; /* RESOLVED */
	bool chosen;               /* its service was last seen as a host at this address */
};

struct discover_set {
	struct announcement *v; /* in any order */
	size_t n, cap;
};

struct discover_set *discover_set_new(void)
{
	return xcalloc(1, sizeof(struct discover_set));
}

void discover_set_free(struct discover_set *s)
{
	if (!s)
		return;
	free(s->v);
	free(s);
}

static struct announcement *find(struct discover_set *s, unsigned source,
				 const struct discover_line *l)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct discover_line *own = &s->v[i].line;

		if (s->v[i].source == source && own->ipv6 == l->ipv6 &&
		    strcmp(own->interface, l->interface) == 0 &&
		    strcmp(own->name, l->name) == 0 && strcmp(own->domain, l->domain) == 0)
			return &s->v[i];
	}
	return NULL;
}

bool discover_set_apply(struct discover_set *s, unsigned source,
			const struct discover_line *l)
{
	struct announcement *known = find(s, source, l);

	switch (l->sign) {
	case DISCOVER_THERE: return false;
	case DISCOVER_GONE:
		if (!known)
			return false;
		*known = s->v[--s->n];
		return true;
	case DISCOVER_RESOLVED: break;
	}
	if (!known) {
		if (s->n == DISCOVER_SET_MAX)
			return false;
		if (s->n == s->cap) {
			s->cap = s->cap ? s->cap * 2 : 16;
			s->v = xreallocarray(s->v, s->cap, sizeof *s->v);
		}
		known = &s->v[s->n++];
		known->source = source;
		known->chosen = false;
	}
	known->line = *l;
	return true;
}

void discover_set_clear(struct discover_set *s, unsigned source)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].source != source)
			s->v[kept++] = s->v[i];
	s->n = kept;
}

static int compare_service(const struct announcement *a, const struct announcement *b)
{
	int order = strcmp(a->line.name, b->line.name);

	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return order ? order : strcmp(a->line.domain, b->line.domain);
}

/* By service; of one service the one to use comes first. */
static int compare(const void *left, const void *right)
{
	const struct announcement *a = left, *b = right;
	int order = compare_service(a, b);

	if (order)
		return order;
	if (a->chosen != b->chosen)
		return a->chosen ? -1 : 1;
	if (a->line.reach != b->line.reach)
		return a->line.reach < b->line.reach ? -1 : 1;
	return strcmp(a->line.address, b->line.address);
}

static void put_host(struct buf *text, const struct discover_line *l)
{
	buf_printf(text, strchr(l->address, ':') ? "%s[%s]:%u" : "%s%s:%u",
		   text->len ? " " : "", l->address, l->port);
	if (l->slots)
		buf_printf(text, "/%u", l->slots);
}

void discover_set_hosts(struct discover_set *s, const char *print, struct buf *text)
{
	if (s->n)
		qsort(s->v, s->n, sizeof *s->v, compare);
	for (size_t i = 0; i < s->n; i++) {
		struct announcement *a = &s->v[i];

		a->chosen = i == 0 || compare_service(&a[-1], a);
		if (a->chosen && (!print || strcmp(print, a->line.print) == 0))
			put_host(text, &a->line);
	}
}

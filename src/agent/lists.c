#include "agent/lists.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	KEPT = 64 /* of so many different lists at once nobody builds */
};

struct list {
	uint32_t id; /* 0: none yet */
	unsigned port;
	char *text;
	struct hostlist hosts;
};

struct lists {
	struct list v[KEPT]; /* a ring */
	uint32_t last;
};

struct lists *lists_new(void)
{
	return xcalloc(1, sizeof(struct lists));
}

static void list_clear(struct list *l)
{
	free(l->text);
	hostlist_free(&l->hosts);
	*l = (struct list){0};
}

void lists_free(struct lists *all)
{
	for (size_t i = 0; i < KEPT; i++)
		list_clear(&all->v[i]);
	free(all);
}

uint32_t lists_id(struct lists *all, const char *text, unsigned default_port)
{
	for (size_t i = 0; i < KEPT; i++) {
		const struct list *l = &all->v[i];

		if (l->id && l->port == default_port && strcmp(l->text, text) == 0)
			return l->id;
	}
	struct list *l = &all->v[++all->last % KEPT];

	list_clear(l);
	l->id = all->last;
	l->port = default_port;
	l->text = xstrdup(text);
	hostlist_parse(&l->hosts, text, default_port, NULL);
	return l->id;
}

static bool names(const struct hostlist *list, const struct host *h)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].kind == h->kind && list->v[i].port == h->port &&
		    !list->v[i].down && strcmp(list->v[i].word, h->word) == 0)
			return true;
	return false;
}

bool lists_have(const struct lists *all, uint32_t id, const struct host *h,
		const struct hostlist *found, const struct hostlist *lent)
{
	const struct list *l = &all->v[id % KEPT];

	return l->id == id &&
	       (names(&l->hosts, h) || (l->hosts.zeroconf && found && names(found, h)) ||
		((l->hosts.schedulers || l->hosts.zeroconf) && names(lent, h)) ||
		(h->kind == HOST_CALLER && l->hosts.callers &&
		 strcmp(l->hosts.callers, h->user) == 0));
}

const char *lists_schedulers(const struct lists *all, uint32_t id)
{
	const struct list *l = &all->v[id % KEPT];

	return l->id != id           ? NULL
	       : l->hosts.schedulers ? l->hosts.schedulers
	       : l->hosts.zeroconf   ? ""
				     : NULL;
}

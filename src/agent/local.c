#include "agent/local.h"

#include "agent/task.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

struct local {
	unsigned slots, running;
	struct task *first, *last; /* waiting */
	void (*grant)(struct task *);
	bool granting;
};

struct local *local_new(unsigned slots, void (*grant)(struct task *))
{
	struct local *l = xcalloc(1, sizeof *l);

	l->slots = slots;
	l->grant = grant;
	return l;
}

void local_free(struct local *l)
{
	free(l);
}

static void grant_some(struct local *l)
{
	if (l->granting)
		return;
	l->granting = true;
	while (l->first && l->running < l->slots) {
		struct task *t = l->first;

		local_forget(l, t);
		l->running++;
		l->grant(t);
	}
	l->granting = false;
}

void local_want(struct local *l, struct task *t)
{
	t->next_local = NULL;
	if (l->last)
		l->last->next_local = t;
	else
		l->first = t;
	l->last = t;
	grant_some(l);
}

void local_forget(struct local *l, struct task *t)
{
	struct task *before = NULL;

	for (struct task *i = l->first; i; before = i, i = i->next_local) {
		if (i != t)
			continue;
		if (before)
			before->next_local = t->next_local;
		else
			l->first = t->next_local;
		if (l->last == t)
			l->last = before;
		return;
	}
}

void local_release(struct local *l)
{
	assert(l->running);
	l->running--;
	grant_some(l);
}

unsigned local_running(const struct local *l)
{
	return l->running;
}

#include "base/arena.h"
#include "base/err.h"
#include "cli/doctor_scheduler.h"
#include "cli/farm_look.h"

enum {
	ASK_MS = 2000
};

void doctor_scheduler_look(struct scheduler_facts *f, const char *listed, const char *used,
			   struct arena *arena)
{
	const char *list = farm_schedulers(listed);
	struct farm_look *v;
	struct err e = {0};

	*f = (struct scheduler_facts){.used = used,
				      .our_software = "muster " MUSTER_VERSION};
	if (!list)
		return;
	int n = farm_look(&v, list, ASK_MS, arena, &e);

	if (n < 0) {
		f->wrong = arena_strdup(arena, e.text);
		return;
	}
	f->v = v;
	f->n = (size_t)n;
}

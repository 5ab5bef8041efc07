/* A batch is bounded, because nothing is sent or received while it is worked on. */
#include "agent/turn.h"

#include "agent/disk.h"
#include "agent/task.h"
#include "base/mem.h"
#include "sys/loop.h"

#include <stdlib.h>
#include <utlist.h>

enum {
	BATCH = 16
};

struct turn {
	struct disk *disk;
	struct loop_timer *timer;
	struct task *line;
	void (*take)(struct task *);
};

static void on_turn(void *ctx)
{
	struct turn *u = ctx;

	disk_share(u->disk, true);
	for (int i = 0; i < BATCH && u->line; i++) {
		struct task *t = u->line;

		turn_remove(u, t);
		u->take(t);
	}
	disk_share(u->disk, false);
	if (u->line)
		loop_timer_set(u->timer, 0);
}

struct turn *turn_new(struct loop *l, struct disk *disk, void (*take)(struct task *))
{
	struct turn *u = xcalloc(1, sizeof *u);

	u->disk = disk;
	u->take = take;
	u->timer = loop_timer_new(l, on_turn, u);
	return u;
}

void turn_free(struct turn *u)
{
	if (!u)
		return;
	loop_timer_free(u->timer);
	free(u);
}

void turn_add(struct turn *u, struct task *t)
{
	if (!u->line)
		loop_timer_set(u->timer, 0);
	t->in_turn = true;
	DL_APPEND2(u->line, t, turn_prev, turn_next);
}

void turn_remove(struct turn *u, struct task *t)
{
	if (!t->in_turn)
		return;
	t->in_turn = false;
	DL_DELETE2(u->line, t, turn_prev, turn_next);
}

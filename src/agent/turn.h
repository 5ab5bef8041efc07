#pragma once
#include <stddef.h>
/* Tasks that are to look at the disk: those whose request came, and those whose compile has ended. They are taken
 * together, a batch a turn of the loop, in one epoch of the disk: what one of them has looked at, the others need
 * not. That is sound, because each was there before the epoch began: a look in it tells what was so after the
 * request was made, or after the compile ended. */
struct disk;
struct loop;
struct task;
struct turn;

/* TAKE looks at the disk for its task, which is not in line any more. */
struct turn *turn_new(struct loop *, struct disk *, void (*take)(struct task *));
void turn_free(struct turn *);
void turn_add(struct turn *, struct task *);
void turn_remove(struct turn *, struct task *); /* one that is not in line is fine */

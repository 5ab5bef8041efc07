#pragma once
#include <stddef.h>
/* Local slots: how many compiles and links may run on this machine at once. First come, first served. */
struct local;
struct task;

struct local *local_new(unsigned slots, void (*grant)(struct task *));
void local_free(struct local *);
/* TASK wants a slot: GRANT is called for it, at once or later. */
void local_want(struct local *, struct task *);
void local_forget(struct local *, struct task *); /* it waits no longer */
void local_release(struct local *);               /* a granted slot is free again */
unsigned local_running(const struct local *);

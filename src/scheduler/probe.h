#pragma once
#include <stdbool.h>
/* Whether something listens at an address: looked at once in a while, for hosts that cannot report. */
struct err;
struct loop;
struct probe;

/* The name is resolved now, once: NULL when that fails. CHANGED is called from the loop, first when the first answer is
 * known and then whenever it is another one; WHY is a sentence when nothing listens. In it the probe must not be freed. */
struct probe *probe_start(struct loop *, const char *address,
			  void (*changed)(void *ctx, bool listens, const char *why),
			  void *ctx, struct err *);
void probe_free(struct probe *); /* NULL is fine */

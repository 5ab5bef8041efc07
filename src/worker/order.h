#pragma once
#include "base/buf.h"
#include "worker/ground.h"
#include "worker/sandbox.h"

/* What a cage is told to run: a sandbox_spec without its descriptors, as bytes over the socket between two processes of one
 * program. Both ends are ours; a reader still never leaves its bounds. */

struct order {
	struct sandbox_spec
	    spec;           /* its texts are in the bytes that were read; without LOWER */
	const char **texts; /* owned: argv, env */
	struct sandbox_bind *binds;
	struct ground_folder *lower,
	    *froms; /* as many as the spec says; FROMS: of the binds */
};

void order_put(struct buf *, const struct sandbox_spec *);
/* P[0..N) outlives the order. 0, or -1 when it makes no sense. */
int order_get(struct order *, const char *p, size_t n);
void order_free(struct order *);

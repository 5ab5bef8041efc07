#pragma once
#include "base/digest.h"

#include <stdint.h>
/* The first step of a compile in two (cc/preprocessed.h), run here while the agent goes on: at most as many at once as
 * there are local slots, the others wait in line. The text stays in memory. */
struct agent;
struct local_request;
struct plan;
struct preprocess;

struct preprocess_end {
	const char *why; /* NULL, or why the compile must be done here after all */
	int fd;          /* the text, borrowed until preprocess_free */
	struct digest digest;
	uint64_t size;
};

/* DONE is called once, from the loop. PLAN and REQUEST must stay. */
struct preprocess *preprocess_start(struct agent *, const struct plan *,
				    const struct local_request *,
				    void (*done)(void *ctx, const struct preprocess_end *),
				    void *ctx);
void preprocess_free(struct preprocess *); /* ends it first if need be; NULL is fine */

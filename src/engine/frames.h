#pragma once
#include "base/buf.h"

#include <stddef.h>
/* Cuts a stream that comes in pieces of any size into its records. Pure.
 *
 *   FRAMES_LINES    text, each record with a '\n' behind it (Kubernetes' watch); empty ones are left out
 *   FRAMES_RECORDS  decimal length, '\n', that many bytes (Mesos' RecordIO) */
struct err;

enum frames_kind {
	FRAMES_LINES,
	FRAMES_RECORDS
};

enum {
	FRAMES_MAX = 64 << 20 /* most bytes of a record */
};

struct frames {
	enum frames_kind kind;
	struct buf b; /* what is not whole yet */
	size_t limit; /* most bytes of a record */
};

void frames_init(struct frames *, enum frames_kind, size_t limit);
void frames_free(struct frames *);
/* Calls TAKE for each record that is whole now, its bytes without what separates them; -1 from TAKE ends it. -1 with ERR: a record is
 * too long, or what stands there is no length. */
int frames_feed(struct frames *, const char *p, size_t n,
		int (*take)(void *ctx, const char *record, size_t n, struct err *),
		void *ctx, struct err *);

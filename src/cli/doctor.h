#pragma once
#include "base/arena.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* What `muster doctor` has found: sentences, in the order of its checks.
 *
 *   doctor_*_look ─► struct *_facts ─► doctor_*_judge ─► struct doctor ─► text or JSON
 *   (effects)                          (pure)                             (pure)
 *
 * A finding says what is and why it matters, and what to do about it where something is
 * to be done. */
enum doctor_group {
	DOCTOR_COMPILERS,
	DOCTOR_LINKS,
	DOCTOR_AGENT,
	DOCTOR_HOSTS,
	DOCTOR_CCACHE,
	DOCTOR_ENVIRONMENT,
	DOCTOR_MEMORY,
	DOCTOR_LIMITS,
	DOCTOR_SANDBOX /* of a worker that would run here */
};

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_NOTE, /* works, but could do better, or need not be meant so */
	DOCTOR_WRONG
};

struct finding {
	enum doctor_group group;
	enum doctor_level level;
	const char *text, *remedy; /* sentences; REMEDY is "" when nothing is to be done */
};

struct doctor {
	struct arena *arena; /* of the texts */
	struct finding *v;
	size_t n, cap;
};

void doctor_say(struct doctor *, enum doctor_group, enum doctor_level, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* What to do about that which was said last. */
void doctor_advise(struct doctor *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
size_t doctor_count(const struct doctor *, enum doctor_level);
void doctor_free(struct doctor *); /* its content but for the arena */

/* One line a finding; QUIET: only those that are not ok. */
void doctor_text(struct buf *out, const struct doctor *, bool quiet);
/* {"wrong": N, "notes": N, "findings": [{"group", "level", "text", "remedy"}...]} */
void doctor_json(struct buf *out, const struct doctor *, bool quiet);

/* The first of V[0..N) as "a, b, c and 4 more"; from the arena. */
const char *doctor_names(struct arena *, const char *const *v, size_t n);

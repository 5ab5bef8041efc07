#pragma once
#include <stdbool.h>
/* What the environment of distcc's users asks of a compile, and what they are told beside the compiler's own words
 * (distcc(1), "ENVIRONMENT VARIABLES"). Nothing is said unless they asked for it, or called us by the name of distcc. */
struct local_request;
struct shim;

/* DISTCC_FALLBACK=0: what cannot be distributed fails. */
bool manners_no_fallback(const struct local_request *);
/* DISTCC_SKIP_LOCAL_RETRY, DISTCC_FALLBACK=0: what a foreign distccd says of preprocessed source is the last word. */
bool manners_no_retry(const struct local_request *);

enum manners_level {
	MANNERS_ERROR,   /* said anyway */
	MANNERS_WARNING, /* to users of distcc, and where a log is wanted */
	MANNERS_INFO     /* with DISTCC_VERBOSE=1, or to DISTCC_LOG */
};

void manners_say(struct shim *, const struct local_request *, enum manners_level,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

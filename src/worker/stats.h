#pragma once
#include "sys/loop.h"

#include <stdbool.h>
#include <stdint.h>
/* What distccd counts, and its page. Pure: the caller tells the events and the time. */
struct buf;
struct stats;

/* How a connection to the distcc port ended. */
enum stats_end {
	STATS_BAD_REQUEST,     /* what came was no request */
	STATS_OVERLOAD,        /* turned away because there was too much to do */
	STATS_COMPILE_OK,      /* the compiler ended with 0 */
	STATS_COMPILE_ERROR,   /* with something else */
	STATS_COMPILE_TIMEOUT, /* --job-lifetime was over */
	STATS_CLIENT_GONE,     /* the client went away, or could not be read or written */
	STATS_OTHER, /* all else: a compiler or a command that is not allowed, our disk */
	STATS_ENDS
};

/* The word of the job's log line: "COMPILE_OK", "CLI_DISCONN", … */
const char *stats_end_word(enum stats_end);

/* LIMIT: jobs at once. */
struct stats *stats_new(unsigned limit);
void stats_free(struct stats *);
void stats_accepted(struct stats *);
/* An end at which no compiler had run. */
void stats_ended(struct stats *, enum stats_end);

/* A compile, of which the page tells more. */
struct stats_compile {
	enum stats_end end;
	const char *compiler, *file; /* as the client named them; NULL: unknown */
	nsec began, now;
};

void stats_compiled(struct stats *, const struct stats_compile *);

/* The state of the machine, as far as the page tells it (worker/stats_machine).
 * Negative: unknown. */
struct stats_machine {
	int64_t runnable;  /* processes that run or could */
	double load[3];    /* over 1, 5 and 15 minutes */
	int64_t waiting;   /* processes in state D */
	int64_t rss_kb;    /* the biggest process but compilers, */
	char rss_name[20]; /* and its name, "(comm)" */
	int64_t sectors_s; /* read and written by all disks in a second */
	int64_t disk_free_mb, memory_free_mb;
};

/* Appends the page with its HTTP head. */
void stats_page(struct buf *, const struct stats *, const struct stats_machine *, nsec now);

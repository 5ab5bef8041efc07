#pragma once
#include <stdbool.h>
#include <stdint.h>
/* From settings to a worker that can serve, and back: the same for muster-worker and distccd. */
struct worker;
struct err;

struct setup {
	const char *state; /* folder, made if need be; taken for this process alone */
	uint64_t store_bytes;
	uint64_t job_bytes; /* memory of one job; 0: half of the machine's */
	unsigned
	    slots; /* 0: the cores this process may use, quotas of its control groups counted */
	bool no_sandbox;
	const char *no_sandbox_why;
	bool
	    some_cage; /* no cage at all is a reason not to serve, unless NO_SANDBOX says so */
	const char *user; /* whom to become, as in worker/rights; NULL: whom that finds */
	const char *
	    farm; /* the folder of the farm's files, which become that user's, too; NULL: none */
	const char *write; /* a file that will be written; NULL: none */
};

/* What has to be done as root, if it is root, and before anything is known: the state folder, control groups, the keeper, and a
 * loop. Between the two keys may be read. Fills in W. -1: what is in the way; the process is of no more use. */
int worker_prepare(struct worker *w, const struct setup *, struct err *);
/* Root is given up, and the rest is opened. */
int worker_open(struct worker *w, const struct setup *, struct err *);
void worker_shut(
    struct worker *); /* ends everything, and removes what is not for the next one */

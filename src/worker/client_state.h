#pragma once
#include "base/digest.h"
#include "cas/entry.h"
#include "worker/worker.h"

#include <stddef.h>
#include <stdint.h>
/* What client.c and job.c both see of a client. */
struct job;
struct peer;
struct store_writer;
struct view;
struct compiler;
struct missing;
struct wanted;
struct loop_timer;

struct client {
	struct client *prev, *next; /* utlist, of the worker */
	struct worker *worker;
	struct peer *peer;
	struct tenant tenant; /* its share of the slots */
	struct cage *cage;    /* NULL until its first job */
	char *from, *name;
	bool blamed;       /* it is closed for what it said, and the log tells */
	struct view *view; /* NULL until it says something of its disk */
	struct job *jobs;  /* utlist: unfinished, in order of arrival */
	unsigned njobs;
	struct missing *first,
	    *last; /* files whose bytes are on their way, in order of asking */
	size_t nmissing;
	struct missing *pending;     /* those of them that are not settled, by path */
	struct wanted *wanted;       /* blobs that were asked for, by digest */
	uint64_t asked;              /* serial of the last one asked for */
	struct compiler **compilers; /* by the client's ref; held */
	size_t ncompilers;
	struct digest writing;       /* the blob that is arriving … */
	struct store_writer *writer; /* … or NULL */
	uint64_t written;
	struct loop_timer
	    *results; /* NULL until its first result; set while there are results to send */
};

void client_has_results(struct client *);

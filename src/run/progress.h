#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The story of a build, as the agent tells it, job by job. Pure: events with their time in, words out. */
typedef int64_t nsec;

struct progress_job {
	const char *file; /* source as given */
	const char *host; /* worker's address, or NULL: here */
	const char *why;  /* when here: the reason */
	nsec start, end;  /* on one clock, from the build's start */
	nsec cpu;         /* of the compile; 0: unknown */
	int status;       /* as waitpid gives it */
};

struct progress_now {
	unsigned remote, local, waiting; /* compiles at this moment */
	unsigned slots;                  /* of all workers that are up */
	unsigned local_slots;
	double agent_cpu,
	    machine_cpu; /* busy share of one core (agent), of all cores (machine), 0…1 */
	uint64_t bytes_up, bytes_down;
};

struct progress;
struct progress *progress_new(void);
void progress_free(struct progress *);
void progress_job(struct progress *, const struct progress_job *); /* one has ended */
void progress_sample(struct progress *, nsec now,
		     const struct progress_now *); /* once a second or so */
/* "[12/97]", "[ 12%]" and the like at the beginning of a line of the tool's own output, if it tells. */
void progress_line(struct progress *, const char *line, size_t n);

/* One line of at most WIDTH columns: done of total where the tool tells, here/remote, speed-up so far, time left,
 * the slowest file under way. SLOWEST may be NULL. */
void progress_live(struct buf *, const struct progress *, nsec now, unsigned width,
		   const char *slowest, nsec slowest_since);
/* Three lines and a diagnosis: time; jobs remote and local with the reasons; CPU time spent elsewhere; the slowest files; what
 * held the build back: client CPU, network, too few slots, or the build's own width. */
void progress_summary(struct buf *, const struct progress *, nsec total);
void progress_report(struct buf *, const struct progress *, nsec total,
		     int status); /* JSON */
/* Trace-event JSON (Chrome's Trace Event Format): one row a worker slot; Perfetto and chrome://tracing open it. */
void progress_trace(struct buf *, const struct progress *);

#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The story of a build, as the agent tells it, job by job. Pure: events with their time in, words out. */
typedef int64_t nsec;

/* Borrowed for the call. Names may be any bytes; at most PROGRESS_NAME_MAX of them are kept. */
struct progress_job {
	const char *file; /* source as given */
	const char *host; /* worker's address, or NULL: here */
	const char *why;  /* when here: the reason */
	nsec start,
	    end;    /* from its slot to its end, on one clock, from the build's start */
	nsec cpu;   /* of the compile; 0: unknown */
	int status; /* as waitpid gives it */
};

struct progress_now {
	unsigned remote, local, waiting; /* compiles at this moment */
	unsigned
	    moving; /* of REMOTE: their compiler does not run, files are on their way; 0 also: unknown */
	unsigned jobs;  /* that the build tool was told (-j); 0: unknown */
	unsigned slots; /* of all workers that are up */
	unsigned local_slots;
	double agent_cpu,
	    machine_cpu; /* busy share of one core (agent), of all cores (machine), 0…1 */
	uint64_t bytes_up, bytes_down; /* since the build's start */
};

enum {
	PROGRESS_NAME_MAX = 4096,
	PROGRESS_JOBS_MAX =
	    1 << 20,          /* that the trace and the slowest are of; all are counted */
	PROGRESS_SLOWEST = 10 /* that the report names */
};

struct progress;
struct progress *progress_new(void);
void progress_free(struct progress *);                             /* NULL is fine */
void progress_job(struct progress *, const struct progress_job *); /* one has ended */
void progress_sample(struct progress *, nsec now,
		     const struct progress_now *); /* once a second or so */
/* "[12/97]", "[ 12%]" and the like at the beginning of a line of the tool's own output, if it tells. */
void progress_line(struct progress *, const char *line, size_t n);
/* The same, from the output as it comes, in pieces of any length: finds the lines itself. */
void progress_output(struct progress *, const char *bytes, size_t n);

/* One line of at most WIDTH columns: done of total where the tool tells, here/remote, time left, speed-up so far, the
 * slowest file under way; what does not fit is left out from the end. SLOWEST may be NULL.
 *
 * Speed-up is the CPU time of all jobs that have ended (of those that do not tell theirs, what is to be expected) for
 * each second of the build: the cores that one would have needed, all busy. The time left is told when the tool tells
 * totals and enough was done to judge by; else, from the median compile, only the least that it takes to serve those
 * that are waiting. */
void progress_live(struct buf *, const struct progress *, nsec now, unsigned width,
		   const char *slowest, nsec slowest_since);

/* Three lines and a diagnosis: time; jobs remote and local with the reasons; CPU time spent elsewhere; the slowest files; what
 * held the build back. Each line ends with '\n'.
 *
 * The diagnosis: each sample stands for the time since the one before, and falls under the first of these that holds. A
 * slot is idle when no compiler runs in it; "idle slots" means more than a tenth of them.
 *
 *   no idle slots, compiles wait or all of -j are under way   too few slots
 *   no idle slots                                             nothing: the farm is what the build needs
 *   the agent takes 90% of a core                             client CPU
 *   this machine is 90% busy                                  client CPU
 *   compiles wait and all local slots are taken               client CPU (what has to run here waits for it)
 *   compiles wait, or half of the remote ones are moving      network
 *   otherwise                                                 the build's own width
 *
 * Without workers the slots are the local ones, and a machine that is 90% busy has too few. What most of the time fell
 * under is named; of a build of less than 3 s nothing is. */
bool progress_is_empty(const struct progress *); /* no compile has ended */
void progress_summary(struct buf *, const struct progress *, nsec total);

/* One JSON object. Version 1; later versions only add members. Times are seconds.
 *
 *   version, status (of the build command), seconds
 *   tool          {done, total, percent}: what the build tool told last, or null. percent: then total is 100
 *   jobs          {total, remote, local, failed}
 *   why_local     [{reason, jobs}] most first
 *   cpu_seconds   {remote, local, estimated}: "estimated" is the part of both that is not measured
 *   speed_up      CPU seconds of all jobs for each second
 *   bytes_up, bytes_down
 *   workers       [{address, jobs, seconds, cpu_seconds}] in the order of their first result; seconds: of slots
 *   slots         {remote, remote_used, local}: averages over the build; local: slots of this machine
 *   slowest       [{file, host, seconds, cpu_seconds}] at most ten, slowest first; host null: here
 *   held_back_by  "client-cpu", "network", "slots", "width", "nothing", or null: not known
 *   held_back     the sentence of the summary
 *
 * Strings are UTF-8; bytes of file names that are not become U+FFFD. cpu_seconds of a file is null when unknown. */
void progress_report(struct buf *, const struct progress *, nsec total, int status);

/* Trace-event JSON (Chrome's Trace Event Format, its JSON object form): one process a host ("this machine" is 1), one
 * thread a worker slot, a complete event ("X") each job. The slots have no numbers of their own: each job gets the
 * first row of its host that is free, so that jobs on a row never overlap. Perfetto and chrome://tracing open it. */
void progress_trace(struct buf *, const struct progress *);

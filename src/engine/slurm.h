#pragma once
#include <stdbool.h>
/* What Slurm's commands say, read. Pure. */
struct arena;

enum slurm_state {
	SLURM_PENDING,
	SLURM_RUNNING,
	SLURM_GONE
};

/* One line of `squeue -r -o %i|%T|%r`. */
struct slurm_line {
	unsigned long job;
	unsigned task;
	enum slurm_state state;
	const char *word, *reason; /* as they stand in LINE, which is cut */
};

bool slurm_read_line(char *line, struct slurm_line *);
/* The job's number from `sbatch --parsable`; 0: there is none. */
unsigned long slurm_read_job(const char *out);
/* Why a job waits, in words for people; "" when it has only just come. */
const char *slurm_reason(const char *reason);
/* Why one has ended, likewise. */
const char *slurm_end_reason(const char *reason);
/* What sbatch complained of, without its own prefixes. */
const char *slurm_complaint(const char *said);

enum slurm_denial {
	SLURM_NEVER, /* asking again makes no difference */
	SLURM_LATER, /* a limit is reached */
	SLURM_AWAY   /* the controller does not answer */
};
enum slurm_denial slurm_denial(const char *said);

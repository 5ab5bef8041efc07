#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
/* One compile, in its sandbox as a rule, from start to the list of what it wrote. */
struct loop;
struct run;
struct sandbox_bind;
struct err;

struct cage;
struct job_limits;

struct run_spec {
	struct cage **cage; /* of its client, made when the first run needs it */
	const struct job_limits *limits;
	const char *who; /* for the log */
	const char *
	    bare; /* without a sandbox, in this folder: lower, binds, cwd and env do not count then */
	const char *const *lower; /* topmost first */
	size_t nlower;
	const struct sandbox_bind *binds; /* worker/sandbox.h */
	size_t nbinds;
	const char *cwd;
	char *const *env;
	const char *program;
	char *const *argv;
	unsigned umask;
	bool terminal; /* stderr (and stdin) are a terminal of COLUMNS columns */
	unsigned columns;
};

struct run_file {
	char *path; /* absolute, as the compiler named it; below the folder of a bare one */
	unsigned mode;
	uint64_t size;
};

struct run_end {
	bool ran; /* false: the machinery failed: WHY */
	char why[300];
	int status;
	uint64_t user_us, sys_us, maxrss_kb;
	uint64_t
	    starved_kb; /* when it failed since it needed more memory than that; else 0 */
	struct run_file *files; /* owned by the run */
	size_t nfiles;
};

/* DONE is called once, from the loop; then outputs may be read until run_free. */
struct run *run_start(struct loop *, const struct run_spec *,
		      void (*done)(void *ctx, const struct run_end *), void *ctx,
		      struct err *);
/* Output INDEX: 0 stdout, 1 stderr, 2… files: an open descriptor, the caller's, for pread; or -1. */
int run_open(struct run *, unsigned index, uint64_t *size, struct err *);
void run_free(struct run *); /* kills it first if need be; NULL is fine */
/* Waits for what the kernel still takes down of freed runs: before their cage, groups and loop go. */
void runs_reap(void);

enum {
	RUN_TEXT_MAX = 64 << 20, /* bytes of stdout, and of stderr: more fails the run */
	RUN_FILES_MAX = 256
};

#pragma once
#include <stdbool.h>
#include <stddef.h>
/* How a worker is started at its place: the shell words that are the same for all engines. */
struct buf;
struct engine_spec;
struct err;

enum {
	LAUNCH_BINARY = 64 << 20 /* most bytes of the worker's file */
};

/* The words are put into the script as they are, so that they may have the shell's variables in them. */
struct launch {
	const struct engine_spec *spec;
	const char *call;  /* HOST:PORT */
	const char *name;  /* the handle */
	const char *slots; /* "": the worker knows */
	const char *
	    fetch; /* lines which make "$d/muster-worker", and end with "exit 1" if they cannot */
	bool leased; /* the end of standard input ends the worker */
};

/* Appends a POSIX shell script without a single quote: it makes a folder $d for this worker alone, says LAUNCH_STARTED, runs the
 * worker there, and removes the folder when that has ended, whatever ended it but SIGKILL. The key is in the script, so this is for
 * nobody else's eyes. */
void launch_script(struct buf *, const struct launch *);
#define LAUNCH_STARTED "muster: the worker is started" /* on standard error */
/* The worker's file, whole. */
int launch_read(const struct engine_spec *, struct buf *out, struct err *);
/* Appends the same packed with gzip. */
int launch_gzip(const struct engine_spec *, struct buf *out, struct err *);
/* Appends that as base64 in lines. */
int launch_pack(const struct engine_spec *, struct buf *out, struct err *);

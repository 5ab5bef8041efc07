#pragma once
#include <stddef.h>
#include <stdint.h>
/* Telling `muster run` how its build goes: lines of JSON over the unix socket until it hangs up, one for each compile that has ended,
 * {"job": …}, and one a second of the present, {"now": …}. A build is known by MUSTER_RUN in the environment of its compiles. */
struct agent;
struct local_request;
struct shim;
struct watch;

struct watch_job {
	const struct local_request *request;
	const char *file;
	const char *host; /* the worker's word; NULL: here */
	const char *why;  /* when here */
	int64_t since;    /* loop_now when it got its slot */
	uint64_t cpu_ns;  /* 0: unknown */
	uint32_t status;
};

/* SHIM wants to hear of the build RUN. */
struct watch *watch_new(struct agent *, struct shim *, const char *run, size_t n);
void watch_free(struct watch *); /* NULL is fine */
void watch_tell(struct agent *, const struct watch_job *);

#pragma once
#include "worker/sandbox.h"

/* Pid 1 of a sandbox: makes the world, starts the compiler, reaps all, reports. What it says goes
 * to the worker as whole messages over a SOCK_SEQPACKET socket:
 *
 *   READY + the upper folder's descriptor   just before the compiler is started
 *   FAILED + why                            instead of READY, or behind it: exec failed
 *   ENDED + status and rusage               all other processes are gone
 *
 * Killed, it says nothing more; the kernel then kills the rest of its pid namespace. */
enum report_kind {
	REPORT_READY = 1,
	REPORT_FAILED,
	REPORT_ENDED
};

struct report {
	enum report_kind kind;
	struct sandbox_end end; /* FAILED: why; ENDED: the numbers */
};

struct err;
struct world;

struct init {
	const struct sandbox_spec *spec;
	const struct world *world;
	const struct err *unfit; /* why the world cannot be made; empty: it can */
	int report;              /* socket to the worker */
	bool self_test;          /* run in place of the program */
	int groups[2]; /* files to write one's pid to, to be in a control group … */
	int ngroups;   /* … this many */
	bool counted;  /* a control group limits the number of its processes */
};

/* In the new process of the new namespaces, signals blocked. */
_Noreturn void init_run(const struct init *);

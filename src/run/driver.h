#pragma once
#include <stddef.h>
#include <stdint.h>
/* What `distcc_build` did: from DISTCC_AUTO_HOSTS and its companions to a list of hosts
 * that answer and a number of jobs.
 *
 *   variables ─► tunnels to ssh:// hosts ─► capacities ─► sizing ─► hosts, jobs
 *
 * Variables (distcc-driver's): DISTCC_AUTO_HOSTS (run/autohosts.h),
 * DISTCC_AUTO_COMPILER_MEMORY, DISTCC_AUTO_EARLY_LOCAL_JOBS,
 * DISTCC_AUTO_FALLBACK_LOCAL_JOBS, DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS
 * (run/sizing.h); DISTCC_SSH, the ssh client and its first options. One that is empty is
 * not set. */
struct autohosts;
struct err;
struct loop;
struct tunnels;

enum {
	DRIVER_ASK_MS = 3000,    /* for the capacities of all hosts */
	DRIVER_TUNNEL_MS = 5000, /* before it, for the tunnels, if there are any */
	DRIVER_NUMBER_MAX = 10000000
};

/* A host of the list that is not used. */
struct driver_unused {
	char *word; /* as written */
	char *why;
};

struct driver {
	/* to be set before */
	/* The tunnels live in it: it must run as long as the build does. */
	struct loop *loop;
	const char *(*getenv_fn)(void *ctx, const char *name);
	void *ctx;
	unsigned cores;        /* of this machine */
	int64_t free_mb;       /* of this machine; < 0: unknown */
	int wanted;            /* number of jobs that the user gave; <= 0: none */
	int ask_ms, tunnel_ms; /* 0: the defaults */
	/* the answer */
	int status; /* 0, or the exit status 96 or 97 (run/sizing.h) */
	/* A list of net/hostlist.h, every host with its port and slots; "": use this machine. */
	char *hosts;
	unsigned jobs;         /* to tell the build tool */
	unsigned local_slots;  /* compiles and links at once on this machine */
	unsigned remote_slots; /* of all hosts that are used */
	unsigned nused;        /* such hosts */
	struct driver_unused *unused;
	size_t nunused;
	/* its own */
	struct autohosts *list;
	struct tunnels *tunnels;
};

/* 0; -1 with a sentence in ERR, and STATUS set. In either case UNUSED names hosts that
 * are left out, and driver_close is to be called in the end. Takes at most about the two
 * times above. */
int driver_prepare(struct driver *, struct err *);
void driver_close(struct driver *); /* ends the tunnels, frees the answer */

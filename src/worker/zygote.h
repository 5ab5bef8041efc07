#pragma once
#include <stdbool.h>
#include <sys/types.h>

/* The far side of worker/cage: the processes that clone others, and what they are asked. */

enum zygote_kind {
	ZYGOTE_CAGE =
	    1, /* of the keeper: another one of you, in namespaces of its own; 1 descriptor: its socket */
	ZYGOTE_JOB, /* of a cage: an order; descriptors: stdin, stdout, stderr, report, and control groups */
};

enum {
	ZYGOTE_FDS_MAX = 8,
	ZYGOTE_ORDER_MAX = 64 << 20
};

struct zygote_ask {
	enum zygote_kind kind;
	unsigned size;   /* of the order that follows */
	bool self_test;  /* run the sandbox's own test in place of the order's program */
	bool into_group; /* the first control group is one of version 2, to be born in */
};

/* With a pidfd, if it went well. */
struct zygote_answer {
	bool failed;    /* else a process was made */
	pid_t pid;      /* as the worker sees it */
	char what[200]; /* the sentence of what failed */
};

struct ground;

struct zygote {
	int socket;              /* to the worker */
	unsigned uid, gid;       /* whom its jobs run as */
	struct ground *ground;   /* of a cage */
	bool gives;              /* that is somebody else: root gives cages their maps */
	void (*tidy)(void *ctx); /* of the keeper, or NULL */
	void *ctx;
};

/* In a new process: serves until the worker hangs up. */
_Noreturn void zygote_run(const struct zygote *);

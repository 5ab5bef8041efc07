#pragma once
#include "sys/loop.h"

#include <stdbool.h>
#include <stddef.h>
/* Workers from what starts processes elsewhere: a batch system, a cluster, machines behind ssh. An engine only starts and ends
 * them, and tells bad news; that a worker is up, is alive, works or is gone is known from the connection that it makes to the door
 * (SPEC.call), which is faster than any engine's own word.
 *
 * One thread, no waiting: everything happens in the loop, but for engine_face and engine_close, which may take some seconds. */
struct buf;
struct engine;
struct engine_url;
struct err;

enum {
	ENGINE_HANDLE = 128, /* room for a handle */
};

/* What to start: the same for every engine. Texts are borrowed for the life of the engine. */
struct engine_spec {
	const char *build; /* names all that we start: letters, digits, '-' */
	const char *call;  /* HOST:PORT that workers dial */
	const char
	    *listen;     /* HOST:PORT of the door: the same, but for what stands between */
	const char *key; /* text, the secret that they show there: never in argv */
	const char *worker; /* the static muster-worker's file */
	const char *ssh;    /* what the user calls ssh (DISTCC_SSH), or NULL */
	unsigned idle_s;    /* without work for so long a worker ends by itself */
	bool keep;          /* a pool for a team (muster up): no build waits for its end */
};

enum engine_event_type {
	ENGINE_PENDING, /* handle, slots: asked for, and must wait; WHY as the engine says it, or "" */
	ENGINE_STARTED, /* handle, slots: it runs, and should dial in soon */
	ENGINE_ENDING,  /* handle: it will be taken away: preempted, drained, out of time */
	ENGINE_LOST,    /* handle: it is gone, or never came to be; WHY */
	ENGINE_DENIED,  /* nothing more can be had; WHY; again after RETRY, 0: never */
	ENGINE_DOWN,    /* the engine itself cannot be reached; WHY. Workers go on. */
	ENGINE_UP       /* it is there again */
};

struct engine_event {
	enum engine_event_type type;
	const char *handle; /* the worker's name at the door is the same text */
	unsigned slots;
	const char *why; /* a part of a sentence, or "" */
	nsec retry;
};

/* EVENT and its texts are valid for the call. No engine_ function may be called from within but engine_want. */
typedef void engine_handler(void *ctx, const struct engine_event *event);

/* The engine of URL exists and knows the options: 0, else -1 with a sentence. Asks nobody. */
int engine_check(const struct engine_url *, struct err *);
/* How many slots one of its workers has, as far as that is known before. */
unsigned engine_worker_slots(const struct engine_url *);
/* Its workers reach us by something of its own, and not by an address that could be another one outside. */
bool engine_has_way(const struct engine_url *);
/* What its user can do when its workers have another compiler: a part of a sentence. */
const char *engine_remedy(const struct engine_url *);
/* Our address as its workers see it, without a port: where the door is to be. May ask programs of the engine, for some seconds. */
int engine_face(const struct engine_url *, char *host, size_t size, struct err *);
/* The objects that it would create, as text, for --dry-run. -1: it has none. */
int engine_manifest(const struct engine_url *, const struct engine_spec *, struct buf *,
		    struct err *);

struct engine *engine_open(struct loop *, const struct engine_url *,
			   const struct engine_spec *, engine_handler *, void *ctx,
			   struct err *);
/* So many slots in all, those that are there included: starts what is missing, withdraws what waits and is too much. A worker that
 * runs is never ended by this. */
void engine_want(struct engine *, unsigned slots);
/* Ends this worker. An unknown handle is nothing; LOST follows. */
void engine_retire(struct engine *, const char *handle);
/* Ends all of them and forgets them; no event follows. NULL is fine. */
void engine_close(struct engine *);

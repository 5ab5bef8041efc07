#pragma once
#include "engine/engine.h"
#include "engine/url.h"

#include <stdbool.h>

/* What one kind of engine is made of. SELF is what its open returned; it tells events with engine_tell. */

struct engine_kind {
	const char *scheme;
	const char *const
	    *options; /* those that it knows beside the common ones; NULL ends */
	const char *example;
	const char *slots_option; /* says how many slots a worker has */
	unsigned worker_slots;    /* where the URL does not say it */
	bool own_way;             /* workers reach us by something of the engine's own */
	const char *remedy;       /* what to do when workers have another compiler */
	unsigned (*slots)(const struct engine_url *);          /* or NULL: WORKER_SLOTS */
	int (*check)(const struct engine_url *, struct err *); /* or NULL */
	int (*face)(const struct engine_url *, char *host, size_t size, struct err *);
	int (*manifest)(const struct engine_url *, const struct engine_spec *, struct buf *,
			struct err *); /* or NULL */
	void *(*open)(struct engine *, struct err *);
	void (*want)(void *self, unsigned slots);
	void (*retire)(void *self, const char *handle);
	void (*close)(void *self);
};

extern const struct engine_kind engine_local, engine_ssh, engine_slurm, engine_mesos,
    engine_kubernetes;

/* The parts of an engine that its kind may look at. */
struct engine {
	const struct engine_kind *kind;
	void *self;
	struct loop *loop;
	const struct engine_url *url; /* borrowed */
	struct engine_spec spec;
	engine_handler *handler;
	void *ctx;
	unsigned worker_slots; /* of a worker */
};

void engine_tell(struct engine *, const struct engine_event *);

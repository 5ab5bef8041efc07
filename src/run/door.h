#pragma once
#include <stddef.h>
/* Where the workers of an engine call: the agent listens for one build, and tells of each that came. The connection to the agent is
 * the lease: when it ends, so does the door, and with it every worker that came through it. */
struct door;
struct err;
struct loop;

enum {
	DOOR_LOOK_MS = 2000
};

struct door_handler {
	/* It listens at ADDRESS, for who has KEY. Once, before anything else. */
	void (*open)(void *ctx, const char *address, const char *key);
	/* The worker NAME is there, with so many compiles at work. Again every DOOR_LOOK_MS. */
	void (*worker)(void *ctx, const char *name, unsigned slots, unsigned running);
	void (*gone)(void *ctx, const char *name);
	/* One says WHY it cannot run the compiler DRIVER, which is VERSION here. */
	void (*unfit)(void *ctx, const char *why, const char *driver, const char *version);
	/* There is no door, or no more; last. */
	void (*lost)(void *ctx, const char *why);
};

/* DIR: the agent's state folder. NAME: compiles whose list of hosts has +callers=NAME may use these workers. HOST: where to listen, an
 * address of ours, with :PORT or without. NULL with ERR: there is no agent, or no key can be made for it. */
struct door *door_open(struct loop *, const char *dir, const char *name, const char *host,
		       const struct door_handler *, void *ctx, struct err *);
void door_close(struct door *); /* NULL is fine */

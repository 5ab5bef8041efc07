#pragma once
#include <stddef.h>
/* A door for workers that call: they connect to us and not we to them (`muster-worker --call`), since they are started where
 * only they know their addresses, or behind a wall that lets connections out only. From its handshake on a caller is a worker like
 * any other, and it is forgotten with its connection.
 *
 * A door belongs to one connection of the unix socket, and closes with it. It is asked for by the query
 *
 *   callers ADDRESS BUILD KEYFILE
 *
 * ADDRESS is where to listen ("0.0.0.0:0"); BUILD (letters, digits, '.', '-', '_') names the door: compiles whose list of hosts
 * has the word +callers=BUILD may use its workers, and no others; KEYFILE is the whole rest, the path of a key (net/key.h)
 * that callers must have. Answers are lines of JSON:
 *
 *   {"door": "0.0.0.0:41234"}                                      it is open, at once and once
 *   {"up": "NAME", "from": "10.0.0.7:4242", "slots": 8}            a worker is there (NAME: its --name)
 *   {"down": "NAME", "from": "10.0.0.7:4242", "why": "..."}        it is gone
 *   {"unfit": "NAME", "from": "...", "why": "...", "driver": "...", "version": "..."}
 *                                                                  it has not this compiler, of which there are jobs
 *
 * or a sentence on standard error and the status 1, when no door can be opened. */
struct agent;
struct callers;
struct remote;
struct shim;

/* NULL: it could not be opened, and SHIM was told. */
struct callers *callers_new(struct agent *, struct shim *, const char *request, size_t n);
void callers_free(
    struct callers
	*); /* its workers go with it, and their jobs go elsewhere; NULL is fine */
/* From remote.c. */
void callers_came(struct callers *, struct remote *);
void callers_gone(struct callers *, struct remote *); /* freed by agent_reap, soon */
/* It has not the compiler DRIVER, in its own words. */
void callers_unfit(struct callers *, const struct remote *, const char *why,
		   const char *driver, const char *version);

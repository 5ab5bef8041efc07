#pragma once
#include "core/farm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The state of one scheduler, and its wiring:
 *
 *   peer ──message──► guest ──event──► core/farm ──effect──► server ──message──► guest of who it is about
 *                       └─ place: the hosts, by id, name and address
 *
 * One thread, one step of the farm at a time; no effect leads to an event within its own step. */
struct access;
struct buf;
struct guest;
struct history;
struct loop;
struct loop_timer;
struct place;
struct trust;
struct upstream;

struct server {
	struct loop *loop;
	struct farm *farm;
	struct history *history;      /* NULL: nothing is kept */
	struct loop_timer *wake;      /* the farm's */
	struct loop_timer *sweep;     /* once in a while */
	struct loop_timer *purge;     /* closes who is doomed */
	const char *name, *farm_name; /* borrowed */
	struct access *allow, *admin; /* borrowed: who may connect, who may change things */
	struct trust *trust;          /* borrowed: what it dials upstream with */
	struct upstream *upstream;    /* NULL: it stands before no other */
	bool proves; /* it has a key or certificate: whoever connects proves himself, too */
	struct guest *guests;     /* by id (uthash) */
	struct guest *doomed;     /* utlist: those of them that are closed next */
	struct place *places;     /* by id (uthash) … */
	struct place *by_name;    /* … by name … */
	struct place *by_address; /* … and by address */
	uint64_t last_id;         /* of guests and places */
	size_t nagents, nwaiting; /* agents connected; declarations that wait for a host */
	bool stepping;
	nsec saved; /* when what was learned was last kept */

	struct complaint {
		uint64_t what; /* a digest of its words */
		nsec at;
	} complaints[64]; /* a ring: what was logged of late */

	size_t ncomplaints;
	unsigned complained; /* lines since … */
	nsec complained_since;
};

/* Gives the farm an event (its `now` is filled in) and carries out what follows. */
void server_step(struct server *, struct farm_event *);
void server_purge_soon(struct server *);
/* A warning, but not the same within a minute: who misbehaves must not fill the log. */
void server_complain(struct server *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Builds of all agents, for the farm. */
uint64_t server_build_id(uint64_t guest, uint64_t build);
/* Opens and runs it: S has loop, farm, name, farm_name, allow, admin, history. */
void server_begin(struct server *);
void server_end(struct server *);

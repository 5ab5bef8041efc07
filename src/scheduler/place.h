#pragma once
#include "core/farm.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>
/* The hosts of the farm: workers that are connected, and foreign distccds that a person has named. No two have the same
 * name or the same address. */
struct borrowed;
struct guest;
struct server;
struct err;

struct place {
	uint64_t id; /* the farm's worker */
	char *name, *address, *platform, *partition;
	char *url;                    /* of a distccd that was added; NULL: a worker */
	struct guest *guest;          /* the worker's connection; NULL for a distccd */
	struct borrowed *borrowed;    /* it is lent to us by another scheduler; or NULL */
	uint32_t speaks;              /* enum talk_speaks */
	struct farm_worker_desc desc; /* its texts are the ones above */
	struct farm_report report;    /* the latest */
	bool drained;                 /* by a person */
	bool self_drained;            /* by itself */
	struct server *server;
	struct probe *probe; /* of a distccd … */
	char why_down[100];  /* … that does not listen: the farm does not know it then */
	UT_hash_handle hh, hh_name, hh_address;
};

struct place *place_by_id(const struct server *, uint64_t id);
struct place *place_by_name(const struct server *, const char *name);
struct place *place_by_address(const struct server *, const char *address);

/* A worker's report. *OURS is its place, or NULL at first, and then set. -1: it cannot be taken, and why. ADDRESS is where
 * agents reach it. */
int place_report(struct server *, struct place **ours, struct guest *, const char *address,
		 const struct message_report *, struct err *);
void place_leave(struct server *, struct place *);

/* A host that another scheduler lends to this one (upstream.h), with no slots yet. NULL: it cannot be had, and why. */
struct place_loan {
	const char *name, *address, *platform, *partition;
	uint32_t speaks;
};

struct place *place_borrow(struct server *, const struct place_loan *, struct borrowed *,
			   struct err *);
void place_resize(struct server *, struct place *, unsigned slots);

/* URL: "distcc://HOST[:PORT][/SLOTS]". */
int place_add(struct server *, const char *name, const char *url, struct err *);
int place_remove(struct server *, const char *name, struct err *);
int place_drain(struct server *, const char *name, bool on, struct err *);

/* Names of hosts that speak distcc's protocol, at most MOST: a sample when there are more. ALL: true when there is no
 * other host. */
size_t places_of_distcc(const struct server *, const char **names, size_t most, bool *all);
void places_list(struct server *, struct guest *to);
void places_sweep(struct server *); /* speaks for the distccds, which cannot */
void places_load(struct server *);
void places_save(struct server *);
void places_free(struct server *);

#pragma once
#include "core/estimate.h"
#include "core/farm.h"
#include "core/farm_ladder.h"
#include "core/farm_share.h"
#include "core/idmap.h"
/* What the parts of the farm (farm*.c) share. Nothing outside of them includes this.
 *
 *   farm.c         one step: time, the events, what is said at its end
 *   farm_worker.c  workers: how many slots are usable, orphans, quarantine
 *   farm_build.c   pools, users, accounts, agents, builds
 *   farm_lease.c   leases: granted, recalled, confirmed, repeated, evicted
 *   farm_place.c   where slots are granted; builds that nothing fits
 *   farm_wait.c    why a build has not what it wants
 *   farm_view.c    for people, and the check of the books */

#define FARM_MS ((nsec)1000000)

struct farm_list {
	struct farm_link *head, *tail;
	size_t n;
};

/* Embedded in what is listed; on one list at most. */
struct farm_link {
	struct farm_list *in;
	struct farm_link *prev, *next;
	void *of; /* what embeds it */
};

/* A dense array of things that embed where they are, so that people can count through them. */
struct farm_index {
	size_t at;
	void *of;
};

struct farm_vec {
	struct farm_index **v;
	size_t n, cap;
};

struct farm_names { /* hashes of workers' names, sorted */
	uint64_t *v;
	size_t n;
};

/* A partition and a platform. Lives while it has workers or builds. */
struct farm_pool {
	struct idmap_node node;
	char *partition, *platform;
	struct share_tree shares;
	struct ladder ladder;
	nsec sorted_at;
	struct farm_list workers;
	struct farm_list
	    needy[2];           /* builds with budget left: of long jobs, and the others */
	struct farm_list stuck; /* builds that no free slot fits, longest first */
	size_t builds;
	unsigned usable;             /* slots of all its workers */
	unsigned capacity;           /* usable slots of all its workers */
	double mean_cpu;             /* of the jobs whose builds said so, nanoseconds */
	struct farm_worker *biggest; /* the one with most memory; NULL: to be found */
	uint64_t biggest_mib;
	struct farm_worker *kept; /* room is made there for KEPT_FOR, or NULL */
	struct farm_build *kept_for;
	nsec kept_at;
	bool crowded;            /* somebody may be waiting for a turn */
	nsec turns_at;           /* when the turns were looked at last */
	struct farm_link queued; /* in farm.queue: must be looked at in this step */
	struct farm_pool *next;  /* of all pools */
};

struct farm_user_state {
	struct idmap_node node;
	char *name;
	unsigned weight, cap;
	bool configured;
	struct farm_list accounts;
	struct farm_index index;
	struct farm_link
	    capped; /* in farm.capped: its accounts' limits must be found anew */
};

/* A user in a pool; exists while it has builds there. */
struct farm_account {
	struct share share;
	struct farm_user_state *user;
	struct farm_pool *pool;
	struct farm_link of_user;
	size_t builds;
};

struct farm_agent {
	struct idmap_node node;
	struct farm_list builds;
};

struct farm_build {
	struct idmap_node node;
	struct share share;
	struct farm_agent *agent;
	struct farm_account *account;
	struct farm_link of_agent;
	struct farm_link
	    needy; /* in its pool's NEEDY: exactly while it holds less than its budget */
	struct farm_link sticks;  /* in its pool's STUCK, exactly while STUCK */
	struct farm_link touched; /* in farm.touched: looked at when the step ends */
	struct farm_link due;     /* in farm.due_builds: it holds more than its budget */
	struct farm_index index;
	struct farm_list leases;
	unsigned want, cap;
	unsigned held; /* slots that count as its own: sum of its leases' COUNTED */
	unsigned told; /* the budget it was told last */
	unsigned memory_mib;
	nsec cpu;
	uint64_t affinity;
	struct farm_names exclude, only;
	bool more, stuck;
	bool evicted;     /* was silent for too long, and has not been heard since */
	unsigned fitting; /* while stuck: what it holds and what was seen to fit it */
	nsec stuck_since; /* INT64_MAX: something fitted since */
	nsec told_at, heard;
	nsec over_since; /* holds more than its budget; INT64_MAX: it does not */
	enum farm_reason reason, stuck_reason;
	uint64_t which, stuck_which;
	nsec stuck_looked; /* when STUCK_REASON was found */
};

/* The build whose share LEAF is. */
static inline struct farm_build *farm_build_of(const struct share *leaf)
{
	return (struct farm_build *)((uintptr_t)leaf - offsetof(struct farm_build, share));
}

struct farm_lease {
	struct farm_build *build;
	struct farm_worker *worker;
	struct farm_link of_build, of_worker;
	struct farm_link changed; /* in farm.changed: told when the step ends */
	struct farm_link due;     /* in farm.due_leases: told and not confirmed */
	unsigned right;           /* what it may use, from now on */
	unsigned counted;    /* what it may still be using: >= RIGHT until it confirms */
	unsigned told;       /* RIGHT as told last */
	unsigned memory_mib; /* reserved for each slot */
	uint64_t serial;     /* of that telling; 0: never told */
	nsec told_at;
	enum farm_reason why;
	bool must_tell; /* even if it was told the same before */
};

struct farm_worker {
	struct idmap_node node;
	struct rung rung;
	struct farm_pool *pool;
	struct farm_link of_pool;
	struct farm_index index;
	struct farm_link heard_link; /* in farm.heard, longest silent first */
	struct farm_link rests;      /* in farm.resting while in quarantine */
	struct farm_list leases;
	char *name;
	uint64_t name_hash;
	unsigned slots, owner_slots, memory_mib;
	struct farm_report report;
	unsigned usable;       /* slots for leases now, used or not */
	unsigned worth;        /* what it adds to its pool's capacity */
	unsigned cut;          /* slots taken away by pressure, given back slowly */
	unsigned held, rights; /* sums of its leases' COUNTED and RIGHT */
	uint64_t reserved_mib; /* sum of its leases' COUNTED times MEMORY_MIB */
	unsigned orphans;      /* jobs that run there without a lease */
	unsigned excess;       /* of the last report: jobs more than leases and orphans */
	nsec orphaned_at, heard;
	bool drained, probation;
	nsec until; /* end of its quarantine; 0: none */
	nsec quarantine;
	uint64_t
	    blamed_by;   /* agents that failed there since the last success: the first, */
	unsigned blames; /* and the failures of the first, */
	bool blamed_by_two; /* and whether there is a second */
	struct estimate_speed speed;
	unsigned rtt_us, kib_s;
	enum farm_reason reason;
};

struct farm {
	uint64_t serial;
	nsec now;    /* the farm's own time: it stands still while nobody calls */
	nsec skew;   /* caller's time minus the farm's */
	nsec wake;   /* when its housekeeping is due, in the farm's own time */
	nsec settle; /* when settling ends */
	nsec settle_for;
	bool started, settling;
	struct farm_vec all_workers, all_builds, all_users;
	struct idmap workers, builds, agents, users, pools;
	struct farm_pool *pool; /* list of all */
	struct farm_list queue, touched, changed, due_leases, due_builds, heard, resting,
	    capped;
	struct estimate *estimate;
	struct farm_effect *effect;
	size_t neffects, cap_effects;
};

/* lists */
void farm_list_add(struct farm_list *, struct farm_link *, void *of); /* once is enough */
void farm_list_remove(struct farm_link *);                            /* if it is on one */
void *farm_list_take(struct farm_list *);                             /* NULL: empty */

void farm_vec_add(struct farm_vec *, struct farm_index *, void *of);
void farm_vec_remove(struct farm_vec *, struct farm_index *);

/* farm.c */
void farm_wake(struct farm *, nsec at); /* housekeeping is due then at the latest */
struct farm_effect *farm_emit(struct farm *, enum farm_effect_type, enum farm_reason);
uint64_t farm_hash(const char *name);
char *farm_name(const char *); /* a copy, not longer than FARM_MAX_NAME */
void farm_pool_queue(struct farm *, struct farm_pool *);

/* farm_worker.c */
void farm_worker_describe(struct farm *, uint64_t id, const struct farm_worker_desc *);
void farm_worker_report(struct farm *, struct farm_worker *, const struct farm_report *);
void farm_worker_end(struct farm *, struct farm_worker *);
void farm_worker_result(struct farm *, struct farm_worker *, uint64_t agent,
			const struct farm_result *);
void farm_worker_update(struct farm *, struct farm_worker *); /* usable, capacity, excess */
void farm_worker_room(struct farm *, struct farm_worker *);   /* the ladder hears of it */
void farm_worker_worth(struct farm_worker *);                 /* usable or held changed */
unsigned farm_worker_free(const struct farm_worker *);        /* slots nobody has */
/* How many more jobs of MEMORY_MIB fit beside what is reserved. */
unsigned farm_worker_fits(const struct farm_worker *, unsigned memory_mib);
uint64_t farm_worker_mib(const struct farm_worker *); /* for farm jobs; 0: unknown */
bool farm_pool_could(struct farm_pool *, unsigned memory_mib); /* on an empty worker */
void farm_workers_tick(struct farm *);

/* farm_build.c */
struct farm_pool *farm_pool_get(struct farm *, const char *partition, const char *platform);
void farm_pool_put(struct farm *, struct farm_pool *); /* frees it when it is empty */
void farm_build_declare(struct farm *, uint64_t id, const struct farm_want *);
void farm_build_end(struct farm *, struct farm_build *, bool orphan);
void farm_build_limit(struct farm *, struct farm_build *);
void farm_agent_end(struct farm *, struct farm_agent *);
void farm_user_set(struct farm *, const char *name, const struct farm_user *);
void farm_user_limits(struct farm *, struct farm_user_state *);
void farm_budget_changed(void *farm, struct share *leaf);
bool farm_build_accepts(const struct farm_build *, const struct farm_worker *);

/* farm_lease.c */
struct farm_lease *farm_lease_find(const struct farm_build *, const struct farm_worker *);
void farm_lease_grant(struct farm *, struct farm_build *, struct farm_worker *, unsigned n);
void farm_lease_recall(struct farm *, struct farm_lease *, unsigned right,
		       enum farm_reason);
/* ORPHAN: jobs may still run on its slots. The agent is told why, unless TELL is FARM_OK. */
void farm_lease_end(struct farm *, struct farm_lease *, bool orphan, enum farm_reason tell);
void farm_lease_held(struct farm *, struct farm_build *, uint64_t worker,
		     const struct farm_held *);
void farm_lease_trim(struct farm *, struct farm_worker *, unsigned rights,
		     enum farm_reason);
void farm_leases_tell(struct farm *);
void farm_leases_tick(struct farm *);

/* farm_place.c */
void farm_place(struct farm *, struct farm_pool *);
void farm_needy(struct farm *,
		struct farm_build *); /* its budget or what it holds changed */
void farm_build_stick(struct farm *, struct farm_build *);
void farm_build_unstick(struct farm *, struct farm_build *);
void farm_place_tick(struct farm *, struct farm_pool *);

/* farm_wait.c */
void farm_wait_tell(struct farm *, struct farm_build *);
void farm_stuck_reason(struct farm *, struct farm_build *);

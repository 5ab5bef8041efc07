#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The shared farm's brain: how many slots of which workers each build of each user may use now. Pure:
 * every event carries the time, every consequence is data. Ids are the caller's; strings and arrays of
 * an event are borrowed for the step. (core/sched is its counterpart in an agent: it places single jobs
 * on the slots that the farm has leased to it.)
 *
 * A pool is a partition and a platform: every worker is in one, every build uses one (an agent with jobs
 * for two platforms declares two builds). Inside a pool the usable slots are divided by weight between
 * users, a user's part between its builds; what one does not want is lent to the others. A build's part
 * is its BUDGET, the most slots it may hold in all. The farm fills it with LEASES: the right to run up to
 * N jobs at a time on one worker. Nothing is asked or told for a single job.
 *
 * What an agent does:
 *   - it declares each build with FARM_BUILD, again whenever what it wants changes;
 *   - it obeys GRANT, RECALL and BUDGET, each of which states the new whole and not a difference. While the
 *     sum of its slots exceeds the budget it gives back whichever becomes idle first;
 *   - it answers each GRANT and RECALL with FARM_HELD, and sends FARM_HELD when it gives back slots, when
 *     a job beyond its right ends, and every FARM_HELD_EVERY_MS while it runs jobs beyond its right;
 *   - a slot on which a job runs is given back when that job has ended, not before;
 *   - after it has connected anew it declares: FARM_BUILD with more, a FARM_HELD for each lease that it
 *     holds, FARM_BUILD without more.
 *   - while it holds more than its budget it sends FARM_HELD for its leases every FARM_HELD_EVERY_MS, and
 *     when the same BUDGET comes again;
 *   - a RECALL with FARM_DECLARING means that the farm took it for dead: its answer ends that;
 *   - a worker that fails it, it excludes by name for some time (want.exclude).
 * All messages may be repeated; lost ones are sent again. */
typedef int64_t nsec;

enum farm_event_type {
	FARM_TICK,        /* time passed (out->wake was reached) */
	FARM_WORKER,      /* worker, desc: it is connected, or describes itself anew */
	FARM_REPORT,      /* worker, report: at least every FARM_SILENCE_MS / 3 */
	FARM_WORKER_GONE, /* worker: its connection ended; its leases end */
	FARM_DRAIN,  /* worker, yes: no new leases there, old ones recalled; no: back */
	FARM_USER,   /* name, user: the administrator's word; unnamed users have weight 1 */
	FARM_BUILD,  /* build, want: declares or changes it */
	FARM_HELD,   /* build, worker, held: the agent's answer */
	FARM_RESULT, /* build, worker, result: a job ended there and taught something */
	FARM_BUILD_GONE, /* build: it ended and runs nothing; its slots are free at once */
	FARM_AGENT_GONE, /* agent: its connection ended; so do its builds and leases. What
	                    its jobs still occupy is learned from the workers' reports */
};

/* What a worker is. */
struct farm_worker_desc {
	const char *name;      /* for drain, exclude and only; not empty */
	const char *platform;  /* compared as it is, as "x86_64-linux" */
	const char *partition; /* "" is one, too */
	unsigned slots;        /* jobs at a time, when nobody else uses the machine */
	unsigned owner_slots;  /* the same while its owner is at it, 0 for none */
	unsigned memory_mib;   /* 0: unknown, does not limit */
	unsigned running;      /* farm jobs that run there now, of whoever */
	double speed;          /* learned in an earlier life of the farm; 0: unknown */
};

/* How a worker is now. */
struct farm_report {
	unsigned running;        /* farm jobs that run there now */
	unsigned foreign_milli;  /* load of others: load minus our jobs, times 1000 */
	unsigned room_mib;       /* memory free, plus what our jobs use; 0: unknown */
	unsigned cpu_percent;    /* stall time by PSI "some avg10" of cpu, 0 to 100 */
	unsigned memory_percent; /* of memory */
	unsigned io_percent;     /* of io */
	bool owner;              /* its owner is at it */
};

struct farm_user {
	unsigned weight; /* 1 to FARM_MAX_WEIGHT; 0 counts as 1 */
	unsigned cap;    /* most slots at a time over all pools; 0: no cap */
};

enum farm_priority {
	FARM_NORMAL, /* a priority multiplies the build's weight among its user's builds */
	FARM_LOW,    /* by 1/8 */
	FARM_HIGH,   /* by 8 */
};

/* What a build wants. */
struct farm_want {
	uint64_t agent;   /* the connection whose end ends it */
	const char *user; /* as authenticated by the caller */
	const char *platform, *partition;
	unsigned slots;  /* wanted now in all: jobs running and waiting; 0: none */
	unsigned cap;    /* most it wants at a time; 0: no cap */
	unsigned weight; /* among its user's builds; 0 counts as 1 */
	enum farm_priority priority;
	unsigned memory_mib;    /* predicted peak of one job; 0: unknown */
	nsec cpu;               /* predicted CPU time of one job; 0: unknown */
	uint64_t affinity;      /* names the files, as a hash of the project; 0: none */
	const char **exclude;   /* names of workers not to use */
	const char **only;      /* when nonly > 0: the only ones to use */
	size_t nexclude, nonly; /* more than FARM_MAX_NAMES are cut off */
	bool more;              /* FARM_HELD declarations follow: no new leases yet */
};

struct farm_held {
	uint64_t serial; /* of the last GRANT or RECALL obeyed; 0: none from this farm */
	unsigned slots; /* its right as it sees it; lower than granted: given back (who does
	                    not want to get it again wants less, or excludes, first) */
	unsigned used;  /* jobs running there now */
};

struct farm_result {
	uint64_t unit;   /* names the translation unit and its options; 0: unknown */
	nsec cpu;        /* CPU time it took; 0: unknown */
	unsigned rtt_us; /* agent to worker, as measured last; 0: unknown */
	unsigned kib_s;  /* bandwidth likewise */
	bool failed;     /* the machinery failed there, not the program */
};

struct farm_event {
	nsec now;
	enum farm_event_type type;
	uint64_t worker, build, agent;
	bool yes;
	const char *name;

	union {
		struct farm_worker_desc desc;
		struct farm_report report;
		struct farm_user user;
		struct farm_want want;
		struct farm_held held;
		struct farm_result result;
	};
};

enum farm_effect_type {
	FARM_GRANT,  /* build, worker, slots, budget, serial: may run so many jobs there */
	FARM_RECALL, /* the same; fewer than before, or none. Why is in REASON */
	FARM_BUDGET, /* build, budget: hold no more than that in all; reason */
	FARM_WAIT,   /* build, missing, reason, which: why it has not all it wants; reason
	                FARM_OK: it has all now. Sent when the reason changes */
	FARM_EVICT,  /* worker, agent, slots, reason: to the worker: that agent says nothing
	               (FARM_DECLARING), or holds what is not its own (FARM_SHARE): it may run
	               no more than SLOTS jobs there, until it is granted some there again */
	FARM_DROP,   /* worker: it has been silent too long and is forgotten: hang up */
};

enum farm_reason {
	FARM_OK,
	FARM_NO_WORKERS,   /* the farm has none */
	FARM_NO_PARTITION, /* no worker is in that partition */
	FARM_NO_PLATFORM,  /* none in the partition has that platform */
	FARM_EXCLUDED,     /* all that could are excluded, or not among the only ones */
	FARM_DRAINED,      /* all that could are drained */
	FARM_QUARANTINED,  /* all that could failed lately; which: one of them */
	FARM_OWNER,        /* all that could are used by their owners; which: one */
	FARM_LOADED,       /* all that could are loaded by others; which: one */
	FARM_MEMORY,       /* a job needs more than there is; which: the biggest worker */
	FARM_MEMORY_BUSY,  /* it fits, but not now; which: the worker kept for it */
	FARM_USER_CAP,     /* its user has as many slots as it may */
	FARM_BUILD_CAP,    /* it has as many as it said it wants at most */
	FARM_SHARE,        /* others have their fair share; which: an agent that has most */
	FARM_COMING,       /* slots have been recalled for it and come as jobs end */
	FARM_SETTLING,     /* the farm has just started and hears what is held */
	FARM_DECLARING,    /* it has not ended its declarations (want.more) */
	FARM_WORKER_LOST,  /* of RECALL: the worker is gone or silent; which: it */
	FARM_OVERBOOKED,   /* of RECALL: the worker has fewer slots than were declared */
	FARM_NOT_WANTED,   /* of RECALL and BUDGET: the build wants fewer now */
	FARM_TOO_MANY,     /* a limit of the farm (FARM_MAX_*) forbids more */
};

struct farm_effect {
	enum farm_effect_type type;
	enum farm_reason reason;
	uint64_t build, worker, agent;
	uint64_t which;  /* a worker or an agent, by reason; 0: none */
	uint64_t serial; /* grows with each GRANT and RECALL of this farm; never 0 */
	unsigned slots, budget, missing;
};

struct farm_out {
	struct farm_effect *v; /* valid until the next step */
	size_t n;
	nsec wake; /* call with FARM_TICK then at the latest; INT64_MAX: never */
};

enum {
	FARM_SILENCE_MS = 15 * 1000, /* a worker that says nothing so long is dropped */
	FARM_HELD_EVERY_MS = 5 * 1000,
	FARM_RESEND_MS = 3 * 1000, /* a GRANT, RECALL or BUDGET not answered is repeated */
	FARM_PATIENCE_MS = 30 * 1000, /* an agent that owes answers so long is evicted */
	FARM_STUBBORN_MS = 60 * 1000, /* a build so long beyond its budget is evicted */
	FARM_STARVE_MS = 5 * 1000,    /* no free slot fits a build so long: room is made */
	FARM_TURN_MS = 2 * 1000, /* where there are more builds than slots: take turns */
	FARM_QUARANTINE_MS = 10 * 1000, /* first; doubles */
	FARM_QUARANTINE_MAX_MS = 600 * 1000,
	FARM_MAX_NAMES = 64,
	FARM_MAX_NAME = 255,     /* bytes of a name; longer ones are cut */
	FARM_MAX_SLOTS = 4096,   /* of a worker */
	FARM_MAX_WANT = 1 << 20, /* of a build */
	FARM_MAX_WEIGHT = 1 << 16,
	FARM_MAX_BUILDS = 256, /* of an agent; more wait with FARM_TOO_MANY */
	FARM_MAX_POOLS = 4096, /* partitions times platforms seen; beyond: FARM_TOO_MANY */
	FARM_MAX_USER_POOLS =
	    64, /* of them that one user's builds may be in, whatever he calls them */
};

struct farm;
/* SETTLE: no grants for so long after the first event, so that agents of a farm that was restarted can
 * declare first what they hold (what runs on a worker counts as used in any case). */
struct farm *farm_new(uint64_t seed, nsec settle);
void farm_free(struct farm *);
/* An event about an unknown worker or build is ignored (a late message finds nothing). */
void farm_step(struct farm *, const struct farm_event *, struct farm_out *);

/* ---- for people and for checks ---- */

struct farm_worker_view {
	uint64_t id;
	const char *name, *platform, *partition; /* the farm's, valid until the next step */
	unsigned slots, usable, held, orphans;   /* orphans: run there without a lease */
	double speed;                            /* learned; 1.0 = average */
	enum farm_reason reason;                 /* why usable < slots; FARM_OK */
	nsec until;                              /* end of its quarantine, or 0 */
	bool kept; /* free slots are kept for a build that fits nowhere else */
};

struct farm_build_view {
	uint64_t id, agent;
	const char *user, *platform, *partition; /* the farm's, valid until the next step */
	unsigned want, budget, held;
	enum farm_reason reason; /* of the last WAIT */
	uint64_t which;
};

struct farm_user_view {
	const char *name;
	unsigned weight, cap, want, budget, held;
	size_t builds;
};

/* The I-th one in no particular order; false: there are no more. */
bool farm_worker_at(const struct farm *, size_t i, struct farm_worker_view *);
bool farm_build_at(const struct farm *, size_t i, struct farm_build_view *);
bool farm_user_at(const struct farm *, size_t i, struct farm_user_view *);
/* The slots that BUILD's agent may use on WORKER, as the farm counts them; 0 when there is no lease. */
unsigned farm_lease(const struct farm *, uint64_t build, uint64_t worker);
/* A sentence for people about a reason: "all that could run it are drained". */
const char *farm_reason_text(enum farm_reason);
/* Aborts with an assertion when the farm's books do not agree with each other (slow: for tests). */
void farm_check(const struct farm *);

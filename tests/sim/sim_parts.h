#pragma once
#include "core/farm.h"
#include "core/sched.h"
#include "sim.h"

/* What the parts of the simulator share. */

enum kind {
	FARM_TIMER,
	FARMS_END_GONE, /* the farm notices the end of TO's connection (FLAG: a worker's) */
	FAULT,
	SAMPLE, /* once a second: starvation, shares */

	WORKER_LINK,   /* TO connects to the farm */
	WORKER_TIMER,  /* time for a report */
	WORKER_REPORT, /* reaches the farm; A: jobs running, FLAG: owner present */
	WORKER_BACK,   /* it starts again after a crash */
	WORKER_START,  /* from agent FROM: job A, attempt B, to be run */
	WORKER_CANCEL, /* likewise, not needed any more */
	WORKER_DONE,   /* job done there: attempt B of job A of agent FROM */
	WORKER_KINDS,

	AGENT_BEGIN = WORKER_KINDS,
	AGENT_LINK,   /* TO connects to the farm */
	AGENT_TIMER,  /* time to say again what it wants */
	AGENT_RAMP,   /* more of its jobs are ready */
	AGENT_IDLE,   /* its idle slots have been of no use for long enough */
	AGENT_THINK,  /* its core/sched is to be called again */
	AGENT_LEASE,  /* from the farm: worker FROM (ID), A slots, budget B, SERIAL */
	AGENT_BUDGET, /* budget B */
	AGENT_BUILD,  /* reaches the farm: wants A; FLAG: declarations follow */
	AGENT_HELD,   /* reaches the farm: worker FROM (ID; 0: by name), A slots, B used */
	AGENT_RESULT, /* reaches the farm: worker ID, quantile A, C microseconds */
	AGENT_GONE,   /* reaches the farm: the build has ended */
	AGENT_DONE,   /* from worker FROM: job A, attempt B; FLAG: lost or cancelled */
};

/* A connection with the farm. */
struct link {
	uint32_t epoch; /* counts connections: a message of an older one is dead */
	bool up;
	nsec last_up,
	    last_down;  /* when the last message arrives: the next is not earlier */
	nsec cut_until; /* nothing passes */
};

struct task { /* a job at a worker */
	uint32_t agent, job, attempt, agent_life;
	bool running;
};

struct sim_worker {
	struct link link;
	unsigned index;
	double speed, slowness;
	bool alive, owner;
	uint32_t known; /* epoch of the connection which the farm knows, or 0 */
	unsigned life;  /* counts crashes: what a dead one has planned does not happen */
	struct task *task;
	size_t n, cap, running;
	nsec dead_since; /* silent for the farm since then, or 0 */
	nsec cut_since;
	unsigned claimed;   /* slots that agents take for their own (check.c) */
	nsec excused_until; /* its slots may be overbooked by a fault of agents */
};

struct agent_lease {
	uint32_t worker;
	uint64_t id, serial;
	unsigned right, used;
	bool tell;
};

struct attempt { /* of a job, running somewhere */
	uint32_t job, number, worker;
	uint64_t id; /* to core/sched */
	bool cancelled;
};

struct sim_agent {
	struct link link;
	unsigned index, user, life;
	bool alive;
	nsec begun, idle_since, wake;
	struct sched *sched;
	struct sim_job *job;
	uint32_t *order; /* in which its jobs come */
	unsigned asked, waiting, done, attempts;
	unsigned ramp; /* slots it can use so far */
	struct agent_lease *lease;
	size_t nleases, cap_leases;
	struct attempt *attempt;
	size_t nattempts, cap_attempts;
	unsigned used, budget, told_want;
	bool fresh;        /* has no budget yet: as much as it is granted */
	nsec hungry_since; /* has work and no slot since then, or 0 */
	unsigned memory_mib;
};

struct sim {
	struct sim_config c;
	struct sim_result *r;
	struct agenda agenda;
	struct chance chance;
	struct farm *farm;
	nsec now, jump, wake_planned;
	nsec calm_since; /* no fault's consequences since then */
	bool restarted;
	nsec settled_at; /* a farm started anew grants nothing before */
	unsigned live;
	struct sim_worker *worker;
	struct sim_agent *agent;
	struct check *check;
};

static inline uint64_t conn_id(uint32_t epoch, uint32_t index)
{
	return (uint64_t)epoch << 20 | (index + 1);
}

static inline uint32_t node_of(uint64_t id)
{
	return (uint32_t)(id & 0xfffff) - 1;
}

static inline uint32_t agent_of(uint64_t id)
{
	return node_of(id);
}

/* sim.c */
void plan(struct sim *, nsec in, struct happening);
nsec travel(struct sim *);
void fail(struct sim *, const char *what, uint64_t which);
void send_to_farm(struct sim *, struct link *, struct happening);
void send_from_farm(struct sim *, struct link *, struct happening);
void link_end(struct sim *, struct link *, struct happening farms_end);
void farm_event(struct sim *, struct farm_event);
void farm_start(struct sim *);

/* worker.c */
void worker_start(struct sim *, unsigned index);
void worker_happen(struct sim *, const struct happening *);
void worker_crash(struct sim *, struct sim_worker *, nsec down);
void link_drop(struct sim *, struct sim_worker *); /* the farm hangs up */
void worker_excuse(struct sim *, struct sim_worker *, nsec down);
void worker_end(struct sim_worker *);

/* agent.c */
uint64_t agent_id(const struct sim_agent *);
void agent_happen(struct sim *, const struct happening *);
void agent_unlink(struct sim *, struct sim_agent *, bool farm_must_notice);
void agent_cut(struct sim *, struct sim_agent *, nsec how_long);
void agent_die(struct sim *, struct sim_agent *);
void agent_end(struct sim_agent *);

/* check.c */
void check_grant(struct sim *, const struct farm_effect *);
void check_farm(struct sim *);
void check_second(struct sim *);
void check_end(struct sim *);

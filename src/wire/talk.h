#pragma once
#include <inttypes.h>

/* The conversation with a scheduler, over the same connections as all others (net/peer): messages 32 to 63, and REFUSED. Who connects
 * says first what it is; the scheduler answers WELCOME, or REFUSED with a sentence, and hangs up.
 *
 *   worker                                          scheduler
 *    │ ENROLL {role worker, its name} ────────────────► │
 *    │ ◄───────────────────────────────────── WELCOME   │
 *    │ REPORT {slots, load, memory, owner, …} ────────► │   every few seconds, and when something changed
 *    │ ◄──────── EVICT {an agent, slots, ends, why}     │   that agent does not obey: so many of its jobs at
 *    │                                                  │   a time until it does; TALK_SLOTS: any number
 *
 *   agent, gethost                                  scheduler
 *    │ ENROLL {role agent, user, instance} ───────────► │   the workers know it by its instance, too
 *    │ ◄───────────────────────────────────── WELCOME   │
 *    │ WANT {build, slots, …} ────────────────────────► │   declarative: the last one holds
 *    │ ◄─────────── LEASE {build, host, slots, budget}  │   so many of that host in all from now on
 *    │ ◄────────────────────────── BUDGET {build, …}    │   so many in all
 *    │ ◄────────────── WAITING {build, missing, why}    │   why it has not all that it wants
 *    │ HELD {build, host, serial, slots, used} ───────► │   the answer to a LEASE; fewer slots than leased
 *    │ MEASURED {host, unit, cpu, memory} ────────────► │   give the rest back; how a job went
 *
 *   person                                          scheduler
 *    │ ENROLL {role person} ──────────────────────────► │
 *    │ ◄───────────────────────────────────── WELCOME   │
 *    │ ASK_HOSTS ─────────────────────────────────────► │
 *    │ ◄─────────────── (CLOCK) HOST*, HOSTS_END        │
 *    │ HOST_ADD, HOST_REMOVE, DRAIN ──────────────────► │
 *    │ ◄──────────────────────────── DONE {ok, text}    │
 *
 * After a reconnection, perhaps to another scheduler, an agent declares: WANT with TALK_WANT_MORE, a HELD for each lease
 * that it has, WANT without. A lease ends when its slots are given back, and with the connection of its holder; one
 * that is taken back is not torn out of the holder's hands: the jobs under way end first. core/farm.h has the rules. */

enum {
	TALK_DIALECT =
	    1, /* of this conversation; WIRE_VERSION is that of the frames below it */
	TALK_PORT = 3693,
	/* Limits of what a scheduler takes; more is cut, or refused where that would change the meaning. */
	TALK_NAME = 128,        /* bytes of a name of a worker, farm, user, platform */
	TALK_ADDRESS = 300,     /* bytes of an address */
	TALK_SLOTS = 4096,      /* slots of one worker */
	TALK_BUILD = 1 << 16,   /* builds of an agent are numbered below that */
	TALK_NAMES = 64,        /* hosts named in WANT.only, WANT.exclude */
	TALK_REPORT_MS = 4000,  /* a worker reports at least so often */
	TALK_ENROLL_MS = 10000, /* who connects must enroll within that */
	TALK_RATE = 4000,       /* messages a second of one connection, over … */
	TALK_BURST = 40000,     /* … what it may save up */
	TALK_BACKLOG = 4 << 20, /* bytes that wait for one who does not read: closed */
};

/* The name in an agent's HELLO, so that a worker knows of whom a scheduler speaks. */
#define TALK_AGENT_NAME "agent:%016" PRIx64

#define TALK_SERVICE \
	"_muster-farm._tcp" /* as which schedulers announce themselves by mDNS */

enum talk_role {
	TALK_WORKER = 1,
	TALK_AGENT = 2,
	TALK_PERSON = 3,
};

/* REPORT.owner */
enum talk_owner {
	TALK_OWNER_UNKNOWN = 0, /* nobody looks */
	TALK_OWNER_AWAY = 1,
	TALK_OWNER_PRESENT = 2, /* somebody is at its screen or keyboard */
};

/* LEASE.speaks, REPORT.speaks */
enum talk_speaks {
	TALK_MUSTER = 1 << 0,
	TALK_DISTCC =
	    1 << 1, /* distcc's protocol: a distccd, or a muster-worker with --allow */
	TALK_EVICTS = 1 << 2, /* of a worker: it takes EVICT */
};

/* WANT.flags */
enum talk_want {
	TALK_WANT_DISTCC =
	    1 << 0,              /* only hosts that speak distcc's protocol: for gethost */
	TALK_WANT_MORE = 1 << 1, /* HELDs follow: no new leases yet */
};

/* ASK_HOSTS.flags */
enum talk_ask {
	TALK_ASK_CLOCK = 1 << 0, /* CLOCK, too: the scheduler's time */
};

/* WAITING.hopeless */
enum talk_wait {
	TALK_WAIT = 0,     /* it will come, as jobs of others end */
	TALK_HOPELESS = 1, /* as the farm is now, nothing will come */
};

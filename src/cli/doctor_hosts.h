#pragma once
#include "cli/doctor_agent.h"
#include "net/hostlist.h"
#include "run/capacity.h"

#include <stdbool.h>
#include <stddef.h>
/* The machines that the list names. */
struct arena;
struct doctor;

enum host_voice {
	VOICE_UNASKED,   /* is here, goes by ssh, or is down by the list */
	VOICE_NO_NAME,   /* the resolver does not know it */
	VOICE_REFUSED,   /* nobody listens there */
	VOICE_NO_ANSWER, /* to the connect, within the time */
	VOICE_MUSTER,    /* a muster worker */
	VOICE_AVERSE,    /* a muster worker that does not let us in, or we not it */
	VOICE_DISTCCD,   /* compiled a line in distcc's protocol */
	VOICE_SLAMMED,   /* closes at once, before it has heard what is asked */
	VOICE_USELESS    /* takes the connection, and does not compile a line */
};

struct host_facts {
	const struct host *host;
	enum host_voice voice;
	bool repeated; /* the list has it before */
	long latency_ms;
	struct capacity capacity;
};

struct hosts_facts {
	const char *from;   /* where the list is from; NULL: there is none */
	const char *wrong;  /* what is wrong with it, or why there is none; NULL: nothing */
	const char *unread; /* a list that is not read because of FROM, or NULL */
	const char *locked; /* a list that may not be read, or NULL */
	bool zeroconf;
	const char *callers; /* the build whose called workers may be used, or NULL */
	const struct host_facts *v;
	size_t n;
	const char *compiler; /* with which a distccd was tried */
	const char *our_software;
	const struct agent_facts *agent;
};

/* Pure. */
void doctor_hosts_judge(struct doctor *, const struct hosts_facts *);
/* Returns after 3 s at the latest. LIST is filled in, to be freed after the facts were
 * judged. */
void doctor_hosts_look(struct hosts_facts *, struct hostlist *list, struct arena *);

#pragma once
#include <stddef.h>
#include <stdint.h>
/* The schedulers that a build here would ask for slots. */
struct arena;
struct doctor;
struct farm_look;

struct scheduler_facts {
	const struct farm_look *v; /* in the order of the list */
	size_t n;                  /* 0: none is named */
	const char *wrong;         /* what is wrong with the list, or NULL */
	const char *used;          /* the one that the agent uses, or "" */
	const char *our_software;
};

/* Pure. */
void doctor_scheduler_judge(struct doctor *, const struct scheduler_facts *);
/* Returns after 2 s at the latest. LISTED: what the list of hosts names, or NULL. */
void doctor_scheduler_look(struct scheduler_facts *, const char *listed, const char *used,
			   struct arena *);

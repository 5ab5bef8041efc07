#pragma once
#include <stdbool.h>
#include <stdint.h>
/* The worker's word to its schedulers: that it is here, how many slots it has, how busy the machine is. One connection to
 * each of them, for as long as the object lives; one that is lost is dialled again. */
struct report;
struct tls;
struct worker;
struct err;

struct report_spec {
	const char
	    *schedulers; /* "HOST[:PORT][,HOST[:PORT]]…"; NULL: only those that are found */
	/* Also to those that announce themselves by mDNS and are of the farm with this fingerprint (farm/print.h); NULL: no */
	const char *found;
	const char *address; /* where agents reach this worker */
	const char *name, *farm, *partition;
	unsigned owner_slots;  /* offered while somebody uses the machine */
	bool presence;         /* look whether somebody does */
	const struct tls *tls; /* to prove itself with; NULL: it has nothing */
	bool distcc;           /* speaks distcc's protocol, too */
	bool dedicated; /* whatever else the machine does, all slots are for the farm */
};

/* NULL: the list of schedulers makes no sense. SPEC's texts are borrowed. */
struct report *report_start(struct worker *, const struct report_spec *, struct err *);
void report_free(struct report *); /* NULL is fine */
/* No new work, please; GONE is called once nothing runs any more. */
void report_drain(struct report *, void (*gone)(void *ctx), void *ctx);

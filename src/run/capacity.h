#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a host can take: asked of many at once, each within a time limit. A muster worker
 * tells its slots in its HELLO; a distccd is judged by its page of statistics
 * (distccd(1) --stats): jobs, load, free memory. */

struct capacity {
	char *address; /* HOST:PORT that was asked; owned by the caller of capacity_ask */
	unsigned stats_port; /* of the same host; 0: do not ask */
	bool plain;          /* may be asked in the clear, whatever keys we have */
	/* the answer */
	bool answers;
	bool muster; /* it speaks muster's protocol, perhaps only to turn us away: WHY */
	/* of a muster worker: "muster 0.1.0"; whether it confines compiles, and if not, why */
	char software[32];
	bool confined;
	char unconfined_why[160];
	unsigned slots;  /* jobs it takes at once; 0: unknown */
	double load;     /* of the last minute; < 0: unknown */
	int64_t free_mb; /* memory; < 0: unknown */
	char why[256];   /* when it does not answer */
};

/* Fills in the answers of V. Returns when all have answered or MS are over. Runs a loop
 * of its own. */
void capacity_ask(struct capacity *v, size_t n, int ms);
/* SLOTS, LOAD and FREE_MB from the page of statistics: 0, or -1 when it is none, or not
 * whole. Pure. */
int capacity_read_page(struct capacity *, const char *page, size_t n);

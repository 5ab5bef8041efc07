#pragma once
#include <stdint.h>
#include <uthash.h>

/* How often each reason occurred. A map by text, bounded: what comes after TALLY_MAX kinds is "other". */
enum {
	TALLY_MAX = 1000
};

struct tally {
	char *text; /* key */
	uint64_t count;
	UT_hash_handle hh;
};

void tally_add(struct tally **, const char *text);
void tally_free(struct tally **);

#pragma once
#include <stdbool.h>
#include <stdint.h>
/* To become one of a farm and to stay one, from the member's side. What a member has is in a folder, mode 0700, that net/trust.h reads:
 * authority.pem certificate.pem key.pem revoked.pem, and in address where the farm enrols. These calls wait for the network, at most
 * JOIN_MS; programs with a loop run them as `muster join --renew` (farm/member.h). */
struct err;
struct token;

enum {
	JOIN_MS = 10000
};

/* As NAME into DIR; what it held of another farm is replaced. 0 or -1. */
int join_farm(const struct token *, const char *name, const char *dir, int64_t now,
	      struct err *);
/* A new certificate when half of its time is over (or ALWAYS), and the farm's list of revoked ones. */
int join_renew(const char *dir, bool always, int64_t now, struct err *);

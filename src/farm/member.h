#pragma once
/* Keeps a running program a member of its farm: every so often, while there is a farm in its folder, `muster join --renew` is run, which
 * gets the list of revoked certificates and, at half its life, a new one. net/trust.h reads what it wrote. */
struct loop;
struct member;
struct trust;

enum {
	MEMBER_EVERY_S = 300 /* a revocation is known everywhere after so long, and 10 s */
};

/* TRUST says where the farm's files are, and is borrowed. */
struct member *member_new(struct loop *, const struct trust *);
void member_free(struct member *); /* NULL is fine */

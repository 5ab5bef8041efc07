#pragma once
/* What the verbs that stand in for distcc's programs share. */
struct err;
struct hostlist;

#define DISTCC_LIKE "3.4" /* the version whose users find what they know */

enum {
	DISTCC_PORT = 3632
};

/* Exit codes, as in distcc(1). */
enum distcc_exit {
	DISTCC_FAILED = 100,
	DISTCC_BAD_ARGUMENTS = 101,
	DISTCC_BAD_HOSTSPEC = 106,
	DISTCC_NO_HOSTS = 116,
};

/* The hosts that distcc would use. 0; else the exit code, with a sentence in ERR, and LIST is empty. */
int distcc_hosts(struct hostlist *list, struct err *);

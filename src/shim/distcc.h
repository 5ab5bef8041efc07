#pragma once
/* The shim by the name of distcc (distcc(1), "SYNOPSIS"): `distcc gcc …`, `distcc -c x.c` (cc is meant), and options for
 * distcc itself. */
struct call;

enum {
	DISTCC_GOES_ON = -1,
	DISTCC_BAD_ARGUMENTS = 101
};

/* Fills in CALL's command and returns DISTCC_GOES_ON; or an exit status, when nothing is to be compiled. Options of distcc's own
 * are answered by the program `muster` beside us, which this then becomes. */
int distcc_call(struct call *, char **argv);

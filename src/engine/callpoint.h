#pragma once
#include <stddef.h>
/* Where the door for workers is opened, and where they are told to call. The two differ where something stands between that hands
 * connections on: a NAT that forwards a port, the host of a container or of a virtual machine (WSL).
 *
 *   call=     where workers call: HOST or HOST:PORT
 *   listen=   where we listen: likewise
 *
 * Neither: our address on the way to the engine. One: it is both, unless call= is no address of this machine; then we listen at
 * our address on the way to the engine, at the port that call= has. */
struct engine_url;
struct err;

enum {
	CALLPOINT_MAX = 300 /* room for HOST:PORT */
};

struct callpoint {
	char listen[CALLPOINT_MAX]; /* HOST or HOST:PORT */
	char call[CALLPOINT_MAX];   /* HOST or HOST:PORT; "": what is listened on */
};

/* OUTSIDE: what call= is where the URL does not say it, or NULL; for engines whose workers do not have a way of their own to us. May
 * take some seconds (engine_face). */
int callpoint_find(const struct engine_url *, const char *outside, struct callpoint *,
		   struct err *);
/* What workers are told once the door is open at LISTENING, a HOST:PORT. */
void callpoint_told(const struct callpoint *, const char *listening,
		    char out[CALLPOINT_MAX]);

#pragma once
#include <stdbool.h>
/* A scheduler on the machine where its farm was made serves enrolment too, on its one port: what `muster farm serve` does
 * where there is none. */
struct enrolment;
struct err;
struct loop;
struct peer_server;

/* "muster-scheduler init [--name NAME] [DIR]": makes a farm and says how to go on. The exit status. */
int enrolment_init(int argc, char **argv);
/* Somebody made a farm in DIR, and did not only join one. */
bool enrolment_is_home(const char *dir);
/* Whoever comes to DOOR with a token is let into the farm of DIR. NULL: a sentence. */
struct enrolment *enrolment_start(struct loop *, struct peer_server *door, const char *dir,
				  struct err *);
void enrolment_free(struct enrolment *); /* NULL is fine */

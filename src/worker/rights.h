#pragma once
#include <stdbool.h>
#include <sys/types.h>
/* What the process that reads the network gives up before it reads any of it. Started as root it becomes a user of its own for
 * good; root stays with the keeper (worker/cage), which reads no network. In any case it gets no new rights, cannot be looked into
 * by processes of its user, and makes no system call that only those want who have taken it over. */
struct err;

struct rights {
	bool drops; /* root is given up: UID and GID are whom it becomes */
	uid_t uid;
	gid_t gid;
	char who[64];  /* for people: "muster", "user 63690" */
	char why[300]; /* root is not given up, though we have it */
};

/* Whom to become: USER if it is said ("root": nobody else), else "muster" if there is such a user, else a number that nobody
 * has. -1: USER cannot be had. */
int rights_choose(struct rights *, const char *user, struct err *);
/* Whether that user may do MODE (as of access) there; what does not exist, but may, is well. */
int rights_reach(const struct rights *, const char *path, int mode, struct err *);
/* Root is kept after all. */
void rights_keep_root(struct rights *, const char *why);
/* Gives a folder with all in it to that user, if it is not his yet: no link is followed, and no file that has another name elsewhere
 * is touched. It may hold nothing but NAMES (NULL at the end; a '*' at a name's end stands for anything). */
int rights_hand_over(const struct rights *, const char *dir, const char *const *names,
		     struct err *);
/* Of a child: become that user, with all else as it was. 0 or -1 with errno. */
int rights_become(const struct rights *);
/* Of the keeper: of root's rights only those by which cages are made stay. */
void rights_keep_cages(void);
/* For good. After -1 the process must not go on. */
int rights_give_up(const struct rights *, struct err *);

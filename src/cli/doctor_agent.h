#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The agent of this user: its state folder, and what it says of itself. */
struct arena;
struct doctor;

/* A worker, as the agent knows it. */
struct known_worker {
	const char *address;
	bool up;
	const char *why; /* it is down, or gets not all jobs; or "" */
};

enum folder_state {
	FOLDER_OURS,
	FOLDER_ABSENT,
	FOLDER_IMPOSSIBLE, /* its path is too long or not absolute */
	FOLDER_FOREIGN,    /* of another user */
	FOLDER_OPEN,       /* others can write to it */
	FOLDER_NO_FOLDER
};

struct agent_facts {
	const char *dir; /* "" when it is impossible */
	enum folder_state folder;
	size_t socket_length, socket_max; /* of the socket's path, in bytes */
	const char *program;              /* that would be started */
	bool program_runs;                /* may be run */
	bool running;
	const char *trouble; /* why it cannot be asked, or NULL */
	const char *version, *our_version;
	long pid;
	int64_t total, remote; /* compiles that it has seen */
	bool other_mounts;     /* it sees another mount namespace */
	const struct known_worker *workers;
	size_t nworkers;
	const char *scheduler;  /* that lends to it now, or "" */
	const char *last_error; /* line of its log, or NULL */
};

/* Pure. The workers are for the judge of hosts. */
void doctor_agent_judge(struct doctor *, const struct agent_facts *);
/* The last line of TEXT[0..N) that tells of an error, without its level, as arena text;
 * NULL: none. Pure. */
const char *doctor_last_error(struct arena *, const char *text, size_t n);
void doctor_agent_look(struct agent_facts *, struct arena *);

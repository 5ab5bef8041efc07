#pragma once
#include "base/arena.h"
#include "base/log.h"

#include <limits.h>
#include <stdbool.h>
/* The command line of distccd(1). Pure: words in, a struct or a sentence out. */
struct buf;
struct err;

enum {
	DISTCCD_BAD_ARGUMENTS =
	    101, /* the exit status for what distccd_options_parse refuses */
	DISTCCD_PORT = 3632,
	DISTCCD_STATS_PORT = 3633,
	DISTCCD_NICE = 5,
	DISTCCD_JOBS_MAX = 10000,
	DISTCCD_UNSET = INT_MIN
};

enum distccd_action {
	DISTCCD_SERVE,
	DISTCCD_HELP,
	DISTCCD_VERSION
};

struct distccd_options {
	enum distccd_action action; /* for HELP and VERSION nothing else counts */
	bool inetd;         /* one job on standard input and output; else a daemon */
	bool no_detach;     /* stay in the foreground */
	bool no_fork;       /* serve one job after the other; --jobs does not count */
	int jobs;           /* 0: not told, the cores + 2 */
	int nice;           /* added to the present niceness */
	int oom_score_adj;  /* DISTCCD_UNSET: not told */
	int job_lifetime_s; /* 0: a job may last as long as it likes */
	int lifetime_s;     /* 0: for ever */
	int port, stats_port;
	bool stats;         /* serve the page of statistics */
	bool zeroconf;      /* announce this server by mDNS */
	bool insecure;      /* any compiler, not only those of the masquerade folders */
	bool allow_private; /* --allow-private was given */
	bool log_stderr;    /* counts before log_file; neither: syslog */
	enum log_level log_level;
	/* The words of --allow as given. None, and no allow_private: the network lets in
	 * nobody. */
	struct strv allow;
	struct strv warnings; /* sentences: what was given and does not count */
	const char *listen;   /* one address; NULL: all */
	const char *user;     /* NULL: not told */
	const char *pid_file; /* NULL: none */
	const char *log_file; /* NULL: none */
	const char *sysroot;  /* -specs=X may pass if this folder has X; NULL: never */
};

/* ARGV ends with NULL; its first word is the program. Texts are borrowed from ARGV,
 * lists live in the arena. Without --daemon and --inetd, inetd is STDIN_IS_SOCKET. -1:
 * exit with DISTCCD_BAD_ARGUMENTS. */
int distccd_options_parse(struct distccd_options *, struct arena *, char *const argv[],
			  bool stdin_is_socket, struct err *);
void distccd_help(struct buf *);
/* The two lines that callers of distccd --version look at. */
void distccd_version(struct buf *, const char *version);
/* As GNU's config.guess names this machine. */
extern const char distccd_triplet[];

/* As a daemon: options ─► detach ─► root given up ─► worker, port, statistics ─► pid file ─► the starter may go.
 * On standard input (--inetd: xinetd, or sshd for ssh mode): one connection, then the end.
 *
 * Both of the worker's languages are spoken on the port, and to both the same list of who may come in applies. Every failure
 * before the starter has gone is a sentence on its stderr and distccd's exit status. */
#include "worker/distccd.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/access.h"
#include "net/peer.h"
#include "sys/fs.h"
#include "sys/logsink.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "wire/message.h"
#include "worker/announce.h"
#include "worker/client.h"
#include "worker/daemon.h"
#include "worker/distcc_server.h"
#include "worker/distccd_options.h"
#include "worker/pidfile.h"
#include "worker/setup.h"
#include "worker/stats.h"
#include "worker/stats_server.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	EXIT_GENERAL = 100, /* distcc(1), "EXIT CODES" */
	IO_TIMEOUT_S = 300,
	FIRST_BYTES_S = 60,
	PEER_TIMEOUT_MS = 60000
};

static const uint64_t store_bytes = 10ULL << 30;

struct daemon {
	struct distccd_options o;
	struct worker worker;
	struct access *allow;
	struct stats *stats;
	struct pidfile *pidfile;
	struct distcc_server *distcc;
	struct stats_server *page;
	struct peer_server *server;
	struct announce *announce;
	char *state;    /* folder */
	bool temporary; /* remove it at the end */
	char host[256]; /* what it is called */
	bool logged;    /* the log is not standard error */
};

/* It is said where it is seen: the log may be a file by now. */
static _Noreturn void die(struct daemon *d, int status, const char *sentence)
{
	fprintf(stderr, "distccd[%d] ERROR: %s\n", (int)getpid(), sentence);
	if (d && d->logged)
		log_line(LOG_ERROR, "%s", sentence);
	if (d && d->temporary && d->state)
		fs_remove_tree(d->state, NULL);
	if (d)
		pidfile_close(d->pidfile);
	exit(status);
}

static void open_log(struct daemon *d)
{
	struct err e = {0};

	if (d->o.log_stderr)
		logsink_stderr();
	else if (!d->o.log_file)
		logsink_syslog("distccd");
	else if (logsink_file(d->o.log_file, &e))
		die(d, EXIT_GENERAL, e.text);
	d->logged = !d->o.log_stderr;
	for (size_t i = 0; i < d->o.warnings.n; i++)
		log_line(LOG_WARNING, "%s", d->o.warnings.v[i]);
}

static const char *tmpdir(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/tmp";
}

/* A daemon's user has no home as a rule: its state is in $TMPDIR, in a folder that must be its own. One job of --inetd has a folder
 * for itself, since many run at once. */
static void choose_state(struct daemon *d)
{
	struct stat st;
	struct err e = {0};

	d->temporary = d->o.inetd;
	d->state = d->temporary ? xasprintf("%s/distccd-XXXXXX", tmpdir())
				: xasprintf("%s/muster-distccd-%u-%d", tmpdir(),
					    (unsigned)geteuid(), d->o.port);
	if (d->temporary) {
		if (!mkdtemp(d->state))
			die(d, EXIT_GENERAL,
			    "cannot make a folder in the temporary folder");
		return;
	}
	if (mkdir(d->state, 0700) && errno != EEXIST) {
		err_set(&e, errno,
			"make the folder %s for what it keeps (TMPDIR tells where)",
			d->state);
		die(d, EXIT_GENERAL, e.text);
	}
	if (lstat(d->state, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
		err_set(&e, 0, "the folder %s, for what it keeps, belongs to somebody else",
			d->state);
		die(d, EXIT_GENERAL, e.text);
	}
}

static void make_access(struct daemon *d)
{
	const struct distccd_options *o = &d->o;
	struct err e = {0};

	d->allow = access_new();
	for (size_t i = 0; i < o->allow.n; i++)
		if (access_add(d->allow, o->allow.v[i], &e))
			die(d, DISTCCD_BAD_ARGUMENTS, e.text);
	if (o->allow_private)
		access_add_private(d->allow);
}

static void open_worker(struct daemon *d, bool bare)
{
	const struct distccd_options *o = &d->o;
	struct setup setup = {
	    .store_bytes = store_bytes,
	    .slots = o->no_fork ? 1
		     : o->jobs  ? (unsigned)o->jobs
				: machine_cores() + 2,
	    .no_sandbox = bare,
	    .no_sandbox_why = "it serves its own user only",
	};
	struct err e = {0};
	AUTO_FREE char *path = daemon_path(getenv("DISTCCD_PATH"), getenv("PATH"));

	setenv("PATH", path, 1);
	choose_state(d);
	setup.state = d->state;
	/* Whoever it is to be, it has become by now. */
	setup.user = geteuid() == 0 ? "root" : NULL;
	if (worker_prepare(&d->worker, &setup, &e) || worker_open(&d->worker, &setup, &e))
		die(d, EXIT_GENERAL, e.text);
	d->stats = stats_new(d->worker.slots);
	const char *given = getenv("DISTCC_IO_TIMEOUT");
	int seconds = given ? atoi(given) : 0;
	struct distcc_settings settings = {
	    .allow = d->allow,
	    .insecure = o->insecure,
	    .io_timeout_s = seconds > 0 ? (unsigned)seconds : IO_TIMEOUT_S,
	    .job_lifetime_s = (unsigned)o->job_lifetime_s,
	};

	d->distcc = distcc_server_new(&d->worker, &settings, d->stats);
}

static void close_all(struct daemon *d)
{
	announce_free(d->announce);
	stats_server_free(d->page);
	peer_server_free(d->server);
	distcc_server_free(d->distcc);
	worker_shut(&d->worker);
	stats_free(d->stats);
	access_free(d->allow);
	if (d->temporary)
		fs_remove_tree(d->state, NULL);
	free(d->state);
	pidfile_close(d->pidfile);
}

static void on_signal(void *ctx, unsigned got)
{
	(void)got;
	loop_stop(ctx, 0);
}

static int run(struct daemon *d)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGALRM};
	struct loop_watch *watches[sizeof ends / sizeof *ends];
	struct loop *l = d->worker.loop;

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		watches[i] = loop_signal(l, ends[i], on_signal, l);
	if (d->o.lifetime_s)
		alarm((unsigned)d->o.lifetime_s);
	int status = loop_run(l);

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		loop_unwatch(watches[i]);
	return status;
}

static struct peer_self self_of(const struct daemon *d)
{
	return (struct peer_self){.name = d->host,
				  .slots = d->worker.slots,
				  .confined = d->worker.confined,
				  .unconfined_why = d->worker.confined
							? d->worker.cage_level
							: d->worker.unconfined_why,
				  .timeout_ms = PEER_TIMEOUT_MS};
}

/* -- one connection -------------------------------------------------------------------------- */

static void on_served(void *ctx)
{
	loop_stop(ctx, 0);
}

/* Who called through ssh is who we are; who came over the network must be on the list. A client that has hung up already came
 * over it all the same. */
static bool came_over_the_network(void)
{
	int domain = AF_UNIX;
	socklen_t n = sizeof domain;

	return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 &&
	       domain != AF_UNIX;
}

static bool is_let_in(const struct daemon *d)
{
	struct sockaddr_storage from = {0};
	socklen_t n = sizeof from;

	return getpeername(STDIN_FILENO, (struct sockaddr *)&from, &n) == 0 &&
	       access_allows(d->allow, (struct sockaddr *)&from);
}

/* Waits for the first bytes, but not for ever. */
static bool speaks_muster(void)
{
	char first[MESSAGE_PREFACE];
	struct timeval patience = {.tv_sec = FIRST_BYTES_S}, none = {0};

	setsockopt(STDIN_FILENO, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	ssize_t n = recv(STDIN_FILENO, first, sizeof first, MSG_PEEK | MSG_WAITALL);

	setsockopt(STDIN_FILENO, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
	return n == sizeof first && memcmp(first, MESSAGE_PREFACE_BYTES, sizeof first) == 0;
}

static int serve_stdin(struct daemon *d)
{
	struct stat st;
	struct err e = {0};

	if ((fstat(STDIN_FILENO, &st) || !S_ISSOCK(st.st_mode)) && daemon_join_pipes(&e))
		die(d, EXIT_GENERAL, e.text);
	bool network = came_over_the_network();

	make_access(d);
	if (network && !is_let_in(d))
		die(d, EXIT_GENERAL, "this client is not on the list of --allow");
	bool muster = speaks_muster();

	/* To stage a compiler for a cage takes longer than one compile; a connection of muster's serves many. */
	open_worker(d, !network && !muster);
	int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3),
	    out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

	if (!muster) {
		distcc_server_serve(d->distcc, in, out, true, on_served, d->worker.loop);
	} else {
		gethostname(d->host, sizeof d->host - 1);
		struct peer_self self = self_of(d);
		struct peer *p =
		    peer_adopt(d->worker.loop, in, &self, &client_handler, NULL);
		void *client = client_accept(&d->worker, p, "standard input");

		close(out);
		if (!client)
			die(d, EXIT_GENERAL,
			    "the connection on standard input cannot be served");
		peer_set_ctx(p, client);
		d->worker.left = on_served;
		d->worker.left_ctx = d->worker.loop;
	}
	return run(d);
}

/* -- a daemon -------------------------------------------------------------------------------- */

static bool is_admitted(void *ctx, const struct sockaddr *from)
{
	return access_allows(ctx, from);
}

static char *address_of(const struct daemon *d, int port)
{
	const char *listen = d->o.listen;

	if (!listen)
		return xasprintf(":%d", port);
	return strchr(listen, ':') && *listen != '[' ? xasprintf("[%s]:%d", listen, port)
						     : xasprintf("%s:%d", listen, port);
}

static void open_port(struct daemon *d)
{
	AUTO_FREE char *address = address_of(d, d->o.port);
	AUTO_FREE char *page = address_of(d, d->o.stats_port);
	struct err e = {0};

	gethostname(d->host, sizeof d->host - 1);
	struct peer_self self = self_of(d);

	d->server = peer_listen(d->worker.loop, address, &self, &client_handler,
				client_accept, &d->worker, &e);
	if (!d->server)
		die(d, DAEMON_EXIT_BIND, e.text);
	peer_server_admit(d->server, is_admitted, d->allow);
	peer_server_divert(d->server, distcc_server_accept, d->distcc);
	if (access_is_empty(d->allow))
		log_line(LOG_WARNING,
			 "nobody may connect: say --allow NETWORK, or --allow-private");
	if (!d->o.stats)
		return;
	struct stats_server_spec spec = {.loop = d->worker.loop,
					 .fd = stats_server_listen(page, &e),
					 .access = d->allow,
					 .stats = d->stats,
					 .tmpdir = tmpdir()};

	if (spec.fd < 0)
		die(d, DAEMON_EXIT_BIND, e.text);
	d->page = stats_server_new(&spec);
}

static int serve_port(struct daemon *d)
{
	struct err e = {0};
	int detached = d->o.no_detach ? -1 : daemon_detach(&e);

	if (!d->o.no_detach && detached < 0)
		die(d, EXIT_GENERAL, e.text);
	if (d->o.pid_file && !(d->pidfile = pidfile_open(d->o.pid_file, &e)))
		die(d, EXIT_GENERAL, e.text);
	daemon_soften(d->o.nice, d->o.oom_score_adj);
	if (daemon_drop_root(d->o.user, &e))
		die(d, DAEMON_EXIT_USER, e.text);
	open_log(d);
	if (daemon_move(tmpdir(), &e))
		die(d, EXIT_GENERAL, e.text);
	make_access(d);
	open_worker(d, false);
	open_port(d);
	if (d->pidfile && pidfile_write(d->pidfile, &e))
		die(d, EXIT_GENERAL, e.text);
	log_line(LOG_NOTICE, "listening on %s with %u slots%s",
		 peer_server_address(d->server), d->worker.slots,
		 d->worker.confined ? "" : ", unconfined");
	if (d->o.zeroconf)
		d->announce =
		    announce_distccd(d->worker.loop, (unsigned)d->o.port, d->worker.slots);
	if (detached >= 0)
		daemon_serves(detached, d->o.log_stderr);
	return run(d);
}

static int print(void (*write_text)(struct buf *))
{
	AUTO_BUF struct buf b = {0};

	write_text(&b);
	return fwrite(b.data, 1, b.len, stdout) == b.len ? 0 : EXIT_GENERAL;
}

static void print_version(struct buf *b)
{
	distccd_version(b, MUSTER_VERSION);
}

int distccd_main(char *const argv[])
{
	struct daemon d = {0};
	struct arena *a = arena_new();
	struct stat st;
	struct err e = {0};
	int status;

	if (distccd_options_parse(
		&d.o, a, argv, fstat(STDIN_FILENO, &st) == 0 && S_ISSOCK(st.st_mode), &e))
		die(NULL, DISTCCD_BAD_ARGUMENTS, e.text);
	log_setup("distccd", d.o.log_level);
	switch (d.o.action) {
	case DISTCCD_HELP: status = print(distccd_help); break;
	case DISTCCD_VERSION: status = print(print_version); break;
	case DISTCCD_SERVE:
	default:
		if (d.o.inetd) {
			daemon_soften(d.o.nice, d.o.oom_score_adj);
			open_log(&d);
			status = serve_stdin(&d);
		} else {
			status = serve_port(&d);
		}
		close_all(&d);
	}
	arena_free(a);
	return status;
}

/* muster-worker: compiles for others. Reads its options, opens all that can fail, then serves until told to
 * stop. Everything it writes is below its state folder. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cas/store.h"
#include "net/peer.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "worker/client.h"
#include "worker/compilers.h"
#include "worker/own.h"
#include "worker/sandbox.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: muster-worker [options]\n"
    "Compiles C and C++ for the agents that connect to it.\n"
    "\n"
    "  --listen HOST:PORT   where to listen (default 127.0.0.1:3690; port 0: any free one)\n"
    "  --slots N            compiles at once (default: the cores this process may use)\n"
    "  --state DIR          where to keep blobs, views and staged compilers\n"
    "                       (default: $XDG_CACHE_HOME/muster/worker or ~/.cache/muster/worker)\n"
    "  --store-size BYTES   limit of the blob store, with K, M or G (default 10G)\n"
    "  --name NAME          what it is called (default: the host's name)\n"
    "  --no-sandbox         do not confine compiles: clients then keep their jobs\n"
    "  --port-file FILE     write HOST:PORT there once connections are accepted\n"
    "  --verbose            say more\n"
    "  --help, --version\n";

struct options {
	const char *listen, *state, *name, *port_file;
	unsigned slots;
	uint64_t store_bytes;
	bool no_sandbox, verbose;
};

enum {
	OPT_LISTEN = 256,
	OPT_SLOTS,
	OPT_STATE,
	OPT_STORE,
	OPT_NAME,
	OPT_NO_SANDBOX,
	OPT_PORT_FILE,
	OPT_VERBOSE,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
    {"listen",           required_argument, NULL, OPT_LISTEN},
    {"slots",	      required_argument, NULL, OPT_SLOTS},
    {"state",		  required_argument, NULL, OPT_STATE},
    {"store-size",required_argument, NULL, OPT_STORE},
    {"name",         required_argument, NULL, OPT_NAME},
    {"no-sandbox",            no_argument, NULL, OPT_NO_SANDBOX},
    {"port-file",              required_argument, NULL, OPT_PORT_FILE},
    {"verbose",		  no_argument, NULL, OPT_VERBOSE},
    {"help",	      no_argument, NULL, OPT_HELP},
    {"version",         no_argument, NULL, OPT_VERSION},
    {0	    },
};

static _Noreturn void die(int status, const char *sentence, const char *detail)
{
	fprintf(stderr, "muster-worker: %s%s%s\n", sentence, detail ? ": " : "",
		detail ? detail : "");
	exit(status);
}

/* A number with K, M or G behind it. */
static uint64_t parse_size(const char *text)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);
	unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;

	if (end == text || *text == '-' || end[shift ? 1 : 0] || v > UINT64_MAX >> shift)
		die(2, "this is no size in bytes (with K, M or G)", text);
	return v << shift;
}

static unsigned parse_slots(const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *text == '-' || *end || v == 0 || v > 10000)
		die(2, "--slots wants a number from 1 to 10000, not", text);
	return (unsigned)v;
}

static void parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_LISTEN: o->listen = optarg; break;
		case OPT_SLOTS: o->slots = parse_slots(optarg); break;
		case OPT_STATE: o->state = optarg; break;
		case OPT_STORE: o->store_bytes = parse_size(optarg); break;
		case OPT_NAME: o->name = optarg; break;
		case OPT_NO_SANDBOX: o->no_sandbox = true; break;
		case OPT_PORT_FILE: o->port_file = optarg; break;
		case OPT_VERBOSE: o->verbose = true; break;
		case OPT_HELP: fputs(usage, stdout); exit(0);
		case OPT_VERSION: puts("muster-worker " MUSTER_VERSION); exit(0);
		default: fputs(usage, stderr); exit(2);
		}
	}
	if (optind < argc)
		die(2, "this is no option", argv[optind]);
}

static char *default_state(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && *cache == '/')
		return xasprintf("%s/muster/worker", cache);
	if (home && *home == '/')
		return xasprintf("%s/.cache/muster/worker", home);
	die(1, "there is no HOME to keep state in: give --state DIR", NULL);
}

/* One worker a state folder: two would remove each other's views. The lock lives as long as we do. */
static void lock_state(const char *dir)
{
	AUTO_FREE char *path = xasprintf("%s/lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		die(1,
		    fd < 0 ? "cannot open its lock"
			   : "another worker uses this state folder",
		    path);
}

/* What an earlier worker left when it was killed. */
static void remove_leftovers(const char *dir)
{
	static const char *const names[] = {"views", "toolchains"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names[i]);

		fs_remove_tree(path, NULL);
	}
}

static void check_sandbox(struct worker *w, const struct options *o)
{
	struct err e = {0};

	if (o->no_sandbox)
		err_set(&e, 0, "it was started with --no-sandbox");
	else if (sandbox_check(w->state_dir, &e) == 0)
		w->confined = true;
	if (w->confined)
		return;
	snprintf(w->unconfined_why, sizeof w->unconfined_why, "%s", e.text);
	log_line(LOG_WARNING,
		 "compiles cannot be confined here, so clients will keep them: %s", e.text);
}

static void on_signal(void *ctx, unsigned got)
{
	(void)got;
	loop_stop(ctx, 0);
}

static void open_all(struct worker *w, const struct options *o)
{
	AUTO_FREE char *state = o->state ? realpath(o->state, NULL) : NULL;
	AUTO_FREE char *store = NULL;
	const char *path = getenv("PATH");
	struct err e = {0};

	if (!state)
		state = o->state ? xstrdup(o->state) : default_state();
	if (fs_mkdirs(state, 0755, &e))
		die(1, "cannot keep state", e.text);
	w->state_dir = realpath(state, NULL);
	if (!w->state_dir)
		die(1, "cannot find its state folder", state);
	lock_state(w->state_dir);
	remove_leftovers(w->state_dir);
	store = xasprintf("%s/store", w->state_dir);
	w->store = store_open(store, o->store_bytes, &e);
	if (!w->store)
		die(1, "cannot open the blob store", e.text);
	AUTO_FREE char *toolchains = xasprintf("%s/toolchains", w->state_dir);

	w->compilers =
	    compilers_new(path ? path : "/usr/local/bin:/usr/bin:/bin", toolchains);
	w->own = own_new();
	w->loop = loop_new();
	w->slots = o->slots ? o->slots : machine_cores();
	check_sandbox(w, o);
}

static void close_all(struct worker *w)
{
	worker_close(w);
	remove_leftovers(w->state_dir);
	compilers_free(w->compilers);
	own_free(w->own);
	store_close(w->store);
	loop_free(w->loop);
	free(w->state_dir);
}

int main(int argc, char **argv)
{
	struct options o = {.listen = "127.0.0.1:3690", .store_bytes = 10ULL << 30};
	struct worker w = {0};
	char host[256] = "worker";
	struct err e = {0};

	parse_options(argc, argv, &o);
	log_setup("muster-worker", o.verbose ? LOG_INFO : LOG_NOTICE);
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	machine_raise_files();
	open_all(&w, &o);
	gethostname(host, sizeof host - 1);
	struct peer_self self = {.name = o.name ? o.name : host,
				 .slots = w.slots,
				 .confined = w.confined,
				 .unconfined_why = w.unconfined_why,
				 .timeout_ms = 60000};
	struct peer_server *server =
	    peer_listen(w.loop, o.listen, &self, &client_handler, client_accept, &w, &e);

	if (!server)
		die(1, "cannot serve", e.text);
	struct loop_watch *stop[] = {loop_signal(w.loop, SIGTERM, on_signal, w.loop),
				     loop_signal(w.loop, SIGINT, on_signal, w.loop)};
	const char *address = peer_server_address(server);

	log_line(LOG_NOTICE, "listening on %s with %u slots%s", address, w.slots,
		 w.confined ? "" : ", unconfined");
	if (o.port_file && fs_write_file(o.port_file, address, strlen(address), 0644, &e))
		die(1, "cannot say where it listens", e.text);
	int status = loop_run(w.loop);

	peer_server_free(server);
	for (size_t i = 0; i < sizeof stop / sizeof *stop; i++)
		loop_unwatch(stop[i]);
	close_all(&w);
	return status;
}

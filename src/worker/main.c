/* muster-worker: compiles for others. Reads its options, opens all that can fail, then serves until told to
 * stop. Everything it writes is below its state folder. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "farm/print.h"
#include "net/access.h"
#include "net/address.h"
#include "net/peer.h"
#include "net/tls.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "sys/spawn.h"
#include "worker/call.h"
#include "worker/client.h"
#include "worker/distcc_server.h"
#include "worker/distccd.h"
#include "worker/guard.h"
#include "worker/report.h"
#include "worker/setup.h"
#include "worker/worker.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: muster-worker [options]\n"
    "Compiles C and C++ for the agents that connect to it.\n"
    "\n"
    "  --listen HOST:PORT   where to listen (default 127.0.0.1:3690; port 0: any free one)\n"
    "  --slots N            compiles at once (default: the cores this process may use)\n"
    "  --state DIR          where to keep blobs, views and staged compilers\n"
    "                       (default: $XDG_CACHE_HOME/muster/worker or ~/.cache/muster/worker;\n"
    "                       for root /var/cache/muster/worker)\n"
    "  --store-size BYTES   limit of the blob store, and of one client's files here,\n"
    "                       with K, M or G (default 10G)\n"
    "  --job-memory BYTES   what one compile may have (default: half of the machine's)\n"
    "  --name NAME          what it is called (default: the host's name)\n"
    "  --user NAME          started by root: whom to become (default: muster if there is\n"
    "                       such a user, else a number of its own; root: nobody else)\n"
    "  --no-sandbox         make no cages, and tell clients: they send no files then, only\n"
    "                       preprocessed source; where there is no Landlock either, it serves\n"
    "                       its own user on this machine, and does not start without this\n"
    "  --key-file FILE      lets in who has the same key ('muster key' makes one); default:\n"
    "                       ~/.config/muster/key, or for root /etc/muster/key, if it is there\n"
    "  --call HOST:PORT     connects there in place of listening, with a key\n"
    "  --grace SECONDS      calling: ends when it was not connected for so long (default 20)\n"
    "  --idle SECONDS       calling: ends without a job for so long (default 600; 0: never)\n"
    "  --allow NETWORK      lets clients in from there without a key, distcc's too:\n"
    "                       ADDRESS[/BITS] or a host (may be given more than once; default: none)\n"
    "  --allow-private      the same for all private networks\n"
    "  --scheduler HOST[:PORT][,...]\n"
    "                       offers its slots there (or MUSTER_SCHEDULER); the port is 3693;\n"
    "                       +zeroconf: to those of its farm that announce themselves (default\n"
    "                       for one that has a farm's certificate)\n"
    "  --no-zeroconf        looks for none\n"
    "  --farm NAME          only to schedulers of that farm (or MUSTER_FARM)\n"
    "  --partition NAME     the part of the farm that it belongs to\n"
    "  --address HOST:PORT  where agents reach it (default: where it listens)\n"
    "  --presence yes|no    whether it offers less while somebody sits at it (default yes)\n"
    "  --owner-slots N      what it offers then (default: a quarter)\n"
    "  --dedicated          it offers all slots, whatever else the machine does\n"
    "  --port-file FILE     write HOST:PORT there once connections are accepted\n"
    "  --verbose            say more\n"
    "  --help, --version\n";

enum {
	ALLOW_MAX = 256,
	IO_TIMEOUT_S = 300,
	PEER_TIMEOUT_MS = 60000
};

struct options {
	const char *listen, *state, *name, *port_file, *key_file, *user;
	struct call_spec call; /* its address is NULL when it listens */
	unsigned slots;
	uint64_t store_bytes, job_bytes;
	bool no_sandbox, verbose;
	const char *allow[ALLOW_MAX]; /* networks of distcc's clients */
	size_t nallow;
	bool allow_private;
	const char *scheduler, *farm, *partition, *address;
	bool dedicated, no_zeroconf;
	bool absent;            /* nobody looks whether somebody sits at the machine */
	int owner_slots;        /* < 0: not given */
	char print[FARM_PRINT]; /* of the farm that it is of … */
	bool certified;         /* … by a certificate */
};

enum {
	OPT_LISTEN = 256,
	OPT_SLOTS,
	OPT_STATE,
	OPT_STORE,
	OPT_JOB_MEMORY,
	OPT_NAME,
	OPT_NO_SANDBOX,
	OPT_USER,
	OPT_KEY_FILE,
	OPT_CALL,
	OPT_GRACE,
	OPT_IDLE,
	OPT_ALLOW,
	OPT_ALLOW_PRIVATE,
	OPT_SCHEDULER,
	OPT_NO_ZEROCONF,
	OPT_FARM,
	OPT_PARTITION,
	OPT_ADDRESS,
	OPT_PRESENCE,
	OPT_OWNER_SLOTS,
	OPT_DEDICATED,
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
    {"job-memory",         required_argument, NULL, OPT_JOB_MEMORY},
    {"name",            required_argument, NULL, OPT_NAME},
    {"no-sandbox",              no_argument, NULL, OPT_NO_SANDBOX},
    {"user",		  required_argument, NULL, OPT_USER},
    {"key-file",              required_argument, NULL, OPT_KEY_FILE},
    {"call",         required_argument, NULL, OPT_CALL},
    {"grace",       required_argument, NULL, OPT_GRACE},
    {"idle",	      required_argument, NULL, OPT_IDLE},
    {"allow",		  required_argument, NULL, OPT_ALLOW},
    {"allow-private",no_argument, NULL, OPT_ALLOW_PRIVATE},
    {"scheduler",          required_argument, NULL, OPT_SCHEDULER},
    {"no-zeroconf",       no_argument, NULL, OPT_NO_ZEROCONF},
    {"farm",	      required_argument, NULL, OPT_FARM},
    {"partition",		  required_argument, NULL, OPT_PARTITION},
    {"address",required_argument, NULL, OPT_ADDRESS},
    {"presence",          required_argument, NULL, OPT_PRESENCE},
    {"owner-slots",         required_argument, NULL, OPT_OWNER_SLOTS},
    {"dedicated",              no_argument, NULL, OPT_DEDICATED},
    {"port-file",		  required_argument, NULL, OPT_PORT_FILE},
    {"verbose",no_argument, NULL, OPT_VERBOSE},
    {"help",          no_argument, NULL, OPT_HELP},
    {"version",            no_argument, NULL, OPT_VERSION},
    {0	     },
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

static unsigned parse_seconds(const char *option, const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *text == '-' || *end || v > 1000000)
		die(2, option, "it wants a number of seconds, at most 1000000");
	return (unsigned)v;
}

static int parse_owner_slots(const char *text)
{
	return strcmp(text, "0") == 0 ? 0 : (int)parse_slots(text);
}

static bool parse_yes(const char *option, const char *text)
{
	if (strcmp(text, "yes") == 0)
		return true;
	if (strcmp(text, "no") != 0)
		die(2, option, "it is 'yes' or 'no'");
	return false;
}

static void add_allowed(struct options *o, const char *text)
{
	if (o->nallow == ALLOW_MAX)
		die(2, "too many --allow", text);
	o->allow[o->nallow++] = text;
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
		case OPT_JOB_MEMORY: o->job_bytes = parse_size(optarg); break;
		case OPT_NAME: o->name = optarg; break;
		case OPT_NO_SANDBOX: o->no_sandbox = true; break;
		case OPT_USER: o->user = optarg; break;
		case OPT_KEY_FILE: o->key_file = optarg; break;
		case OPT_CALL: o->call.address = optarg; break;
		case OPT_GRACE: o->call.grace_s = parse_seconds("--grace", optarg); break;
		case OPT_IDLE: o->call.idle_s = parse_seconds("--idle", optarg); break;
		case OPT_ALLOW: add_allowed(o, optarg); break;
		case OPT_ALLOW_PRIVATE: o->allow_private = true; break;
		case OPT_SCHEDULER: o->scheduler = optarg; break;
		case OPT_NO_ZEROCONF: o->no_zeroconf = true; break;
		case OPT_FARM: o->farm = optarg; break;
		case OPT_PARTITION: o->partition = optarg; break;
		case OPT_ADDRESS: o->address = optarg; break;
		case OPT_PRESENCE: o->absent = !parse_yes("--presence", optarg); break;
		case OPT_OWNER_SLOTS: o->owner_slots = parse_owner_slots(optarg); break;
		case OPT_DEDICATED: o->dedicated = true; break;
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
	/* Whom root becomes cannot reach its home. */
	if (geteuid() == 0 && access("/var/cache", W_OK) == 0)
		return xstrdup("/var/cache/muster/worker");
	if (home && *home == '/')
		return xasprintf("%s/.cache/muster/worker", home);
	die(1, "there is no HOME to keep state in: give --state DIR", NULL);
}

static void on_signal(void *ctx, unsigned got)
{
	(void)got;
	loop_stop(ctx, 0);
}

/* Old clients, for whom --allow was said. */
static struct distcc_server *serve_distcc(struct worker *w, struct peer_server *server,
					  const struct options *o, struct access *allow)
{
	struct distcc_settings settings = {.allow = allow, .io_timeout_s = IO_TIMEOUT_S};
	struct err e = {0};

	for (size_t i = 0; i < o->nallow; i++)
		if (access_add(allow, o->allow[i], &e))
			die(2, "--allow", e.text);
	if (o->allow_private)
		access_add_private(allow);
	if (access_is_empty(allow))
		return NULL;
	struct distcc_server *d = distcc_server_new(w, &settings, NULL);

	peer_server_divert(server, distcc_server_accept, d);
	return d;
}

static const char *or_variable(const char *option, const char *variable)
{
	return option ? option : getenv(variable);
}

/* Whether it looks for schedulers that announce themselves: asked to, or nobody was named and it can tell those of its farm
 * from all others, and is to be reached from elsewhere. */
static bool looks_around(const struct options *o, const char *schedulers,
			 const char *address, bool certified)
{
	AUTO_FREE char *tool = spawn_find("avahi-browse");

	if (o->no_zeroconf)
		return false;
	if (schedulers && *schedulers)
		return strcmp(schedulers, "+zeroconf") == 0;
	return certified && !address_is_loopback_text(address) && tool;
}

/* NULL: no scheduler is named, nor looked for. */
static struct report *report_to(struct worker *w, const struct options *o,
				const struct peer_self *self, const char *address,
				bool distcc)
{
	const char *schedulers = or_variable(o->scheduler, "MUSTER_SCHEDULER");
	const char *farm = or_variable(o->farm, "MUSTER_FARM");
	bool looks =
	    looks_around(o, schedulers, o->address ? o->address : address, o->certified);

	if (schedulers && (!*schedulers || strcmp(schedulers, "+zeroconf") == 0))
		schedulers = NULL;
	struct report_spec spec = {
	    .schedulers = schedulers,
	    .found = looks ? o->print : NULL,
	    .address = o->address ? o->address : address,
	    .name = self->name,
	    .tls = self->tls,
	    .farm = farm,
	    .partition = o->partition,
	    .owner_slots = o->owner_slots < 0 ? w->slots / 4 : (unsigned)o->owner_slots,
	    .presence = !o->absent,
	    .dedicated = o->dedicated,
	    .distcc = distcc};
	struct err e = {0};

	if (!schedulers && !looks)
		return NULL;
	struct report *r = report_start(w, &spec, &e);

	if (!r)
		die(2, "--scheduler", e.text);
	return r;
}

/* SIGUSR1: no new work, and an end when the present one is done. */
struct drain {
	struct loop *loop;
	struct report *report;
};

static void on_drained(void *ctx)
{
	loop_stop(ctx, 0);
}

static void on_drain(void *ctx, unsigned got)
{
	struct drain *d = ctx;

	(void)got;
	if (d->report)
		report_drain(d->report, on_drained, d->loop);
	else
		loop_stop(d->loop, 0);
}

/* Without a key, whoever --allow names may come, and this machine itself. */
static bool is_allowed(void *ctx, const struct sockaddr *from)
{
	return address_is_loopback(from) || access_allows(ctx, from);
}

static int serve_caller(struct worker *w, const struct options *o,
			const struct peer_self *self)
{
	struct err e = {0};

	if (!self->tls)
		die(1, "--call wants a key",
		    "name its file with --key-file or in MUSTER_WORKER_KEY_FILE");
	struct call *call = call_start(w, self, &o->call, &e);

	if (!call)
		die(2, "--call", e.text);
	struct loop_watch *stop[] = {loop_signal(w->loop, SIGTERM, on_signal, w->loop),
				     loop_signal(w->loop, SIGINT, on_signal, w->loop)};
	int status = loop_run(w->loop);

	call_free(call);
	for (size_t i = 0; i < sizeof stop / sizeof *stop; i++)
		loop_unwatch(stop[i]);
	return status;
}

static int serve(struct worker *w, const struct options *o, const struct guard *guard)
{
	char host[256] = "worker";
	struct err e = {0};

	gethostname(host, sizeof host - 1);
	struct peer_self self = {.name = o->name ? o->name : host,
				 .slots = w->slots,
				 .confined = w->confined,
				 .unconfined_why =
				     w->confined ? w->cage_level : w->unconfined_why,
				 .timeout_ms = PEER_TIMEOUT_MS,
				 .tls = guard_tls(guard),
				 .admits = TLS_USER};
	bool allows = o->nallow || o->allow_private;

	if (o->call.address)
		return serve_caller(w, o, &self);
	if (guard_listen(guard, o->listen, allows, &e))
		die(1, "cannot serve", e.text);
	struct peer_server *server =
	    peer_listen(w->loop, o->listen, &self, &client_handler, client_accept, w, &e);

	if (!server)
		die(1, "cannot serve", e.text);
	struct access *allow = access_new();
	struct distcc_server *distcc = serve_distcc(w, server, o, allow);

	if (allows && !self.tls)
		peer_server_admit(server, is_allowed, allow);
	const char *address = peer_server_address(server);
	struct drain drain = {w->loop, report_to(w, o, &self, address, distcc)};
	struct loop_watch *stop[] = {loop_signal(w->loop, SIGTERM, on_signal, w->loop),
				     loop_signal(w->loop, SIGINT, on_signal, w->loop),
				     loop_signal(w->loop, SIGUSR1, on_drain, &drain)};

	log_line(LOG_NOTICE, "listening on %s with %u slots%s%s, %s%s", address, w->slots,
		 w->confined ? "" : ", unconfined", distcc ? ", also for distcc" : "",
		 self.tls ? "with " : "in the clear", self.tls ? tls_words(self.tls) : "");
	if (o->port_file && fs_write_file(o->port_file, address, strlen(address), 0644, &e))
		die(1, "cannot say where it listens", e.text);
	int status = loop_run(w->loop);

	report_free(drain.report);
	peer_server_free(server);
	if (distcc)
		distcc_server_free(distcc);
	access_free(allow);
	for (size_t i = 0; i < sizeof stop / sizeof *stop; i++)
		loop_unwatch(stop[i]);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = {
	    .listen = "127.0.0.1:3690",
	    .store_bytes = 10ULL << 30,
	    .owner_slots = -1,
	    .call = {.grace_s = 20, .idle_s = 600}
        };
	struct worker w = {0};
	struct err e = {0};

	signal(SIGPIPE, SIG_IGN);
	umask(022);
	machine_raise_files();
	if (argc && strcmp(path_base(argv[0]), "distccd") == 0)
		return distccd_main(argv);
	parse_options(argc, argv, &o);
	log_setup("muster-worker", o.verbose ? LOG_INFO : LOG_NOTICE);
	AUTO_FREE char *state = o.state ? xstrdup(o.state) : default_state();
	AUTO_FREE char *farm = guard_farm();
	struct setup setup = {.state = state,
			      .store_bytes = o.store_bytes,
			      .job_bytes = o.job_bytes,
			      .slots = o.slots,
			      .no_sandbox = o.no_sandbox,
			      .no_sandbox_why = "it was started with --no-sandbox",
			      .some_cage = true,
			      .user = o.user,
			      .farm = farm,
			      .write = o.port_file};

	if (worker_prepare(&w, &setup, &e))
		die(1, "cannot start", e.text);
	struct guard *guard = guard_new(w.loop, o.key_file, &e);

	if (!guard)
		die(1, "cannot serve", e.text);
	if (worker_open(&w, &setup, &e))
		die(1, "cannot start", e.text);
	guard_print(guard, o.print, &o.certified);
	int status = serve(&w, &o, guard);

	worker_close(&w); /* before what its connections stand on */
	guard_free(guard);
	worker_shut(&w);
	return status;
}

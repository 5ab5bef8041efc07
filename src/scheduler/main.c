/* muster-scheduler: the host-server of a team. Workers and agents connect to it; it leases slots of the ones to the others.
 * Compiles do not go through it. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/farm.h"
#include "farm/home.h"
#include "farm/print.h"
#include "net/access.h"
#include "net/peer.h"
#include "net/tls.h"
#include "net/trust.h"
#include "scheduler/announce.h"
#include "scheduler/enrolment.h"
#include "scheduler/guest.h"
#include "scheduler/history.h"
#include "scheduler/place.h"
#include "scheduler/server.h"
#include "scheduler/upstream.h"
#include "sys/fs.h"
#include "sys/logsink.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "wire/talk.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: muster-scheduler [options]\n"
    "       muster-scheduler init [--name NAME] [DIR]   makes a farm, and says how to join\n"
    "Shares the workers that connect to it among the users who build with them.\n"
    "\n"
    "  --listen HOST:PORT   where to listen (default 127.0.0.1:3693; port 0: any free one)\n"
    "  --allow NETWORK      who may connect from elsewhere: ADDRESS[/BITS] or a host\n"
    "                       (may be given more than once; default: this machine only)\n"
    "  --allow-private      the same for all private networks\n"
    "  --admin NETWORK      from where hosts may be added, removed, drained\n"
    "                       (may be given more than once; default: this machine only)\n"
    "  --home DIR           where the farm was made ('muster-scheduler init'): proves itself by\n"
    "                       it, and lets in who has a token (default, if there is one and no\n"
    "                       other key or certificate: ~/.local/share/muster/farm)\n"
    "  --farm NAME          the farm's name: workers and agents of another are sent away\n"
    "  --name NAME          what it is called (default: the host's name)\n"
    "  --host NAME=URL      a host of distcc: distcc://HOST[:PORT][/SLOTS]\n"
    "                       (may be given more than once)\n"
    "  --user NAME=WEIGHT[/CAP]\n"
    "                       that user's weight, and the most slots at a time\n"
    "                       (may be given more than once; default: 1, no cap)\n"
    "  --state DIR          where to keep what was learned\n"
    "                       (default: $XDG_STATE_HOME/muster or ~/.local/state/muster)\n"
    "  --no-state           keep nothing\n"
    "  --settle MS          after a start, how long agents may say what they hold before slots\n"
    "                       are leased (default 1500)\n"
    "  --upstream HOST[:PORT][,...]\n"
    "                       stands before that scheduler, for a site: borrows slots there when\n"
    "                       its own workers do not suffice\n"
    "  --zeroconf           announces itself on the local network, by avahi\n"
    "  --log-file FILE      lines of the log go there\n"
    "  --port-file FILE     write HOST:PORT there once connections are accepted\n"
    "  --verbose            say more\n"
    "  --help, --version\n";

enum {
	LIST_MAX = 256, /* of each option that may be given more than once */
	PEER_TIMEOUT_MS = 60000,
	LOOK_MS = 5000, /* at keys and certificates */
	SETTLE_MS = 1500,
	SETTLE_MAX_MS = 600000
};

struct texts {
	const char *v[LIST_MAX];
	size_t n;
};

struct options {
	const char *listen, *home, *farm, *name, *state, *upstream, *log_file, *port_file;
	struct texts allow, admin, hosts, users;
	bool allow_private, no_state, zeroconf, verbose;
	unsigned settle_ms;
};

enum {
	OPT_LISTEN = 256,
	OPT_ALLOW,
	OPT_ALLOW_PRIVATE,
	OPT_ADMIN,
	OPT_HOME,
	OPT_FARM,
	OPT_NAME,
	OPT_HOST,
	OPT_USER,
	OPT_STATE,
	OPT_NO_STATE,
	OPT_SETTLE,
	OPT_UPSTREAM,
	OPT_ZEROCONF,
	OPT_LOG_FILE,
	OPT_PORT_FILE,
	OPT_VERBOSE,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
    {"listen",           required_argument, NULL, OPT_LISTEN},
    {"allow",	      required_argument, NULL, OPT_ALLOW},
    {"allow-private",                  no_argument, NULL, OPT_ALLOW_PRIVATE},
    {"admin",required_argument, NULL, OPT_ADMIN},
    {"home",         required_argument, NULL, OPT_HOME},
    {"farm",    required_argument, NULL, OPT_FARM},
    {"name",	      required_argument, NULL, OPT_NAME},
    {"host",		  required_argument, NULL, OPT_HOST},
    {"user",	      required_argument, NULL, OPT_USER},
    {"state",         required_argument, NULL, OPT_STATE},
    {"no-state",             no_argument, NULL, OPT_NO_STATE},
    {"settle",              required_argument, NULL, OPT_SETTLE},
    {"upstream",		  required_argument, NULL, OPT_UPSTREAM},
    {"zeroconf",no_argument, NULL, OPT_ZEROCONF},
    {"log-file",          required_argument, NULL, OPT_LOG_FILE},
    {"port-file",             required_argument, NULL, OPT_PORT_FILE},
    {"verbose",              no_argument, NULL, OPT_VERBOSE},
    {"help",		  no_argument, NULL, OPT_HELP},
    {"version",no_argument, NULL, OPT_VERSION},
    {0	 },
};

static _Noreturn void die(int status, const char *sentence, const char *detail)
{
	fprintf(stderr, "muster-scheduler: %s%s%s\n", sentence, detail ? ": " : "",
		detail ? detail : "");
	exit(status);
}

static void add(struct texts *t, const char *option, const char *text)
{
	if (t->n == LIST_MAX)
		die(2, "too often given", option);
	t->v[t->n++] = text;
}

static unsigned parse_number(const char *option, const char *text, unsigned long most)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end == text || *text == '-' || *end || v > most) {
		AUTO_FREE char *sentence =
		    xasprintf("%s wants a number from 0 to %lu, not", option, most);

		die(2, sentence, text);
	}
	return (unsigned)v;
}

static void parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_LISTEN: o->listen = optarg; break;
		case OPT_ALLOW: add(&o->allow, "--allow", optarg); break;
		case OPT_ALLOW_PRIVATE: o->allow_private = true; break;
		case OPT_ADMIN: add(&o->admin, "--admin", optarg); break;
		case OPT_HOME: o->home = optarg; break;
		case OPT_FARM: o->farm = optarg; break;
		case OPT_NAME: o->name = optarg; break;
		case OPT_HOST: add(&o->hosts, "--host", optarg); break;
		case OPT_USER: add(&o->users, "--user", optarg); break;
		case OPT_STATE: o->state = optarg; break;
		case OPT_NO_STATE: o->no_state = true; break;
		case OPT_SETTLE:
			o->settle_ms = parse_number("--settle", optarg, SETTLE_MAX_MS);
			break;
		case OPT_UPSTREAM: o->upstream = optarg; break;
		case OPT_ZEROCONF: o->zeroconf = true; break;
		case OPT_LOG_FILE: o->log_file = optarg; break;
		case OPT_PORT_FILE: o->port_file = optarg; break;
		case OPT_VERBOSE: o->verbose = true; break;
		case OPT_HELP: fputs(usage, stdout); exit(0);
		case OPT_VERSION: puts("muster-scheduler " MUSTER_VERSION); exit(0);
		default: fputs(usage, stderr); exit(2);
		}
	}
	if (optind < argc)
		die(2, "this is no option", argv[optind]);
}

static char *default_state(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && *state == '/')
		return xasprintf("%s/muster", state);
	if (home && *home == '/')
		return xasprintf("%s/.local/state/muster", home);
	die(1, "there is no HOME to keep state in: give --state DIR or --no-state", NULL);
}

/* NULL: none is kept. */
static struct history *open_history(const struct options *o)
{
	struct err e = {0};

	if (o->no_state)
		return NULL;
	AUTO_FREE char *folder = o->state ? xstrdup(o->state) : default_state();
	AUTO_FREE char *path = xasprintf("%s/scheduler.db", folder);

	if (fs_mkdirs(folder, 0700, &e))
		die(1, "cannot keep state", e.text);
	struct history *h = history_open(path, &e);

	if (!h)
		log_line(LOG_WARNING, "nothing that is learned is kept: %s", e.text);
	return h;
}

static struct access *networks(const struct texts *t, bool private)
{
	struct access *a = access_new();
	struct err e = {0};

	for (size_t i = 0; i < t->n; i++)
		if (access_add(a, t->v[i], &e))
			die(2, "a network makes no sense", e.text);
	if (private)
		access_add_private(a);
	return a;
}

/* "NAME=REST": REST, and the name in *NAME, malloc'ed. */
static const char *split(const char *option, const char *text, char **name)
{
	const char *sign = strchr(text, '=');

	if (!sign || sign == text)
		die(2, option, text);
	*name = xstrndup(text, (size_t)(sign - text));
	return sign + 1;
}

static void add_users(struct server *s, const struct texts *users)
{
	for (size_t i = 0; i < users->n; i++) {
		AUTO_FREE char *name = NULL;
		const char *rest =
		    split("--user wants NAME=WEIGHT[/CAP], not", users->v[i], &name);
		const char *slash = strchr(rest, '/');
		AUTO_FREE char *weight =
		    slash ? xstrndup(rest, (size_t)(slash - rest)) : xstrdup(rest);
		struct farm_event e = {
		    .type = FARM_USER,
		    .name = name,
		    .user = {.weight =
				 parse_number("--user NAME=", weight, FARM_MAX_WEIGHT),
			     .cap = slash ? parse_number("--user NAME=WEIGHT/", slash + 1,
                             FARM_MAX_WANT)
					  : 0}
                };

		server_step(s, &e);
	}
}

static void add_hosts(struct server *s, const struct texts *hosts)
{
	struct err e = {0};

	for (size_t i = 0; i < hosts->n; i++) {
		AUTO_FREE char *name = NULL;
		const char *url = split("--host wants NAME=URL, not", hosts->v[i], &name);

		if (!place_by_name(s, name) && place_add(s, name, url, &e))
			die(2, "--host", e.text);
	}
}

/* CTX: where the farm was made, or NULL: its files are those of a member, too. */
static const char *get(void *ctx, const char *name)
{
	return ctx && strcmp(name, "MUSTER_FARM_DIR") == 0 ? ctx : getenv(name);
}

static void on_signal(void *ctx, unsigned got)
{
	(void)got;
	loop_stop(ctx, 0);
}

/* Who is revoked while we run is let in no more, and certificates are renewed. */
struct guard {
	struct trust *trust;
	struct loop_timer *look;
	char *home; /* where the farm was made, if it was here; or NULL */
};

static void on_look(void *ctx)
{
	struct guard *g = ctx;

	trust_look(g->trust, get, g->home, loop_now());
	loop_timer_set(g->look, LOOP_MS(LOOK_MS));
}

/* What it proves itself with, and whether it is here that the farm was made. */
static void guard_begin(struct guard *g, const struct options *o, struct loop *l)
{
	AUTO_FREE char *usual = home_usual_dir();

	g->trust = trust_new();
	g->look = loop_timer_new(l, on_look, g);
	g->home = o->home ? xstrdup(o->home) : NULL;
	on_look(g);
	if (g->home)
		return;
	if (trust_first(g->trust) && enrolment_is_home(trust_farm_dir(g->trust)))
		g->home = xstrdup(trust_farm_dir(g->trust));
	if (trust_first(g->trust) || trust_wrong(g->trust)[0] || !enrolment_is_home(usual))
		return;
	g->home = xstrdup(usual);
	on_look(g);
}

static int serve(struct server *s, const struct options *o, const struct guard *g)
{
	struct err e = {0};
	const struct tls *tls = trust_first(g->trust);
	struct peer_self self = {.name = s->name,
				 .timeout_ms = PEER_TIMEOUT_MS,
				 .tls = tls,
				 .admits = TLS_WORKER | TLS_USER | TLS_SCHEDULER};
	struct peer_server *door =
	    peer_listen(s->loop, o->listen, &self, &guest_handler, guest_accept, s, &e);

	if (!door)
		die(1, "cannot serve", e.text);
	peer_server_admit(door, guest_admitted, s);
	struct enrolment *enrolment =
	    g->home ? enrolment_start(s->loop, door, g->home, &e) : NULL;

	if (g->home && !enrolment)
		die(1, "cannot let anybody in", e.text);
	server_begin(s);
	add_users(s, &o->users);
	add_hosts(s, &o->hosts);
	s->trust = g->trust;
	if (o->upstream && !(s->upstream = upstream_start(s, o->upstream, &e)))
		die(2, "--upstream", e.text);
	struct loop_watch *stop[] = {loop_signal(s->loop, SIGTERM, on_signal, s->loop),
				     loop_signal(s->loop, SIGINT, on_signal, s->loop)};
	const char *address = peer_server_address(door);

	log_line(LOG_NOTICE, "listening on %s, farm '%s', with %s%s%s", address,
		 s->farm_name, tls ? tls_words(tls) : "neither key nor certificate",
		 enrolment ? "; enrols in the farm of " : "", enrolment ? g->home : "");
	if (o->port_file && fs_write_file(o->port_file, address, strlen(address), 0644, &e))
		die(1, "cannot say where it listens", e.text);
	const char *port = strrchr(address, ':') + 1;
	char print[FARM_PRINT];

	farm_print(g->trust, print);
	struct announce *announce = o->zeroconf
					? announce_start(s->loop, s->name, s->farm_name,
							 print, (unsigned)atoi(port))
					: NULL;
	int status = loop_run(s->loop);

	announce_free(announce);
	peer_server_free(door);
	enrolment_free(enrolment);
	server_end(s);
	for (size_t i = 0; i < sizeof stop / sizeof *stop; i++)
		loop_unwatch(stop[i]);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = {.listen = "127.0.0.1:3693", .farm = "", .settle_ms = SETTLE_MS};
	struct err e = {0};
	char host[256] = "scheduler";

	signal(SIGPIPE, SIG_IGN);
	umask(022);
	machine_raise_files();
	if (argc > 1 && strcmp(argv[1], "init") == 0)
		return enrolment_init(argc - 1, argv + 1);
	parse_options(argc, argv, &o);
	log_setup("muster-scheduler", o.verbose ? LOG_INFO : LOG_NOTICE);
	if (o.log_file && logsink_file(o.log_file, &e))
		die(1, "cannot log", e.text);
	gethostname(host, sizeof host - 1);
	struct access *allow = networks(&o.allow, o.allow_private);
	struct access *admin = networks(&o.admin, false);
	struct server s = {.loop = loop_new(),
			   .farm = farm_new((uint64_t)loop_now(), LOOP_MS(o.settle_ms)),
			   .history = open_history(&o),
			   .name = o.name ? o.name : host,
			   .farm_name = o.farm,
			   .allow = allow,
			   .admin = admin};
	struct guard guard = {0};

	guard_begin(&guard, &o, s.loop);
	if (trust_wrong(guard.trust)[0])
		die(1, "cannot prove itself", trust_wrong(guard.trust));
	s.proves = trust_first(guard.trust) != NULL;
	int status = serve(&s, &o, &guard);

	loop_timer_free(guard.look);
	trust_free(guard.trust);
	free(guard.home);
	history_close(s.history);
	farm_free(s.farm);
	loop_free(s.loop);
	access_free(allow);
	access_free(admin);
	return status;
}

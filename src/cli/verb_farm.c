/* muster farm, muster revoke: where the farm was made. */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/verbs.h"
#include "farm/enrol.h"
#include "farm/home.h"
#include "net/peer.h"
#include "net/tls.h"
#include "sys/loop.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: muster farm init [--name NAME] [DIR]   make a farm: its authority and its lists\n"
    "       muster farm token [OPTION...]          print what lets somebody join, once\n"
    "       muster farm serve [--listen HOST:PORT] let in who has a token, renew who is in\n"
    "       muster farm list                       who is in\n"
    "       muster revoke NAME                     put somebody out\n"
    "\n"
    "  --dir DIR            where the farm lives (default: ~/.local/share/muster/farm)\n"
    "  --role ROLE          worker, user or both (default both)\n"
    "  --uses N             how often the token counts (default 1)\n"
    "  --expires TIME       for how long, with s, m, h or d (default 1h)\n"
    "  --address HOST:PORT  where 'farm serve' can be reached (default: this host, 3694)\n";

enum {
	PORT = 3694,
	USES_MAX = 10000,
	EXPIRES_MAX = 365 * 86400,
	OPT_DIR = 256,
	OPT_NAME,
	OPT_ROLE,
	OPT_USES,
	OPT_EXPIRES,
	OPT_ADDRESS,
	OPT_LISTEN,
	OPT_HELP
};

struct options {
	const char *name, *address, *listen;
	char *dir; /* owned */
	unsigned roles, uses;
	int64_t expires_s;
};

static const struct option long_options[] = {
    {"dir",	      required_argument, NULL, OPT_DIR},
    {"name",	      required_argument, NULL, OPT_NAME},
    {"role",		  required_argument, NULL, OPT_ROLE},
    {"uses",required_argument, NULL, OPT_USES},
    {"expires",          required_argument, NULL, OPT_EXPIRES},
    {"address",             required_argument, NULL, OPT_ADDRESS},
    {"listen",              required_argument, NULL, OPT_LISTEN},
    {"help",		  no_argument, NULL, OPT_HELP},
    {0	     },
};

static int complain(const char *words)
{
	fprintf(stderr, "muster: %s\n", words);
	return 1;
}

static char *default_dir(void)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && *data == '/')
		return xasprintf("%s/muster/farm", data);
	return home && *home == '/' ? xasprintf("%s/.local/share/muster/farm", home) : NULL;
}

static unsigned role_of(const char *word)
{
	return strcmp(word, "worker") == 0 ? TLS_WORKER
	       : strcmp(word, "user") == 0 ? TLS_USER
	       : strcmp(word, "both") == 0 ? TLS_WORKER | TLS_USER
					   : 0;
}

/* Seconds; 0: it makes no sense. */
static int64_t time_of(const char *word)
{
	char *end;
	long v = strtol(word, &end, 10);
	long unit = *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 1;

	if (end == word || v <= 0 || v > EXPIRES_MAX || (*end && !strchr("smhd", *end)) ||
	    (*end && end[1]) || v * unit > EXPIRES_MAX)
		return 0;
	return v * unit;
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		switch (c) {
		case OPT_DIR:
			free(o->dir);
			o->dir = xstrdup(optarg);
			break;
		case OPT_NAME: o->name = optarg; break;
		case OPT_ROLE: o->roles = role_of(optarg); break;
		case OPT_USES: o->uses = (unsigned)strtoul(optarg, NULL, 10); break;
		case OPT_EXPIRES: o->expires_s = time_of(optarg); break;
		case OPT_ADDRESS: o->address = optarg; break;
		case OPT_LISTEN: o->listen = optarg; break;
		case OPT_HELP: fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return 2;
		}
	if (!o->roles)
		return complain("--role is worker, user or both"), 2;
	if (o->uses == 0 || o->uses > USES_MAX)
		return complain("--uses is a number from 1 to 10000"), 2;
	if (!o->expires_s)
		return complain(
			   "--expires is a time such as 30m, 1h or 7d, a year at most"),
		       2;
	if (!o->dir)
		o->dir = default_dir();
	return o->dir ? -1 : complain("there is no HOME to keep a farm in: give --dir DIR");
}

static int init(const struct options *o)
{
	char host[256] = "farm";
	struct err e = {0};

	gethostname(host, sizeof host - 1);
	if (home_make(o->dir, o->name ? o->name : host, time(NULL), &e))
		return complain(e.text);
	printf(
	    "A new farm is in %s. Whoever can read it owns the farm: keep it.\n"
	    "  muster farm serve    lets in who has a token; keep it running here\n"
	    "  muster farm token    prints a token; on the other machine: muster join TOKEN\n",
	    o->dir);
	return 0;
}

static int token(const struct options *o)
{
	char host[256] = "localhost";
	AUTO_BUF struct buf text = {0};
	struct err e = {0};
	struct home *h = home_open(o->dir, &e);

	gethostname(host, sizeof host - 1);
	AUTO_FREE char *address =
	    o->address ? xstrdup(o->address) : xasprintf("%s:%d", host, PORT);
	int r = h ? home_token(h, address, o->roles, o->uses, o->expires_s, time(NULL),
			       &text, &e)
		  : -1;

	home_free(h);
	if (r)
		return complain(e.text);
	printf("muster join %.*s\n", (int)text.len, text.data);
	return 0;
}

static void print_member(void *ctx, const struct tls_who *who, int64_t ends)
{
	char words[40], day[32];
	time_t t = (time_t)ends;

	(void)ctx;
	strftime(day, sizeof day, "%Y-%m-%d", gmtime(&t));
	printf("%-32s %-16s until %s\n", who->name, tls_roles_words(who->roles, words),
	       day);
}

static int list(const struct options *o)
{
	struct err e = {0};
	struct home *h = home_open(o->dir, &e);
	int r = h ? home_members(h, time(NULL), print_member, NULL, &e) : -1;

	home_free(h);
	return r ? complain(e.text) : 0;
}

static void *accept_nobody(void *ctx, struct peer *p, const char *from)
{
	(void)ctx;
	(void)p;
	(void)from;
	return NULL;
}

static void on_signal(void *ctx, unsigned got)
{
	(void)got;
	loop_stop(ctx, 0);
}

static int serve(const struct options *o)
{
	static const struct peer_handler nothing;
	struct err e = {0};
	struct home *h = home_open(o->dir, &e);
	struct tls *tls = h ? home_tls(h, &e) : NULL;
	struct loop *loop = loop_new();
	AUTO_FREE char *listen = o->listen ? xstrdup(o->listen) : xasprintf(":%d", PORT);
	struct peer_self self = {.name = "farm", .timeout_ms = ENROL_MS, .tls = tls};
	struct peer_server *s =
	    tls ? peer_listen(loop, listen, &self, &nothing, accept_nobody, NULL, &e)
		: NULL;
	int status = 1;

	signal(SIGPIPE, SIG_IGN);
	if (s) {
		struct enrol *enrol = enrol_new(loop, h, tls);
		struct loop_watch *stop[] = {loop_signal(loop, SIGTERM, on_signal, loop),
					     loop_signal(loop, SIGINT, on_signal, loop)};

		peer_server_enrol(s, enrol_accept, enrol);
		printf("the farm in %s enrols at %s\n", o->dir, peer_server_address(s));
		fflush(stdout);
		status = loop_run(loop);
		peer_server_free(s);
		enrol_free(enrol);
		for (size_t i = 0; i < sizeof stop / sizeof *stop; i++)
			loop_unwatch(stop[i]);
	} else {
		complain(e.text);
	}
	loop_free(loop);
	tls_free(tls);
	home_free(h);
	return status;
}

int verb_farm(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct options *);
	} verbs[] = {
	    {"init",  init },
            {"token", token},
            {"serve", serve},
            {"list",  list }
        };
	struct options o = {.roles = TLS_WORKER | TLS_USER, .uses = 1, .expires_s = 3600};
	int status = read_options(argc, argv, &o);

	if (status >= 0) {
		free(o.dir);
		return status;
	}
	status = 2;
	for (size_t i = 0; optind < argc && i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(argv[optind], verbs[i].name) != 0)
			continue;
		if (i == 0 && optind + 1 < argc) {
			free(o.dir);
			o.dir = xstrdup(argv[optind + 1]);
		}
		status = verbs[i].run(&o);
		free(o.dir);
		return status;
	}
	fputs(usage, stderr);
	free(o.dir);
	return status;
}

int verb_revoke(int argc, char **argv)
{
	struct options o = {.roles = TLS_USER, .uses = 1, .expires_s = 1};
	int status = read_options(argc, argv, &o);
	struct err e = {0};

	if (status < 0 && optind + 1 != argc) {
		fputs("usage: muster revoke [--dir DIR] NAME\n", stderr);
		status = 2;
	}
	if (status < 0) {
		struct home *h = home_open(o.dir, &e);
		int r = h ? home_revoke(h, argv[optind], time(NULL), &e) : -1;

		home_free(h);
		status = r ? complain(e.text) : 0;
		if (r == 0)
			printf("%s is out. All members of the farm know it within some six "
			       "minutes.\n",
			       argv[optind]);
	}
	free(o.dir);
	return status;
}

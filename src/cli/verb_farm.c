/* muster farm, muster revoke: where the farm was made. */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/verbs.h"
#include "farm/enrol.h"
#include "farm/home.h"
#include "net/address.h"
#include "net/peer.h"
#include "net/tls.h"
#include "sys/loop.h"

#include <getopt.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: muster farm init [OPTION...] [DIR]     make a farm: its authority and its lists\n"
    "       muster farm token [OPTION...]          print what lets somebody join, once\n"
    "       muster farm serve [--listen HOST:PORT] let in who has a token, renew who is in\n"
    "       muster farm list                       who is in\n"
    "       muster revoke NAME                     put somebody out\n"
    "\n"
    "  --dir DIR            where the farm lives (default: ~/.local/share/muster/farm)\n"
    "  --role ROLE          worker, user or both (default both)\n"
    "  --uses N             how often the token counts (default 1)\n"
    "  --expires TIME       for how long, with s, m, h or d (default 1h)\n"
    "  --address HOST[:PORT]\n"
    "                       where members reach 'farm serve' (3694); remembered by init\n"
    "  --listen HOST[:PORT] where it listens (default: the address that is remembered)\n";

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

/* TEXT with our port if it names none, to be freed; NULL for NULL. */
static char *with_port(const char *text)
{
	const char *colon = text ? strrchr(text, ':') : NULL;
	bool ported = colon && (colon[1] || colon == text) && !strchr(colon, ']');

	return !text ? NULL : ported ? xstrdup(text) : xasprintf("%s:%d", text, PORT);
}

/* Addresses of this machine that others may reach, each as a command to serve there. */
static void suggest_addresses(FILE *out)
{
	struct ifaddrs *all, *a;
	char text[ADDRESS_TEXT];
	bool none = true;

	if (getifaddrs(&all))
		return;
	for (a = all; a; a = a->ifa_next) {
		int family = a->ifa_addr ? a->ifa_addr->sa_family : AF_UNSPEC;

		if (!(a->ifa_flags & IFF_UP) || family != AF_INET ||
		    address_is_loopback(a->ifa_addr))
			continue;
		address_text(a->ifa_addr, text);
		*strrchr(text, ':') = 0;
		fprintf(out, "  muster farm serve --listen %s:%d\n", text, PORT);
		none = false;
	}
	if (none)
		fprintf(out, "  muster farm serve --listen 127.0.0.1:%d\n", PORT);
	freeifaddrs(all);
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
		o->dir = home_usual_dir();
	return o->dir ? -1 : complain("there is no HOME to keep a farm in: give --dir DIR");
}

static int init(const struct options *o)
{
	char host[256] = "farm";
	struct err e = {0};

	gethostname(host, sizeof host - 1);
	if (home_make(o->dir, o->name ? o->name : host, time(NULL), &e))
		return complain(e.text);
	AUTO_FREE char *address = with_port(o->address);
	struct home *h = address ? home_open(o->dir, &e) : NULL;
	int r = address && (!h || home_set_address(h, address, &e));

	home_free(h);
	if (r)
		return complain(e.text);
	printf("A new farm is in %s. Whoever can read it owns the farm: keep it.\n",
	       o->dir);
	if (address) {
		printf("  muster farm serve\n    lets in who has a token, at %s", address);
	} else {
		suggest_addresses(stdout);
		fputs("    lets in who has a token, at that address of this machine",
		      stdout);
	}
	puts("; keep it running here\n"
	     "  muster farm token\n"
	     "    prints a token; on the other machine: muster join TOKEN");
	return 0;
}

/* Where members reach the farm, to be freed: as told now, or remembered. NULL: nobody said, or E tells what is wrong. */
static char *farm_address(struct home *h, const char *told, struct err *e)
{
	AUTO_BUF struct buf known = {0};

	if (told)
		return with_port(told);
	if (home_address(h, &known, e) || known.len == 0)
		return NULL;
	return xstrdup(known.data);
}

static int token(const struct options *o)
{
	AUTO_BUF struct buf text = {0};
	struct err e = {0};
	struct home *h = home_open(o->dir, &e);
	AUTO_FREE char *address = h ? farm_address(h, o->address, &e) : NULL;
	int r = -1;

	if (address)
		r = home_token(h, address, o->roles, o->uses, o->expires_s, time(NULL),
			       &text, &e);
	else if (!e.text[0])
		err_set(&e, 0,
			"nobody said where members reach this farm: start 'muster farm "
			"serve --listen HOST:PORT' first, or give --address HOST:PORT");
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

/* Where it listens is where members reach it, if it is a place at all and nobody said otherwise. */
static void remember_address(struct home *h, const char *listen, const char *told)
{
	AUTO_BUF struct buf known = {0};
	AUTO_FREE char *address = with_port(told);
	bool place = strncmp(listen, "0.0.0.0:", 8) != 0 &&
		     strncmp(listen, "[::]:", 5) != 0 && *listen != ':' &&
		     strcmp(strrchr(listen, ':'), ":0") != 0;

	if (address)
		home_set_address(h, address, NULL);
	else if (place && home_address(h, &known, NULL) == 0 && known.len == 0)
		home_set_address(h, listen, NULL);
}

/* At what it was told by name, and nowhere else; to be freed. NULL: nobody said, and it has told how to. */
static char *place_to_listen(struct home *h, const struct options *o)
{
	struct err e = {0};
	char *listen = o->listen ? with_port(o->listen) : farm_address(h, NULL, &e);

	if (listen)
		return listen;
	if (e.text[0]) {
		complain(e.text);
		return NULL;
	}
	complain("nobody said at which address of this machine; such as:");
	suggest_addresses(stderr);
	return NULL;
}

static int serve(const struct options *o)
{
	static const struct peer_handler nothing;
	struct err e = {0};
	struct home *h = home_open(o->dir, &e);
	struct tls *tls = h ? home_tls(h, &e) : NULL;
	struct loop *loop = loop_new();
	AUTO_FREE char *listen = tls ? place_to_listen(h, o) : NULL;
	struct peer_self self = {.name = "farm", .timeout_ms = ENROL_MS, .tls = tls};
	struct peer_server *s =
	    listen ? peer_listen(loop, listen, &self, &nothing, accept_nobody, NULL, &e)
		   : NULL;
	int status = 1;

	signal(SIGPIPE, SIG_IGN);
	if (s) {
		struct enrol *enrol = enrol_new(loop, h, tls);
		struct loop_watch *stop[] = {loop_signal(loop, SIGTERM, on_signal, loop),
					     loop_signal(loop, SIGINT, on_signal, loop)};

		peer_server_enrol(s, enrol_accept, enrol);
		remember_address(h, listen, o->address);
		printf("the farm in %s enrols at %s\n", o->dir, peer_server_address(s));
		fflush(stdout);
		status = loop_run(loop);
		peer_server_free(s);
		enrol_free(enrol);
		for (size_t i = 0; i < sizeof stop / sizeof *stop; i++)
			loop_unwatch(stop[i]);
	} else if (e.text[0]) {
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

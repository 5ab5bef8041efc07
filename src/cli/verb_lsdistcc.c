/* lsdistcc: which of some hosts listen on distcc's port. The hosts are named by arguments or by
 * DISTCC_POTENTIAL_HOSTS, in the words of a host list; or counted up by a format until a name does not
 * exist.
 *
 *   options_parse ─► targets_from_words | targets_from_format ─► knock_connect ─► try_compiler ─► print
 *
 * What is printed is a host list again, in the order of the question. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/distcc.h"
#include "cli/hostformat.h"
#include "cli/knock.h"
#include "cli/trial.h"
#include "cli/verbs.h"
#include "net/hostlist.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "Usage: lsdistcc [OPTION...] [FORMAT]\n"
    "       lsdistcc [OPTION...] HOST...\n"
    "Prints which hosts listen on distcc's port: each HOST, or those of $DISTCC_POTENTIAL_HOSTS, or the names\n"
    "that FORMAT [distcc%d] makes with 1, 2, 3 ... until one does not exist.\n"
    "Options:\n"
    "  -l       the milliseconds that connecting took, behind each host\n"
    "  -n       addresses instead of names\n"
    "  -x       hosts that do not answer too, with ,down\n"
    "  -tSEC    stop looking up names after so many seconds [7]\n"
    "  -cMS     give up connecting after so many milliseconds [900]; 0: do not connect\n"
    "  -mBITS   only hosts whose address begins like the first one's [0]\n"
    "  -oN      look up N further names at a time [1]\n"
    "  -gN      go on behind N names that do not exist [0]\n"
    "  -rPORT   port where a host names none [3632]\n"
    "  -PN      protocol for the hosts: 1, 2 (,lzo) or 3 (,lzo,cpp) [1]\n"
    "  -d       put this machine's domain behind FORMAT\n"
    "  -v       tell on standard error what is done\n"
    "  -pCOMPILER  only hosts that compile a line with it\n"
    "  -kMS     give up that compile after so many milliseconds [1500]; 0: do not compile\n"
    "  -hMS     is taken and has no effect\n";

struct options {
	bool latency, numeric, down, domain, verbose;
	unsigned seconds, connect_ms, bits, overlap, gap, port, protocol;
	unsigned compile_ms;
	const char *compiler; /* to be tried, or NULL */
};

enum {
	FORMAT_HOSTS_MAX = 10000,
};

/* The hosts of one call; HOST is what their words said, by index, or NULL when a format made them. */
struct targets {
	struct knock *v;
	size_t n;
	struct hostlist list;
	struct host **host;
};

/* ---- options ---- */

static int option_number(int letter, const char *text, unsigned least, unsigned most,
			 unsigned *out)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || v < least || v > most) {
		fprintf(stderr, "lsdistcc: -%c%s: expected a number from %u to %u\n",
			letter, text, least, most);
		return -1;
	}
	*out = (unsigned)v;
	return 0;
}

static int option_take(struct options *o, int c)
{
	unsigned ignored;

	switch (c) {
	case 'l': o->latency = true; return 0;
	case 'n': o->numeric = true; return 0;
	case 'x': o->down = true; return 0;
	case 'd': o->domain = true; return 0;
	case 'v': o->verbose = true; return 0;
	case 't': return option_number(c, optarg, 0, 86400, &o->seconds);
	case 'k': return option_number(c, optarg, 0, 86400000, &o->compile_ms);
	case 'h': return option_number(c, optarg, 0, INT_MAX, &ignored);
	case 'c': return option_number(c, optarg, 0, 86400000, &o->connect_ms);
	case 'm': return option_number(c, optarg, 0, 128, &o->bits);
	case 'o': return option_number(c, optarg, 0, 255, &o->overlap);
	case 'g': return option_number(c, optarg, 0, FORMAT_HOSTS_MAX, &o->gap);
	case 'r': return option_number(c, optarg, 1, 65535, &o->port);
	case 'P': return option_number(c, optarg, 1, 3, &o->protocol);
	case 'p': o->compiler = optarg; return 0;
	default: fputs(usage, stderr); return -1;
	}
}

static int options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){.seconds = 7,
			      .connect_ms = 900,
			      .compile_ms = 1500,
			      .overlap = 1,
			      .port = DISTCC_PORT,
			      .protocol = 1};
	opterr = 0;
	while ((c = getopt(argc, argv, "lnxdvt:h:c:k:m:o:g:r:P:p:")) != -1)
		if (option_take(o, c))
			return -1;
	return 0;
}

/* ---- targets ---- */

static void tell(const struct options *o, const char *what, const struct knock *v, size_t n)
{
	for (size_t i = 0; o->verbose && i < n; i++)
		fprintf(stderr, "%s %s\n", what, v[i].name);
}

/* WORDS is a host list; what is no TCP host cannot be asked. */
static int targets_from_words(struct targets *t, const char *words, const struct options *o,
			      long end_ms)
{
	struct err e = {0};

	if (hostlist_parse(&t->list, words, o->port, &e)) {
		fprintf(stderr, "lsdistcc: %s\n", e.text);
		return -1;
	}
	t->v = xcalloc(t->list.n + 1, sizeof *t->v);
	t->host = xcalloc(t->list.n + 1, sizeof(struct host *));
	for (size_t i = 0; i < t->list.n; i++) {
		struct host *h = &t->list.v[i];

		if (h->kind == HOST_SSH) {
			fprintf(stderr,
				"lsdistcc: %s is reached by ssh, and not asked here\n",
				h->word);
			continue;
		}
		t->host[t->n] = h;
		t->v[t->n].name = xstrdup(h->kind == HOST_LOCAL ? "localhost" : h->name);
		t->v[t->n].port = h->kind == HOST_LOCAL ? o->port : h->port;
		t->n++;
	}
	tell(o, "looking up", t->v, t->n);
	knock_lookup(t->v, t->n, end_ms);
	return 0;
}

/* Counts up, OVERLAP + 1 names at a time, until more than GAP of them do not exist. */
static void targets_from_format(struct targets *t, const char *format,
				const struct options *o, long end_ms)
{
	unsigned missing = 0;

	t->v = xcalloc(FORMAT_HOSTS_MAX, sizeof *t->v);
	while (missing <= o->gap && knock_now_ms() < end_ms) {
		size_t first = t->n, n = o->overlap + 1;

		if (n > FORMAT_HOSTS_MAX - first)
			n = FORMAT_HOSTS_MAX - first;
		if (n == 0)
			return;
		for (; t->n < first + n; t->n++) {
			t->v[t->n].name = hostformat_name(format, (unsigned)t->n + 1);
			t->v[t->n].port = o->port;
		}
		tell(o, "looking up", t->v + first, n);
		knock_lookup(t->v + first, n, end_ms);
		for (size_t i = first; i < t->n; i++)
			if (!t->v[i].found && ++missing > o->gap) {
				knock_free(t->v + i,
					   t->n - i); /* was asked ahead of the end */
				return;
			}
	}
}

static const unsigned char *address_bytes(const struct sockaddr *a, size_t *n)
{
	const struct sockaddr_in *in = (const void *)a;
	const struct sockaddr_in6 *in6 = (const void *)a;

	*n = a->sa_family == AF_INET ? sizeof in->sin_addr : sizeof in6->sin6_addr;
	return a->sa_family == AF_INET ? (const void *)&in->sin_addr
				       : (const void *)&in6->sin6_addr;
}

static bool same_net(const struct sockaddr *a, const struct sockaddr *b, unsigned bits)
{
	size_t n, m;
	const unsigned char *x = address_bytes(a, &n), *y = address_bytes(b, &m);

	if (n != m)
		return false;
	for (unsigned i = 0; i < bits && i < n * 8; i++)
		if ((x[i / 8] ^ y[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

/* Forgets the hosts that are of another net than the first that exists. */
static void keep_one_net(struct targets *t, unsigned bits)
{
	const struct addrinfo *first = NULL;

	for (size_t i = 0; bits && i < t->n; i++) {
		struct knock *k = &t->v[i];

		if (k->found && !first)
			first = k->found;
		if (k->found && !same_net(first->ai_addr, k->found->ai_addr, bits))
			knock_free(k, 1);
	}
}

/* Forgets that a host listens where it cannot compile. */
static void try_compiler(struct targets *t, const struct options *o)
{
	struct trial *v = xcalloc(t->n + 1, sizeof *v);

	for (size_t i = 0; i < t->n; i++)
		v[i].at = t->v[i].at;
	trial_run(v, t->n, o->compiler, o->protocol, o->compile_ms);
	for (size_t i = 0; i < t->n; i++) {
		if (o->verbose && t->v[i].at && !v[i].passed)
			fprintf(stderr, "%s does not compile with %s\n", t->v[i].name,
				o->compiler);
		t->v[i].at = v[i].passed ? t->v[i].at : NULL;
	}
	free(v);
}

static void targets_free(struct targets *t)
{
	knock_free(t->v, t->n);
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].name);
	free(t->v);
	free(t->host);
	hostlist_free(&t->list);
}

/* ---- the answer ---- */

static void print_target(const struct knock *k, const struct host *h,
			 const struct options *o, bool up)
{
	const struct addrinfo *at = k->at ? k->at : k->found;
	bool cpp = o->protocol == 3 || (h && h->cpp);
	char text[NI_MAXHOST];
	const char *name = k->name;

	if (o->numeric && getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, NULL,
				      0, NI_NUMERICHOST) == 0)
		name = text;
	printf(strchr(name, ':') ? "[%s]" : "%s", name);
	if (k->port != DISTCC_PORT)
		printf(":%u", k->port);
	if (h && h->slots)
		printf("/%u", h->slots);
	if (o->protocol >= 2 || cpp || (h && h->lzo))
		fputs(",lzo", stdout);
	if (cpp)
		fputs(",cpp", stdout);
	if (!up)
		fputs(",down", stdout);
	if (o->latency)
		printf(" %ld", k->latency_ms);
	putchar('\n');
}

/* How many are up. */
static size_t print_targets(const struct targets *t, const struct options *o)
{
	size_t up = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct knock *k = &t->v[i];
		bool listens = k->at || (k->found && o->connect_ms == 0);

		up += listens;
		if (listens || (k->found && o->down))
			print_target(k, t->host ? t->host[i] : NULL, o, listens);
	}
	return up;
}

/* What to ask: the arguments as lines of a host list, else DISTCC_POTENTIAL_HOSTS, else the format. */
static char *question(int argc, char **argv)
{
	const char *potential = getenv("DISTCC_POTENTIAL_HOSTS");
	struct buf b = {0};

	for (int i = 0; i < argc; i++)
		buf_printf(&b, "%s\n", argv[i]);
	if (argc == 0)
		buf_str(&b, potential && *potential ? potential : "distcc%d");
	buf_u8(&b, 0);
	return b.data;
}

/* FORMAT alone, with this machine's domain if that is asked for; NULL after a sentence. */
static char *make_format(const char *text, const struct options *o)
{
	struct addrinfo hints = {.ai_flags = AI_CANONNAME}, *own = NULL;
	char host[HOST_NAME_MAX + 1];
	struct err e = {0};
	AUTO_FREE char *format = xstrndup(text, strcspn(text, " \t\r\n"));

	if (hostformat_check(format, &e) ||
	    text[strspn(text + strlen(format), " \t\r\n") + strlen(format)]) {
		fprintf(stderr, "lsdistcc: %s\n",
			e.text[0] ? e.text : "a format stands alone");
		return NULL;
	}
	if (!o->domain)
		return xstrdup(format);
	if (gethostname(host, sizeof host) == 0)
		(void)!getaddrinfo(host, NULL, &hints, &own);
	const char *dot = own && own->ai_canonname ? strchr(own->ai_canonname, '.') : NULL;
	char *whole = dot ? xasprintf("%s%s", format, dot) : NULL;

	if (!whole)
		fputs("lsdistcc: -d: this machine's domain is not known\n", stderr);
	if (own)
		freeaddrinfo(own);
	return whole;
}

int verb_lsdistcc(int argc, char **argv)
{
	struct targets t = {0};
	struct options o;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (options_parse(&o, argc, argv))
		return 1;
	long end_ms = knock_now_ms() + 1000L * o.seconds;
	AUTO_FREE char *words = question(argc - optind, argv + optind);

	if (strchr(words, '%')) {
		AUTO_FREE char *format = make_format(words, &o);

		if (!format)
			return 1;
		targets_from_format(&t, format, &o, end_ms);
	} else if (targets_from_words(&t, words, &o, end_ms)) {
		return 1;
	}
	keep_one_net(&t, o.bits);
	if (o.connect_ms) {
		tell(&o, "connecting to", t.v, t.n);
		knock_connect(t.v, t.n, o.connect_ms);
		if (o.compiler && o.compile_ms)
			try_compiler(&t, &o);
	}
	size_t up = print_targets(&t, &o);

	targets_free(&t);
	return fflush(stdout) || up == 0;
}

#include "scheduler/enrolment.h"

#include "base/err.h"
#include "base/mem.h"
#include "farm/enrol.h"
#include "farm/home.h"
#include "net/peer.h"
#include "net/tls.h"
#include "wire/talk.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: muster-scheduler init [--name NAME] [DIR]\n"
    "Makes a farm: its authority, which lets in who has a token, and its lists.\n"
    "DIR is ~/.local/share/muster/farm unless another is named.\n";

struct enrolment {
	struct home *home;
	struct tls *tls; /* for whom it lets in; guests are looked at by net/trust */
	struct enrol *enrol;
};

bool enrolment_is_home(const char *dir)
{
	AUTO_FREE char *key = dir ? xasprintf("%s/authority.key", dir) : NULL;

	return key && access(key, F_OK) == 0;
}

static void tell_how(const char *dir, const char *host)
{
	printf(
	    "A new farm is in %s. Whoever can read it owns the farm: keep it.\n"
	    "\n"
	    "Here, for as long as the farm is to work:\n"
	    "  muster-scheduler --home %s --listen :%d\n"
	    "For each machine and each user, here:\n"
	    "  muster farm token --dir %s --address %s:%d\n"
	    "which prints what to type there: muster join TOKEN. Then, on a machine that\n"
	    "compiles, and for a user who builds:\n"
	    "  muster-worker --listen :3690 --scheduler %s\n"
	    "  MUSTER_SCHEDULER=%s muster run make\n",
	    dir, dir, TALK_PORT, dir, host, TALK_PORT, host, host);
}

int enrolment_init(int argc, char **argv)
{
	static const struct option options[] = {
	    {"name", required_argument, NULL, 'n'},
            {"help",  no_argument, NULL, 'h'},
            {0     }
        };
	char host[256] = "farm";
	const char *name = host;
	struct err e = {0};
	int c;

	gethostname(host, sizeof host - 1);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'n': name = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return 2;
		}
	if (argc - optind > 1) {
		fputs(usage, stderr);
		return 2;
	}
	AUTO_FREE char *dir = optind < argc ? xstrdup(argv[optind]) : home_usual_dir();

	if (!dir)
		err_set(&e, 0, "there is no HOME to keep a farm in: name a folder");
	if (!dir || home_make(dir, name, time(NULL), &e)) {
		fprintf(stderr, "muster-scheduler: %s\n", e.text);
		return 1;
	}
	tell_how(dir, host);
	return 0;
}

struct enrolment *enrolment_start(struct loop *l, struct peer_server *door, const char *dir,
				  struct err *e)
{
	struct enrolment *n = xcalloc(1, sizeof *n);

	n->home = home_open(dir, e);
	n->tls = n->home ? home_tls(n->home, e) : NULL;
	if (!n->tls) {
		enrolment_free(n);
		return NULL;
	}
	n->enrol = enrol_new(l, n->home, n->tls);
	peer_server_enrol(door, enrol_accept, n->enrol);
	return n;
}

void enrolment_free(struct enrolment *n)
{
	if (!n)
		return;
	enrol_free(n->enrol);
	tls_free(n->tls);
	home_free(n->home);
	free(n);
}

/* muster join: becomes one of a farm, and stays one. */
#include "base/err.h"
#include "base/mem.h"
#include "cli/verbs.h"
#include "farm/join.h"
#include "farm/token.h"
#include "net/tls.h"
#include "net/trust.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: muster join [--name NAME] [--dir DIR] TOKEN|-\n"
    "       muster join --renew [--dir DIR]\n"
    "Becomes one of the farm that the token is of ('muster farm token', there, prints one).\n"
    "With '-' the token is read from standard input: while it counts, other users of this\n"
    "machine see what stands on a command line.\n"
    "\n"
    "  --name NAME  what it is called there (default: the host's name, and of a user before it\n"
    "               his own)\n"
    "  --dir DIR    where to keep the certificate and its key (default: $MUSTER_FARM_DIR,\n"
    "               ~/.config/muster/farm)\n"
    "  --renew      a new certificate if half of its time is over, and news of who was revoked;\n"
    "               agents and workers do it by themselves\n";

enum {
	OPT_NAME = 256,
	OPT_DIR,
	OPT_RENEW,
	OPT_HELP
};

static const struct option long_options[] = {
    {"name",	     required_argument, NULL, OPT_NAME},
    {"dir",	      required_argument, NULL, OPT_DIR},
    {"renew",		  no_argument, NULL, OPT_RENEW},
    {"help",no_argument, NULL, OPT_HELP},
    {0	  },
};

static const char *get(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

/* What a name may not have becomes '-'. */
static char *default_name(unsigned roles)
{
	const struct passwd *user = getpwuid(getuid());
	char host[256] = "host";

	gethostname(host, sizeof host - 1);
	char *name = roles & TLS_WORKER || !user
			 ? xasprintf("%.*s", TLS_NAME - 1, host)
			 : xasprintf("%.24s.%.32s", user->pw_name, host);

	for (size_t i = 0; name[i]; i++)
		if (!tls_name_is_good((char[]){'a', name[i]}, 2))
			name[i] = '-';
	return name;
}

/* The last word of the first line, so that the whole command may be pasted as it was printed. NULL: there is none. */
static const char *read_token(char line[TOKEN_TEXT], struct err *e)
{
	const char *word = NULL;

	if (fgets(line, TOKEN_TEXT, stdin))
		for (char *rest, *at = strtok_r(line, " \t\r\n", &rest); at;
		     at = strtok_r(NULL, " \t\r\n", &rest))
			word = at;
	if (!word)
		err_set(e, 0, "there is no token on standard input");
	return word;
}

static int join(const char *text, const char *name, const char *dir, struct err *e)
{
	struct token t;
	char typed[TOKEN_TEXT];

	if ((strcmp(text, "-") == 0 && !(text = read_token(typed, e))) ||
	    token_parse(&t, text, e))
		return -1;
	AUTO_FREE char *called = name ? xstrdup(name) : default_name(t.roles);
	char words[40];

	if (join_farm(&t, called, dir, time(NULL), e))
		return -1;
	printf("This is %s of the farm now (%s). Its certificate is in %s.\n", called,
	       tls_roles_words(t.roles, words), dir);
	if (t.roles & TLS_WORKER)
		puts(
		    "  muster-worker --listen 0.0.0.0:3690    compiles for the farm's users");
	if (t.roles & TLS_USER)
		puts("  export MUSTER_HOSTS=\"WORKER ...\"       names the workers to use");
	return 0;
}

/* A worker that gave up root owns its folder, and has to read what comes into it. As root nobody writes into folders of others:
 * their links could lead anywhere. */
static int become_owner(const char *dir, struct err *e)
{
	struct stat st;

	if (geteuid() != 0 || stat(dir, &st) || st.st_uid == 0)
		return 0;
	if (setgroups(1, &st.st_gid) || setresgid(st.st_gid, st.st_gid, st.st_gid) ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid))
		return err_set(e, errno, "become the owner of %s", dir);
	return 0;
}

int verb_join(int argc, char **argv)
{
	const char *name = NULL, *dir = NULL;
	bool renew = false;
	struct err e = {0};
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		switch (c) {
		case OPT_NAME: name = optarg; break;
		case OPT_DIR: dir = optarg; break;
		case OPT_RENEW: renew = true; break;
		case OPT_HELP: fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return 2;
		}
	if (argc - optind != (renew ? 0 : 1)) {
		fputs(usage, stderr);
		return 2;
	}
	struct trust *trust = trust_new();

	trust_look(trust, get, NULL, 1);
	dir = dir ? dir : trust_farm_dir(trust);
	int r = !dir                    ? err_set(&e, 0, "there is no HOME: give --dir DIR")
		: become_owner(dir, &e) ? -1
		: renew                 ? join_renew(dir, false, time(NULL), &e)
					: join(argv[optind], name, dir, &e);

	if (r)
		fprintf(stderr, "muster: %s\n", e.text);
	trust_free(trust);
	return r ? 1 : 0;
}

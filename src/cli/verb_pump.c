/* pump: runs a build with distcc's "pump mode", in which no client preprocesses. Here the agent does what the
 * include server did: pump sees to it that one runs, puts our `distcc` in front of PATH, and becomes the
 * command. There is nothing to shut down afterwards: the agent leaves by itself when it is idle, and other
 * builds may be using it.
 *
 * INCLUDE_SERVER_PORT, _DIR and _PID are set for scripts that look whether pump mode is on; they name the
 * agent's socket, folder and process.
 *
 * All that is said goes to standard error, for the command's standard output is its own; but for the export
 * lines of --startup. What does not succeed costs speed, never the build: only without our `distcc` there is
 * nothing to do. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/ask.h"
#include "cli/distcc.h"
#include "cli/start.h"
#include "cli/verbs.h"
#include "net/hostlist.h"
#include "sys/fs.h"
#include "sys/spawn.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
    "Usage: pump COMMAND [ARGUMENT...]\n"
    "       eval \"$(pump --startup)\"; COMMAND [ARGUMENT...]; pump --shutdown\n"
    "Runs a build with muster's distcc in front of PATH: no compile is preprocessed here. --startup prints\n"
    "the variables to set for it instead; --shutdown does nothing, since the agent leaves by itself.\n"
    "\n"
    "Environment:\n"
    "  DISTCC_POTENTIAL_HOSTS  those of them that listen become DISTCC_HOSTS (see lsdistcc)\n"
    "  LSDISTCC_ARGS           more arguments for lsdistcc\n"
    "  DISTCC_HOSTS            the hosts, when DISTCC_POTENTIAL_HOSTS is not set\n"
    "  DISTCC_LOCATION         folder of the distcc to use (default: ../libexec/muster/compat)\n";

extern char **environ;

struct pump {
	char *folder;    /* of our distcc; malloc'ed */
	char state[256]; /* the agent's folder; "" when it does not run */
	long pid;        /* the agent's */
	bool new_hosts;  /* DISTCC_HOSTS was found out */
};

/* ---- where our distcc is ---- */

/* DIR, resolved, when the `distcc` in it is a link to muster-cc. */
static char *folder_of_distcc(const char *dir, const struct stat *shim)
{
	AUTO_FREE char *path = xasprintf("%s/distcc", dir);
	char real[PATH_MAX];
	struct stat st;

	if (stat(path, &st) || st.st_dev != shim->st_dev || st.st_ino != shim->st_ino ||
	    !realpath(dir, real))
		return NULL;
	return xstrdup(real);
}

static char *find_folder(struct err *e)
{
	static const char *const places[] = {"../libexec/muster/compat", "compat", "."};
	const char *named = getenv("DISTCC_LOCATION");
	AUTO_FREE char *own = fs_program_dir();
	AUTO_FREE char *shim = xasprintf("%s/muster-cc", own ? own : "/usr/bin");
	char *found = NULL;
	struct stat st;

	if (stat(shim, &st)) {
		err_set(e, errno, "find %s", shim);
		return NULL;
	}
	if (named && *named)
		found = folder_of_distcc(named, &st);
	for (size_t i = 0; own && !found && i < sizeof places / sizeof *places; i++) {
		AUTO_FREE char *dir = xasprintf("%s/%s", own, places[i]);

		found = folder_of_distcc(dir, &st);
	}
	if (!found)
		err_set(
		    e, 0,
		    "there is no link 'distcc' to %s in ../libexec/muster/compat from its "
		    "folder; make one and name its folder in DISTCC_LOCATION",
		    shim);
	return found;
}

/* ---- hosts ---- */

/* Runs `lsdistcc -P3 ARGS HOSTS`; what it prints goes to OUT. */
static int list_hosts(const char *args, const char *hosts, struct buf *out, struct err *e)
{
	struct arena *a = arena_new();
	char *copy = arena_printf(a, "lsdistcc %s -P3 -- %s", args, hosts), *rest = NULL;
	struct strv argv = {0};
	AUTO_BUF struct buf said = {0};
	int status = 0;

	enum {
		OUTPUT_MAX = 1 << 20,
		LIMIT_MS = 60000
	};

	strv_add(a, &argv, "/proc/self/exe");
	for (char *w = strtok_r(copy, " \t\r\n", &rest); w;
	     w = strtok_r(NULL, " \t\r\n", &rest))
		strv_add(a, &argv, w);
	int r = spawn_capture(argv.v, environ, NULL, OUTPUT_MAX, LIMIT_MS, out, &said,
			      &status, e);

	arena_free(a);
	if (said.len)
		fwrite(said.data, 1, said.len, stderr);
	return r ? err_wrap(e, "run lsdistcc") : 0;
}

/* DISTCC_HOSTS from DISTCC_POTENTIAL_HOSTS. */
static void hosts_find_out(struct pump *p, const char *potential)
{
	const char *args = getenv("LSDISTCC_ARGS");
	AUTO_BUF struct buf out = {0}, hosts = {0};
	struct err e = {0};
	char *rest = NULL;
	unsigned n = 0;

	if (list_hosts(args ? args : "", potential, &out, &e)) {
		fprintf(stderr, "pump: %s\n", e.text);
		return;
	}
	buf_u8(&out, 0);
	buf_str(&hosts, "--randomize");
	for (char *line = strtok_r(out.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		/* Behind a blank stands the latency, if the arguments asked for it. */
		line[strcspn(line, " ")] = 0;
		buf_printf(&hosts, " %s", line);
		n += !strstr(line, ",down");
	}
	buf_u8(&hosts, 0);
	fprintf(stderr, "__________Found %u available distcc server%s\n", n,
		n == 1 ? "" : "s");
	setenv("DISTCC_HOSTS", hosts.data, 1);
	p->new_hosts = true;
}

/* Says how many hosts of the list are for pump mode. Workers of muster need no such word, and the agent has a
 * list of its own for them: no list is no trouble. */
static void hosts_count(void)
{
	struct hostlist list;
	struct err e = {0};
	unsigned n = 0;
	int status = getenv("MUSTER_HOSTS") ? DISTCC_NO_HOSTS : distcc_hosts(&list, &e);

	if (status == DISTCC_BAD_HOSTSPEC)
		fprintf(stderr, "pump: %s\n", e.text);
	if (status)
		return;
	for (size_t i = 0; i < list.n; i++)
		n += list.v[i].cpp;
	hostlist_free(&list);
	if (n)
		fprintf(stderr, "__________Using %u distcc server%s in pump mode\n", n,
			n == 1 ? "" : "s");
	else
		fputs(
		    "pump: no host of the list has ',lzo,cpp'; distcc servers among them get preprocessed "
		    "sources\n",
		    stderr);
}

/* ---- the environment of the build ---- */

static void agent_ready(struct pump *p)
{
	AUTO_BUF struct buf answer = {0};
	struct err e = {0};

	if (start_agent(p->state, sizeof p->state, &e) ||
	    ask_agent("status", &answer, &e)) {
		fprintf(stderr, "pump: %s\n", e.text);
		p->state[0] = 0;
		return;
	}
	json_t *o = json_loadb(answer.data, answer.len, 0, NULL);

	p->pid = (long)json_integer_value(json_object_get(o, "pid"));
	json_decref(o);
}

static void set_environment(const struct pump *p)
{
	const char *path = getenv("PATH");
	AUTO_FREE char *new_path =
	    xasprintf("%s:%s", p->folder, path ? path : "/usr/local/bin:/usr/bin:/bin");
	AUTO_FREE char *port = xasprintf("%s/agent.sock", p->state);
	AUTO_FREE char *pid = xasprintf("%ld", p->pid);

	setenv("PATH", new_path, 1);
	if (!p->state[0])
		return;
	setenv("INCLUDE_SERVER_PID", pid, 1);
	setenv("INCLUDE_SERVER_DIR", p->state, 1);
	setenv("INCLUDE_SERVER_PORT", port, 1);
}

/* 0, or the exit status after a sentence. */
static int prepare(struct pump *p)
{
	const char *potential = getenv("DISTCC_POTENTIAL_HOSTS");
	struct err e = {0};

	p->folder = find_folder(&e);
	if (!p->folder) {
		fprintf(stderr, "pump: %s\n", e.text);
		return 1;
	}
	fprintf(stderr, "__________Using distcc-pump from %s\n", p->folder);
	if (potential && potential[strspn(potential, " \t\r\n")])
		hosts_find_out(p, potential);
	else
		hosts_count();
	agent_ready(p);
	set_environment(p);
	return 0;
}

/* ---- the forms ---- */

/* An export line that any shell reads back as the same bytes. */
static void print_export(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		return;
	printf("export %s='", name);
	for (const char *s = value; *s; s++)
		if (*s == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*s);
	puts("'");
}

static int startup(void)
{
	static const char *const names[] = {"INCLUDE_SERVER_PID", "INCLUDE_SERVER_DIR",
					    "INCLUDE_SERVER_PORT"};
	struct pump p = {0};
	int status = prepare(&p);

	if (status)
		return status;
	for (size_t i = 0; p.state[0] && i < sizeof names / sizeof *names; i++)
		print_export(names[i]);
	if (p.new_hosts)
		print_export("DISTCC_HOSTS");
	print_export("PATH");
	free(p.folder);
	return fflush(stdout) ? 1 : 0;
}

static int run(char **argv)
{
	enum {
		CANNOT_RUN = 126,
		NOT_FOUND = 127
	};
	struct pump p = {0};
	int status = prepare(&p);

	if (status)
		return status;
	execvp(argv[0], argv);
	status = errno == ENOENT ? NOT_FOUND : CANNOT_RUN;
	fprintf(stderr, "pump: run %s: %s\n", argv[0], strerror(errno));
	free(p.folder);
	return status;
}

int verb_pump(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--startup") == 0)
		return startup();
	if (argc == 2 && strcmp(argv[1], "--shutdown") == 0)
		return 0;
	if (argv[1][0] == '-') {
		fprintf(stderr,
			"pump: '%s' is neither a command nor an option; see pump --help\n",
			argv[1]);
		return DISTCC_BAD_ARGUMENTS;
	}
	return run(argv + 1);
}

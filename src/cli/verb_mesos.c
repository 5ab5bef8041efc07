/* mesos-distcc: a build on a Mesos cluster by the command line of the old script of that name:
 *
 *   MESOS_MASTER=HOST:PORT mesos-distcc [pump] make -jN CC='distcc gcc'
 *
 * It is `muster run` with workers from there, as many slots as make is told jobs. MESOS_MASTER and DISTCCD_PATH (where agents fetch the
 * worker; without it from us) are variables, or lines NAME = 'value' of the first .mesos-distcc.rc that is in this folder, in the
 * home folder or beside the program. "pump" is what happens anyway. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/verbs.h"
#include "sys/fs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	EXIT_USAGE = 2,
	RC_MAX = 1 << 16,
	JOBS_BARE = 50, /* what a -j without a number stands for */
	JOBS_MAX = 10000
};

static const char usage_text[] =
    "usage: mesos-distcc [pump] COMMAND ARG...\n"
    "Runs a build, as 'make -j50 CC=\"distcc gcc\"', on workers from the Mesos cluster of MESOS_MASTER\n"
    "(HOST:PORT,...), one slot with a CPU and 512 MB for each job.\n";

/* The value of NAME in TEXT, whose lines are NAME = 'value'; malloc'ed, or NULL. */
static char *rc_value(const char *text, const char *name)
{
	AUTO_FREE char *copy = xstrdup(text);
	size_t n = strlen(name);

	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		if (strncmp(line, name, n) != 0)
			continue;
		line += n;
		line += strspn(line, " \t");
		if (*line++ != '=')
			continue;
		line += strspn(line, " \t");
		char quote = *line == '\'' || *line == '"' ? *line++ : 0;

		line[strcspn(line, quote == '\'' ? "'" : quote ? "\"" : " \t\r#")] = 0;
		return xstrdup(line);
	}
	return NULL;
}

/* The text of the rc file that counts; "" when there is none. */
static char *read_rc(void)
{
	const char *home = getenv("HOME");
	AUTO_FREE char *own = fs_program_dir();
	const char *const folders[] = {".", home, own};
	AUTO_BUF struct buf b = {0};

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		AUTO_FREE char *path =
		    folders[i] ? xasprintf("%s/.mesos-distcc.rc", folders[i]) : NULL;

		if (path && fs_read(path, RC_MAX, &b, NULL) == 0)
			return xstrndup(b.len ? b.data : "", b.len);
	}
	return xstrdup("");
}

/* The variable, else the file's line; malloc'ed, or NULL. */
static char *setting(const char *rc, const char *name)
{
	const char *value = getenv(name);

	return value && *value ? xstrdup(value) : rc_value(rc, name);
}

/* Of -jN, -j N, --jobs=N, --jobs N, -j; 0: none of them is there. */
static unsigned jobs_of(char **argv)
{
	unsigned jobs = 0;

	for (; *argv; argv++) {
		const char *word = *argv, *number = NULL;

		if (strncmp(word, "--jobs=", 7) == 0)
			number = word + 7;
		else if (strcmp(word, "-j") == 0 || strcmp(word, "--jobs") == 0)
			number = argv[1] ? argv[1] : "";
		else if (strncmp(word, "-j", 2) == 0)
			number = word + 2;
		if (!number)
			continue;
		jobs = (unsigned)strtoul(number, NULL, 10);
		if (jobs == 0 || jobs > JOBS_MAX)
			jobs = JOBS_BARE;
	}
	return jobs;
}

/* `distcc` in front of PATH, for CC='distcc gcc'. */
static void let_distcc_be_found(void)
{
	const char *path = getenv("PATH");
	AUTO_FREE char *own = fs_program_dir();
	AUTO_FREE char *with =
	    xasprintf("%s/../libexec/muster/compat:%s:%s", own ? own : "", own ? own : "",
		      path ? path : "/usr/bin:/bin");

	setenv("PATH", with, 1);
}

int verb_mesos(int argc, char **argv)
{
	char **command = argv + 1;

	if (argc > 1 && strcmp(argv[1], "--help") == 0)
		return fputs(usage_text, stdout) < 0;
	if (argc > 1 && strcmp(argv[1], "pump") == 0)
		command++;
	if (!*command) {
		fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	AUTO_FREE char *rc = read_rc();
	AUTO_FREE char *master = setting(rc, "MESOS_MASTER");
	AUTO_FREE char *worker = setting(rc, "DISTCCD_PATH");
	unsigned jobs = jobs_of(command);

	if (!master) {
		fputs("mesos-distcc: MESOS_MASTER (HOST:PORT,...) is neither set nor in "
		      ".mesos-distcc.rc\n",
		      stderr);
		return EXIT_USAGE;
	}
	bool fetched = worker && strstr(worker, "://");
	AUTO_FREE char *url =
	    xasprintf("mesos://%s?n=%u%s%s", master, jobs ? jobs : JOBS_BARE,
		      fetched ? "&uri=" : "", fetched ? worker : "");
	struct arena *a = arena_new();
	struct strv run = {0};

	strv_add(a, &run, "run");
	strv_add(a, &run, "--workers");
	strv_add(a, &run, url);
	strv_add(a, &run, "--");
	while (*command)
		strv_add(a, &run, *command++);
	let_distcc_be_found();
	/* For programs that look whether there is anything to be had. */
	setenv("DISTCC_POTENTIAL_HOSTS", master, 0);
	int status = verb_run((int)run.n, run.v);

	arena_free(a);
	return status;
}

/* muster run: one command in front of any build.
 *
 *   options ─► hosts that answer ─► how wide ─► agent, masquerade folder, environment ─► the build ─► three lines
 *
 * What does not succeed costs speed, never the build, but for what the user insisted on (a list of hosts that makes no sense, a
 * report that cannot be written). All words of ours go to standard error. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/farm_look.h"
#include "cli/masquerade.h"
#include "cli/start.h"
#include "cli/verbs.h"
#include "net/address.h"
#include "net/hostchoice.h"
#include "net/hostlist.h"
#include "run/build.h"
#include "run/capacity.h"
#include "run/command.h"
#include "run/driver.h"
#include "run/engines.h"
#include "run/jobserver.h"
#include "run/sizing.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "sys/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	STATE_DIR = 256,
	TOKENS_MAX = 4096,
	ASK_MS = 2000,
	REQUIRE_SECONDS = 300,
	COMPILER_MB = 1024,
	SSH_SLOTS =
	    4, /* of a host that only ssh reaches and that has no number: distcc's guess */
	VERSION_MAX = 4096,
	VERSION_MS = 5000,
};

static const char usage_text[] =
    "usage: muster run [OPTION...] [--] COMMAND [ARG...]\n"
    "Runs a build (make, ninja, cmake --build, meson compile, a script …) on all cores you may use.\n"
    "\n"
    "  -j N, --jobs N    so many jobs (default: what the workers that answer can take)\n"
    "  --hosts LIST      the workers, as in MUSTER_HOSTS\n"
    "  --auto-hosts      the workers of DISTCC_AUTO_HOSTS, as distcc_build has them\n"
    "  --workers URL     gets workers for the length of the build, and waits for none of them:\n"
    "                    ssh://[USER@]HOST,...  slurm://[PARTITION]  mesos://HOST:PORT\n"
    "                    kubernetes://[CONTEXT/]NAMESPACE  local://N\n"
    "  --require-workers N  does not begin before N of them are there\n"
    "  --wrap            sets CC and CXX instead of standing in front of PATH\n"
    "  --report FILE     writes what was done, as JSON\n"
    "  --trace FILE      writes it as trace events, for Perfetto or chrome://tracing\n"
    "  -q, --quiet       no live line, no summary, no notes\n"
    "  --help\n";

struct run {
	struct arena *arena;
	struct loop *loop;
	char **argv; /* of the build */
	const char *hosts, *report, *trace;
	bool auto_hosts, wrap, quiet;
	int jobs;            /* asked for here; 0: not */
	const char *workers; /* a URL to get some from, or NULL */
	int require;         /* so many of them must be there; 0: none is waited for */
	struct engines *engines;

	struct build_command command;
	struct driver driver;
	bool driven;
	unsigned width;       /* jobs for the tool */
	unsigned preparation; /* of them above the workers' slots */
	struct strv env;      /* NAME=value that are set, in their order */
	char state[STATE_DIR];
	char id[64];
	int killed_by; /* the signal that ended the build, or 0 */
};

static const char *get(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static void __attribute__((format(printf, 2, 3)))
say(const struct run *r, const char *fmt, ...)
{
	va_list ap;

	if (r->quiet)
		return;
	fputs("muster: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static int complain(int status, const struct err *e)
{
	fprintf(stderr, "muster: %s\n", e->text);
	return status;
}

/* -- options --------------------------------------------------------------------------------- */

static int parse_number(const char *text, int *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1 || n > SIZING_JOBS_MAX)
		return -1;
	*out = (int)n;
	return 0;
}

/* The value of the option ARGV[*I], which is NAME, "NAME=value" or "NAME value"; NULL: it is not NAME. */
static const char *value_of(char **argv, int *i, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0)
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (argv[*i][n] || !argv[*i + 1])
		return NULL;
	return argv[++*i];
}

/* Returns how many words were options, or -1 with ERR. */
static int parse_options(struct run *r, char **argv, struct err *e)
{
	const char *v;
	int i = 1;

	for (; argv[i] && argv[i][0] == '-'; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--") == 0)
			return i + 1;
		if (strcmp(word, "--auto-hosts") == 0)
			r->auto_hosts = true;
		else if (strcmp(word, "--wrap") == 0)
			r->wrap = true;
		else if (strcmp(word, "-q") == 0 || strcmp(word, "--quiet") == 0)
			r->quiet = true;
		else if ((v = value_of(argv, &i, "--hosts")))
			r->hosts = v;
		else if ((v = value_of(argv, &i, "--report")))
			r->report = v;
		else if ((v = value_of(argv, &i, "--trace")))
			r->trace = v;
		else if ((v = value_of(argv, &i, "--workers")))
			r->workers = v;
		else if ((v = value_of(argv, &i, "--require-workers"))) {
			if (parse_number(v, &r->require))
				return err_set(
				    e, 0, "--require-workers %s: a number is expected", v);
		} else if ((v = value_of(argv, &i, "--jobs")) ||
			   (v = value_of(argv, &i, "-j")) ||
			   (v = strncmp(word, "-j", 2) == 0 && word[2] ? word + 2 : NULL)) {
			if (parse_number(v, &r->jobs))
				return err_set(
				    e, 0,
				    "%s: the number of jobs is no number from 1 to %d",
				    word, SIZING_JOBS_MAX);
		} else {
			return err_set(e, 0,
				       "'%s' is no option of run, or lacks its value; see "
				       "'muster run --help'",
				       word);
		}
	}
	return i;
}

/* -- which hosts, how wide ------------------------------------------------------------------- */

static int wanted_jobs(const struct run *r)
{
	return r->jobs ? r->jobs : r->command.jobs > 0 ? r->command.jobs : 0;
}

/* As distcc_build does it. */
static int ask_driver(struct run *r, struct err *e)
{
	struct driver *d = &r->driver;

	*d = (struct driver){.loop = r->loop,
			     .getenv_fn = get,
			     .cores = machine_cores(),
			     .free_mb = machine_free_mb(),
			     .wanted = wanted_jobs(r)};
	r->driven = true;
	int failed = driver_prepare(d, e);

	for (size_t i = 0; i < d->nunused; i++)
		say(r, "%s is left out: %s", d->unused[i].word, d->unused[i].why);
	if (failed)
		return d->status;
	r->hosts = d->hosts;
	r->width = d->jobs;
	r->preparation = d->jobs > d->remote_slots ? d->jobs - d->remote_slots : 0;
	return 0;
}

/* The list that the agent will use, parsed; FROM: where it is from. 0; else the exit status. */
static int find_list(const struct run *r, struct hostlist *list, const char **from,
		     struct err *e)
{
	struct hostchoice c = {0};
	struct err none = {0};
	int failed;

	*from = "--hosts";
	if (r->hosts)
		failed = hostlist_parse(list, r->hosts, ADDRESS_PORT, e);
	else if (hostchoice_find(&c, get, NULL, &none))
		failed = 0; /* no list is no mistake */
	else if ((failed = hostlist_parse(list, c.text, c.port, e)))
		err_wrap(e, "%s", c.from);
	if (c.from)
		*from = arena_strdup(r->arena, c.from);
	hostchoice_free(&c);
	return failed ? SIZING_EXIT_CONFIG : 0;
}

static void ask_hosts(const struct run *r, const struct hostlist *list, struct capacity *v)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].kind == HOST_TCP && !list->v[i].down)
			v[n++] = (struct capacity){.address = host_address(&list->v[i]),
						   .plain = list->v[i].plain};
	if (n)
		capacity_ask(v, n, ASK_MS);
	n = 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct host *h = &list->v[i];

		if (h->kind != HOST_TCP || h->down)
			continue;
		if (!v[n].answers)
			say(r, "%s does not answer: %s", h->word, v[n].why);
		else if (h->slots && (h->slots < v[n].slots || !v[n].slots))
			v[n].slots = h->slots;
		n++;
	}
	for (size_t i = 0; i < list->n; i++) {
		const struct host *h = &list->v[i];

		if (h->kind == HOST_SSH && !h->down)
			v[n++] = (struct capacity){.answers = true,
						   .slots = h->slots ? h->slots : SSH_SLOTS,
						   .load = -1,
						   .free_mb = -1};
	}
}

/* The farm as one more host. 1, or 0: no scheduler is known, or none lends. */
static size_t farm_capacity(const char *listed, struct capacity *v, const struct run *r)
{
	struct err e = {0};
	int slots = farm_slots(listed, ASK_MS, r->arena, &e);

	if (slots < 0)
		say(r, "%s", e.text);
	*v = (struct capacity){
	    .answers = true, .slots = (unsigned)slots, .load = -1, .free_mb = -1};
	return slots > 0;
}

/* V: the N hosts that are named. */
static void tell_alone(const struct run *r, const struct capacity *v, size_t n,
		       const char *from)
{
	static const char line[] = "export MUSTER_HOSTS=\"HOST:PORT ...\"";

	for (size_t i = 0; i < n; i++)
		if (v[i].answers)
			return;
	if (n)
		say(r,
		    "none of the workers of %s answers: this machine alone, %u jobs. One line names others: %s",
		    from, r->width, line);
	else if (!r->hosts)
		say(r,
		    "no workers are named: this machine alone, %u jobs. One line adds some: %s",
		    r->width, line);
}

static int size_up(struct run *r, struct err *e)
{
	struct hostlist list = {0};
	struct sizing s = {0};
	const char *from;
	int status = find_list(r, &list, &from, e);

	if (status)
		return status;
	struct capacity *v = xcalloc(list.n + 1, sizeof *v);

	ask_hosts(r, &list, v);
	size_t n = 0;

	for (size_t i = 0; i < list.n; i++)
		n += list.v[i].kind != HOST_LOCAL && !list.v[i].down;
	n += farm_capacity(list.schedulers, &v[n], r);
	struct sizing_ask ask = {.hosts = v,
				 .nhosts = n,
				 .cores = machine_cores(),
				 .free_mb = machine_free_mb(),
				 .compiler_mb = COMPILER_MB,
				 .fallback_local = machine_cores(),
				 .preparation = machine_cores(),
				 .wanted = wanted_jobs(r)};

	if (sizing_decide(&s, &ask, e)) {
		/* Too little memory is no reason for not building at all: one by one. */
		say(r, "%s", e->text);
		s.jobs = 1;
	}
	r->width = s.jobs;
	r->preparation = machine_cores();
	if (!r->workers && !list.zeroconf && !list.callers && !list.schedulers &&
	    !getenv("MUSTER_SCHEDULER"))
		tell_alone(r, v, n, from);
	for (size_t i = 0; i < n; i++)
		free(v[i].address);
	free(v);
	free(s.slots);
	hostlist_free(&list);
	return 0;
}

/* -- the build's environment ----------------------------------------------------------------- */

static void set(struct run *r, const char *name, const char *value)
{
	strv_add(r->arena, &r->env, arena_printf(r->arena, "%s=%s", name, value));
}

/* Whether the make that is called knows fifos as jobservers: from 4.4 on (its NEWS). */
static bool make_has_fifo(const struct run *r)
{
	AUTO_BUF struct buf out = {0};
	AUTO_FREE char *program = spawn_find(r->argv[r->command.tool_at]);
	char *argv[] = {program, (char[]){"--version"}, NULL};
	struct err e = {0};
	unsigned major = 0, minor = 0;
	int status;

	if (!program || spawn_capture(argv, environ, NULL, VERSION_MAX, VERSION_MS, &out,
				      NULL, &status, &e))
		return false;
	buf_u8(&out, 0);
	return sscanf(out.data, "GNU Make %u.%u", &major, &minor) == 2 &&
	       (major > 4 || (major == 4 && minor >= 4));
}

/* Tells the tool how many jobs; a make that was told nothing gets a jobserver, whose number may change. */
static struct jobserver *tell_jobs(struct run *r, struct err *e)
{
	struct build_command *c = &r->command;

	if (c->tool == BUILD_MAKE && !c->jobs_from && !c->inside_make && !r->jobs) {
		struct jobserver *js =
		    jobserver_new(make_has_fifo(r) ? r->state : NULL, TOKENS_MAX, e);

		if (js) {
			jobserver_set(js, r->width);
			set(r, "MAKEFLAGS",
			    build_command_makeflags(r->arena, c, jobserver_makeflags(js)));
			return js;
		}
		say(r, "%s; make gets a fixed number of jobs", e->text);
	}
	/* A number that is told once has to be that of the time when all are there. */
	if (!wanted_jobs(r))
		r->width += engines_most(r->engines);
	struct strv argv = build_command_tell(r->arena, c, r->argv, r->width, &r->env);

	r->argv = arena_alloc(r->arena, (argv.n + 1) * sizeof *r->argv);
	for (size_t i = 0; i < argv.n; i++)
		r->argv[i] = arena_strdup(r->arena, argv.v[i]);
	if (c->tool == BUILD_UNKNOWN)
		say(r,
		    "'%s' is no build tool that is known here: it was not told a number of jobs, but makes "
		    "below it are (-j%u)",
		    c->name, r->width);
	if (c->own_environment)
		say(r,
		    "the command has an environment of its own: the compilers below it are its own, too");
	return NULL;
}

/* environ with what was set. */
static char **whole_env(const struct run *r)
{
	size_t n = 0, k = 0;

	while (environ[n])
		n++;
	char **env = arena_alloc(r->arena, (n + r->env.n + 1) * sizeof *env);

	for (size_t i = 0; i < n; i++) {
		bool replaced = false;

		for (size_t s = 0; s < r->env.n && !replaced; s++)
			replaced = strncmp(environ[i], r->env.v[s],
					   strcspn(r->env.v[s], "=") + 1) == 0;
		if (!replaced)
			env[k++] = environ[i];
	}
	for (size_t s = 0; s < r->env.n; s++)
		env[k++] = (char *)(uintptr_t)r->env.v[s];
	return env;
}

/* -- the end --------------------------------------------------------------------------------- */

static int write_file(const char *path, const struct buf *b)
{
	struct err e = {0};

	if (fs_write_file(path, b->data, b->len, 0644, &e) == 0)
		return 0;
	fprintf(stderr, "muster: %s\n", e.text);
	return -1;
}

/* The build's own status counts first; of a good build, a report that could not be written. */
static int tell_story(const struct run *r, const struct build *b, int status)
{
	AUTO_BUF struct buf words = {0}, report = {0}, trace = {0};
	int failed = 0;

	progress_summary(&words, b->progress, b->total);
	/* Of a build that compiled nothing one line says it all. */
	if (progress_is_empty(b->progress))
		words.len =
		    (size_t)((char *)memchr(words.data, '\n', words.len) + 1 - words.data);
	if (b->lost)
		say(r,
		    "the agent went away before the build's end: what follows is not all of it");
	if (!r->quiet)
		fwrite(words.data, 1, words.len, stderr);
	if (progress_is_empty(b->progress) && r->command.tool == BUILD_SCONS)
		say(r, "scons hands PATH on to compilers only if its SConstruct says so: "
		       "Environment(ENV=os.environ)");
	progress_report(&report, b->progress, b->total, status);
	progress_trace(&trace, b->progress);
	if (r->report)
		failed |= write_file(r->report, &report);
	if (r->trace)
		failed |= write_file(r->trace, &trace);
	return status == 0 && failed ? 1 : status;
}

static void on_engine_words(void *ctx, const char *text)
{
	say(ctx, "%s", text);
}

/* The list of hosts is as it would be, and those that will call. */
static void let_callers_in(struct run *r)
{
	struct hostchoice c = {0};
	const char *text = r->hosts;
	bool old = false; /* its hosts have distcc's port where they name none */

	if (!text && hostchoice_find(&c, get, NULL, NULL) == 0) {
		text = c.text;
		old = c.port != ADDRESS_PORT;
	}
	set(r, old ? "DISTCC_HOSTS" : "MUSTER_HOSTS",
	    arena_printf(r->arena, "%s%s+callers=%s", text ? text : "", text ? "\n" : "",
			 r->id));
	hostchoice_free(&c);
}

/* -1: the build must not begin. Else it begins at once, whatever comes of the workers. */
static int call_workers(struct run *r, bool agent, struct err *e)
{
	if (!r->workers)
		return 0;
	r->engines = engines_start(r->loop,
				   &(struct engines_spec){.url = r->workers,
							  .state = agent ? r->state : NULL,
							  .run = r->id,
							  .jobs = wanted_jobs(r),
							  .say = on_engine_words,
							  .ctx = r},
				   e);
	if (r->engines)
		let_callers_in(r);
	if (!r->require) {
		if (!r->engines)
			say(r, "%s; the build goes on without", e->text);
		return 0;
	}
	return r->engines
		   ? engines_require(r->engines, (unsigned)r->require, REQUIRE_SECONDS, e)
		   : -1;
}

static void tell_engines(const struct run *r)
{
	AUTO_BUF struct buf words = {0};

	if (r->engines)
		engines_story(r->engines, &words);
	if (words.len)
		say(r, "%.*s", (int)words.len, words.data);
}

static int run_build(struct run *r)
{
	struct err e = {0};
	bool agent = start_agent(r->state, sizeof r->state, &e) == 0;

	if (!agent)
		say(r, "%s: the build runs without it", e.text);
	snprintf(r->id, sizeof r->id, "%d-%lld", (int)getpid(), (long long)loop_now());
	set(r, "MUSTER_RUN", r->id);
	if (r->hosts)
		set(r, "MUSTER_HOSTS", r->hosts);
	if (call_workers(r, agent, &e))
		return complain(SIZING_EXIT_CONFIG, &e);
	if (r->wrap)
		masquerade_variables(r->arena, &r->env);
	else if (agent && masquerade_path(r->arena, r->state, &r->env, &e))
		say(r, "%s: the compilers are not replaced, so nothing is distributed",
		    e.text);
	struct jobserver *js = tell_jobs(r, &e);
	struct build b = {.loop = r->loop,
			  .argv = r->argv,
			  .env = whole_env(r),
			  .agent_dir = agent ? r->state : NULL,
			  .run = r->id,
			  .live = !r->quiet,
			  .jobserver = js,
			  .jobs = r->width,
			  .preparation = r->preparation,
			  .progress = progress_new()};
	struct err failed = {0};
	int status = build_run(&b, &failed);

	if (*failed.text)
		complain(status, &failed);
	else
		status = tell_story(r, &b, status);
	tell_engines(r);
	jobserver_free(js);
	progress_free(b.progress);
	r->killed_by = b.killed_by;
	return status;
}

/* What the words ask for: 0 to go on; else the exit status, and all has been said. */
static int read_words(struct run *r, char **argv)
{
	struct err e = {0};
	int first = parse_options(r, argv, &e);

	if (first < 0)
		return complain(SIZING_EXIT_CONFIG, &e);
	if (!argv[first]) {
		fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	r->argv = argv + first;
	return 0;
}

int verb_run(int argc, char **argv)
{
	struct run r = {.arena = arena_new(), .loop = loop_new()};
	struct err e = {0};
	int status;

	signal(SIGPIPE, SIG_IGN); /* hosts that hang up while they are asked */
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		status = fputs(usage_text, stdout) < 0;
	} else if ((status = read_words(&r, argv)) == 0) {
		build_command_parse(&r.command, r.argv, get, NULL);
		status = r.auto_hosts ? ask_driver(&r, &e) : size_up(&r, &e);
		status = status ? complain(status, &e) : run_build(&r);
	}
	engines_end(r.engines);
	if (r.driven)
		driver_close(&r.driver);
	loop_free(r.loop);
	arena_free(r.arena);
	/* As a shell wants it from whoever is interrupted: a script that called us is not to go on with its next line. */
	if (r.killed_by == SIGINT) {
		signal(SIGINT, SIG_DFL);
		raise(SIGINT);
	}
	return status;
}

/* cc_parse → which compiler → its search list → the files → the command for the worker. Each step may end it
 * with a reason for compiling here. */
#include "agent/plan.h"

#include "agent/agent.h"
#include "agent/compilers.h"
#include "agent/disk.h"
#include "agent/locale.h"
#include "agent/locate.h"
#include "agent/native.h"
#include "agent/probe.h"
#include "agent/still.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "cc/depfile.h"
#include "cc/preprocessed.h"
#include "scan/scan.h"
#include "sys/fs.h"
#include "sys/hash.h"
#include "wire/frame.h"
#include "wire/local.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	RESPONSE_MAX = 16 << 20
};

/* What was looked at so shortly before is not looked at again for the plan. Who edits a file faster than that has
 * the compile done twice. */
static const int64_t believe_ns = 1000000000;

struct maker {
	struct agent *agent;
	struct arena *arena;
	const struct local_request *request;
	struct plan *plan;
	const struct probe *probe;
	struct program program;
};

static struct plan *stay(struct plan *p, const char *why)
{
	p->travels = false;
	p->why = why;
	return p;
}

static const char *read_response(void *ctx, struct arena *a, const char *name)
{
	struct maker *m = ctx;
	AUTO_BUF struct buf b = {0};

	if (fs_read(path_join(a, m->request->cwd, name), RESPONSE_MAX, &b, NULL))
		return NULL;
	return arena_strndup(a, b.data ? b.data : "", b.len);
}

/* Environment that changes what a compiler writes or says (GCC manual 3.21; Clang's own; gettext). */
static bool env_travels(const char *var)
{
	static const char *const names[] = {"CPATH",
					    "C_INCLUDE_PATH",
					    "CPLUS_INCLUDE_PATH",
					    "OBJC_INCLUDE_PATH",
					    "OBJCPLUS_INCLUDE_PATH",
					    "COLUMNS",
					    "GCC_COLORS",
					    "GCC_COMPARE_DEBUG",
					    "GCC_EXTRA_DIAGNOSTIC_OUTPUT",
					    "GCC_URLS",
					    "LANG",
					    "LANGUAGE",
					    "NO_COLOR",
					    "PATH",
					    "PWD",
					    "SOURCE_DATE_EPOCH",
					    "TERM",
					    "TERM_URLS",
					    "TERMINFO",
					    "TZ",
					    "COLORTERM",
					    "CLICOLOR_FORCE",
					    "HOME",
					    "SDKROOT"};
	size_t n = strcspn(var, "=");

	if (strncmp(var, "LC_", 3) == 0)
		return true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == n && memcmp(names[i], var, n) == 0)
			return true;
	return false;
}

/* Environment under which a compiler does things that this does not model. */
static const char *env_forbids(char *const env[])
{
	static const char *const names[] = {"GCC_EXEC_PREFIX",      "COMPILER_PATH",
					    "DEPENDENCIES_OUTPUT",  "SUNPRO_DEPENDENCIES",
					    "CCC_OVERRIDE_OPTIONS", "CCC_ADD_ARGS",
					    "COLLECT_GCC",          "LD_PRELOAD"};
	static const char *const whys[] = {
	    "GCC_EXEC_PREFIX is set",      "COMPILER_PATH is set",
	    "DEPENDENCIES_OUTPUT is set",  "SUNPRO_DEPENDENCIES is set",
	    "CCC_OVERRIDE_OPTIONS is set", "CCC_ADD_ARGS is set",
	    "called by a compiler driver", "LD_PRELOAD is set"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *v = env_get(env, names[i]);

		if (v && *v)
			return whys[i];
	}
	return NULL;
}

static void make_env(struct maker *m)
{
	struct stat dot, pwd;

	for (char *const *e = m->request->env; *e; e++) {
		/* A PWD that does not name the current folder is ignored by compilers, there as here; but
		 * there it might name something by chance. */
		if (strncmp(*e, "PWD=", 4) == 0) {
			if (stat(*e + 4, &pwd) || stat(m->request->cwd, &dot) ||
			    pwd.st_ino != dot.st_ino || pwd.st_dev != dot.st_dev)
				continue;
			strv_add(m->arena, &m->plan->places, *e + 4);
		}
		if (env_travels(*e))
			strv_add(m->arena, &m->plan->env, *e);
	}
}

static int make_argv(struct maker *m, const char *specs)
{
	struct plan *p = m->plan;
	const struct strv *given = &p->command->argv;

	if (p->command->march_native && !specs)
		return native_clang(m->arena, p->program, env_get(m->request->env, "PATH"),
				    given, &p->argv, NULL);
	strv_add(m->arena, &p->argv, given->v[0]);
	if (specs)
		strv_add(m->arena, &p->argv, arena_printf(m->arena, "-specs=%s", specs));
	for (size_t i = 1; i < given->n; i++)
		strv_add(m->arena, &p->argv, given->v[i]);
	return 0;
}

static const char *absolute(struct maker *m, const char *path)
{
	return path_join(m->arena, m->request->cwd, path);
}

/* -fprofile-use: GCC looks for AUXNAME.gcda beside the object, or for the mangled full name in the folder
 * that was given. All that could be it travels. */
static void add_profiles(struct maker *m)
{
	const struct cc_command *cc = m->plan->command;
	const char *given =
	    cc->profile_use && *cc->profile_use ? absolute(m, cc->profile_use) : NULL;
	const char *object = absolute(m, cc->object);
	const char *stem = path_base(path_stem(m->arena, object));
	const char *source_stem = path_base(path_stem(m->arena, cc->source));
	struct stat st;
	const char *dir = given && stat(given, &st) == 0 && S_ISDIR(st.st_mode)
			      ? given
			      : path_dir(m->arena, given ? given : object);
	DIR *list = opendir(dir);

	if (given)
		strv_add(m->arena, &m->plan->places, given);
	for (struct dirent *i; list && (i = readdir(list));)
		if (strcmp(path_suffix(i->d_name), ".gcda") == 0 &&
		    (strstr(i->d_name, stem) || strstr(i->d_name, source_stem)))
			strv_add(m->arena, &m->plan->places,
				 path_join(m->arena, dir, i->d_name));
	if (list)
		closedir(list);
}

static void add_places(struct maker *m)
{
	struct plan *p = m->plan;
	const struct cc_command *cc = p->command;

	strv_add(m->arena, &p->places, m->request->cwd);
	for (size_t i = 0; i < m->probe->nquote; i++)
		strv_add(m->arena, &p->places, m->probe->quote[i]);
	for (size_t i = 0; i < m->probe->nbracket; i++)
		strv_add(m->arena, &p->places, m->probe->bracket[i]);
	for (size_t i = 0; i < cc->dirs.n; i++)
		strv_add(m->arena, &p->places, absolute(m, cc->dirs.v[i]));
	for (size_t i = 0; i < cc->noutputs; i++)
		strv_add(m->arena, &p->places, absolute(m, cc->outputs[i].dir));
	for (size_t i = 0; i < cc->inputs.n; i++)
		strv_add(m->arena, &p->places, absolute(m, cc->inputs.v[i]));
	if (cc->profile_use_given)
		add_profiles(m);
	if (cc->depfile)
		strv_add(m->arena, &p->places,
			 path_dir(m->arena, absolute(m, cc->depfile)));
}

/* Folders that the worker fills by itself, or that name other things there. */
static bool is_special(const char *path)
{
	static const char *const dirs[] = {"/proc/", "/sys/", "/dev/"};

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (strncmp(path, dirs[i], strlen(dirs[i])) == 0)
			return true;
	return false;
}

static const char *const *pointers(struct maker *m, const struct strv *list)
{
	const char **v = arena_alloc(m->arena, (list->n + 1) * sizeof *v);

	for (size_t i = 0; i < list->n; i++)
		v[i] = absolute(m, list->v[i]);
	return v;
}

/* The compiler's clock is the user's: with __DATE__ or __TIME__ in sight the worker is told what time it is
 * here and now. SOURCE_DATE_EPOCH is read as UTC (GCC manual 3.21), so it is moved by our zone. */
static void tell_time(struct maker *m)
{
	time_t now = time(NULL);
	struct tm here;
	const char *zone = env_get(m->request->env, "TZ");

	if (env_get(m->request->env, "SOURCE_DATE_EPOCH"))
		return;
	char *old = getenv("TZ") ? xstrdup(getenv("TZ")) : NULL;

	if (zone)
		setenv("TZ", zone, 1);
	else
		unsetenv("TZ");
	tzset();
	localtime_r(&now, &here);
	if (old)
		setenv("TZ", old, 1);
	else
		unsetenv("TZ");
	free(old);
	tzset();
	strv_add(m->arena, &m->plan->env,
		 arena_printf(m->arena, "SOURCE_DATE_EPOCH=%lld",
			      (long long)now + here.tm_gmtoff));
}

/* GCC reads <stdc-predef.h> before everything else, if the system has one (GCC manual 3.13, -nostdinc;
 * cpp manual 3 "Standard Predefined Macros"). */
static const char *find_predef(struct maker *m)
{
	for (size_t i = 0; i < m->probe->nbracket; i++) {
		const char *path =
		    path_join(m->arena, m->probe->bracket[i], "stdc-predef.h");

		if (disk_find(m->agent->disk, path))
			return path;
	}
	return NULL;
}

/* Clang knows a file by its inode: two names of one file are one to it. The worker's copies are two. */
static int check_hard_links(struct maker *m, struct err *e)
{
	struct plan *p = m->plan;

	for (size_t i = 0; i < p->nfiles; i++) {
		const struct node *n = disk_file_node(m->agent->disk, p->files[i]);

		for (size_t k = 0; n && n->st.st_nlink > 1 && k < i; k++) {
			const struct node *o = disk_file_node(m->agent->disk, p->files[k]);

			if (o && o != n && o->st.st_ino == n->st.st_ino &&
			    o->st.st_dev == n->st.st_dev)
				return err_set(e, 0,
					       "two of its files are one (hard links)");
		}
	}
	return 0;
}

/* The compiler's own macros, less those that -U takes away. */
static const char *predefined(struct maker *m)
{
	const struct cc_command *cc = m->plan->command;
	AUTO_BUF struct buf b = {0};

	for (size_t i = 0; i < cc->nmacros; i++)
		if (cc->macros[i].undef)
			buf_printf(&b, "#undef %s\n", cc->macros[i].text);
	if (!b.len)
		return m->probe->predefined;
	return arena_printf(m->arena, "%s%.*s", m->probe->predefined, (int)b.len, b.data);
}

static int scan_inputs(struct maker *m, struct err *e)
{
	struct plan *p = m->plan;
	const struct cc_command *cc = p->command;
	struct scan_result found;
	const char **forced = arena_alloc(m->arena, (cc->nforced + 2) * sizeof *forced);
	const char **macros = arena_alloc(m->arena, (cc->nmacros + 1) * sizeof *macros);
	size_t nmacros = 0;

	size_t nforced = 0;
	const char *predef = cc->family == CC_GCC ? find_predef(m) : NULL;

	if (predef)
		forced[nforced++] = predef;
	for (size_t i = 0; i < cc->nforced; i++)
		forced[nforced++] = cc->forced[i].name;
	for (size_t i = 0; i < cc->nmacros; i++)
		if (!cc->macros[i].undef)
			macros[nmacros++] = cc->macros[i].text;
	struct scan_ask ask = {
	    .search = m->probe->search,
	    .cwd = m->request->cwd,
	    .source = cc->source,
	    .forced = forced,
	    .nforced = nforced,
	    .macros = macros,
	    .nmacros = nmacros,
	    .predefined = predefined(m),
	    .asm_dirs = pointers(m, &cc->asm_dirs),
	    .nasm_dirs = cc->asm_dirs.n,
	    .assembler = cc->language == CC_LANG_ASM || cc->language == CC_LANG_ASM_CPP,
	    .preprocessed = cc->language == CC_LANG_C_CPP ||
			    cc->language == CC_LANG_CXX_CPP || cc->language == CC_LANG_ASM,
	};

	if (scan_closure(m->agent->scan, &ask, &found, NULL, e))
		return -1;
	if (found.uses_timestamp)
		return err_set(e, 0,
			       "__TIMESTAMP__ is written in this machine's time zone");
	p->files = arena_alloc(m->arena, found.n * sizeof(struct scan_file *));
	for (size_t i = 0; i < found.n; i++) {
		if (strcmp(found.files[i]->path, "/dev/null") == 0)
			continue; /* every worker has that one */
		p->files[p->nfiles++] = found.files[i];
		if (is_special(found.files[i]->path))
			return err_set(e, 0, "it reads a file of /proc, /sys or /dev");
		const struct node *n = disk_file_node(m->agent->disk, found.files[i]);

		if (!n)
			return err_set(
			    e, 0, "a file that it may read is no plain, readable file");
		p->bytes += (uint64_t)n->st.st_size;
	}
	if (found.uses_date_time &&
	    cc->family == CC_CLANG) /* before Clang 16 it knows no other clock */
		return err_set(e, 0,
			       "__DATE__ and __TIME__ are told by this machine's clock");
	if (found.uses_date_time)
		tell_time(m);
	return cc->family == CC_CLANG ? check_hard_links(m, e) : 0;
}

static uint64_t unit_key(const struct plan *p)
{
	struct hash *h = hash_new();
	struct digest d;
	uint64_t key;

	hash_add(h, p->compiler->toolchain->id.b, sizeof p->compiler->toolchain->id.b);
	hash_add(h, p->cwd, strlen(p->cwd) + 1);
	for (size_t i = 0; i < p->argv.n; i++)
		hash_add(h, p->argv.v[i], strlen(p->argv.v[i]) + 1);
	hash_end(h, &d);
	memcpy(&key, d.b, sizeof key);
	return key;
}

/* A folder we cannot write to: let the compiler itself say so. */
static bool outputs_writable(struct maker *m)
{
	const struct cc_command *cc = m->plan->command;
	const char *object = absolute(m, cc->object);
	struct stat st;

	for (size_t i = 0; i < cc->noutputs; i++) {
		const char *dir = absolute(m, cc->outputs[i].dir);

		if (stat(dir, &st) || !S_ISDIR(st.st_mode) || access(dir, W_OK | X_OK))
			return false;
		const char *file = arena_printf(m->arena, "%s/%s%s", dir,
						cc->outputs[i].stem, cc->outputs[i].suffix);

		/* A pipe or device in an output's place: only the compiler itself can serve it. */
		if (stat(file, &st) == 0 && !S_ISREG(st.st_mode) &&
		    strcmp(file, "/dev/null") != 0)
			return false;
	}
	if (lstat(object, &st) == 0 && !S_ISREG(st.st_mode) &&
	    strcmp(object, "/dev/null") != 0)
		return false;
	return true;
}

static bool has_m32(const struct cc_command *cc)
{
	bool m32 = false;

	for (size_t i = 1; i < cc->argv.n; i++) {
		if (strcmp(cc->argv.v[i], "-m32") == 0)
			m32 = true;
		else if (strcmp(cc->argv.v[i], "-m64") == 0)
			m32 = false;
	}
	return m32;
}

/* One message carries the whole command. */
static bool fits(const struct plan *p)
{
	enum {
		SLACK = 16,
		LONGEST = FRAME_MAX / 2
	};

	size_t n = strlen(p->cwd) + strlen(p->program) + SLACK;

	for (size_t i = 0; i < p->argv.n; i++)
		n += strlen(p->argv.v[i]) + SLACK;
	for (size_t i = 0; i < p->env.n; i++)
		n += strlen(p->env.v[i]) + SLACK;
	return n <= LONGEST;
}

/* The steps that may need the compiler's own word. */
/* Clang reads a precompiled header in place of one that is named by -include, and its text then shows nothing of that. */
static bool has_precompiled(const struct plan *p)
{
	for (size_t i = 0; i < p->nfiles; i++) {
		const char *suffix = path_suffix(p->files[i]->path);

		if (strcmp(suffix, ".pch") == 0 || strcmp(suffix, ".gch") == 0)
			return true;
	}
	return false;
}

/* MUSTER_EXACT says what the user thinks of losses: 1, none; 0, all are fine; unset, what the worker's kind implies. */
static enum compiler_way choose_way(struct maker *m)
{
	const struct cc_preprocessed *two = m->plan->two;
	const char *exact = env_get(m->request->env, "MUSTER_EXACT");

	if ((two->why && !two->loses) || plan_musts(m->plan) != 1 ||
	    has_precompiled(m->plan))
		return WAY_SOURCES;
	if (!two->loses)
		return WAY_TEXT_EXACT;
	if (!exact || !*exact)
		return WAY_TEXT;
	return strcmp(exact, "0") == 0 ? WAY_TEXT_EXACT : WAY_SOURCES;
}

static struct plan *finish(struct maker *m)
{
	struct plan *p = m->plan;
	const struct local_request *r = m->request;
	const char *path = env_get(r->env, "PATH"), *specs = NULL;
	struct err e = {0};

	const char *driver = m->program.driver;

	if (p->command->family == CC_GCC && m->program.clang)
		return stay(p, "its compiler is Clang by another name");
	if (strcmp(driver, p->program) != 0)
		strv_add(m->arena, &p->places, p->program);
	p->compiler = compilers_get(m->agent->compilers, disk_still(m->agent->disk), driver,
				    path, &e);
	if (!p->compiler)
		return stay(p, "its compiler could not be identified");
	if (p->command->march_native && p->command->family == CC_GCC) {
		specs = native_specs(m->arena, p->program, path, has_m32(p->command),
				     m->agent->state_dir, &e);
		if (!specs)
			return stay(p, "native means this machine's processor");
		strv_add(m->arena, &p->places, specs);
	}
	m->probe = probe_get(m->agent->probes, p->command, p->program, r->cwd, r->env, &e);
	if (!m->probe)
		return stay(p,
			    "the compiler does not tell its search list for these options");
	make_env(m);
	disk_begin(m->agent->disk, m->probe->track);
	if (!(r->flags & LOCAL_EXPLAIN))
		disk_believe(m->agent->disk, believe_ns); /* plan_is_fresh looks at all */
	if (scan_inputs(m, &e))
		return stay(p, arena_strdup(m->arena, e.text));
	add_places(m);
	if (r->flags & LOCAL_STDERR_TTY)
		terminal_places(m->arena, r->env, &p->places);
	const char *why =
	    locale_places(m->arena, disk_still(m->agent->disk), r->env, &p->places);

	if (why)
		return stay(p, why);
	if (make_argv(m, specs))
		return stay(p, "native means this machine's processor");
	if (!fits(p))
		return stay(p, "its command is too long to send");
	for (size_t i = 0; i < p->places.n; i++) /* what is seen first has a stamp of now */
		disk_walk(m->agent->disk, p->places.v[i], NULL, NULL);
	p->stamp = disk_stamp(m->agent->disk);
	p->unit = unit_key(p);
	p->two = cc_preprocess(m->arena, p->command);
	p->way = choose_way(m);
	p->list = m->agent->list;
	p->travels = true;
	return p;
}

/* Does the shim live in the same world of files as we do? */
static bool same_world(const struct local_request *r)
{
	struct stat st;

	return !r->elsewhere && stat("/", &st) == 0 && st.st_dev == r->root_dev &&
	       st.st_ino == r->root_ino && stat(r->cwd, &st) == 0 &&
	       st.st_dev == r->cwd_dev && st.st_ino == r->cwd_ino;
}

/* Called by its path, a compiler finds its parts from there. If that is a link of ours, the path of the real one
 * must take its place, as it does when the shim runs it (shim/real). */
static char *const *real_argv(struct arena *a, const struct local_request *r,
			      const char *program)
{
	const char *called = r->argv[0];

	if (!program || !strchr(called, '/') ||
	    strcmp(path_join(a, r->cwd, called), program) == 0)
		return r->argv;
	char **argv = arena_alloc(a, (r->argc + 1) * sizeof *argv);

	memcpy(argv, r->argv, (r->argc + 1) * sizeof *argv);
	argv[0] = arena_strdup(a, program);
	return argv;
}

struct plan *plan_make(struct agent *agent, struct arena *a, const struct local_request *r)
{
	struct plan *p = arena_alloc(a, sizeof *p);
	struct maker m = {.agent = agent, .arena = a, .request = r, .plan = p};
	struct cc_reader reader = {.ctx = &m, .read = read_response};

	p->cwd = r->cwd;
	still_take(disk_still(agent->disk));
	m.program = compilers_program(agent->compilers, disk_still(agent->disk), a,
				      r->argv[0], env_get(r->env, "PATH"), r->cwd, r->self);
	p->program = m.program.path;
	p->command = cc_parse(a, real_argv(a, r, p->program), &reader);
	if (p->command->verdict == CC_NOT_A_COMPILE) {
		p->other = true;
		p->cheap = p->command->cheap;
		return stay(p, p->command->why);
	}
	if (p->command->verdict == CC_LOCAL)
		return stay(p, p->command->why);
	if (!p->program)
		return stay(p, "its compiler was not found on PATH");
	if (!agent->nhosts && !(r->flags & LOCAL_EXPLAIN)) {
		p->no_workers =
		    agent->named.n == 0; /* one that names this machine was meant so */
		return stay(p, agent_why_no_hosts(agent));
	}
	if (!same_world(r))
		return stay(p,
			    "it sees other files than the agent (a container or chroot)");
	const char *why = env_forbids(r->env);

	if (why)
		return stay(p, why);
	if (!outputs_writable(&m))
		return stay(p, "its output cannot be written");
	return finish(&m);
}

bool plan_is_fresh(struct agent *agent, const struct plan *p)
{
	disk_begin(agent->disk, NULL);
	for (size_t i = 0; i < p->nfiles; i++)
		if (!disk_file_fresh(agent->disk, p->files[i], p->stamp))
			return false;
	for (size_t i = 0; i < p->places.n; i++)
		if (!disk_place_fresh(agent->disk, p->places.v[i], p->stamp))
			return false;
	return true;
}

/* PATH comes from the worker with links resolved; the pattern's folder may be spelled through links. */
static const char *match(struct arena *a, const struct plan *p, const struct cc_output *o,
			 const char *path)
{
	const char *here = path_join(a, p->cwd, o->dir);
	const char *base = path_base(path);
	size_t stem = strlen(o->stem);

	if (strncmp(base, o->stem, stem) != 0 || strcmp(base + stem, o->suffix) != 0)
		return NULL;
	AUTO_FREE char *real = realpath(here, NULL);

	if (!real)
		return NULL;
	const char *full = path_join(a, real, base);

	return strcmp(full, path) == 0 ? full : NULL;
}

bool plan_replaces(const struct plan *p, const char *target)
{
	const char *suffix = path_suffix(target);

	/* GCC's objects are made by the assembler, which removes an old one first, and by
	 * objcopy; Clang renames a temporary file. All else is opened and written over. */
	return strcmp(suffix, ".dwo") == 0 ||
	       (strcmp(path_base(target), path_base(p->command->object)) == 0 &&
		(p->command->family == CC_CLANG || strcmp(suffix, ".s") != 0));
}

unsigned plan_musts(const struct plan *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->command->noutputs; i++)
		n += p->command->outputs[i].must;
	return n;
}

const char *plan_output(const struct plan *p, struct arena *a, const char *path,
			const struct cc_output **which)
{
	for (size_t i = 0; i < p->command->noutputs; i++) {
		const char *found = match(a, p, &p->command->outputs[i], path);

		if (found) {
			*which = &p->command->outputs[i];
			return found;
		}
	}
	return NULL;
}

const char *plan_object(const struct plan *p, struct arena *a,
			const struct cc_output **which)
{
	for (size_t i = 0; i < p->command->noutputs; i++) {
		*which = &p->command->outputs[i];
		if ((*which)->must)
			return path_join(a, p->cwd, p->command->object);
	}
	return NULL;
}

/* The nodes that were shipped, as a bit each. */
struct shipped {
	struct arena *arena;
	uint8_t *bits;
	size_t size;
};

static void mark(void *ctx, struct node *n)
{
	struct shipped *s = ctx;

	if (n->id / 8 >= s->size) {
		size_t more = n->id / 4 + 64;
		uint8_t *bits = arena_alloc(s->arena, more);

		if (s->size)
			memcpy(bits, s->bits, s->size);
		s->bits = bits;
		s->size = more;
	}
	s->bits[n->id / 8] |= (uint8_t)(1 << n->id % 8);
}

int plan_covers(struct agent *agent, struct arena *a, const struct plan *p,
		const char *text, size_t n, struct err *e)
{
	struct shipped s = {.arena = a};
	struct strv names = {0};

	if (depfile_parse(a, text, n, &names))
		return err_set(e, 0, "a dependency file that cannot be understood");
	for (size_t i = 0; i < p->nfiles; i++) {
		struct node *node = disk_file_node(agent->disk, p->files[i]);

		if (node)
			mark(&s, node);
	}
	for (size_t i = 0; i < p->places.n; i++)
		disk_walk(agent->disk, p->places.v[i], mark, &s);
	for (size_t i = 0; i < names.n; i++) {
		const char *path = path_join(a, p->cwd, names.v[i]);
		const struct scan_file *file = disk_find(agent->disk, path);
		const struct node *node = file ? disk_file_node(agent->disk, file) : NULL;

		if (strcmp(path, "/dev/null") == 0)
			continue;
		if (!node || node->id / 8 >= s.size ||
		    !(s.bits[node->id / 8] & 1 << node->id % 8))
			return err_set(e, 0, "%s", path);
	}
	return 0;
}

#include "worker/distcc_job.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "cc/preprocessed.h"
#include "sys/fs.h"
#include "wire/lzo.h"
#include "worker/compilers.h"
#include "worker/distcc_command.h"
#include "worker/distcc_compiler.h"
#include "worker/distcc_reply.h"
#include "worker/distcc_tree.h"
#include "worker/run.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	VERSION_PACKED = 2, /* from this one on bodies are packed */
	VERSION_FILES = 3,
	STATUS_MISSING = 110 << 8, /* distcc's exit codes, as waitpid would give them */
	STATUS_OVERTIME = 118 << 8
};

static const uint64_t packed_max = 256 << 20, unpacked_max = 1 << 30;

const struct distcc_limits distcc_job_limits = {
    .args = 100000,
    .files = 100000,
    .string = 64 << 10,
    .strings = 4 << 20,
    .bulk = 1 << 30,
};

/* A body in the spool, or a link. */
struct source {
	const char *name; /* NULL: the preprocessed text */
	const char *link; /* or NULL */
	uint64_t offset;
	uint32_t size;
};

struct distcc_job {
	struct worker *worker;
	const struct distcc_compilers *compilers;
	bool insecure;
	enum stats_end end;
	struct arena *arena;
	uint32_t version;
	const char *cwd;
	struct strv argv;
	const struct distcc_command *command; /* once all words have come */
	const char *name;                     /* of the next file */
	struct source *sources;
	size_t nsources;
	char *dir;
	int spool; /* -1: none (yet) */
	uint64_t spooled;
	struct compiler *compiler; /* held; NULL when not staged */
	char *driver;
	const char *argv0;
	struct distcc_tree *tree;
	struct run *run;
	const struct run_end *ended;
	const char *said; /* SERR, when nothing was run to the end */
	int status;
	struct distcc_reply *reply;
	void (*done)(void *ctx);
	void *ctx;
};

struct distcc_job *distcc_job_new(struct worker *w, const struct distcc_compilers *c,
				  bool insecure)
{
	struct distcc_job *j = xcalloc(1, sizeof *j);

	j->worker = w;
	j->compilers = c;
	j->insecure = insecure;
	j->arena = arena_new();
	j->end = STATS_BAD_REQUEST; /* until the fault is another one */
	j->spool = -1;
	return j;
}

void distcc_job_free(struct distcc_job *j)
{
	if (!j)
		return;
	distcc_reply_free(j->reply);
	run_free(j->run);
	distcc_tree_free(j->tree);
	if (j->spool >= 0)
		close(j->spool);
	if (j->dir)
		fs_remove_tree(j->dir, NULL);
	compiler_release(j->compiler);
	free(j->driver);
	free(j->dir);
	free(j->sources);
	arena_free(j->arena);
	free(j);
}

/* Notes that a failure, which E tells, is not one of the request's form. */
static int other(struct distcc_job *j)
{
	j->end = STATS_OTHER;
	return -1;
}

static bool has_files(const struct distcc_job *j)
{
	return j->version >= VERSION_FILES;
}

static const char *below(const struct distcc_job *j, const char *name)
{
	return arena_printf(j->arena, "%s/%s", j->dir, name);
}

/* All words have come, the bodies have not: what need not be read is not. */
static int look(struct distcc_job *j, struct err *e)
{
	struct worker *w = j->worker;
	enum distcc_form form = has_files(j)  ? DISTCC_FILES
				: w->confined ? DISTCC_TEXT
					      : DISTCC_TEXT_BARE;

	j->dir = xasprintf("%s/jobs/%" PRIu64, w->state_dir, ++w->serial);
	if (!w->confined && form == DISTCC_FILES) {
		err_set(e, 0, "compiles cannot be confined here: %.200s",
			w->unconfined_why);
		return other(j);
	}
	j->command = distcc_command_read(j->arena, j->argv.v, form,
					 form == DISTCC_TEXT    ? "/job"
					 : form == DISTCC_FILES ? "/.muster"
								: below(j, "out"));
	if (!j->command->refused)
		return 0;
	err_set(e, 0, "%.200s", j->command->refused);
	return other(j);
}

static int on_number(void *ctx, enum distcc_token token, uint32_t value, struct err *e)
{
	struct distcc_job *j = ctx;

	if (token == DISTCC_DIST)
		j->version = value;
	if (token == DISTCC_ARGC && value == 0)
		return err_set(e, EPROTO, "a command without words");
	return token == DISTCC_NFIL ? look(j, e) : 0;
}

static struct source *add_source(struct distcc_job *j)
{
	/* By doubling: there may be many. */
	if ((j->nsources & (j->nsources - 1)) == 0)
		j->sources = xreallocarray(j->sources, j->nsources ? 2 * j->nsources : 1,
					   sizeof *j->sources);
	j->sources[j->nsources] = (struct source){.name = j->name, .offset = j->spooled};
	return &j->sources[j->nsources++];
}

static int on_string(void *ctx, enum distcc_token token, const char *p, size_t n,
		     struct err *e)
{
	struct distcc_job *j = ctx;
	const char *text = arena_strndup(j->arena, p, n);

	switch (token) {
	case DISTCC_CDIR: j->cwd = text; break;
	case DISTCC_ARGV: strv_add(j->arena, &j->argv, text); break;
	case DISTCC_NAME: j->name = text; break;
	case DISTCC_LINK: add_source(j)->link = text; break;
	default: return err_set(e, EPROTO, "an unexpected token");
	}
	return 0;
}

static int open_spool(struct distcc_job *j, struct err *e)
{
	if (fs_mkdirs(j->dir, 0700, e))
		return other(j);
	j->spool = open(below(j, "packed"), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (j->spool >= 0)
		return 0;
	err_set(e, errno, "make a file for the job");
	return other(j);
}

static int on_bulk(void *ctx, enum distcc_token token, uint32_t total, uint32_t offset,
		   const void *p, size_t n, struct err *e)
{
	struct distcc_job *j = ctx;
	uint64_t limit = j->version < VERSION_PACKED ? unpacked_max : packed_max;

	if (offset == 0) {
		if (token == DISTCC_DOTI && look(j, e))
			return -1;
		if (j->spool < 0 && open_spool(j, e))
			return -1;
		if (total > limit - j->spooled)
			return err_set(e, EFBIG,
				       "more than %" PRIu64 " MiB are sent with one job",
				       limit >> 20);
		add_source(j)->size = total;
	}
	if (fs_write_all(j->spool, p, n, e)) {
		err_wrap(e, "keep what is sent");
		return other(j);
	}
	j->spooled += n;
	return 0;
}

static int on_end(void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	return 0;
}

const struct distcc_handler distcc_job_handler = {
    .number = on_number, .string = on_string, .bulk = on_bulk, .end = on_end};

int distcc_job_accept(struct distcc_job *j, struct err *e)
{
	struct distcc_compiler found;

	switch (distcc_compilers_find(j->compilers, j->argv.v[0], &found, e)) {
	case DISTCC_FOUND:
		j->compiler = found.compiler;
		j->driver = found.driver;
		/* Named by a path, it may be called by another one than it has here. */
		j->argv0 =
		    strchr(j->argv.v[0], '/') ? compiler_driver(j->compiler) : found.argv0;
		return 0;
	case DISTCC_MISSING:
		if (!j->insecure)
			break;
		j->end = STATS_OTHER;
		j->status = STATUS_MISSING;
		j->said = arena_printf(j->arena,
				       "muster-worker[%d] ERROR: failed to exec %s: no "
				       "such compiler here\n",
				       (int)getpid(), j->argv.v[0]);
		return 1;
	case DISTCC_REFUSED: break;
	}
	return other(j);
}

static void on_run_done(void *ctx, const struct run_end *end)
{
	struct distcc_job *j = ctx;

	j->ended = end;
	j->done(j->ctx);
}

/* The content of the packed body S. *LEFT bytes are left of what all may grow to. */
static int take_body(const struct distcc_job *j, const struct source *s, uint64_t *left,
		     struct buf *out, struct err *e)
{
	AUTO_BUF struct buf packed = {0};
	char *room = buf_room(&packed, s->size);

	while (packed.len < s->size) {
		ssize_t n = pread(j->spool, room + packed.len, s->size - packed.len,
				  (off_t)(s->offset + packed.len));

		if (n <= 0)
			return err_set(e, n ? errno : EIO, "read what was sent");
		packed.len += (size_t)n;
	}
	if (lzo_unpack(out, packed.data, packed.len, *left, e))
		return -1;
	*left -= out->len;
	return 0;
}

/* The text as the file TO. */
static int place_text(struct distcc_job *j, const char *to, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	uint64_t left = unpacked_max;

	if (j->version < VERSION_PACKED) {
		if (fchmod(j->spool, 0644) == 0 && rename(below(j, "packed"), to) == 0)
			return 0;
		return err_set(e, errno, "place the text");
	}
	if (take_body(j, &j->sources[0], &left, &text, e))
		return err_wrap(e, "unpack the text");
	return fs_write_file(to, text.data ? text.data : "", text.len, 0644, e);
}

/* A compile that nothing confines could read any file of ours by its name in the text. Who was told to trust
 * everybody need not mind. */
static int check_text(const struct distcc_job *j, const char *file, struct err *e)
{
	AUTO_BUF struct buf text = {0};

	if (j->worker->confined || j->insecure)
		return 0;
	if (fs_read(file, unpacked_max, &text, e))
		return -1;
	const char *why =
	    cc_preprocessed_text_unfit(CC_GCC, text.data ? text.data : "", text.len);

	return why ? err_set(e, 0, "compiles cannot be confined here, and %s", why) : 0;
}

static int place_files(struct distcc_job *j, struct err *e)
{
	uint64_t left = unpacked_max;

	for (size_t i = 0; i < j->nsources; i++) {
		const struct source *s = &j->sources[i];
		AUTO_BUF struct buf body = {0};

		if (s->link) {
			if (distcc_tree_link(j->tree, s->name, s->link, e))
				return -1;
			continue;
		}
		if (take_body(j, s, &left, &body, e))
			return err_wrap(e, "unpack %.200s", s->name);
		if (distcc_tree_file(j->tree, s->name, body.data ? body.data : "", body.len,
				     e))
			return -1;
	}
	return distcc_tree_folder(j->tree, j->cwd, e) ||
		       distcc_tree_folder(j->tree, "/.muster", e)
		   ? -1
		   : distcc_tree_finish(j->tree, e);
}

/* PATH, and what this worker itself has of LANG and LC_…: the protocol carries no environment. */
static char *const *make_env(struct arena *a)
{
	const char *path = getenv("PATH");
	struct strv env = {0};

	strv_add(a, &env, arena_printf(a, "PATH=%s", path ? path : "/usr/bin:/bin"));
	for (char **p = environ; *p; p++)
		if (strncmp(*p, "LANG=", 5) == 0 || strncmp(*p, "LC_", 3) == 0)
			strv_add(a, &env, *p);
	return env.v;
}

/* Puts what was sent where the compile will find it. */
static int place(struct distcc_job *j, struct run_spec *spec, struct err *e)
{
	const char *root = below(j, "root"), *name = j->command->text_name;

	if (has_files(j)) {
		j->tree = distcc_tree_new(root, e);
		if (!j->tree || place_files(j, e))
			return -1;
		spec->binds = distcc_tree_binds(j->tree, &spec->nbinds);
		spec->cwd = j->cwd;
		return 0;
	}
	const char *dir = j->worker->confined ? below(j, "root/job") : below(j, "out");

	spec->cwd = "/job";
	if (!j->worker->confined) {
		spec->bare = dir;
		spec->umask = 077;
	}
	if (fs_mkdirs(dir, 0755, e))
		return -1;
	const char *text = arena_printf(j->arena, "%s/%s", dir, name);

	return place_text(j, text, e) ? -1 : check_text(j, text, e);
}

int distcc_job_start(struct distcc_job *j, void (*done)(void *ctx), void *ctx,
		     struct err *e)
{
	const char *lower[] = {below(j, "root"),
			       j->compiler ? compiler_root(j->compiler) : NULL};
	struct run_spec spec = {
	    .cage = &j->worker->distcc_cage,
	    .limits = &j->worker->limits,
	    .who = "distcc's",
	    .lower = lower,
	    .nlower = 2,
	    .program = j->driver,
	    .env = make_env(j->arena),
	    .umask = 022,
	};

	j->done = done;
	j->ctx = ctx;
	if (place(j, &spec, e))
		return other(j);
	if (j->spool >= 0)
		close(j->spool);
	j->spool = -1;
	j->command->argv.v[0] = (char *)(uintptr_t)j->argv0;
	spec.argv = j->command->argv.v;
	j->run = run_start(j->worker->loop, &spec, on_run_done, j, e);
	return j->run ? 0 : other(j);
}

void distcc_job_overtime(struct distcc_job *j, unsigned seconds)
{
	run_free(j->run);
	j->run = NULL;
	j->ended = NULL;
	j->end = STATS_COMPILE_TIMEOUT;
	j->status = STATUS_OVERTIME;
	j->said = arena_printf(j->arena,
			       "muster-worker[%d] ERROR: the compile was killed: it lasted "
			       "longer than %u seconds\n",
			       (int)getpid(), seconds);
}

/* The number of the output that was written to PATH. */
static unsigned find_output(const struct distcc_job *j, const char *path)
{
	const struct run_end *end = j->ended;

	if (!j->worker->confined) /* their names are below its folder */
		path = path ? strrchr(path, '/') : NULL;
	for (unsigned i = 0; path && i < end->nfiles; i++)
		if (strcmp(end->files[i].path, path) == 0)
			return i + 2;
	return DISTCC_NO_FILE;
}

int distcc_job_answer(struct distcc_job *j, struct err *e)
{
	struct distcc_reply_spec spec = {.version = j->version};

	if (j->ended && !j->ended->ran) {
		err_set(e, 0, "%s", j->ended->why);
		return other(j);
	}
	if (j->ended) {
		j->status = j->ended->status;
		j->end = j->status ? STATS_COMPILE_ERROR : STATS_COMPILE_OK;
		spec.run = j->run;
		spec.object = find_output(j, j->command->object);
		spec.deps = find_output(j, j->command->deps);
	}
	spec.said = j->said;
	spec.status = j->status;
	j->reply = distcc_reply_new(&spec);
	return 0;
}

int distcc_job_reply(struct distcc_job *j, struct buf *b, struct err *e)
{
	int r = distcc_reply_some(j->reply, b, e);

	return r < 0 ? other(j) : r;
}

bool distcc_job_may_end(const struct distcc_job *j)
{
	return distcc_reply_may_end(j->reply);
}

enum stats_end distcc_job_end(const struct distcc_job *j)
{
	return j->end;
}

int distcc_job_status(const struct distcc_job *j)
{
	return j->status;
}

const char *distcc_job_compiler(const struct distcc_job *j)
{
	return j->argv.n ? j->argv.v[0] : "";
}

const char *distcc_job_source(const struct distcc_job *j)
{
	return j->command && j->command->source ? j->command->source : "";
}

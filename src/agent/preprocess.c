/* Happy path: a place in line, `gcc -E` with its standard output in a memory file, which is looked through and hashed when it has
 * ended. A word on stderr or a status other than 0 is the user's to see: then the compiler itself must be run here. */
#include "agent/preprocess.h"

#include "agent/agent.h"
#include "agent/plan.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "cc/preprocessed.h"
#include "sys/child.h"
#include "sys/hash.h"
#include "sys/loop.h"
#include "wire/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

struct preprocess {
	struct preprocess *prev, *next; /* utlist, of the agent: while waiting in line */
	struct agent *agent;
	const struct plan *plan;
	const struct local_request *request;
	void (*done)(void *ctx, const struct preprocess_end *);
	void *ctx;
	bool waiting;
	struct child *child; /* while it runs */
	int text, said;      /* memory files: stdout, stderr */
	struct preprocess_end end;
};

static void start_next(struct agent *a);

static void finish(struct preprocess *p, const char *why)
{
	p->end.why = why;
	p->done(p->ctx, &p->end);
}

/* Looks the text through. */
static const char *examine(struct preprocess *p)
{
	struct stat st;

	if (fstat(p->said, &st) || st.st_size)
		return "its preprocessor has something to say";
	if (fstat(p->text, &st))
		return "its text was lost";
	p->end.fd = p->text;
	p->end.size = (uint64_t)st.st_size;
	const char *text =
	    st.st_size ? mmap(NULL, p->end.size, PROT_READ, MAP_PRIVATE, p->text, 0) : "";

	if (text == MAP_FAILED)
		return "its text does not fit into memory";
	const char *why =
	    cc_preprocessed_text_unfit(p->plan->command->family, text, p->end.size);

	hash_bytes(text, p->end.size, &p->end.digest);
	if (st.st_size)
		munmap((void *)(uintptr_t)text, p->end.size);
	return why;
}

static void on_end(void *ctx, int status)
{
	struct preprocess *p = ctx;
	struct agent *a = p->agent;

	child_free(p->child);
	p->child = NULL;
	a->npreprocessing--;
	finish(p, status ? "its preprocessor fails" : examine(p));
	start_next(a);
}

/* A source that is preprocessed already is its own text. */
static const char *copy_source(struct preprocess *p)
{
	struct arena *a = arena_new();
	AUTO_FD int from = open(path_join(a, p->request->cwd, p->plan->command->source),
				O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n;

	arena_free(a);
	while (from >= 0 && (n = sendfile(p->text, from, NULL, 1 << 30)) > 0)
		;
	return from < 0 || n < 0 ? "its source cannot be read" : examine(p);
}

static int make_files(struct preprocess *p, struct err *e)
{
	p->text = memfd_create("text", MFD_CLOEXEC);
	p->said = memfd_create("said", MFD_CLOEXEC);
	return p->text < 0 || p->said < 0 ? err_set(e, errno, "make memory files") : 0;
}

static void start(struct preprocess *p)
{
	const struct cc_preprocessed *two = p->plan->two;
	struct err e = {0};
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (two->first.n == 0) {
		finish(p, make_files(p, &e) ? "its source does not fit into memory"
					    : copy_source(p));
		return;
	}
	char **argv = xreallocarray(NULL, two->first.n + 1, sizeof *argv);

	for (size_t i = 0; i <= two->first.n; i++)
		argv[i] = (char *)(uintptr_t)two->first.v[i];
	argv[0] = (char *)(uintptr_t)p->plan->program;
	argv[two->first_output] = (char[]){"-"};
	if (null >= 0 && make_files(p, &e) == 0) {
		/* Its dependency file is a file of the user's like any other. */
		mode_t own = umask((mode_t)p->request->umask);

		p->child =
		    child_start(p->agent->loop, argv, p->request->env, p->request->cwd,
				(int[3]){null, p->text, p->said}, on_end, p, &e);
		umask(own);
	}
	free(argv);
	if (p->child)
		p->agent->npreprocessing++;
	else
		finish(p, "its preprocessor cannot be started");
}

static void start_next(struct agent *a)
{
	while (a->preprocess_line && a->npreprocessing < a->local_slots) {
		struct preprocess *p = a->preprocess_line;

		DL_DELETE(a->preprocess_line, p);
		p->waiting = false;
		start(p);
	}
}

/* From the loop, so that DONE is never called before preprocess_start has returned. */
static void on_turn(void *ctx)
{
	start_next(ctx);
}

struct preprocess *preprocess_start(struct agent *a, const struct plan *plan,
				    const struct local_request *request,
				    void (*done)(void *ctx, const struct preprocess_end *),
				    void *ctx)
{
	struct preprocess *p = xcalloc(1, sizeof *p);

	*p = (struct preprocess){.agent = a,
				 .plan = plan,
				 .request = request,
				 .done = done,
				 .ctx = ctx,
				 .waiting = true,
				 .text = -1,
				 .said = -1};
	DL_APPEND(a->preprocess_line, p);
	if (!a->preprocess_turn)
		a->preprocess_turn = loop_timer_new(a->loop, on_turn, a);
	loop_timer_set(a->preprocess_turn, 0);
	return p;
}

void preprocess_free(struct preprocess *p)
{
	if (!p)
		return;
	struct agent *a = p->agent;

	if (p->waiting)
		DL_DELETE(a->preprocess_line, p);
	if (p->child) {
		child_free(p->child);
		a->npreprocessing--;
		loop_timer_set(a->preprocess_turn, 0);
	}
	if (p->text >= 0)
		close(p->text);
	if (p->said >= 0)
		close(p->said);
	free(p);
}

/* A run: what the compiler says comes through a pipe each for stdout and stderr (or through a terminal, so
 * that it sees one where the user has one) into memory files; the sandbox's upper layer holds every
 * file written. Not the memory files themselves as its stdout and stderr: nothing would limit them.
 *
 * Invariant: a memory file holds all that was said, in order, or the run is killed and has failed. */
#include "worker/run.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "worker/bare.h"
#include "worker/cage.h"
#include "worker/cgroup.h"
#include "worker/filter.h"
#include "worker/sandbox.h"
#include "worker/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utlist.h>

enum {
	DEPTH_MAX = 512,      /* a descriptor each */
	NAMES_ROOM = 2 << 10, /* of a folder's names at once, on the stack */
	CHUNK = 64 << 10,
	TAIL = 64 << 10 /* of stderr, where a compiler's last words are */
};

/* What the compiler says on one descriptor. */
struct said {
	struct run *run;
	struct loop_watch *watch; /* NULL once it can say no more */
	int from;                 /* our end of the pipe or terminal; -1: none */
	int text;                 /* the memory file */
	uint64_t size;
};

struct run {
	struct loop *loop;
	struct sandbox *sandbox; /* this … */
	struct bare *bare;       /* … or that */
	struct cgroup *group;    /* held until all its processes are gone; NULL: none */
	struct loop_watch *watch, *heard;
	struct said said[2]; /* stdout, stderr */
	char *who;
	uint64_t file_max;     /* a file that claims more is mostly holes */
	bool excess;           /* it said too much */
	uint64_t memory_bytes; /* that a job may use; 0: no limit */
	bool over;
	void (*done)(void *ctx, const struct run_end *);
	void *ctx;
	struct run_end end;
};

static int open_below(int at, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					  RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, at, path, &how, sizeof how);
}

static void run_kill(struct run *r)
{
	if (r->bare)
		bare_kill(r->bare);
	else
		sandbox_kill(r->sandbox);
}

static int written(const struct run *r)
{
	return r->bare ? bare_written(r->bare) : sandbox_written(r->sandbox);
}

/* Takes what there is, at most one chunk. False when there is nothing, now or for good. */
static bool take_text(struct said *s)
{
	char chunk[CHUNK];
	ssize_t n;

	while ((n = read(s->from, chunk, sizeof chunk)) < 0 && errno == EINTR)
		;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) { /* a terminal that nobody holds any more says EIO */
		loop_unwatch(s->watch);
		s->watch = NULL;
		return false;
	}
	s->size += (uint64_t)n;
	if (s->run->excess || s->size > RUN_TEXT_MAX ||
	    fs_write_all(s->text, chunk, (size_t)n, NULL)) {
		s->run->excess = true;
		run_kill(s->run);
	}
	return true;
}

static void on_text(void *ctx, unsigned got)
{
	(void)got;
	take_text(ctx);
}

/* The rest, when nobody can write any more. */
static void finish_text(struct said *s)
{
	while (take_text(s))
		;
	loop_unwatch(s->watch);
	s->watch = NULL;
}

/* Returns the compiler's side, or -1. */
static int open_pipe(struct said *s, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return err_set(e, errno, "make a pipe for the compiler's messages");
	s->from = ends[0];
	fcntl(s->from, F_SETFL, O_NONBLOCK);
	return ends[1];
}

/* A terminal that changes nothing of what is written to it. Returns the compiler's side, or -1. */
static int open_terminal(struct said *s, unsigned columns, struct err *e)
{
	struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
	struct termios raw;
	char name[128];

	s->from = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (s->from < 0 || grantpt(s->from) || unlockpt(s->from) ||
	    ptsname_r(s->from, name, sizeof name))
		return err_set(e, errno, "make a terminal for the compiler");
	int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (slave < 0)
		return err_set(e, errno, "open the compiler's terminal %s", name);
	if (tcgetattr(slave, &raw) == 0) {
		cfmakeraw(&raw);
		tcsetattr(slave, TCSANOW, &raw);
	}
	ioctl(slave, TIOCSWINSZ, &size);
	return slave;
}

static int add_file(struct run *r, const char *path, const struct stat *st)
{
	if (r->end.nfiles == RUN_FILES_MAX || (uint64_t)st->st_size > r->file_max)
		return -1;
	r->end.files = xreallocarray(r->end.files, r->end.nfiles + 1, sizeof *r->end.files);
	r->end.files[r->end.nfiles++] = (struct run_file){.path = xstrdup(path),
							  .mode = st->st_mode & 07777,
							  .size = (uint64_t)st->st_size};
	return 0;
}

static int list_written(struct run *, int fd, const char *path, int depth);

/* One name in the folder FD, whose path is PATH. The kernel tells with the name what it is, as a rule: folders need no
 * look of their own. */
static int list_name(struct run *r, int fd, const char *path, const struct dirent64 *i,
		     int depth)
{
	const char *name = i->d_name;
	unsigned type = i->d_type;
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (type == DT_REG || type == DT_UNKNOWN) {
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW))
			return 0;
		type = S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_LNK;
	}
	if (type != DT_REG && type != DT_DIR)
		return 0;
	AUTO_FREE char *full = xasprintf("%s/%s", path, name);

	if (type == DT_REG)
		return add_file(r, full, &st);
	int sub = depth >= DEPTH_MAX ? -1 : open_below(fd, name, O_RDONLY | O_DIRECTORY);

	return sub < 0 ? -1 : list_written(r, sub, full, depth + 1);
}

/* Lists regular files below FD (consumed), whose path is PATH. Removed names (whiteouts) and links are
 * not outputs of a compiler. 0, or -1 when there are too many or they lie too deep. Most folders hold one name, on the
 * way to the compile's own: no buffer of readdir's size is made for each. */
static int list_written(struct run *r, int fd, const char *path, int depth)
{
	alignas(struct dirent64) char names[NAMES_ROOM];
	ssize_t n;
	int bad = 0;

	while (!bad && (n = getdents64(fd, names, sizeof names)) > 0)
		for (ssize_t at = 0; !bad && at < n;) {
			const struct dirent64 *i = (const void *)(names + at);

			at += i->d_reclen;
			bad = list_name(r, fd, path, i, depth);
		}
	close(fd);
	return bad || n < 0 ? -1 : 0;
}

/* What the run failed of, when it did not fail to start; NULL: of nothing. */
static const char *list_all(struct run *r)
{
	int fd = open_below(written(r), ".", O_RDONLY | O_DIRECTORY);

	return fd < 0 || list_written(r, fd, "", 0)
		   ? "it wrote too many files, or too large ones"
		   : NULL;
}

/* What no compiler does, and what was refused: somebody should look at the client. */
static void note_tried(const struct run *r, const struct sandbox_end *end)
{
	char names[600];

	filter_names(end->tried, names, sizeof names);
	if (names[0])
		log_line(LOG_WARNING,
			 "client=%s a job tried what no compiler does, and was refused: %s",
			 r->who, names);
}

/* True when the last of what the compiler said on stderr has one of WORDS in it. */
static bool said_any(const struct run *r, const char *const *words)
{
	char text[TAIL + 1];
	uint64_t size = r->said[1].size;
	ssize_t n =
	    pread(r->said[1].text, text, TAIL, size > TAIL ? (off_t)(size - TAIL) : 0);

	if (n <= 0)
		return false;
	for (; *words; words++)
		if (memmem(text, (size_t)n, *words, strlen(*words)))
			return true;
	return false;
}

/* What it had, and was not enough, so that it may be sent where there is more. */
static const char *starved(struct run *r)
{
	uint64_t limit_kb = r->memory_bytes / 1024;

	r->end.starved_kb = limit_kb ? limit_kb : r->end.maxrss_kb ? r->end.maxrss_kb : 1;
	return "it needs more memory than this worker gives a job";
}

/* A limit of this machine that the compile ran into, though it ended like an error of the program; NULL: none. The client
 * then compiles elsewhere, and were it the program's own fault after all, it is told so there. */
static const char *fault(struct run *r, int status)
{
	static const char *const memory[] = {
	    "out of memory",          "memory exhausted",
	    "Cannot allocate memory", "Killed signal terminated program",
	    "Killed (program",        NULL};
	static const char *const disk[] = {"No space left on device", NULL};
	static const char *const processes[] = {"Resource temporarily unavailable", NULL};

	if (status == 0)
		return NULL;
	if ((r->group && cgroup_out_of_memory(r->group)) || said_any(r, memory))
		return starved(r);
	if ((r->group && cgroup_out_of_pids(r->group)) || said_any(r, processes))
		return "it needs more processes than this worker gives a job";
	if (said_any(r, disk))
		return "it needs more room for files than this worker gives a job";
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return "it needs more time than this worker gives a job";
	return NULL;
}

static void on_end(void *ctx, unsigned got)
{
	struct run *r = ctx;
	struct sandbox_end end;

	(void)got;
	if (!(r->bare ? bare_end(r->bare, &end) : sandbox_end(r->sandbox, &end)))
		return;
	loop_unwatch(r->watch);
	r->watch = NULL;
	loop_unwatch(r->heard);
	r->heard = NULL;
	for (int i = 0; i < 2; i++)
		finish_text(&r->said[i]);
	r->over = true;
	r->end.ran = end.started;
	r->end.status = end.status;
	r->end.user_us = end.user_us;
	r->end.sys_us = end.sys_us;
	r->end.maxrss_kb = end.maxrss_kb;
	note_tried(r, &end);
	const char *why = !end.started ? end.why
			  : r->excess  ? "it printed more than this worker keeps"
				       : fault(r, end.status);

	if (!why)
		why = list_all(r);
	if (why) {
		r->end.ran = false;
		snprintf(r->end.why, sizeof r->end.why, "%s", why);
		log_line(LOG_WARNING, "client=%s a job failed: %s", r->who, r->end.why);
	}
	r->done(r->ctx, &r->end);
}

static void on_heard(void *ctx, unsigned got)
{
	struct run *r = ctx;

	if (!sandbox_hear(r->sandbox)) {
		loop_unwatch(r->heard);
		r->heard = NULL;
	}
	on_end(r, got);
}

static int open_stdio(struct run *r, const struct run_spec *spec, int stdio[3],
		      struct err *e)
{
	static const char *const names[] = {"stdout", "stderr"};

	for (int i = 0; i < 2; i++) {
		r->said[i].text = memfd_create(names[i], MFD_CLOEXEC);
		if (r->said[i].text < 0)
			return err_set(e, errno, "make files for the compiler's messages");
		stdio[1 + i] = i == 1 && spec->terminal
				   ? open_terminal(&r->said[i], spec->columns, e)
				   : open_pipe(&r->said[i], e);
		if (stdio[1 + i] < 0)
			return -1;
	}
	stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return stdio[0] < 0 ? err_set(e, errno, "open /dev/null") : 0;
}

static void start(struct run *r, const struct run_spec *spec, const int stdio[3],
		  struct err *e)
{
	struct sandbox_spec caged = {
	    .lower = spec->lower,
	    .nlower = spec->nlower,
	    .binds = spec->binds,
	    .nbinds = spec->nbinds,
	    .cwd = spec->cwd,
	    .program = spec->program,
	    .argv = spec->argv,
	    .env = spec->env,
 /* gcc asks its standard input how wide the terminal is */
	    .stdio = {spec->terminal && spec->columns ? stdio[2] : stdio[0], stdio[1],
		      stdio[2]},
	    .memory_bytes = spec->limits->groups ? 0 : spec->limits->memory_bytes,
	    .scratch_bytes = spec->limits->scratch_bytes,
	    .cpu_s = spec->limits->cpu_s,
	    .umask = spec->umask,
	};
	AUTO_FREE char *above =
	    spec->bare ? xstrndup(spec->bare, (size_t)(path_base(spec->bare) - spec->bare))
		       : NULL;
	struct bare_spec bare = {
	    .dir = spec->bare,
	    .reads = above,
	    .program = spec->program,
	    .argv = spec->argv,
	    .stdio = stdio,
	    .umask = spec->umask,
	    .memory_bytes = spec->limits->memory_bytes,
	    .file_bytes = spec->limits->scratch_bytes,
	    .cpu_s = spec->limits->cpu_s,
	};

	if (spec->bare) {
		r->bare = bare_start(&bare, e);
		return;
	}
	if (!*spec->cage)
		*spec->cage = cage_new(e);
	if (spec->limits->groups)
		r->group = cgroup_take(spec->limits->groups);
	if (r->group)
		caged.ngroups = cgroup_files(r->group, caged.groups, &caged.into_group);
	if (*spec->cage)
		r->sandbox = sandbox_start(*spec->cage, &caged, e);
}

struct run *run_start(struct loop *l, const struct run_spec *spec,
		      void (*done)(void *ctx, const struct run_end *), void *ctx,
		      struct err *e)
{
	struct run *r = xcalloc(1, sizeof *r);
	int stdio[3] = {-1, -1, -1};

	for (int i = 0; i < 2; i++)
		r->said[i] = (struct said){.run = r, .from = -1, .text = -1};
	r->loop = l;
	r->done = done;
	r->ctx = ctx;
	r->who = xstrdup(spec->who);
	r->file_max = spec->limits->scratch_bytes;
	r->memory_bytes = spec->limits->memory_bytes;
	if (open_stdio(r, spec, stdio, e) == 0)
		start(r, spec, stdio, e);
	for (int i = 0; i < 3; i++)
		if (stdio[i] >= 0)
			close(stdio[i]);
	if (!r->sandbox && !r->bare) {
		run_free(r);
		return NULL;
	}
	r->watch = loop_watch(l, r->bare ? bare_fd(r->bare) : sandbox_fd(r->sandbox),
			      LOOP_READ, on_end, r);
	if (r->sandbox)
		r->heard =
		    loop_watch(l, sandbox_report_fd(r->sandbox), LOOP_READ, on_heard, r);
	for (int i = 0; i < 2; i++)
		r->said[i].watch =
		    loop_watch(l, r->said[i].from, LOOP_READ, on_text, &r->said[i]);
	return r;
}

int run_open(struct run *r, unsigned index, uint64_t *size, struct err *e)
{
	struct stat st;
	int fd;

	if (index < 2)
		fd = fcntl(r->said[index].text, F_DUPFD_CLOEXEC, 0);
	else
		fd = open_below(written(r), r->end.files[index - 2].path + 1,
				O_RDONLY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		err_set(e, errno, "open what the compiler wrote");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

/* -- sandboxes whose first process is still ending: nobody waits for them ---------------------- */

struct leaving {
	struct leaving *next;
	struct sandbox *sandbox;
	struct cgroup *group;
};

static struct leaving *leaving;
static struct loop_timer *sweep;

/* How long a zombie may stay. With jobs in a row one sweep is for many of them. */
static const nsec sweep_after = LOOP_MS(50);

static void leaving_free(struct leaving *l)
{
	LL_DELETE(leaving, l);
	sandbox_free(l->sandbox);
	cgroup_give(l->group);
	free(l);
}

static void on_sweep(void *ctx)
{
	(void)ctx;
	for (struct leaving *l = leaving, *next; l; l = next) {
		next = l->next;
		if (sandbox_let_go(l->sandbox))
			leaving_free(l);
	}
	if (leaving)
		loop_timer_set(sweep, sweep_after);
}

void runs_reap(void)
{
	while (leaving)
		leaving_free(leaving);
	loop_timer_free(sweep);
	sweep = NULL;
}

static void sandbox_leave(struct run *r)
{
	struct leaving *l;

	if (!r->sandbox || !r->over || sandbox_let_go(r->sandbox)) {
		sandbox_free(r->sandbox);
		cgroup_give(r->group);
		return;
	}
	l = xcalloc(1, sizeof *l);
	l->sandbox = r->sandbox;
	l->group = r->group;
	LL_PREPEND(leaving, l);
	if (!sweep)
		sweep = loop_timer_new(r->loop, on_sweep, NULL);
	if (!l->next)
		loop_timer_set(sweep, sweep_after);
}

void run_free(struct run *r)
{
	if (!r)
		return;
	loop_unwatch(r->watch);
	loop_unwatch(r->heard);
	sandbox_leave(r);
	bare_free(r->bare);
	free(r->who);
	for (int i = 0; i < 2; i++) {
		loop_unwatch(r->said[i].watch);
		if (r->said[i].from >= 0)
			close(r->said[i].from);
		if (r->said[i].text >= 0)
			close(r->said[i].text);
	}
	for (size_t i = 0; i < r->end.nfiles; i++)
		free(r->end.files[i].path);
	free(r->end.files);
	free(r);
}

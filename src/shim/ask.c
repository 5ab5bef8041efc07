/* One compile's conversation with the agent (wire/local.h has the words), and the agent's
 * start.
 *
 * Happy path: connect, send REQUEST, hold what OUT and ERR bring until EXIT, write it, end.
 *
 * What was held when the agent is lost is thrown away and the compiler run here, so that
 * nothing is said twice. Only an output over HOLD_MAX is written as it comes; if the agent
 * is lost after that, the compiler runs here all the same and repeats it: a right end is
 * worth more than a clean log.
 *
 * Nobody listens: one of the shims takes the lock "agent.start" and starts the agent under
 * it; the others try to connect in the meantime, and are the next to take the lock if that
 * came to nothing. A start that failed marks the lock file, so that for BACKOFF_S no shim
 * waits for another one.
 *
 * Ways to fail: the folder is not ours alone (never talk to a stranger: the request holds
 * the environment); the agent does not start in START_MS; it is silent for longer than the
 * patience; hangs up; talks nonsense. Each of them is one warning (one a minute for all the
 * shims of a folder), then a local run. */
#include "shim/ask.h"

#include "base/buf.h"
#include "base/mem.h"
#include "shim/real.h"
#include "wire/local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	START_MS = 2000,     /* for connecting, a start of the agent included */
	NAP_MAX_MS = 20,     /* between two tries to connect */
	BACKOFF_S = 10,      /* after a start that failed */
	WARN_S = 60,         /* between two warnings */
	PATIENCE_MS = 30000, /* for a silent agent */
	HOLD_MAX = 1 << 20,  /* output held back until the job's end */
	READ_SIZE = 64 << 10,
	READY_FD = 3,   /* in the agent */
	ABOVE_STD = 10, /* where descriptors are out of the way of the agent's first four */
	ALONE_PER_CORE = 2, /* compiles at once when there is no agent to count them */
	LEASE_FD = 64, /* and a lease of those that make may have named to the compiler */
};

/* The state folder. */
struct place {
	char dir[sizeof((struct sockaddr_un *)0)->sun_path];
};

struct talk {
	int fd;
	int patience_ms;
	struct buf in; /* frames, as they came */
	size_t held;   /* bytes of IN that are whole frames of output waiting for the end */
	bool through;  /* too much to hold: written as it comes */
	bool stdout_failed; /* as for a compiler, that is an error in the end */
};

/* What became of a step of the conversation. */
enum turn {
	GO_ON,
	DONE,
	BROKEN
};

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

/* FD, or a copy of it that is not below LEAST: a build may have left us without standard
 * descriptors, and whoever opens something then gets their numbers. */
static int above_std(int fd, int least)
{
	if (fd < 0 || fd >= least)
		return fd;
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, least);
	close(fd);
	return moved;
}

/* ---- the state folder ---- */

static void place_file(char out[PATH_MAX], const struct place *p, const char *name)
{
	size_t n = strlen(p->dir);

	memcpy(out, p->dir, n);
	out[n] = '/';
	memcpy(out + n + 1, name, strlen(name) + 1);
}

/* True when the folder is ours, and nobody else can put a socket into it. */
static bool place_is_ours(const struct place *p)
{
	struct stat st;

	return lstat(p->dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == getauxval(AT_EUID) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* An open file of the folder that is locked; -errno: -EWOULDBLOCK when another shim has the
 * lock. */
static int place_lock(const struct place *p, const char *name)
{
	char file[PATH_MAX];

	place_file(file, p, name);
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	fd = above_std(fd, STDERR_FILENO + 1);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	int why = errno;
	close(fd);
	return -why;
}

/* A locked file is also a mark of when something last happened: its time, if it has a byte
 * at all. */
static bool mark_is_fresh(int fd, int seconds)
{
	struct stat st;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return fstat(fd, &st) == 0 && st.st_size > 0 &&
	       now.tv_sec - st.st_mtim.tv_sec < seconds;
}

static void mark_set(int fd)
{
	if (pwrite(fd, "x", 1, 0) < 0)
		return; /* then the next shim learns for itself */
}

/* One line, unless another was written less than a minute ago. */
static void place_warn(const struct place *p, const char *why)
{
	AUTO_FD int fd = place_lock(p, "agent.warned");

	if (fd < 0 || mark_is_fresh(fd, WARN_S))
		return;
	mark_set(fd);
	say(why, "; compiling here (its log is ", p->dir, "/agent.log)", NULL);
}

/* ---- the agent's start ---- */

/* The program: MUSTER_AGENT, or what was installed with us. */
static const char *agent_program(char out[PATH_MAX], const char *self)
{
	static const char *const beside[] = {"muster-agent",
					     "../libexec/muster/muster-agent"};
	const char *named = getenv("MUSTER_AGENT"), *slash = strrchr(self, '/');

	if (named && *named)
		return named;
	for (size_t i = 0; slash && i < sizeof beside / sizeof *beside; i++) {
		size_t n = (size_t)(slash + 1 - self), m = strlen(beside[i]) + 1;

		if (n + m > PATH_MAX)
			break;
		memcpy(out, self, n);
		memcpy(out + n, beside[i], m);
		if (access(out, X_OK) == 0)
			return out;
	}
	return "muster-agent"; /* which is not there: the log will say so */
}

/* In the agent's process: nothing of the build stays open, not make's jobserver, not
 * ninja's pipes. */
static void agent_exec(const struct place *p, const char *program, int ready)
{
	char file[PATH_MAX], fd[] = {'0' + READY_FD, 0};
	char name[] = "muster-agent", option[] = "--ready-fd",
	     *argv[] = {name, option, fd, NULL};
	sigset_t none;

	int null = open("/dev/null", O_RDONLY);
	place_file(file, p, "agent.log");
	int log = open(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
	if (log < 0)
		log = open("/dev/null", O_WRONLY);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
	    dup2(log, STDERR_FILENO) < 0 || dup2(ready, READY_FD) < 0)
		return;
	closefrom(READY_FD + 1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (program[0] == '/' && chdir("/") < 0)
		return;
	execv(program, argv);
	say("cannot run the agent '", program, "': ", strerror(errno), NULL);
}

/* A process that is nobody's child, in a session of its own: no signal to the build's group
 * reaches it. */
static void agent_spawn(const struct place *p, const char *program, int ready)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		if (fork() == 0)
			agent_exec(p, program, ready);
		_exit(REAL_NOT_FOUND);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Starts the agent and waits until it listens. */
static bool agent_start(const struct place *p, const char *self, long end_ms)
{
	char path[PATH_MAX], byte;
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return false;
	AUTO_FD int heard = above_std(fd[0], ABOVE_STD);
	int ready = above_std(fd[1], ABOVE_STD);
	agent_spawn(p, agent_program(path, self), ready);
	close(ready);
	for (;;) {
		long left = end_ms - now_ms();
		struct pollfd wait = {heard, POLLIN, 0};
		int n = poll(&wait, 1, left > 0 ? (int)left : 0);

		if (n > 0)
			return read(heard, &byte, 1) == 1;
		if (n == 0 || errno != EINTR)
			return false;
	}
}

/* ---- connecting ---- */

/* A connected socket, or -errno: -ECONNREFUSED and -ENOENT when nobody listens, -EAGAIN
 * when too many knock at once. It never blocks, and may be inherited: it becomes the
 * compiler's lease. */
static int dial(const struct place *p)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char file[PATH_MAX];

	place_file(file, p, "agent.sock");
	memcpy(to.sun_path, file, strlen(file) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	fd = above_std(fd, STDERR_FILENO + 1);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	int why = errno;
	close(fd);
	return -why;
}

/* Under the lock: dials again, for the agent may have been started since, then starts it.
 * -EBUSY when another shim is at it, -ECANCELED when a start has failed. */
static int start_and_dial(const struct place *p, const char *self, long end_ms)
{
	AUTO_FD int lock = place_lock(p, "agent.start");

	if (lock < 0)
		return lock == -EWOULDBLOCK ? -EBUSY : -ECANCELED;
	int fd = dial(p);
	if (fd >= 0 || fd == -EAGAIN)
		return fd;
	if (mark_is_fresh(lock, BACKOFF_S))
		return -ECANCELED;
	if (!agent_start(p, self, end_ms)) {
		mark_set(lock);
		return -ECANCELED;
	}
	if (ftruncate(lock, 0) < 0)
		return -errno;
	return dial(p);
}

static void nap(unsigned ms)
{
	struct timespec t = {0, ms * 1000000L};

	nanosleep(&t, NULL);
}

/* A connection to the agent, or -1 after a warning. */
static int agent_reach(const struct place *p, const char *self)
{
	bool made = mkdir(p->dir, 0700) == 0;

	if (!made && !place_is_ours(p)) {
		say(p->dir,
		    " is not a folder of yours that only you can write to;"
		    " compiling here without the agent",
		    NULL);
		return -1;
	}
	long end = now_ms() + START_MS;
	for (unsigned ms = 1;; ms = ms * 2 < NAP_MAX_MS ? ms * 2 : NAP_MAX_MS) {
		int fd = start_and_dial(p, self, end);

		if (fd >= 0)
			return fd;
		if (fd == -ECANCELED || now_ms() >= end)
			break;
		nap(ms);
		fd = dial(p);
		if (fd >= 0)
			return fd;
	}
	place_warn(p, "the agent does not start");
	return -1;
}

/* ---- talking ---- */

static const char *get_env(const char *name)
{
	return getenv(name);
}

static int patience(void)
{
	const char *s = getenv("MUSTER_AGENT_TIMEOUT_MS");
	long ms = s ? strtol(s, NULL, 10) : 0;

	return ms > 0 && ms < INT_MAX ? (int)ms : PATIENCE_MS;
}

/* 1 when FD is ready for EVENTS, 0 when the time is over. */
static int wait_for(int fd, short events, int ms)
{
	struct pollfd p = {fd, events, 0};
	int n;

	while ((n = poll(&p, 1, ms)) < 0 && errno == EINTR)
		;
	return n;
}

/* gcc asks descriptor 0 for the width, and needs it only for a terminal to write to. */
static uint32_t terminal_columns(void)
{
	struct winsize w;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0 &&
	    ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0)
		return 0;
	return w.ws_col;
}

static uint32_t count(char *const *v)
{
	uint32_t n = 0;

	while (v[n])
		n++;
	return n;
}

/* The REQUEST frame for CALL; -1 when there is no current folder, or too much to say. */
static int make_request(const struct call *call, char **frame, size_t *n)
{
	struct stat here, root;
	char cwd[PATH_MAX];

	if (!getcwd(cwd, sizeof cwd) || stat(".", &here) < 0 || stat("/", &root) < 0)
		return -1;
	mode_t mask = umask(077);
	umask(mask);
	struct local_request r = {
	    .umask = mask,
	    .cwd_dev = here.st_dev,
	    .cwd_ino = here.st_ino,
	    .root_dev = root.st_dev,
	    .root_ino = root.st_ino,
	    .cwd = cwd,
	    .self = call->self,
	    .argv = call->argv,
	    .env = call->env,
	    .argc = count(call->argv),
	    .envc = count(call->env),
	};
	if (isatty(STDERR_FILENO)) {
		r.flags |= LOCAL_STDERR_TTY;
		r.columns = terminal_columns();
	}
	if (isatty(STDIN_FILENO))
		r.flags |= LOCAL_STDIN_TTY;
	if (call->distcc)
		r.flags |= LOCAL_DISTCC;
	return local_make_request(&r, frame, n);
}

/* False when the agent went away or stopped to listen. */
static bool send_all(const struct talk *t, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t m = send(t->fd, p, n, MSG_NOSIGNAL);

		if (m >= 0) {
			p += m;
			n -= (size_t)m;
		} else if (errno == EAGAIN) {
			if (wait_for(t->fd, POLLOUT, t->patience_ms) <= 0)
				return false;
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* To our own stdout or stderr, which may be non-blocking; an end of the reader's is met as
 * the compiler would meet it, by SIGPIPE or, where that is ignored, as an error. */
static bool write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t m = write(fd, p, n);

		if (m >= 0) {
			p += m;
			n -= (size_t)m;
		} else if (errno == EAGAIN) {
			wait_for(fd, POLLOUT, -1);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* Writes the frames of output that are held, in their order. */
static void talk_flush(struct talk *t)
{
	struct cursor c = {t->in.data, t->in.data + t->held, 0};

	while (c.p < c.end) {
		uint32_t n = cursor_u32(&c);
		enum local_type type = cursor_u8(&c);
		struct slice s = cursor_bytes(&c, n);

		if (type == LOCAL_OUT && !write_all(STDOUT_FILENO, s.p, s.n) &&
		    !t->stdout_failed) {
			t->stdout_failed = true;
			say("cannot write to standard output: ", strerror(errno), NULL);
		} else if (type == LOCAL_ERR) {
			write_all(STDERR_FILENO, s.p, s.n);
		}
	}
	buf_drop(&t->in, t->held);
	t->held = 0;
}

/* distcc(1): DISTCC_LOG names a file that is added to. One that cannot be opened loses nothing but the line. */
static void write_log(struct slice s)
{
	const char *name = getenv("DISTCC_LOG");
	int fd =
	    name && *name
		? open(name,
		       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		       0666)
		: -1;

	write_all(fd >= 0 ? fd : say_fd(), s.p, s.n);
	if (fd >= 0)
		close(fd);
}

static enum turn frame_exit(struct talk *t, struct slice s, struct answer *a)
{
	struct cursor c = {s.p, s.p + s.n, 0};
	int status = (int)cursor_u32(&c);

	bool ended =
	    (status & ~0xff00) == 0 || (WIFSIGNALED(status) && (status & ~0xff) == 0);
	if (c.bad || c.p != c.end || !ended)
		return BROKEN;
	talk_flush(t);
	a->ended = true;
	a->status = status == 0 && t->stdout_failed ? 1 << 8 : status;
	return DONE;
}

static enum turn frame_local(struct slice s, struct answer *a)
{
	struct cursor c = {s.p, s.p + s.n, 0};
	struct slice program = cursor_bytes(&c, cursor_u32(&c));

	if (cursor_u8(&c) != 0 || c.bad || c.p != c.end ||
	    memchr(program.p, 0, program.n) || (program.n > 0 && program.p[0] != '/'))
		return BROKEN;
	if (program.n > 0)
		a->program = xstrndup(program.p, program.n);
	return DONE;
}

/* Takes the frames that are whole. */
static enum turn talk_frames(struct talk *t, struct answer *a)
{
	for (;;) {
		struct cursor c = {t->in.data + t->held, t->in.data + t->in.len, 0};
		uint32_t n = cursor_u32(&c);
		enum local_type type = cursor_u8(&c);

		if (!c.bad && n > LOCAL_MAX_REPLY)
			return BROKEN;
		struct slice s = cursor_bytes(&c, n);
		if (c.bad)
			return GO_ON;
		switch (type) {
		case LOCAL_LOG:
			write_log(s); /* at once; talk_flush passes over it */
			t->held += LOCAL_HEADER + n;
			break;
		case LOCAL_KEEP:
		case LOCAL_OUT:
		case LOCAL_ERR:
			t->held += LOCAL_HEADER + n;
			t->through |= t->held > HOLD_MAX;
			if (t->through)
				talk_flush(t);
			break;
		case LOCAL_EXIT: return frame_exit(t, s, a);
		case LOCAL_LOCAL: return frame_local(s, a);
		case LOCAL_REQUEST:
		case LOCAL_QUERY:
		default: return BROKEN;
		}
	}
}

/* NULL when an answer came, else what went wrong. */
static const char *talk(struct talk *t, struct answer *a)
{
	for (;;) {
		if (wait_for(t->fd, POLLIN, t->patience_ms) <= 0)
			return "the agent is silent";
		ssize_t n = recv(t->fd, buf_room(&t->in, READ_SIZE), READ_SIZE, 0);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return "the agent went away";
		t->in.len += (size_t)n;
		enum turn turn = talk_frames(t, a);
		if (turn == DONE)
			return NULL;
		if (turn == BROKEN)
			return "the agent talks nonsense";
	}
}

/* Leaves the connection to the compiler, at a number that make's options cannot mean. */
static void keep_lease(int fd)
{
	if (fcntl(fd, F_DUPFD, LEASE_FD) >= 0)
		close(fd);
}

static int cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* Without an agent nobody counts what runs here, and a build told to do 2000 jobs would do them all at once. So each compile that is
 * run without its word holds one of a few locks of the state folder for as long as it lasts. */
static void wait_in_line(const struct place *p)
{
	int n = cores() * ALONE_PER_CORE, first = (int)getpid() % n, fd = -1;

	for (int i = 0; i <= n; i++) {
		AUTO_FREE char *path = xasprintf("%s/alone.%d", p->dir, (first + i) % n);

		if (fd >= 0)
			close(fd);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return;
		if (flock(fd, i == n ? LOCK_EX : LOCK_EX | LOCK_NB) == 0)
			break;
	}
	keep_lease(fd);
}

void ask_agent(const struct call *call, struct answer *a)
{
	struct place p;
	char *frame = NULL;
	size_t n = 0;

	if (local_socket_dir(p.dir, sizeof p.dir, (unsigned)getauxval(AT_EUID), get_env) <
	    0) {
		say("MUSTER_STATE_DIR must be an absolute path of at most 96 bytes;"
		    " compiling here without the agent",
		    NULL);
		return;
	}
	if (make_request(call, &frame, &n) < 0)
		return;
	struct talk t = {.fd = place_is_ours(&p) ? dial(&p) : -1,
			 .patience_ms = patience()};
	if (t.fd < 0)
		t.fd = agent_reach(&p, call->self);
	if (t.fd < 0) {
		free(frame);
		if (place_is_ours(&p))
			wait_in_line(&p);
		return;
	}
	const char *trouble =
	    send_all(&t, frame, n) ? talk(&t, a) : "the agent does not listen";
	free(frame);
	buf_free(&t.in);
	if (trouble) {
		place_warn(&p, trouble);
		close(t.fd);
		wait_in_line(&p);
	} else if (!a->ended) {
		keep_lease(t.fd);
	}
}

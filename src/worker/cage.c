/* The worker's side: asks are written whole and answered at once (a clone of a small process), so that the worker waits
 * some 100 us for each. A cage that is gone (out of memory, or somebody killed it) fails the job that asks, and is made anew
 * for the next one. */
#include "worker/cage.h"

#include "base/err.h"
#include "base/mem.h"
#include "worker/order.h"
#include "worker/parcel.h"
#include "worker/rights.h"
#include "worker/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct cage {
	int socket; /* -1: gone */
	pid_t pid;
};

/* One for the process: it is what the process was before it knew anything. */
static struct {
	pid_t pid; /* 0: none */
	pid_t owner;
	int socket;
} keeper;

static void stdio_close(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int i = 0; i < 3; i++)
		dup2(null, i);
	if (null > 2)
		close(null);
}

static _Noreturn void keeper_main(int socket, const struct cages_spec *spec)
{
	struct zygote z = {.socket = 3,
			   .uid = geteuid(),
			   .gid = getegid(),
			   .tidy = spec->tidy,
			   .ctx = spec->ctx};
	sigset_t all;

	if (spec->rights) {
		z.uid = spec->rights->uid;
		z.gid = spec->rights->gid;
		z.gives = true;
		/* Cages inherit them. */
		if (setgroups(1, &z.gid))
			_exit(1);
		rights_keep_cages();
	}

	/* A signal meant for the worker's group does not stop what tidies up behind it. */
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (!spec->tidy)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(socket, 3) < 0 || syscall(SYS_close_range, 4, ~0U, 0))
		_exit(1);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	stdio_close();
	zygote_run(&z);
}

static const char gone[] = "the process that makes sandboxes is gone";

static int pair_make(int ends[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return err_set(e, errno, "make a socket pair");
	return 0;
}

int cages_begin(const struct cages_spec *spec, struct err *e)
{
	int ends[2];

	if (keeper.pid && keeper.owner == getpid())
		return 0;
	if (pair_make(ends, e))
		return -1;
	pid_t pid = fork();

	if (pid == 0)
		keeper_main(ends[1], spec);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return err_set(e, errno, "start the process that makes sandboxes");
	}
	keeper.pid = pid;
	keeper.owner = getpid();
	keeper.socket = ends[0];
	return 0;
}

static void reap(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void cages_end(void)
{
	if (!keeper.pid || keeper.owner != getpid())
		return;
	reap(keeper.pid);
	close(keeper.socket);
	keeper.pid = 0;
}

/* Sends HEAD with FDS and the order's bytes. */
static int ask(int socket, struct zygote_ask head, const int *fds, int nfds,
	       const struct buf *order)
{
	struct iovec part = {.iov_base = &head, .iov_len = sizeof head};

	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * ZYGOTE_FDS_MAX)];
	} control = {0};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = control.room,
			   .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)nfds)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)nfds);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)nfds);
	while ((n = sendmsg(socket, &m, MSG_NOSIGNAL)) < 0 && errno == EINTR)
		;
	if (n < 0)
		return -1;
	for (size_t at = 0; order && at < order->len;) {
		n = send(socket, order->data + at, order->len - at, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return -1;
		at += n < 0 ? 0 : (size_t)n;
	}
	return 0;
}

enum {
	GONE = -2
};

/* The answer's process and its pidfd (-1: none came). -1: it could not; GONE: it is not there. */
static int answer_read(int socket, pid_t *pid, int *pidfd, struct err *e)
{
	struct zygote_answer a = {0};

	if (parcel_receive(socket, &a, sizeof a, MSG_WAITALL, pidfd) != sizeof a) {
		err_set(e, 0, "%s", gone);
		return GONE;
	}
	if (a.failed)
		return err_set(e, 0, "%.*s", (int)sizeof a.what, a.what);
	*pid = a.pid;
	return 0;
}

static int cage_make(struct cage *c, struct err *e)
{
	int ends[2], pidfd;

	if (cages_begin(&(struct cages_spec){0}, e) || pair_make(ends, e))
		return -1;
	int r =
	    ask(keeper.socket, (struct zygote_ask){.kind = ZYGOTE_CAGE}, &ends[1], 1, NULL);

	close(ends[1]);
	if (r)
		err_set(e, 0, "%s", gone);
	else
		r = answer_read(keeper.socket, &c->pid, &pidfd, e);
	if (r) {
		close(ends[0]);
		return -1;
	}
	if (pidfd >= 0)
		close(pidfd);
	pid_t unused;

	/* Its own word that it stands. */
	if (answer_read(ends[0], &unused, &pidfd, e)) {
		close(ends[0]);
		reap(c->pid);
		return -1;
	}
	c->socket = ends[0];
	return 0;
}

struct cage *cage_new(struct err *e)
{
	struct cage *c = xcalloc(1, sizeof *c);

	if (cage_make(c, e) == 0)
		return c;
	err_wrap(e, "make a cage");
	free(c);
	return NULL;
}

static void cage_close(struct cage *c)
{
	if (c->socket < 0)
		return;
	close(c->socket);
	reap(c->pid);
	c->socket = -1;
}

void cage_free(struct cage *c)
{
	if (!c)
		return;
	cage_close(c);
	free(c);
}

int cage_run(struct cage *c, const struct sandbox_spec *s, int report, pid_t *pid,
	     int *pidfd, struct err *e)
{
	int fds[ZYGOTE_FDS_MAX] = {s->stdio[0], s->stdio[1], s->stdio[2], report};
	struct zygote_ask head = {
	    .kind = ZYGOTE_JOB, .self_test = s->self_test, .into_group = s->into_group};
	AUTO_BUF struct buf order = {0};
	int nfds = 4;

	if (c->socket < 0 && cage_make(c, e))
		return -1;
	for (unsigned i = 0; i < s->ngroups; i++)
		fds[nfds++] = s->groups[i];
	order_put(&order, s);
	head.size = (unsigned)order.len;
	if (order.len > ZYGOTE_ORDER_MAX)
		return err_set(e, E2BIG, "hand over the command");
	err_set(e, 0, "%s", gone);
	int r = ask(c->socket, head, fds, nfds, &order);

	r = r ? GONE : answer_read(c->socket, pid, pidfd, e);
	if (r == GONE)
		cage_close(c);
	return r ? -1 : 0;
}

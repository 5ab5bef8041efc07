/* The keeper and the cages run the same loop; what a cage is asked and what the keeper is asked differ.
 *
 * A cage enters its namespaces by clone3, takes its identity (the maps), and forbids further user namespaces below it, so
 * that no job can make rights of its own. It keeps its capabilities in its namespace, since it mounts; a job gives
 * them up before the compiler starts (worker/init).
 *
 * Fails: sentences go back to the worker; a cage that cannot even be set up ends, and the worker reads that. */
#include "worker/zygote.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "worker/filter.h"
#include "worker/ground.h"
#include "worker/init.h"
#include "worker/order.h"
#include "worker/parcel.h"
#include "worker/world.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t clone_sibling(uint64_t flags, int *pidfd, int group)
{
	struct clone_args args = {
	    .flags = flags | CLONE_PARENT | CLONE_PIDFD,
	    .pidfd = (uintptr_t)pidfd,
	    .cgroup = group < 0 ? 0 : (uint64_t)group,
	};

	if (group >= 0)
		args.flags |= CLONE_INTO_CGROUP;
	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static bool file_put(const char *path, const char *text)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* What the worker will read when it asks for the first job. */
static _Noreturn void cage_refuse(int socket, const struct err *e)
{
	struct zygote_answer a = {.failed = true};

	snprintf(a.what, sizeof a.what, "%.*s", (int)sizeof a.what - 1, e->text);
	send(socket, &a, sizeof a, MSG_NOSIGNAL);
	_exit(1);
}

static _Noreturn void cage_fail(int socket, const char *what)
{
	struct err e;

	err_set(&e, errno, "%s", what);
	cage_refuse(socket, &e);
}

/* Gives the process PROCESS its maps. NULL, or what could not be done. */
static const char *maps_write(const char *process, const struct zygote *z)
{
	AUTO_FREE char *groups = xasprintf("/proc/%s/setgroups", process),
		       *uids = xasprintf("/proc/%s/uid_map", process),
		       *gids = xasprintf("/proc/%s/gid_map", process);
	char map[48];

	if (!file_put(groups, "deny"))
		return "write /proc/PID/setgroups";
	snprintf(map, sizeof map, "%u %u 1", z->uid, z->uid);
	if (!file_put(uids, map))
		return "write /proc/PID/uid_map";
	snprintf(map, sizeof map, "%u %u 1", z->gid, z->gid);
	return file_put(gids, map) ? NULL : "write /proc/PID/gid_map";
}

/* Of the keeper, when it is root and the cage will not be. It says by GIVEN that the maps are there. */
static void identity_give(const struct zygote *z, pid_t pid, int given)
{
	char process[16];

	snprintf(process, sizeof process, "%d", (int)pid);
	if (maps_write(process, z))
		return;
	ssize_t n = write(given, "", 1);
	(void)n; /* if it is gone, the worker reads that */
}

/* GIVEN: root's word comes there; -1: the maps are its own business. */
static void identity_take(const struct zygote *z, int given)
{
	char byte;
	const char *failed = given < 0 ? maps_write("self", z) : NULL;

	if (failed)
		cage_fail(z->socket, failed);
	if (given >= 0 && read(given, &byte, 1) != 1)
		cage_fail(z->socket, "be given an identity");
	/* Who changes his user is hidden from his own files in /proc. */
	if (given >= 0 &&
	    (setresgid(z->gid, z->gid, z->gid) || setresuid(z->uid, z->uid, z->uid) ||
	     prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)))
		cage_fail(z->socket, "take an identity");
	if (!file_put("/proc/sys/user/max_user_namespaces", "0"))
		cage_fail(z->socket, "write /proc/sys/user/max_user_namespaces");
}

/* Nothing that a job starts can ever have a capability, whatever file it finds. */
static void bounding_set_empty(int socket)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			cage_fail(socket, "drop capabilities for good");
}

/* Handlers of the worker must never run in a job; what it ignores, the compiler must not. */
static void signals_default(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
}

/* -- what jobs need not inherit --------------------------------------------------------------- */

/* Libraries that only the worker itself calls. A job's first process executes nothing of them, and would have them copied
 * page table by page table, to be thrown away with it. One that is missing here costs time, nothing else. */
static bool of_the_worker(const char *library)
{
	static const char *const names[] = {"libcrypto.", "libssl.", "libevent", "libzstd.",
					    "liblzo2."};
	const char *name = path_base(library);

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* The program binds all names at its start (-z now). Else the dynamic linker would look for one in those libraries, in a job. */
static bool bound_at_start(const struct dl_phdr_info *program)
{
	for (int i = 0; i < program->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &program->dlpi_phdr[i];

		if (part->p_type != PT_DYNAMIC)
			continue;
		for (const ElfW(Dyn) *d = (void *)(program->dlpi_addr + part->p_vaddr);
		     d->d_tag != DT_NULL; d++)
			if (d->d_tag == DT_FLAGS_1 && d->d_un.d_val & DF_1_NOW)
				return true;
	}
	return false;
}

static int library_leave(struct dl_phdr_info *info, size_t size, void *ctx)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)ctx;
	/* The program itself comes first. */
	if (!*info->dlpi_name && !bound_at_start(info))
		return 1;
	for (int i = 0; of_the_worker(info->dlpi_name) && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t begin = (info->dlpi_addr + part->p_vaddr) & ~(page - 1);
		uintptr_t end = info->dlpi_addr + part->p_vaddr + part->p_memsz;

		if (part->p_type == PT_LOAD)
			madvise((void *)begin, end - begin, MADV_DONTFORK);
	}
	return 0;
}

static _Noreturn void cage_main(const struct zygote *keeper, int socket, int given)
{
	struct zygote z = {.socket = socket, .uid = keeper->uid, .gid = keeper->gid};
	static const char name[] = "cage";
	struct err e = {0};

	close(keeper->socket);
	identity_take(&z, given);
	/* A change of the user would undo it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		cage_fail(socket, "die with the worker");
	signals_default();
	if (sethostname(name, sizeof name - 1))
		cage_fail(socket, "name the machine");
	bounding_set_empty(socket);
	dl_iterate_phdr(library_leave, NULL);
	filter_prepare();
	z.ground = ground_new(&e);
	if (!z.ground)
		cage_refuse(socket, &e);
	/* The word that all is well. */
	if (send(socket, &(struct zygote_answer){0}, sizeof(struct zygote_answer),
		 MSG_NOSIGNAL) < 0)
		_exit(1);
	zygote_run(&z);
}

/* -- what is asked ---------------------------------------------------------------------------- */

enum {
	BINDS_MAX = 64
};

/* Of the order's folders. */
struct places {
	int lower[WORLD_LOWER_LIMIT], froms[BINDS_MAX];
};

struct asked {
	struct zygote_ask head;
	int fds[ZYGOTE_FDS_MAX];
	int nfds;
	char *order;
};

static void asked_free(struct asked *a)
{
	for (int i = 0; i < a->nfds; i++)
		close(a->fds[i]);
	free(a->order);
}

static void read_all(int socket, char *p, size_t n)
{
	while (n) {
		ssize_t some = recv(socket, p, n, MSG_WAITALL);

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			_exit(0);
		p += some;
		n -= (size_t)some;
	}
}

/* False when the worker has gone. */
static bool ask_read(const struct zygote *z, struct asked *a)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * ZYGOTE_FDS_MAX)];
	} control;
	struct iovec part = {.iov_base = &a->head, .iov_len = sizeof a->head};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = control.room,
			   .msg_controllen = sizeof control.room};
	ssize_t n;

	*a = (struct asked){0};
	while ((n = recvmsg(z->socket, &m, MSG_CMSG_CLOEXEC | MSG_WAITALL)) < 0 &&
	       errno == EINTR)
		;
	if (n != sizeof a->head)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		a->nfds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(a->fds, CMSG_DATA(c), (size_t)a->nfds * sizeof(int));
	}
	if (a->head.size > ZYGOTE_ORDER_MAX)
		return false;
	a->order = xmalloc(a->head.size + 1);
	read_all(z->socket, a->order, a->head.size);
	return true;
}

static pid_t cage_make(const struct zygote *z, struct asked *a, int *pidfd)
{
	static const uint64_t flags =
	    CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	int word[2] = {-1, -1};

	if (z->gives && pipe2(word, O_CLOEXEC))
		return -1;
	pid_t pid = clone_sibling(flags, pidfd, -1);

	if (pid < 0 && errno == EINVAL) /* a kernel without cgroups */
		pid = clone_sibling(flags & ~(uint64_t)CLONE_NEWCGROUP, pidfd, -1);
	if (pid == 0) {
		close(word[1]);
		cage_main(z, a->fds[0], word[0]);
	}
	int code = errno;

	if (z->gives && pid > 0)
		identity_give(z, pid, word[1]);
	close(word[0]);
	close(word[1]);
	errno = code;
	return pid;
}

/* Where the order's folders are on the ground: -1 and E when one cannot be put there, which is the job's to tell. */
static int places_find(const struct zygote *z, const struct ground_folder *folders,
		       size_t n, int *places, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		places[i] = ground_find(z->ground, &folders[i], e);
		if (places[i] < 0)
			return -1;
	}
	return 0;
}

static void world_find(const struct zygote *z, const struct order *o, struct places *at,
		       struct err *e)
{
	if (o->spec.nlower > WORLD_LOWER_LIMIT || o->spec.nbinds > BINDS_MAX)
		err_set(e, E2BIG, "put %zu folders under the job, at most %d go",
			o->spec.nlower + o->spec.nbinds, WORLD_LOWER_LIMIT);
	else if (places_find(z, o->lower, o->spec.nlower, at->lower, e) == 0)
		places_find(z, o->froms, o->spec.nbinds, at->froms, e);
}

static pid_t job_start(const struct zygote *z, struct asked *a, struct order *o, int *pidfd)
{
	struct places at;
	struct err unfit = {0};

	world_find(z, o, &at, &unfit);
	const struct world world = {
	    z->ground, at.lower,       o->spec.nlower,       o->spec.binds,
	    at.froms,  o->spec.nbinds, o->spec.scratch_bytes};
	struct init init = {.spec = &o->spec,
			    .world = &world,
			    .unfit = &unfit,
			    .report = a->fds[3],
			    .self_test = a->head.self_test};

	for (int i = 0; i < 3; i++)
		o->spec.stdio[i] = a->fds[i];
	for (int i = 4 + a->head.into_group; i < a->nfds; i++)
		init.groups[init.ngroups++] = a->fds[i];
	/* Version 2 limits both in one, version 1 has a group each for memory and processes. */
	init.counted = a->head.into_group || init.ngroups == 2;
	pid_t pid = clone_sibling(CLONE_NEWPID, pidfd, a->head.into_group ? a->fds[4] : -1);

	if (pid == 0) {
		close(z->socket);
		init_run(&init);
	}
	return pid;
}

static pid_t job_make(const struct zygote *z, struct asked *a, int *pidfd)
{
	struct order o;

	if (order_get(&o, a->order, a->head.size)) {
		errno = EINVAL;
		return -1;
	}
	pid_t pid = job_start(z, a, &o, pidfd);
	int code = errno;

	order_free(&o);
	errno = code;
	return pid;
}

static void serve(const struct zygote *z, struct asked *a)
{
	struct zygote_answer reply = {0};
	int pidfd = -1;
	bool well_formed = a->head.kind == ZYGOTE_CAGE ? a->nfds == 1 : a->nfds >= 4;

	errno = EINVAL;
	reply.pid = !well_formed                  ? -1
		    : a->head.kind == ZYGOTE_CAGE ? cage_make(z, a, &pidfd)
						  : job_make(z, a, &pidfd);
	if (reply.pid < 0) {
		struct err e;

		err_set(&e, errno, "make a process in new namespaces");
		reply.failed = true;
		snprintf(reply.what, sizeof reply.what, "%.*s", (int)sizeof reply.what - 1,
			 e.text);
	}
	parcel_send(z->socket, &reply, sizeof reply, pidfd);
	if (pidfd >= 0)
		close(pidfd);
}

_Noreturn void zygote_run(const struct zygote *z)
{
	struct asked a;

	prctl(PR_SET_NAME, z->tidy ? "muster-keeper" : "muster-cage");
	while (ask_read(z, &a)) {
		serve(z, &a);
		asked_free(&a);
		if (z->ground)
			ground_tidy(z->ground);
	}
	if (z->tidy)
		z->tidy(z->ctx);
	_exit(0);
}

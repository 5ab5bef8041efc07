#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "cli/doctor_machine.h"
#include "sys/fs.h"
#include "sys/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NUMBER_MAX = 64,
	MB_SHIFT = 20
};

static long kernel_number(const char *path)
{
	AUTO_BUF struct buf b = {0};

	if (fs_read(path, NUMBER_MAX, &b, NULL) || b.len == 0)
		return MACHINE_UNKNOWN;
	buf_u8(&b, 0);
	return strtol(b.data, NULL, 10);
}

static int64_t limit(rlim_t value)
{
	return value == RLIM_INFINITY || value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static void look_at_limits(struct machine_facts *f)
{
	struct rlimit files, processes;

	f->files_soft = f->files_hard = f->processes = INT64_MAX;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		f->files_soft = limit(files.rlim_cur);
		f->files_hard = limit(files.rlim_max);
	}
	/* The kernel does not count root's. */
	if (getrlimit(RLIMIT_NPROC, &processes) == 0 && geteuid() != 0)
		f->processes = limit(processes.rlim_cur);
}

/* 0, or the errno: the switches of the kernel's do not tell all (seccomp, containers),
 * so it is tried. */
static int try_namespaces(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET)
			  ? errno
			  : 0);
	if (pid < 0)
		return errno;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

/* The nearest folder above PATH that is there counts. */
static void add_disk(struct machine_facts *f, const char *what, char *path)
{
	struct statvfs s;
	char *slash;

	while (statvfs(path, &s)) {
		slash = strrchr(path, '/');
		if (!slash || slash == path)
			return;
		*slash = 0;
	}
	f->disks[f->ndisks++] = (struct disk_facts){
	    what, path,
	    (int64_t)((uint64_t)s.f_bavail * (s.f_frsize ? s.f_frsize : s.f_bsize) >>
		      MB_SHIFT)};
}

static void look_at_disks(struct machine_facts *f, const char *state, struct arena *arena)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	const char *ccache = getenv("CCACHE_DIR");

	if (*state)
		add_disk(f, "The agent's state folder", arena_strdup(arena, state));
	if (cache && *cache == '/')
		add_disk(f, "The cache folder", arena_strdup(arena, cache));
	else if (home && *home == '/')
		add_disk(f, "The cache folder", arena_printf(arena, "%s/.cache", home));
	if (ccache && *ccache == '/')
		add_disk(f, "ccache's folder", arena_strdup(arena, ccache));
}

void doctor_machine_look(struct machine_facts *f, const char *state, struct arena *arena)
{
	struct utsname u;

	*f = (struct machine_facts){
	    .cores = machine_cores(),
	    .free_mb = machine_free_mb(),
	    .root = geteuid() == 0,
	    .namespaces_error = try_namespaces(),
	    .max_user_namespaces = kernel_number("/proc/sys/user/max_user_namespaces"),
	    .userns_clone = kernel_number("/proc/sys/kernel/unprivileged_userns_clone"),
	    .apparmor_restricts =
		kernel_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
	};
	if (uname(&u) ||
	    sscanf(u.release, "%u.%u", &f->kernel_major, &f->kernel_minor) != 2)
		f->kernel_major = UINT32_MAX;
	look_at_limits(f);
	look_at_disks(f, state, arena);
}

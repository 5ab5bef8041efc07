/* Asks for all that the kernel's version knows, no more. What is handled and not allowed by a rule is refused. */
#include "worker/landlock.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What versions newer than the header here know. */
enum {
	FS_1 = (1 << 13) - 1,   /* execute … make symlinks */
	FS_REFER = 1 << 13,     /* 2 */
	FS_TRUNCATE = 1 << 14,  /* 3 */
	FS_IOCTL_DEV = 1 << 15, /* 5 */
	NET_TCP = 3,            /* 4: bind, connect */
	SCOPE_ALL = 3           /* 6: abstract unix sockets, signals */
};

struct ruleset {
	uint64_t fs, net, scoped; /* as in struct landlock_ruleset_attr of version 6 */
};

enum {
	FS_FILE = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
		  LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
	FS_NODES = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		   LANDLOCK_ACCESS_FS_MAKE_SOCK,
	FS_READ = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
		  LANDLOCK_ACCESS_FS_READ_DIR
};

int landlock_version(void)
{
	long v =
	    syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return v < 0 ? 0 : (int)v;
}

static struct ruleset ruleset_of(int version)
{
	struct ruleset r = {.fs = FS_1};

	r.fs |= version >= 2 ? FS_REFER : 0;
	r.fs |= version >= 3 ? FS_TRUNCATE : 0;
	r.fs |= version >= 5 ? FS_IOCTL_DEV : 0;
	r.net = version >= 4 ? NET_TCP : 0;
	r.scoped = version >= 6 ? SCOPE_ALL : 0;
	return r;
}

static int ruleset_open(const struct ruleset *r, int version, struct err *e)
{
	size_t size = version >= 6   ? sizeof *r
		      : version >= 4 ? 2 * sizeof r->fs
				     : sizeof r->fs;
	int fd = (int)syscall(SYS_landlock_create_ruleset, r, size, 0);

	return fd < 0 ? err_set(e, errno, "make Landlock rules") : fd;
}

/* PATH and all below it get RIGHTS, as far as R knows them. */
static int allow(int rules, const struct ruleset *r, const char *path, uint64_t rights,
		 struct err *e)
{
	struct stat st;
	AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr attr = {.allowed_access = rights & r->fs,
						  .parent_fd = fd};

	if (fd < 0 || fstat(fd, &st))
		return 0;
	if (!S_ISDIR(st.st_mode))
		attr.allowed_access &= FS_FILE;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &attr, 0))
		return err_set(e, errno, "allow %s by Landlock", path);
	return 0;
}

static int restrict_self(int rules, struct err *e)
{
	if (syscall(SYS_landlock_restrict_self, rules, 0))
		return err_set(e, errno, "be restricted by Landlock");
	return 0;
}

int landlock_inside(struct err *e)
{
	int version = landlock_version();
	struct ruleset r = ruleset_of(version);

	if (version == 0)
		return 0;
	/* In the sandbox's root everything is the job's own: only these are shut. */
	r.fs = FS_NODES;
	AUTO_FD int rules = ruleset_open(&r, version, e);

	return rules < 0 ? -1 : restrict_self(rules, e);
}

int landlock_bare(const struct landlock_paths *paths, struct err *e)
{
	int version = landlock_version();
	struct ruleset r = ruleset_of(version);

	if (version == 0)
		return err_set(e, ENOSYS, "shut the files by Landlock");
	AUTO_FD int rules = ruleset_open(&r, version, e);

	if (rules < 0)
		return -1;
	for (size_t i = 0; paths->read[i]; i++)
		if (allow(rules, &r, paths->read[i], FS_READ, e))
			return -1;
	for (size_t i = 0; paths->write[i]; i++)
		if (allow(rules, &r, paths->write[i], r.fs & ~(uint64_t)FS_NODES, e))
			return -1;
	return restrict_self(rules, e);
}

/* The steps: a /proc of the job's own pid namespace, while the machine's is still in sight, for without one the kernel gives
 * an ordinary user none; over to a copy of the ground; scratch, overlay, devices, binds; then the overlay is moved upon the
 * ground's root, and becomes this process's.
 *
 * Below that root the ground is still mounted. Whoever could unmount the job's root would see there what he saw anyway, the
 * lower folders and the devices, and the skeleton. In return nothing has to be unmounted: each time the kernel unmounts, the
 * job would wait until all processors have taken note.
 *
 * /proc is read-only: for the kernel the compiler may be root's process (root is mapped to itself),
 * and /proc/sys asks for the user id alone.
 *
 * Fails: where the kernel or its security module does not let an unprivileged user mount. */
#include "worker/world.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "worker/ground.h"
#include "worker/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A mount that is nowhere yet. */
static int proc_take(struct err *e)
{
	AUTO_FD int fs = fsopen("proc", FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return err_set(e, errno, "make /proc for the job");
	int fd = fsmount(fs, FSMOUNT_CLOEXEC,
			 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			     MOUNT_ATTR_NOEXEC);

	return fd < 0 ? err_set(e, errno, "mount /proc for the job") : fd;
}

static int proc_put(int proc, struct err *e)
{
	if (move_mount(proc, "", AT_FDCWD, "/root/proc", MOVE_MOUNT_F_EMPTY_PATH))
		return err_set(e, errno, "place /proc for the job");
	return 0;
}

static int scratch_mount(const struct world *w, struct err *e)
{
	char option[96];

	assert(w->scratch_bytes > 0);
	snprintf(option, sizeof option, "mode=0755,size=%llu,nr_inodes=%d",
		 (unsigned long long)w->scratch_bytes, WORLD_FILES_LIMIT);
	if (mount("muster", "/scratch", "tmpfs", MS_NOSUID | MS_NODEV, option))
		return err_set(e, errno, "mount a tmpfs for what the job writes");
	if (mkdir("/scratch/upper", 0755) || mkdir("/scratch/work", 0755))
		return err_set(e, errno, "make folders for what the job writes");
	return 0;
}

static int overlay_mount(const struct world *w, struct err *e)
{
	AUTO_BUF struct buf option = {0};

	assert(w->nlower > 0 && w->nlower <= WORLD_LOWER_LIMIT);
	buf_str(&option, "lowerdir=/skeleton");
	for (size_t i = 0; i < w->nlower; i++)
		buf_printf(&option, ":/at/%d", w->lower[i]);
	buf_str(&option, ",upperdir=/scratch/upper,workdir=/scratch/work,userxattr");
	buf_u8(&option, 0);
	if (mount("muster", "/root", "overlay", MS_NOSUID | MS_NODEV, option.data))
		return err_set(e, errno, "mount the overlay for the job");
	return 0;
}

static int devices_move(struct err *e)
{
	for (size_t i = 0; i < GROUND_DEVICES; i++) {
		char from[32], to[32];

		snprintf(from, sizeof from, "/dev/%s", ground_devices[i]);
		snprintf(to, sizeof to, "/root/dev/%s", ground_devices[i]);
		if (mount(from, to, NULL, MS_MOVE, NULL))
			return err_set(e, errno, "place %s", from);
	}
	return 0;
}

static int bind_folder(int root, const struct sandbox_bind *b, int place, struct err *e)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	char from[32];
	AUTO_FD int to = (int)syscall(SYS_openat2, root, b->to + 1, &how, sizeof how);

	if (to < 0)
		return err_set(e, errno, "open the mount point %s", b->to);
	snprintf(from, sizeof from, "/at/%d", place);
	AUTO_FD int tree =
	    open_tree(AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (tree < 0 ||
	    move_mount(tree, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
		return err_set(e, errno, "bind %s", b->from);
	return 0;
}

static int folders_bind(const struct world *w, struct err *e)
{
	AUTO_FD int root = w->nbinds ? open("/root", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (w->nbinds && root < 0)
		return err_set(e, errno, "open the job's root");
	for (size_t i = 0; i < w->nbinds; i++)
		if (bind_folder(root, &w->binds[i], w->froms[i], e))
			return -1;
	return 0;
}

/* From a root that is mounted upon the root of its mount namespace no ".." leads anywhere. */
static int root_change(struct err *e)
{
	if (chdir("/root"))
		return err_set(e, errno, "enter the job's root");
	if (mount(".", "/", NULL, MS_MOVE, NULL))
		return err_set(e, errno, "move the job's root upon the old one");
	if (chroot(".") || chdir("/"))
		return err_set(e, errno, "change to the job's root");
	return 0;
}

int world_enter(const struct world *w, struct err *e)
{
	umask(0);
	AUTO_FD int proc = proc_take(e);

	if (proc < 0 || ground_enter(w->ground, e) || scratch_mount(w, e) ||
	    overlay_mount(w, e) || proc_put(proc, e) || devices_move(e) ||
	    folders_bind(w, e))
		return -1;
	int upper = open("/scratch/upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (upper < 0)
		return err_set(e, errno, "open what the job writes");
	if (root_change(e)) {
		close(upper);
		return -1;
	}
	return upper;
}

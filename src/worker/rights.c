/* Capabilities go from the bounding set first, which needs one; then the user changes, which takes all others, where there is one to
 * become. Where root is kept, what it keeps is the right to read and write files of others, and to listen on any port.
 *
 * The filter is a list of what is refused, not of what is allowed: a server with OpenSSL, libevent and children that ask
 * compilers uses most of the kernel's calls. What it refuses is what turns a process that was taken over into the
 * machine's: other processes' memory, mounts and namespaces, the kernel's own programs, keys and modules.
 *
 * Fails: a user who cannot be become, as in a container whose user namespace knows one number; a kernel without seccomp. */
#include "worker/rights.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/* Of those that systemd gives to services without a user of their own. */
	OWN_FIRST = 63690,
	OWN_LAST = 63699,
	DEPTH_MAX = 64
};

static const char usual[] = "muster";

/* -- whom to become --------------------------------------------------------------------------- */

/* The machine's own file: the static worker must not load foreign libraries to ask elsewhere. False: it has no such user. */
static bool listed(struct rights *r, const char *name, uid_t uid)
{
	FILE *f = fopen("/etc/passwd", "re");
	bool found = false;

	for (const struct passwd *p; f && !found && (p = fgetpwent(f));) {
		found = name ? strcmp(p->pw_name, name) == 0 : p->pw_uid == uid;
		if (found) {
			r->uid = p->pw_uid;
			r->gid = p->pw_gid;
			snprintf(r->who, sizeof r->who, "%s", p->pw_name);
		}
	}
	if (f)
		fclose(f);
	return found;
}

static void take_number(struct rights *r, uid_t uid)
{
	r->uid = uid;
	r->gid = uid;
	snprintf(r->who, sizeof r->who, "user %u", (unsigned)uid);
}

static bool find_named(struct rights *r, const char *name)
{
	char *end;

	errno = 0;
	unsigned long number = strtoul(name, &end, 10);

	if (*name < '0' || *name > '9' || *end || errno || number >= UINT_MAX) {
		const struct passwd *p = listed(r, name, 0) ? NULL : getpwnam(name);

		if (!r->who[0] && !p)
			return false;
		if (p) {
			r->uid = p->pw_uid;
			r->gid = p->pw_gid;
			snprintf(r->who, sizeof r->who, "%s", name);
		}
	} else if (!listed(r, NULL, (uid_t)number)) {
		take_number(r, (uid_t)number);
	}
	return true;
}

static bool find_own(struct rights *r)
{
	struct rights other;

	if (listed(r, usual, 0))
		return true;
	for (uid_t uid = OWN_FIRST; uid <= OWN_LAST; uid++)
		if (!listed(&other, NULL, uid)) {
			take_number(r, uid);
			return true;
		}
	return false;
}

int rights_become(const struct rights *r)
{
	return setgroups(1, &r->gid) || setresgid(r->gid, r->gid, r->gid) ||
		       setresuid(r->uid, r->uid, r->uid)
		   ? -1
		   : 0;
}

enum {
	FINE,
	NOT_BECOME,
	NOT_REACHED
};

int rights_reach(const struct rights *r, const char *path, int mode, struct err *e)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(rights_become(r)                             ? NOT_BECOME
		      : access(path, mode) == 0 || errno == ENOENT ? FINE
								   : NOT_REACHED);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == FINE)
		return 0;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == NOT_REACHED)
		return err_set(e, 0, "%s cannot %s %s", r->who,
			       mode & W_OK ? "write to" : "reach", path);
	return err_set(e, 0, "nobody can become %s here", r->who);
}

void rights_keep_root(struct rights *r, const char *why)
{
	snprintf(r->why, sizeof r->why, "%s", why);
	r->drops = false;
	r->uid = r->gid = 0;
}

int rights_choose(struct rights *r, const char *user, struct err *e)
{
	*r = (struct rights){.uid = geteuid(), .gid = getegid()};
	if (geteuid() != 0)
		return user && (!find_named(r, user) || r->uid != geteuid())
			   ? err_set(e, 0, "only root can become '%s' (--user)", user)
			   : 0;
	if (user && !find_named(r, user))
		return err_set(e, 0, "there is no user '%s' (--user) to become", user);
	if (!user && !find_own(r))
		rights_keep_root(r, "there is no user to become");
	else if (r->uid == 0)
		rights_keep_root(r, "as --user says");
	else
		r->drops = true;
	return 0;
}

/* -- what is his ------------------------------------------------------------------------------ */

static bool is_known(const char *name, const char *const *names)
{
	for (; *names; names++) {
		size_t n = strcspn(*names, "*");

		if (strncmp(name, *names, n) == 0 && ((*names)[n] || !name[n]))
			return true;
	}
	return false;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* All in the folder FD (consumed), then the folder itself: who is interrupted begins again. */
static int give_tree(const struct rights *r, int fd, int depth)
{
	DIR *d = fdopendir(fd);
	int result = 0;

	if (!d || depth > DEPTH_MAX) {
		if (d)
			closedir(d);
		else
			close(fd);
		return -1;
	}
	for (struct dirent *i; result == 0 && (i = readdir(d));) {
		struct stat st;

		if (is_dots(i->d_name) ||
		    fstatat(dirfd(d), i->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (S_ISDIR(st.st_mode)) {
			int sub = openat(dirfd(d), i->d_name,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			result = sub < 0 ? -1 : give_tree(r, sub, depth + 1);
		} else if (st.st_nlink == 1) {
			result = fchownat(dirfd(d), i->d_name, r->uid, r->gid,
					  AT_SYMLINK_NOFOLLOW);
		}
	}
	result = result ? -1 : fchown(dirfd(d), r->uid, r->gid);
	closedir(d);
	return result;
}

/* Whether the folder FD is root's alone, and holds NAMES and nothing else. */
static int may_give(const struct rights *r, int fd, const char *dir,
		    const char *const *names, struct err *e)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct stat st;
	int result = 0;

	if (!d || fstat(fd, &st)) {
		result = err_set(e, errno, "read the folder %s", dir);
	} else if (st.st_uid != 0 || st.st_mode & 022) {
		result =
		    err_set(e, 0,
			    "the folder %s is not given to %s, since others own it, or may "
			    "write to it",
			    dir, r->who);
	}
	for (struct dirent *i; result == 0 && (i = readdir(d));)
		if (!is_dots(i->d_name) && !is_known(i->d_name, names))
			result = err_set(e, 0,
					 "the folder %s is not given to %s, since it holds "
					 "something else: %s",
					 dir, r->who, i->d_name);
	if (d)
		closedir(d);
	return result;
}

int rights_hand_over(const struct rights *r, const char *dir, const char *const *names,
		     struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return err_set(e, errno, "open the folder %s", dir);
	bool his = st.st_uid == r->uid;

	if (his || may_give(r, fd, dir, names, e)) {
		close(fd);
		return his ? 0 : -1;
	}
	return give_tree(r, fd, 0)
		   ? err_set(e, errno, "give the folder %s to %s", dir, r->who)
		   : 0;
}

/* -- capabilities ----------------------------------------------------------------------------- */

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* What no program that is started can have any more. Only root may say so, and only root needs to. */
static void capabilities_bound(uint64_t kept)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!(kept >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int capabilities_keep(uint64_t kept)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &head, now))
		return -1;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		now[i].permitted &= (unsigned)(kept >> (32 * i));
		now[i].effective = now[i].permitted;
		now[i].inheritable = 0;
	}
	return (int)syscall(SYS_capset, &head, now);
}

void rights_keep_cages(void)
{
	/* The last to remove a control group from a root that nobody may write to, by its mode. */
	static const uint64_t kept =
	    CAP(SETUID) | CAP(SETGID) | CAP(SYS_ADMIN) | CAP(DAC_OVERRIDE);

	capabilities_bound(kept);
	capabilities_keep(kept);
}

/* -- system calls ----------------------------------------------------------------------------- */

#if defined __x86_64__
#	define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#	define OUR_ARCH AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#	define OUR_ARCH AUDIT_ARCH_RISCV64
#elif defined __powerpc64__ && defined __LITTLE_ENDIAN__
#	define OUR_ARCH AUDIT_ARCH_PPC64LE
#else
#	define OUR_ARCH 0U /* unknown: no filter */
#endif

#if defined __has_feature
#	define SANITIZED __has_feature(address_sanitizer)
#elif defined __SANITIZE_ADDRESS__
#	define SANITIZED 1
#else
#	define SANITIZED 0
#endif

static const unsigned short refused[] = {
#if !SANITIZED /* which looks for leaks by it */
    __NR_ptrace,
#endif
    __NR_process_vm_readv,
    __NR_process_vm_writev,
    __NR_kcmp,
    __NR_pidfd_getfd,
    __NR_mount,
    __NR_umount2,
    __NR_pivot_root,
    __NR_chroot,
    __NR_move_mount,
    __NR_open_tree,
    __NR_fsopen,
    __NR_fsconfig,
    __NR_fsmount,
    __NR_fspick,
    __NR_mount_setattr,
    __NR_unshare,
    __NR_setns,
    __NR_open_by_handle_at,
    __NR_quotactl,
    __NR_swapon,
    __NR_swapoff,
    __NR_acct,
    __NR_bpf,
    __NR_perf_event_open,
    __NR_userfaultfd,
    __NR_fanotify_init,
    __NR_io_uring_setup,
    __NR_io_uring_enter,
    __NR_io_uring_register,
    __NR_keyctl,
    __NR_add_key,
    __NR_request_key,
    __NR_init_module,
    __NR_finit_module,
    __NR_delete_module,
    __NR_kexec_load,
    __NR_reboot,
    __NR_syslog,
    __NR_settimeofday,
    __NR_clock_settime,
    __NR_clock_adjtime,
    __NR_adjtimex,
    __NR_sethostname,
    __NR_setdomainname,
    __NR_setuid,
    __NR_setgid,
    __NR_setreuid,
    __NR_setregid,
    __NR_setresuid,
    __NR_setresgid,
    __NR_setgroups,
    __NR_setfsuid,
    __NR_setfsgid,
#ifdef __NR_iopl
    __NR_iopl,
    __NR_ioperm,
    __NR_modify_ldt,
#endif
};

enum {
	NREFUSED = sizeof refused / sizeof *refused,
	NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
		     CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
};

#define LOAD(field) \
	(struct sock_filter) \
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(test, value, skip) \
	(struct sock_filter) BPF_JUMP(BPF_JMP | (test) | BPF_K, (unsigned)(value), 0, skip)
#define RETURN(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, value)

static int filter_self(struct err *e)
{
	static const unsigned no = SECCOMP_RET_ERRNO | EPERM;
	/* On little-endian machines, and we know no others, the low half of an argument comes first. */
	struct sock_filter head[] = {
	    LOAD(arch),
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
	    RETURN(no),
	    LOAD(nr),
	    /* x86 has a second set of numbers there */
	    UNLESS(BPF_JGE, 0x40000000, 1),
	    RETURN(no),
	    /* its flags lie in memory, which no filter sees; fork and threads have clone, too */
	    UNLESS(BPF_JEQ, __NR_clone3, 1),
	    RETURN(SECCOMP_RET_ERRNO | ENOSYS),
	    UNLESS(BPF_JEQ, __NR_clone, 4),
	    LOAD(args[0]),
	    UNLESS(BPF_JSET, NAMESPACES, 1),
	    RETURN(no),
	    RETURN(SECCOMP_RET_ALLOW),
	};

	enum {
		HEAD = sizeof head / sizeof *head
	};
	struct sock_filter code[HEAD + 2 * NREFUSED + 1];
	unsigned n = HEAD;

	memcpy(code, head, sizeof head);
	for (unsigned i = 0; i < NREFUSED; i++) {
		code[n++] = UNLESS(BPF_JEQ, refused[i], 1);
		code[n++] = RETURN(no);
	}
	code[n++] = RETURN(SECCOMP_RET_ALLOW);
	struct sock_fprog prog = {.len = (unsigned short)n, .filter = code};

	if (!OUR_ARCH)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &prog) == 0)
		return 0;
	err_set(e, errno, "limit the worker's own system calls");
	/* An old kernel, or one without it: the worker did without before, and jobs are another matter. */
	if (e->code != ENOSYS && e->code != EINVAL)
		return -1;
	log_line(LOG_INFO, "%s", e->text);
	return 0;
}

int rights_give_up(const struct rights *r, struct err *e)
{
	static const uint64_t of_root = CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH) |
					CAP(FOWNER) | CAP(CHOWN) | CAP(KILL) |
					CAP(NET_BIND_SERVICE);
	uint64_t kept = geteuid() == 0 && !r->drops ? of_root : 0;

	capabilities_bound(kept);
	if (r->drops && rights_become(r))
		return err_set(e, errno, "become %s", r->who);
	if (capabilities_keep(kept))
		return err_set(e, errno, "give up capabilities");
	if (r->drops && (setuid(0) == 0 || geteuid() == 0))
		return err_set(e, 0, "%s can become root again", r->who);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_set(e, errno, "give up getting new rights");
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return err_set(e, errno, "hide the worker's memory");
	return filter_self(e);
}

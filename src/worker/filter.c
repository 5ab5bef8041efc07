/* The verdict of each number becomes a binary tree of comparisons over ranges of equal verdicts, with one block for each
 * verdict behind it. The kernel checks, translates and compiles a filter anew for each job, and all of that grows with its
 * length: this one has one instruction a range. It must stay one of comparisons alone, too: of such a filter the kernel
 * keeps a table of the numbers that are allowed whatever their arguments, and runs it for no other calls.
 *
 * Invariant: what pid 1 of a sandbox itself calls after filter_install is allowed; it would wait for itself else.
 * Fails: no seccomp in this kernel, or none that tells (before Linux 5.0). */
#include "worker/filter.h"

#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#	define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#	define FILTER_ARCH AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#	define FILTER_ARCH AUDIT_ARCH_RISCV64
#elif defined __powerpc64__ && defined __LITTLE_ENDIAN__
#	define FILTER_ARCH AUDIT_ARCH_PPC64LE
#else
#	define FILTER_ARCH 0U /* unknown: no filter, and the worker says so */
#endif

#ifndef __NR_fchmodat2 /* Linux 6.6 */
#	define __NR_fchmodat2 452
#endif

enum verdict {
	UNKNOWN,
	ALLOWED,
	REFUSED,
	CLONE, /* allowed, but for new namespaces */
	IOCTL  /* allowed, but for putting words into a terminal's mouth */
};

enum {
	VERDICTS = IOCTL + 1,
	NUMBERS = 512,
	PROGRAM_MAX = 600
};

static const short allowed[] = {
/* files */
#ifdef __NR_open
    __NR_open,
    __NR_creat,
    __NR_stat,
    __NR_lstat,
    __NR_access,
    __NR_pipe,
    __NR_dup2,
    __NR_rename,
    __NR_mkdir,
    __NR_rmdir,
    __NR_link,
    __NR_unlink,
    __NR_symlink,
    __NR_readlink,
    __NR_chmod,
    __NR_chown,
    __NR_lchown,
    __NR_mknod,
    __NR_getdents,
    __NR_utime,
    __NR_utimes,
    __NR_futimesat,
#endif
    __NR_read,
    __NR_write,
    __NR_close,
    __NR_fstat,
    __NR_lseek,
    __NR_pread64,
    __NR_pwrite64,
    __NR_readv,
    __NR_writev,
    __NR_preadv,
    __NR_pwritev,
    __NR_preadv2,
    __NR_pwritev2,
    __NR_sendfile,
    __NR_copy_file_range,
    __NR_fcntl,
    __NR_flock,
    __NR_fsync,
    __NR_fdatasync,
    __NR_truncate,
    __NR_ftruncate,
    __NR_fallocate,
    __NR_fadvise64,
    __NR_readahead,
    __NR_getdents64,
    __NR_getcwd,
    __NR_chdir,
    __NR_fchdir,
    __NR_fchmod,
    __NR_fchown,
    __NR_umask,
    __NR_statfs,
    __NR_fstatfs,
    __NR_openat,
    __NR_openat2,
    __NR_mkdirat,
    __NR_mknodat,
    __NR_fchownat,
    __NR_unlinkat,
    __NR_linkat,
    __NR_symlinkat,
    __NR_readlinkat,
    __NR_fchmodat,
    __NR_fchmodat2,
    __NR_faccessat,
    __NR_faccessat2,
    __NR_renameat2,
    __NR_utimensat,
    __NR_statx,
    __NR_dup,
    __NR_dup3,
    __NR_pipe2,
    __NR_close_range,
    __NR_getxattr,
    __NR_lgetxattr,
    __NR_fgetxattr,
    __NR_listxattr,
    __NR_llistxattr,
    __NR_flistxattr,
    __NR_memfd_create,
#ifdef __NR_newfstatat
    __NR_newfstatat,
#endif
#ifdef __NR_renameat
    __NR_renameat,
#endif
    /* memory */
    __NR_mmap,
    __NR_mprotect,
    __NR_munmap,
    __NR_brk,
    __NR_mremap,
    __NR_msync,
    __NR_mincore,
    __NR_madvise,
    __NR_mlock,
    __NR_munlock,
    __NR_membarrier,
/* processes, threads, signals */
#ifdef __NR_fork
    __NR_fork,
    __NR_vfork,
    __NR_getpgrp,
    __NR_alarm,
    __NR_poll,
    __NR_select,
#endif
#ifdef __NR_arch_prctl
    __NR_arch_prctl,
#endif
#ifdef __NR_time
    __NR_time,
#endif
#ifdef __NR_getrlimit
    __NR_getrlimit,
    __NR_setrlimit,
#endif
    __NR_execve,
    __NR_exit,
    __NR_exit_group,
    __NR_wait4,
    __NR_waitid,
    __NR_kill,
    __NR_tkill,
    __NR_tgkill,
    __NR_rt_sigaction,
    __NR_rt_sigprocmask,
    __NR_rt_sigreturn,
    __NR_rt_sigsuspend,
    __NR_rt_sigpending,
    __NR_rt_sigtimedwait,
    __NR_sigaltstack,
    __NR_futex,
    __NR_set_tid_address,
    __NR_set_robust_list,
    __NR_get_robust_list,
    __NR_rseq,
    __NR_sched_yield,
    __NR_sched_getaffinity,
    __NR_sched_setaffinity,
    __NR_sched_getparam,
    __NR_sched_getscheduler,
    __NR_sched_get_priority_max,
    __NR_sched_get_priority_min,
    __NR_getcpu,
    __NR_getpid,
    __NR_getppid,
    __NR_gettid,
    __NR_getuid,
    __NR_getgid,
    __NR_geteuid,
    __NR_getegid,
    __NR_getresuid,
    __NR_getresgid,
    __NR_getgroups,
    __NR_getpgid,
    __NR_getsid,
    __NR_setpgid,
    __NR_setsid,
    __NR_getpriority,
    __NR_setpriority,
    __NR_getrusage,
    __NR_times,
    __NR_prlimit64,
    __NR_prctl,
    __NR_personality,
    __NR_capget,
    __NR_restart_syscall,
    /* waiting, time, the machine */
    __NR_ppoll,
    __NR_pselect6,
    __NR_nanosleep,
    __NR_clock_nanosleep,
    __NR_clock_gettime,
    __NR_clock_getres,
    __NR_gettimeofday,
    __NR_getitimer,
    __NR_setitimer,
    __NR_pause,
    __NR_uname,
    __NR_sysinfo,
    __NR_getrandom,
    /* over sockets that are there: pid 1 reports by it, and a compile has none */
    __NR_sendmsg,
};

static const struct refused {
	short number;
	const char *name;
} refused[] = {

#define REFUSE(name) \
	{ \
		__NR_##name, #name \
	}
    /* clang-format off */
    REFUSE(ptrace), REFUSE(process_vm_readv), REFUSE(process_vm_writev), REFUSE(kcmp), REFUSE(pidfd_open),
    REFUSE(pidfd_getfd), REFUSE(pidfd_send_signal),
    REFUSE(mount), REFUSE(umount2), REFUSE(pivot_root), REFUSE(chroot), REFUSE(move_mount), REFUSE(open_tree),
    REFUSE(fsopen), REFUSE(fsconfig), REFUSE(fsmount), REFUSE(fspick), REFUSE(mount_setattr),
    REFUSE(unshare), REFUSE(setns), REFUSE(open_by_handle_at), REFUSE(name_to_handle_at), REFUSE(quotactl),
    REFUSE(swapon), REFUSE(swapoff), REFUSE(acct),
    REFUSE(bpf), REFUSE(perf_event_open), REFUSE(userfaultfd), REFUSE(fanotify_init),
    REFUSE(io_uring_setup), REFUSE(io_uring_enter), REFUSE(io_uring_register),
    REFUSE(keyctl), REFUSE(add_key), REFUSE(request_key),
    REFUSE(socket), REFUSE(socketpair), REFUSE(connect), REFUSE(bind), REFUSE(listen), REFUSE(sendto),
    REFUSE(shmget), REFUSE(msgget), REFUSE(semget), REFUSE(mq_open),
    REFUSE(init_module), REFUSE(finit_module), REFUSE(delete_module), REFUSE(kexec_load), REFUSE(reboot),
    REFUSE(syslog), REFUSE(settimeofday), REFUSE(clock_settime), REFUSE(clock_adjtime), REFUSE(adjtimex),
    REFUSE(sethostname), REFUSE(setdomainname), REFUSE(vhangup),
    REFUSE(setuid), REFUSE(setgid), REFUSE(setreuid), REFUSE(setregid), REFUSE(setresuid), REFUSE(setresgid),
    REFUSE(setgroups), REFUSE(setfsuid), REFUSE(setfsgid), REFUSE(capset), REFUSE(seccomp),
    REFUSE(process_madvise), REFUSE(vmsplice), REFUSE(splice), REFUSE(tee),
#ifdef __NR_iopl
    REFUSE(iopl), REFUSE(ioperm), REFUSE(modify_ldt),
#endif
/* Told by their arguments: the table needs their names only. */
    REFUSE(clone), REFUSE(ioctl),
/* clang-format on */
#undef REFUSE
};

enum {
	NALLOWED = sizeof allowed / sizeof *allowed,
	NREFUSED = sizeof refused / sizeof *refused
};

static_assert(NREFUSED <= FILTER_SETS * 64, "a set holds them all");

struct program {
	unsigned refusal; /* what a refused call comes to */
	struct sock_filter code[PROGRAM_MAX];
	unsigned n;
	unsigned char verdict[NUMBERS];
	/* Where each jump of the tree goes: an instruction, or LEAF of a verdict. */
	int yes[PROGRAM_MAX], no[PROGRAM_MAX];
};

#define LEAF(verdict) (-1 - (int)(verdict))

static void emit(struct program *p, struct sock_filter i)
{
	assert(p->n < PROGRAM_MAX);
	p->code[p->n++] = i;
}

static void emit_return(struct program *p, unsigned value)
{
	emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

static void emit_load(struct program *p, size_t offset)
{
	emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void emit_jump(struct program *p, unsigned test, unsigned value, unsigned yes,
		      unsigned no)
{
	assert(yes < 256 && no < 256);
	emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, value,
					     (unsigned char)yes, (unsigned char)no));
}

/* The low half of argument N: flags and requests have no more. */
static size_t argument(unsigned n)
{
	return offsetof(struct seccomp_data, args) + 8 * (size_t)n +
	       (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
}

static void emit_verdict(struct program *p, enum verdict v)
{
	static const unsigned namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
					   CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
					   CLONE_NEWNET;

	switch (v) {
	case UNKNOWN: emit_return(p, SECCOMP_RET_ERRNO | ENOSYS); break;
	case ALLOWED: emit_return(p, SECCOMP_RET_ALLOW); break;
	case REFUSED: emit_return(p, p->refusal); break;
	case CLONE:
		emit_load(p, argument(0));
		emit_jump(p, BPF_JSET, namespaces, 0, 1);
		emit_return(p, p->refusal);
		emit_return(p, SECCOMP_RET_ALLOW);
		break;
	case IOCTL:
		emit_load(p, argument(1));
		emit_jump(p, BPF_JEQ, TIOCSTI, 1, 0);
		emit_jump(p, BPF_JEQ, TIOCLINUX, 0, 1);
		emit_return(p, p->refusal);
		emit_return(p, SECCOMP_RET_ALLOW);
		break;
	}
}

/* The tree for the ranges STARTS[0..N): its first instruction, or a leaf. */
static int emit_tree(struct program *p, const unsigned *starts, unsigned n)
{
	if (n == 1)
		return LEAF(p->verdict[starts[0]]);
	unsigned half = n / 2, at = p->n;

	emit_jump(p, BPF_JGE, starts[half], 0, 0);
	p->no[at] = emit_tree(p, starts, half);
	p->yes[at] = emit_tree(p, starts + half, n - half);
	return (int)at;
}

static unsigned char distance(unsigned from, int goal, const unsigned *blocks)
{
	unsigned to = goal < 0 ? blocks[LEAF(goal)] : (unsigned)goal;

	assert(to > from && to - from - 1 < 256);
	return (unsigned char)(to - from - 1);
}

static void emit_all(struct program *p, const unsigned *starts, unsigned n)
{
	unsigned first = p->n, blocks[VERDICTS];

	emit_tree(p, starts, n);
	unsigned end = p->n;

	for (int v = 0; v < VERDICTS; v++) {
		blocks[v] = p->n;
		emit_verdict(p, v);
	}
	for (unsigned at = first; at < end; at++) {
		p->code[at].jt = distance(at, p->yes[at], blocks);
		p->code[at].jf = distance(at, p->no[at], blocks);
	}
}

static void program_make(struct program *p)
{
	unsigned starts[NUMBERS], n = 0;

	p->n = 0;
	memset(p->verdict, UNKNOWN, sizeof p->verdict);
	for (unsigned i = 0; i < NALLOWED; i++)
		p->verdict[allowed[i]] = ALLOWED;
	for (unsigned i = 0; i < NREFUSED; i++)
		p->verdict[refused[i].number] = REFUSED;
	p->verdict[__NR_clone] = CLONE;
	p->verdict[__NR_ioctl] = IOCTL;
	p->verdict[NUMBERS - 1] =
	    UNKNOWN; /* stands for all above it: of other machines too */
	for (unsigned i = 0; i < NUMBERS; i++)
		if (i == 0 || p->verdict[i] != p->verdict[i - 1])
			starts[n++] = i;
	emit_load(p, offsetof(struct seccomp_data, arch));
	emit_jump(p, BPF_JEQ, FILTER_ARCH, 1, 0);
	emit_return(p, SECCOMP_RET_KILL_PROCESS);
	emit_load(p, offsetof(struct seccomp_data, nr));
	emit_all(p, starts, n);
}

static struct program told = {.refusal = SECCOMP_RET_USER_NOTIF},
		      untold = {.refusal = SECCOMP_RET_ERRNO | EPERM};

void filter_prepare(void)
{
	if (!told.n)
		program_make(&told);
	if (!untold.n)
		program_make(&untold);
}

int filter_install(int *listener, struct err *e)
{
	const struct program *p = listener ? &told : &untold;

	if (!FILTER_ARCH)
		return err_set(e, ENOSYS, "limit system calls on this kind of processor");
	filter_prepare();
	struct sock_fprog prog = {.len = (unsigned short)p->n,
				  .filter = (struct sock_filter *)(uintptr_t)p->code};
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			 listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &prog);

	if (r < 0)
		return err_set(e, errno, "limit system calls");
	if (listener)
		*listener = (int)r;
	return 0;
}

void filter_answer(int listener, uint64_t tried[FILTER_SETS])
{
	union {
		struct seccomp_notif n;
		char room[256]; /* a newer kernel's may be longer */
	} call = {0};

	union {
		struct seccomp_notif_resp r;
		char room[256];
	} answer = {0};

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
		return; /* it was killed meanwhile */
	for (unsigned i = 0; i < NREFUSED; i++)
		if (refused[i].number == call.n.data.nr)
			tried[i / 64] |= UINT64_C(1) << (i % 64);
	answer.r.id = call.n.id;
	answer.r.error = -EPERM;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

void filter_names(const uint64_t tried[FILTER_SETS], char *out, unsigned n)
{
	unsigned used = 0;

	out[0] = 0;
	for (unsigned i = 0; i < NREFUSED; i++) {
		if (!(tried[i / 64] >> (i % 64) & 1))
			continue;
		int more = snprintf(out + used, n - used, "%s%s", used ? " " : "",
				    refused[i].name);

		if (more < 0 || (unsigned)more >= n - used) {
			out[used] = 0;
			return;
		}
		used += (unsigned)more;
	}
}

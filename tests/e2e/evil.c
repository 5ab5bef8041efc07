/* A compiler that is an enemy: what evil.sh has run in jobs. -DEVIL=WHAT says what it tries, -DAT=A:B:C where; what it reached goes
 * into its object, a line each, and "done" at the end. Nothing is tried outside a cage, whose host name is "cage". As to all
 * else it is the real GCC. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

static FILE *object;

#define REACHED(...) \
	(fprintf(object, "reached " __VA_ARGS__), fputc('\n', object), fflush(object))

static void try_read(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY | O_NONBLOCK);

	if (fd >= 0 && (read(fd, &byte, 1) >= 0 || errno == EISDIR))
		REACHED("to read %s", path);
	if (fd >= 0)
		close(fd);
}

static void try_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0666);

	if (fd >= 0)
		REACHED("to write %s", path);
}

/* What is seen of the machine or of others. */
static void evil_read(char *at)
{
	static const char *const paths[] = {"/etc/shadow",
					    "/etc/passwd",
					    "/root",
					    "/home",
					    "/var",
					    "/proc/1/environ",
					    "/proc/1/root/etc",
					    "/proc/1/mem",
					    "/proc/1/cwd/etc",
					    "/proc/kcore",
					    "/proc/2/root/etc/passwd",
					    "/dev/kmsg",
					    "/dev/mem",
					    "/dev/fuse",
					    "/sys/kernel",
					    "/run",
					    "/proc/self/root/etc",
					    "/usr/bin/python3",
					    "/usr/bin/../../etc/passwd",
					    "/.."
					    "/etc/passwd"};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		try_read(paths[i]);
	for (char *p = strtok(at, ":"); p; p = strtok(NULL, ":"))
		try_read(p);
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && fd != fileno(object))
			REACHED("the descriptor %d", fd);
	for (int pid = 3; pid < 400; pid++) {
		char path[64];

		snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
		if (pid != getpid() && access(path, F_OK) == 0)
			REACHED("to see process %d", pid);
	}
}

static void evil_write(char *at)
{
	static const char *const paths[] = {"/proc/sys/kernel/core_pattern",
					    "/proc/sys/kernel/pid_max",
					    "/proc/sysrq-trigger",
					    "/proc/self/oom_score_adj/x",
					    "/sys/x",
					    "/proc/1/oom_score_adj"};
	static char *const none[] = {NULL};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		try_write(paths[i]);
	for (char *p = strtok(at, ":"); p; p = strtok(NULL, ":"))
		if (access(p, F_OK) == 0)
			REACHED("%s", p);
	if (mknod("/tmp/disk", S_IFBLK | 0666, 0x0800) == 0)
		REACHED("a block device");
	if (mknod("/tmp/memory", S_IFCHR | 0666, 0x0101) == 0)
		REACHED("a character device");
	/* A copy of oneself, setuid: to be root it would have to heed it. */
	if (fchmodat(AT_FDCWD, "/tmp", 07777, 0) == 0 && setuid(0) == 0 && geteuid() == 0 &&
	    getuid() != 0)
		REACHED("root");
	(void)none;
}

static void try_connect(int family, const void *address, socklen_t n, const char *what)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd >= 0 && connect(fd, address, n) == 0)
		REACHED("%s", what);
}

static void evil_net(char *at)
{
	static const int families[] = {
	    AF_UNIX,      AF_INET,        AF_INET6,     AF_NETLINK, AF_PACKET,
	    38 /* ALG */, 40 /* VSOCK */, AF_BLUETOOTH, AF_KEY,     44 /* XDP */};
	struct sockaddr_un abstract = {.sun_family = AF_UNIX};

	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		for (int type = SOCK_STREAM; type <= SOCK_RAW; type++)
			if (socket(families[i], type, 0) >= 0)
				REACHED("a socket of family %d, type %d", families[i],
					type);
	for (char *p = strtok(at, ":"); p; p = strtok(NULL, ":")) {
		struct sockaddr_in in = {.sin_family = AF_INET,
					 .sin_port = htons((unsigned short)atoi(p)),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

		try_connect(AF_INET, &in, sizeof in, "a port of the machine");
	}
	strcpy(abstract.sun_path + 1, "muster-evil");
	try_connect(AF_UNIX, &abstract, sizeof(sa_family_t) + 12, "an abstract socket");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}) == 0)
		REACHED("a socket pair");
}

static int noop(void *unused)
{
	(void)unused;
	return 0;
}

static void evil_calls(char *at)
{
	static char stack[65536];
	char room[256] = {0};

	(void)at;
#define TRY(name, ...) \
	do { \
		errno = 0; \
		if (syscall(SYS_##name, __VA_ARGS__) >= 0) \
			REACHED(#name); \
	} while (0)
	TRY(ptrace, PTRACE_TRACEME, 0, 0, 0);
	TRY(ptrace, PTRACE_ATTACH, 1, 0, 0);
	TRY(process_vm_readv, 1, room, 1, room, 1, 0);
	TRY(mount, "none", "/tmp", "tmpfs", 0, NULL);
	TRY(mount, "proc", "/proc", "proc", 0, NULL);
	TRY(umount2, "/proc", 2);
	TRY(pivot_root, "/", "/tmp");
	TRY(chroot, "/tmp");
	TRY(fsopen, "tmpfs", 0);
	TRY(open_tree, AT_FDCWD, "/", 1);
	TRY(unshare, CLONE_NEWUSER);
	TRY(unshare, CLONE_NEWNS);
	TRY(unshare, CLONE_NEWNET);
	TRY(setns, 0, CLONE_NEWNET);
	TRY(open_by_handle_at, AT_FDCWD, room, 0);
	TRY(bpf, 0, room, sizeof room);
	TRY(io_uring_setup, 8, room);
	TRY(keyctl, 0, -3, 1, 0, 0);
	TRY(add_key, "user", "evil", "x", 1, -3);
	TRY(request_key, "user", "evil", NULL, -3);
	TRY(userfaultfd, 1);
	TRY(perf_event_open, room, 0, -1, -1, 0);
	TRY(fanotify_init, 0, 0);
	TRY(init_module, room, 0, "");
	TRY(finit_module, 0, "", 0);
	TRY(kexec_load, 0, 0, NULL, 0);
	TRY(reboot, 0xfee1dead, 672274793, 0, NULL);
	TRY(sethostname, "evil", 4);
	TRY(settimeofday, room, NULL);
	TRY(clock_settime, 0, room);
	TRY(swapon, "/tmp/x", 0);
	TRY(syslog, 3, room, sizeof room);
	TRY(setuid, getuid());
	TRY(setresuid, 0, 0, 0);
	TRY(setgroups, 0, NULL);
	TRY(shmget, 0, 4096, 01600);
	TRY(msgget, 0, 01600);
	TRY(semget, 0, 1, 01600);
	TRY(pidfd_getfd, 0, 0, 0);
	TRY(landlock_create_ruleset, room, 8, 0);
	TRY(memfd_secret, 0);
	TRY(quotactl, 0, "/dev/sda", 0, room);
#ifdef SYS_iopl
	TRY(iopl, 3);
	TRY(ioperm, 0, 1, 1);
#endif
	if (clone(noop, stack + sizeof stack, CLONE_NEWUSER | SIGCHLD, NULL) >= 0)
		REACHED("clone");
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		REACHED("clone3");
	if (ioctl(0, TIOCSTI, "x") == 0)
		REACHED("TIOCSTI");
	if (prctl(PR_CAPBSET_READ, 21) == 1)
		REACHED("CAP_SYS_ADMIN in the bounding set");
}

static void evil_kill(char *at)
{
	(void)at;
	signal(SIGTERM, SIG_IGN);
	for (int pid = 3; pid < 400; pid++)
		if (pid != getpid() && kill(pid, 0) == 0)
			REACHED("process %d", pid);
	kill(-1, SIGTERM);
	kill(0, SIGTERM);
	kill(1, SIGKILL);
	kill(1, SIGSTOP);
	kill(getppid(), SIGTERM);
}

/* By the signal AT, as a compiler with a bug ends, or one that somebody kills. */
static void evil_crash(char *at)
{
	raise(at ? atoi(at) : SIGABRT);
}

static void evil_fork(char *at)
{
	int n = 0;

	(void)at;
	for (; n < 100000; n++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0)
			for (;;)
				pause();
	}
	fprintf(object, "processes %d\n", n);
	fflush(object);
}

static void evil_memory(char *at)
{
	(void)at;
	for (size_t n = 0; n < 1 << 20; n++) {
		char *p = malloc(1 << 20);

		if (!p) {
			fputs("gcc: out of memory allocating 1048576 bytes\n", stderr);
			exit(1);
		}
		memset(p, 1, 1 << 20);
	}
}

static void evil_disk(char *at)
{
	static char block[1 << 20];
	unsigned long mib = 0;
	int fd = open("/tmp/big", O_WRONLY | O_CREAT, 0600);

	(void)at;
	while (mib < 1 << 16 && write(fd, block, sizeof block) == sizeof block)
		mib++;
	close(fd);
	unlink("/tmp/big");
	fprintf(object, "MiB %lu\n", mib);
	fflush(object);
}

static void evil_inodes(char *at)
{
	unsigned long n = 0;
	char path[64];

	(void)at;
	for (; n < 10000000; n++) {
		snprintf(path, sizeof path, "/tmp/f%lu", n);
		if (mknod(path, S_IFREG | 0600, 0))
			break;
	}
	printf("files %lu\n", n);
	exit(0);
}

static void evil_sparse(char *at)
{
	(void)at;
	if (ftruncate(fileno(object), 1L << 40))
		perror("ftruncate");
}

static void evil_speak(char *at)
{
	static char block[1 << 16];

	memset(block, '!', sizeof block);
	for (;;)
		if (write(at && *at == '2' ? 2 : 1, block, sizeof block) < 0)
			exit(0);
}

static void evil_orphans(char *at)
{
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			setsid();
			if (fork())
				_exit(0);
			signal(SIGTERM, SIG_IGN);
			signal(SIGHUP, SIG_IGN);
			prctl(PR_SET_NAME, at && *at ? at : "evil-daemon");
			for (;;)
				pause();
		}
}

static void evil_spin(char *at)
{
	(void)at;
	for (;;)
		;
}

static const struct {
	const char *name;
	void (*run)(char *at);
} evils[] = {
    {"read",    evil_read   },
    {"write",   evil_write  },
    {"net",     evil_net    },
    {"calls",   evil_calls  },
    {"kill",    evil_kill   },
    {"crash",   evil_crash  },
    {"fork",    evil_fork   },
    {"memory",  evil_memory },
    {"disk",    evil_disk   },
    {"inodes",  evil_inodes },
    {"sparse",  evil_sparse },
    {"speak",   evil_speak  },
    {"orphans", evil_orphans},
    {"spin",    evil_spin   }
};

int main(int argc, char **argv)
{
	const char *what = NULL, *out = NULL;
	struct utsname u;
	static char real[] = "/usr/bin/gcc";
	char *at = NULL;

	(void)argc;
	for (int i = 1; argv[i]; i++) {
		if (strncmp(argv[i], "-DEVIL=", 7) == 0)
			what = argv[i] + 7;
		if (strncmp(argv[i], "-DAT=", 5) == 0)
			at = argv[i] + 5;
		if (strcmp(argv[i], "-o") == 0)
			out = argv[i + 1];
	}
	if (!what || !out || uname(&u) || strcmp(u.nodename, "cage") != 0) {
		argv[0] = real; /* it looks for its parts beside its name */
		execv(real, argv);
		perror("/usr/bin/gcc");
		return 1;
	}
	object = fopen(out, "w");
	if (!object)
		return 1;
	for (size_t i = 0; i < sizeof evils / sizeof *evils; i++)
		if (strcmp(what, evils[i].name) == 0)
			evils[i].run(at);
	fputs("done\n", object);
	return 0;
}

/* The program in the sandbox is one small static binary, built here with the machine's compiler. It
 * does what its first argument says; its exit status tells the answer. */
#include "base/err.h"
#include "base/mem.h"
#include "test.h"
#include "worker/cage.h"
#include "worker/rights.h"
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
	WAIT_MS = 60000,
	BYTES = 8 << 20
};

static char top[] =
    "/tmp/sandbox,a:b-XXXXXX"; /* a name with what overlay options cannot hold */
static char *lower[2];         /* the job's files, the tools */

static const char program[] =
    "#define _GNU_SOURCE\n"
    "#include <errno.h>\n#include <fcntl.h>\n#include <net/if.h>\n#include <sched.h>\n"
    "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
    "#include <sys/prctl.h>\n#include <sys/ptrace.h>\n#include <sys/resource.h>\n"
    "#include <sys/stat.h>\n#include <unistd.h>\n"
    "static int put(const char *p, const char *t)\n"
    "{ FILE *f = fopen(p, \"w\"); if (!f) return 1; fputs(t, f); return fclose(f) != 0; }\n"
    "static long caps(void)\n"
    "{ char l[200]; long all = 0; FILE *f = fopen(\"/proc/self/status\", \"r\");\n"
    "  while (f && fgets(l, sizeof l, f)) if (!strncmp(l, \"Cap\", 3))\n"
    "    all |= strtol(l + 7, NULL, 16);\n"
    "  return f ? all : -1; }\n"
    "int main(int c, char **v)\n"
    "{ char b[4096]; struct stat st; struct rlimit r; const char *w = v[1];\n"
    "#define IS(x) (!strcmp(w, x))\n"
    "if (c < 2) return 90;\n"
    "if (IS(\"status\")) return atoi(v[2]);\n"
    "if (IS(\"signal\")) { raise(atoi(v[2])); return 1; }\n"
    "if (IS(\"write\")) return put(\"out.o\", \"object\") || put(\"/tmp/t\", \"x\");\n"
    "if (IS(\"change\")) return put(\"in.h\", \"changed\");\n"
    "if (IS(\"speak\")) { puts(\"out\"); fprintf(stderr, \"err %s\", getenv(\"WORD\"));\n"
    "  return getchar() != EOF || getenv(\"HOME\") != NULL; }\n"
    "if (IS(\"cwd\")) return !getcwd(b, sizeof b) || strcmp(b, v[2]);\n"
    "if (IS(\"mask\")) return umask(0);\n"
    "if (IS(\"lower\")) { FILE *f = fopen(\"in.h\", \"r\");\n"
    "  return !f || !fgets(b, sizeof b, f) || strcmp(b, \"top\"); }\n"
    "if (IS(\"world\")) { struct if_nameindex *i = if_nameindex();\n"
    "  if (!access(\"/etc\", F_OK) || !access(\"/home\", F_OK)) return 1;\n"
    "  if (i && i->if_index && strcmp(i->if_name, \"lo\")) return 2;\n"
    "  if (i && i->if_index && i[1].if_index) return 3;\n"
    "  if (stat(\"/tmp\", &st) || (st.st_mode & 07777) != 01777) return 4;\n"
    "  if (stat(\"/dev/null\", &st) || !S_ISCHR(st.st_mode)) return 5;\n"
    "  if (readlink(\"/proc/self/exe\", b, sizeof b) < 1) return 6;\n"
    "  if (getpid() != 2) return 7;\n"
    "  if (open(\"/dev/tty\", O_RDWR) >= 0) return 8;\n"
    "  if (getuid() != atoi(v[2]) || getgid() != atoi(v[3])) return 9;\n"
    "  if (put(\"/dev/stderr\", \"\")) return 10;\n"
    "  if (!access(\"/../at\", 0)) return 11;\n"
    "  return 0; }\n"
    "if (IS(\"rights\")) {\n"
    "  for (int i = 3; i < 1024; i++) if (fcntl(i, F_GETFD) >= 0) return 10;\n"
    "  if (caps()) return 1;\n"
    "  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 2;\n"
    "  if (!unshare(CLONE_NEWUSER)) return 3;\n"
    "  if (!ptrace(PTRACE_ATTACH, 1, 0, 0)) return 4;\n"
    "  if (open(\"/proc/1/mem\", O_RDONLY) >= 0) return 5;\n"
    "  if (open(\"/proc/sys/kernel/core_pattern\", O_WRONLY) >= 0) return 6;\n"
    "  if (open(\"/proc/sysrq-trigger\", O_WRONLY) >= 0) return 7;\n"
    "  if (!kill(1, SIGKILL) && kill(1, 0)) return 8;\n"
    "  if (!chroot(\"/tmp\")) return 9;\n"
    "  for (int i = 1; i < 32; i++) { struct sigaction a; sigaction(i, 0, &a);\n"
    "    if (a.sa_handler != SIG_DFL) return 11; }\n"
    "  sigset_t s; sigprocmask(SIG_SETMASK, 0, &s);\n"
    "  for (int i = 1; i < 32; i++) if (sigismember(&s, i)) return 12;\n"
    "  return 0; }\n"
    "if (IS(\"limits\")) {\n"
    "  getrlimit(RLIMIT_AS, &r); if (r.rlim_max != 1u << 30) return 1;\n"
    "  getrlimit(RLIMIT_CPU, &r); if (r.rlim_max != 77) return 2;\n"
    "  getrlimit(RLIMIT_CORE, &r); if (r.rlim_max) return 3;\n"
    "  getrlimit(RLIMIT_NOFILE, &r); if (r.rlim_max > 1024) return 4;\n"
    "  return malloc(1u << 31) != NULL ? 5 : 0; }\n"
    "if (IS(\"full\")) { int f = open(\"/big\", O_WRONLY | O_CREAT, 0644);\n"
    "  for (int i = 0; i < 4096; i++) if (write(f, b, sizeof b) < 0) return errno == ENOSPC;\n"
    "  return 0; }\n"
    "if (IS(\"many\")) { for (int i = 0; i < 200000; i++) { sprintf(b, \"/f%d\", i);\n"
    "    if (mknod(b, S_IFREG | 0644, 0)) return errno == ENOSPC; } return 0; }\n"
    "if (IS(\"orphans\")) { for (int i = 0; i < 5; i++) if (!fork()) { setsid();\n"
    "    if (!fork()) for (;;) pause(); return 0; } return 0; }\n"
    "if (IS(\"hang\")) { putchar('.'); fflush(stdout); if (!fork()) setsid();\n"
    "  for (;;) pause(); }\n"
    "if (IS(\"remove\")) return unlink(\"in.h\");\n"
    "if (IS(\"bound\")) { FILE *f = fopen(\"/src/sys/own.h\", \"r\");\n"
    "  if (!f || !fgets(b, sizeof b, f) || strcmp(b, \"own\")) return 1;\n"
    "  if (!put(\"/src/sys/own.h\", \"x\") || errno != EROFS) return 2;\n"
    "  if (!put(\"/src/sys/deep/new\", \"x\") || errno != EROFS) return 3;\n"
    "  if (!unlink(\"/src/sys/own.h\") || errno != EROFS) return 4;\n"
    "  if (access(\"/src/sys/deep\", F_OK) || put(\"/src/out\", \"x\")) return 5;\n"
    "  return 0; }\n"
    "return 91; }\n";

static void file_make(const char *dir, const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static void folder_make(const char *dir, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s%s", dir, name);

	if (mkdir(path, 0755))
		abort();
}

static int set_up(void)
{
	if (!mkdtemp(top))
		return -1;
	lower[0] = xasprintf("%s/job", top);
	lower[1] = xasprintf("%s/tools", top);
	for (int i = 0; i < 2; i++) {
		folder_make(lower[i], "");
		folder_make(lower[i], "/src");
	}
	folder_make(lower[1], "/bin");
	file_make(lower[0], "src/in.h", "top");
	file_make(lower[1], "src/in.h", "below");
	file_make(lower[1], "bin/text", "not a program");
	file_make(top, "program.c", program);
	AUTO_FREE char *build = xasprintf(
	    "exec cc -O1 -static -o '%s/bin/program' '%s/program.c'", lower[1], top);

	return system(build);
}

static void tear_down(void)
{
	AUTO_FREE char *command = xasprintf("exec rm -rf '%s'", top);

	if (system(command))
		printf("# cannot remove %s\n", top);
}

static struct cage *shared; /* NULL: each job has a cage of its own */

/* Starts the program with up to three arguments; FDS NULL: all of stdio is /dev/null. */
static struct sandbox *begin(struct sandbox_spec spec, const int *fds, const char *a,
			     const char *b, const char *c)
{
	static char name[] = "program", word[] = "WORD=hello";
	AUTO_FREE char *a1 = xstrdup(a), *a2 = xstrdup(b ? b : ""),
		       *a3 = xstrdup(c ? c : "");
	char *argv[] = {name, a1, b ? a2 : NULL, c ? a3 : NULL, NULL};
	char *env[] = {word, NULL};
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct err e = {0};

	spec.lower = (const char *const *)lower;
	spec.nlower = 2;
	spec.argv = argv;
	spec.env = env;
	spec.cwd = spec.cwd ? spec.cwd : "/src";
	spec.program = spec.program ? spec.program : "/bin/program";
	spec.scratch_bytes = spec.scratch_bytes ? spec.scratch_bytes : BYTES;
	for (int i = 0; i < 3; i++)
		spec.stdio[i] = fds && fds[i] >= 0 ? fds[i] : null;
	struct cage *cage = shared ? shared : cage_new(&e);
	struct sandbox *s = cage ? sandbox_start(cage, &spec, &e) : NULL;

	if (!shared)
		cage_free(cage); /* a job outlives its cage */

	if (!CHECK(s))
		printf("# %s\n", e.text);
	return s;
}

static struct sandbox_end finish(struct sandbox *s)
{
	struct sandbox_end end = {0};
	struct pollfd p = {.fd = sandbox_fd(s), .events = POLLIN};

	CHECK(poll(&p, 1, WAIT_MS) == 1);
	CHECK(sandbox_end(s, &end) == 1);
	if (!end.started)
		printf("# %s\n", end.why);
	return end;
}

static int run_in(struct sandbox_spec spec, const char *a, const char *b, const char *c)
{
	struct sandbox *s = begin(spec, NULL, a, b, c);

	if (!s)
		return -1;
	struct sandbox_end end = finish(s);

	CHECK(end.started);
	sandbox_free(s);
	return end.status;
}

static int run(const char *a, const char *b)
{
	return run_in((struct sandbox_spec){0}, a, b, NULL);
}

static void exit_status(void)
{
	CHECK(run("status", "0") == 0);
	int status = run("status", "42");

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	status = run("signal", "11");
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	status = run("signal", "9");
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void what_was_written(void)
{
	struct sandbox *s =
	    begin((struct sandbox_spec){.umask = 027}, NULL, "write", NULL, NULL);

	CHECK(finish(s).status == 0);
	int dir = sandbox_written(s);
	char text[16] = "";
	struct stat st;
	AUTO_FD int fd = openat(dir, "src/out.o", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && read(fd, text, sizeof text) == 6 && !memcmp(text, "object", 6));
	CHECK(!fstat(fd, &st) && (st.st_mode & 0777) == 0640 && st.st_uid == geteuid());
	/* only that: no mount points, no lower files */
	CHECK(faccessat(dir, "tmp/t", F_OK, 0) == 0);
	CHECK(faccessat(dir, "dev", F_OK, 0) && faccessat(dir, "proc", F_OK, 0));
	CHECK(faccessat(dir, "src/in.h", F_OK, 0) && faccessat(dir, "bin", F_OK, 0));
	sandbox_free(s);
	AUTO_FREE char *path = xasprintf("%s/src/out.o", lower[0]);

	CHECK(access(path, F_OK) && errno == ENOENT);
}

static void lower_is_untouched(void)
{
	AUTO_FREE char *path = xasprintf("%s/src/in.h", lower[0]);
	char text[16] = "";

	CHECK(run("change", NULL) == 0);
	CHECK(run("remove", NULL) == 0);
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(read(fd, text, sizeof text) == 3 && !strcmp(text, "top"));
	CHECK(run("lower", NULL) == 0); /* the topmost of two wins */
}

static void stdio_in_any_order(void)
{
	int out[2], err_out[2];
	char text[64];

	CHECK(!pipe2(out, O_CLOEXEC) && !pipe2(err_out, O_CLOEXEC));
	/* As nasty as it gets: the child's 1 is our 2 and the other way round. */
	fflush(stdout);
	int saved[2] = {fcntl(1, F_DUPFD_CLOEXEC, 10), fcntl(2, F_DUPFD_CLOEXEC, 10)};

	dup2(out[1], 2);
	dup2(err_out[1], 1);
	struct sandbox *s =
	    begin((struct sandbox_spec){0}, (int[]){-1, 2, 1}, "speak", NULL, NULL);

	dup2(saved[0], 1);
	dup2(saved[1], 2);
	close(out[1]);
	close(err_out[1]);
	CHECK(read(out[0], text, sizeof text) == 4 && !memcmp(text, "out\n", 4));
	CHECK(read(err_out[0], text, sizeof text) == 9 && !memcmp(text, "err hello", 9));
	CHECK(read(out[0], text, 1) == 0); /* no one else holds it */
	CHECK(finish(s).status == 0);
	sandbox_free(s);
}

static void world(void)
{
	char uid[16], gid[16];

	snprintf(uid, sizeof uid, "%u", geteuid());
	snprintf(gid, sizeof gid, "%u", getegid());
	CHECK(run_in((struct sandbox_spec){0}, "world", uid, gid) == 0);
	CHECK(run("cwd", "/src") == 0);
	CHECK(WEXITSTATUS(
		  run_in((struct sandbox_spec){.umask = 077}, "mask", NULL, NULL)) == 077);
}

static void handler(int sig)
{
	(void)sig;
}

static void rights(void)
{
	sigset_t all;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, handler);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	CHECK(open("/dev/null", O_RDONLY) >= 0); /* not close-on-exec, yet not inherited */
	int status = run("rights", NULL);

	if (!CHECK(status == 0))
		printf("# answer %d\n", WEXITSTATUS(status));
}

static void limits(void)
{
	struct sandbox_spec spec = {.memory_bytes = 1 << 30, .cpu_s = 77};

	CHECK(run_in(spec, "limits", NULL, NULL) == 0);
	CHECK(WEXITSTATUS(run("full", NULL)) == 1);
	CHECK(WEXITSTATUS(run_in((struct sandbox_spec){.scratch_bytes = 1 << 30}, "many",
				 NULL, NULL)) == 1);
}

static void failures(void)
{
	static const struct {
		struct sandbox_spec spec;
		const char *word;
	} cases[] = {
	    {{.program = "/bin/missing"}, "/bin/missing: No such file"},
	    {{.program = "/bin/text"},    "/bin/text: Permission"     },
	    {{.cwd = "/nowhere"},         "enter /nowhere: No such"   },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sandbox *s = begin(cases[i].spec, NULL, "status", "0", NULL);
		struct sandbox_end end = finish(s);

		CHECK(!end.started && strstr(end.why, cases[i].word));
		sandbox_free(s);
	}
	char *kept = lower[1], missing[] = "/nowhere/at/all";

	lower[1] = missing;
	struct sandbox *s = begin((struct sandbox_spec){0}, NULL, "status", "0", NULL);
	struct sandbox_end end = finish(s);

	CHECK(!end.started && strstr(end.why, "open the folder /nowhere/at/all: No such"));
	CHECK(sandbox_written(s) == -1);
	sandbox_free(s);
	lower[1] = kept;
}

static char *folder_with(const char *name, const char *text)
{
	char *dir = xasprintf("%s/%s", top, name);

	folder_make(dir, "");
	folder_make(dir, "/src");
	file_make(dir, "src/in.h", text);
	return dir;
}

/* A cage keeps the folders of earlier jobs at hand, but never shows one for another. */
static void folders_of_one_cage(void)
{
	char *kept = lower[0];
	struct err e = {0};

	shared = cage_new(&e);
	CHECK(shared != NULL);
	for (int i = 0; i < 40; i++) {
		AUTO_FREE char *name = xasprintf("many.%d", i % 30);
		AUTO_FREE char *dir = xasprintf("%s/%s", top, name);

		if (access(dir, F_OK))
			free(folder_with(name, i % 3 ? "top" : "other"));
		lower[0] = dir;
		CHECK((run("lower", NULL) == 0) == (i % 30 % 3 != 0));
	}
	/* The same path, another folder. */
	for (int i = 0; i < 4; i++) {
		AUTO_FREE char *dir = folder_with("again", i % 2 ? "top" : "other");
		AUTO_FREE char *command = xasprintf("exec rm -r '%s'", dir);

		lower[0] = dir;
		CHECK((run("lower", NULL) == 0) == (i % 2 != 0));
		CHECK(system(command) == 0);
	}
	lower[0] = kept;
	cage_free(shared);
	shared = NULL;
}

static void bound_folders(void)
{
	AUTO_FREE char *from = xasprintf("%s/own", top);
	struct sandbox_bind binds[] = {
	    {from, "/src/sys"},
            {from, "/bin/sys"}
        };
	struct sandbox_spec spec = {.binds = binds, .nbinds = 2};

	folder_make(top, "/own");
	folder_make(from, "/deep");
	file_make(from, "own.h", "own");
	folder_make(lower[0], "/src/sys");
	folder_make(lower[1], "/bin/sys");
	int status = run_in(spec, "bound", NULL, NULL);

	if (!CHECK(status == 0))
		printf("# answer %d\n", WEXITSTATUS(status));
	/* A link that the job's files have there is not followed. */
	AUTO_FREE char *link = xasprintf("%s/src/link", lower[0]);

	CHECK(symlink("sys", link) == 0);
	binds[1].to = "/src/link";
	struct sandbox *s = begin(spec, NULL, "status", "0", NULL);
	struct sandbox_end end = finish(s);

	CHECK(!end.started && strstr(end.why, "mount point /src/link"));
	sandbox_free(s);
	binds[1] = (struct sandbox_bind){"/nowhere", "/bin/sys"};
	s = begin(spec, NULL, "status", "0", NULL);
	end = finish(s);
	CHECK(!end.started && strstr(end.why, "open the folder /nowhere: No such"));
	sandbox_free(s);
}

/* The write end of the pipe is held by every process of the sandbox: end of file is their death. */
static void end_of_file(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;
	ssize_t n;

	do {
		CHECK(poll(&p, 1, WAIT_MS) == 1);
		n = read(fd, &c, 1);
	} while (n > 0);
	CHECK(n == 0);
}

static void orphans_end_too(void)
{
	int out[2];

	CHECK(!pipe2(out, O_CLOEXEC));
	struct sandbox *s =
	    begin((struct sandbox_spec){0}, (int[]){-1, out[1], -1}, "orphans", NULL, NULL);

	close(out[1]);
	CHECK(finish(s).status == 0);
	CHECK(fcntl(out[0], F_SETFL, O_NONBLOCK) == 0);
	CHECK(read(out[0], &(char){0}, 1) ==
	      0); /* already dead at the end, not only soon */
	sandbox_free(s);
}

/* The same by the report, which comes before the kernel has taken the sandbox down. */
static void report_comes_last(void)
{
	struct sandbox_end end;
	int out[2];

	CHECK(!pipe2(out, O_CLOEXEC));
	struct sandbox *s =
	    begin((struct sandbox_spec){0}, (int[]){-1, out[1], -1}, "orphans", NULL, NULL);
	struct pollfd p = {.fd = sandbox_report_fd(s), .events = POLLIN};

	close(out[1]);
	do
		CHECK(poll(&p, 1, WAIT_MS) == 1);
	while (sandbox_hear(s));
	CHECK(sandbox_end(s, &end) == 1 && end.started && end.status == 0);
	CHECK(fcntl(out[0], F_SETFL, O_NONBLOCK) == 0);
	CHECK(read(out[0], &(char){0}, 1) == 0); /* no daemon holds it any more */
	sandbox_free(s);
}

/* Root makes the cage, and is not in it. */
static void somebody_elses(void)
{
	const struct rights r = {.drops = true, .uid = 63690, .gid = 63690};
	struct err e = {0};
	struct stat st;

	if (geteuid() != 0)
		return;
	AUTO_FREE char *src = xasprintf("%s/src", lower[0]);

	CHECK(chmod(top, 0755) == 0 && chown(src, r.uid, r.gid) == 0);
	CHECK(cages_begin(&(struct cages_spec){.rights = &r}, &e) == 0);
	CHECK(run_in((struct sandbox_spec){0}, "world", "63690", "63690") == 0);
	CHECK(run("rights", NULL) == 0);
	struct sandbox *s = begin((struct sandbox_spec){0}, NULL, "write", NULL, NULL);

	CHECK(finish(s).status == 0);
	CHECK(fstatat(sandbox_written(s), "src/out.o", &st, 0) == 0 && st.st_uid == r.uid);
	CHECK(chown(src, 0, 0) == 0);
	sandbox_free(s);
}

static void kill_and_free(void)
{
	for (int way = 0; way < 3; way++) {
		struct sandbox_end end;
		int out[2];

		CHECK(!pipe2(out, O_CLOEXEC));
		struct sandbox *s = begin((struct sandbox_spec){0}, (int[]){-1, out[1], -1},
					  "hang", NULL, NULL);

		close(out[1]);
		if (way < 2)
			CHECK(read(out[0], &(char){0}, 1) == 1); /* it runs */
		if (way == 0) {
			CHECK(sandbox_end(s, &end) == 0);
			sandbox_kill(s);
			end = finish(s);
			CHECK(end.started && WIFSIGNALED(end.status) &&
			      WTERMSIG(end.status) == SIGKILL);
			CHECK(sandbox_end(s, &end) == 1 && end.started);
		}
		sandbox_free(s);
		end_of_file(out[0]);
		close(out[0]);
	}
	sandbox_free(NULL);
}

/* kill -9 of the worker, at a moment when the compiler runs and at one when it may not yet. */
static void worker_killed(void)
{
	for (int i = 0; i < 40; i++) {
		int out[2];

		CHECK(!pipe2(out, O_CLOEXEC));
		pid_t worker = fork();

		if (worker == 0) {
			/* Several, so that one is started while others hold what it inherits. */
			for (int k = 0; k < 3; k++)
				begin((struct sandbox_spec){0}, (int[]){-1, out[1], -1},
				      "hang", NULL, NULL);
			if (i % 2)
				raise(SIGKILL);
			for (;;)
				pause();
		}
		close(out[1]);
		if (i % 2 == 0) {
			CHECK(read(out[0], &(char){0}, 1) == 1);
			kill(worker, SIGKILL);
		}
		waitpid(worker, NULL, 0);
		end_of_file(out[0]);
		close(out[0]);
	}
}

static long mounts(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	long n = 0;

	for (int c; (c = getc(f)) != EOF;)
		n += c == '\n';
	fclose(f);
	return n;
}

static void nothing_stays(void)
{
	long before = mounts();
	int low = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(low);
	for (int i = 0; i < 20; i++)
		CHECK(run("write", NULL) == 0);
	CHECK(mounts() == before);
	int again = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK(again == low); /* no descriptor was lost */
	close(again);
	cages_end();
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void usage(void)
{
	struct sandbox *s = begin((struct sandbox_spec){0}, NULL, "many", NULL, NULL);
	struct sandbox_end end = finish(s);

	CHECK(end.maxrss_kb > 0 && end.user_us + end.sys_us > 0);
	sandbox_free(s);
}

static void check(void)
{
	struct err e = {0};

	if (!CHECK(sandbox_check(top, NULL, &e) == 0))
		printf("# %s\n", e.text);
	CHECK(sandbox_check("/nowhere", NULL, &e) == -1 && strstr(e.text, "/nowhere"));
}

static const struct test tests[] = {
    {"status as waitpid gives it",            exit_status        },
    {"what was written",                      what_was_written   },
    {"lower folders stay as they are",        lower_is_untouched },
    {"stdio in any order",                    stdio_in_any_order },
    {"a world of its own",                    world              },
    {"no rights, nothing inherited",          rights             },
    {"limits",				limits             },
    {"failures are sentences",                failures           },
    {"folders of one cage",                   folders_of_one_cage},
    {"bound folders",			 bound_folders      },
    {"orphans end with the compiler",         orphans_end_too    },
    {"orphans end before the report",         report_comes_last  },
    {"jobs of somebody else",                 somebody_elses     },
    {"kill and free",			 kill_and_free      },
    {"dies with the worker",                  worker_killed      },
    {"no mount, descriptor or process stays", nothing_stays      },
    {"usage",				 usage              },
    {"check",				 check              },
};

/* True when the kernel lets this user make the namespaces at all. */
static bool namespaces(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) !=
		      0);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

int main(void)
{
	if (!namespaces()) {
		printf("1..0 # SKIP this kernel or container refuses user namespaces\n");
		return 0;
	}
	if (set_up()) {
		printf(
		    "Bail out! cannot build the program for the sandbox with cc -static\n");
		tear_down();
		return 1;
	}
	int bad = test_all(tests, (int)(sizeof tests / sizeof tests[0]));

	tear_down();
	return bad;
}

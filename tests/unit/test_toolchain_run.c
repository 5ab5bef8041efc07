/* The proof that a toolchain is complete: in a sandbox that holds nothing but the staged toolchain
 * and the sources, each command prints, returns and writes exactly what it does outside. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cas/known.h"
#include "test.h"
#include "toolchain/toolchain.h"
#include "worker/cage.h"
#include "worker/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

enum {
	WAIT_MS = 120000,
	ARGS = 24
};

static char top[] = "/tmp/toolchain-run-XXXXXX";
static char *cwd, *job,
    *job_cwd; /* the same sources outside, and where the sandbox sees them */
static char path_word[] = "PATH=/usr/bin:/bin", locale[] = "LC_ALL=C";
static char *env[] = {path_word, locale, NULL};

static const struct source {
	const char *name, *text;
} sources[] = {
    {"x.c",   "struct s { int a; long b; };\nstatic int twice(int i) { return 2 * i; }\n"
	    "int f(struct s *p, const char *t)\n{\n\tfor (int i = 0; t[i]; i++)\n"
	    "\t\tp->a += twice(t[i]);\n\tint unused;\n\treturn p->a > p->b;\n}\n"
	    "const char *file(void) { return __FILE__; }\n"           },
    {"x.cc",
     "namespace n { template <class T> struct box { T v; T get() const { return v; } }; }\n"
     "struct base { virtual ~base(); virtual int f() = 0; };\nbase::~base() {}\n"
     "int g(n::box<int> b, base &x) { try { return b.get() + x.f(); } catch (...) { return 1; } "
     "}\n"								       },
    {"bad.c", "int f(void) { return missing }\n"                                 },
    {"y.S",   "#define NAME start\n\t.text\n\t.globl NAME\nNAME:\n\tnop\n\tret\n"},
    {"y.s",   "\t.text\n\t.globl other\nother:\n\tnop\n\tret\n"                  },
};

enum {
	NSOURCES = sizeof sources / sizeof sources[0]
};

static const char *const commands[] = {
    "-### -c x.c",
    "-### -c x.cc",
    "-### -S -O2 x.cc",
    "-### -m32 -S x.c",
    "-### -O2 -g -c y.S",
    "-### -flto -c x.c",
    "-### -gsplit-dwarf -c x.c",
    "-c x.c -o x.o",
    "-c -g x.c",
    "-c -g3 -O2 -Wall -Wextra x.c",
    "-O2 -S x.c",
    "-g -gsplit-dwarf -c x.c",
    "-c -O2 -flto -frandom-seed=1 x.c",
    "-c -pipe -g x.c",
    "-c -save-temps -g x.c",
    "-c -g y.S",
    "-c -g y.s",
    "-m32 -S x.c",
    "-c -MD x.c",
    "-c bad.c",
    "-c missing.c",
    "-c -O2 -g x.cc",
    "-c -O3 -save-temps x.cc",
    "-c -gsplit-dwarf -g x.cc",
    "-fno-integrated-as -c -g -gsplit-dwarf x.c", /* gcc: an error, the same one */
};

struct outcome {
	int status;
	struct buf out, files;
};

static void outcome_free(struct outcome *o)
{
	buf_free(&o->out);
	buf_free(&o->files);
}

static void read_all(int fd, struct buf *b)
{
	char chunk[65536];
	ssize_t n;
	off_t at = 0;

	for (; (n = pread(fd, chunk, sizeof chunk, at)) > 0; at += n)
		buf_add(b, chunk, (size_t)n);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_source(const struct dirent *x)
{
	for (size_t i = 0; i < NSOURCES; i++)
		if (strcmp(x->d_name, sources[i].name) == 0)
			return 0;
	return x->d_name[0] != '.';
}

/* Names and bytes of what was written; outside they are removed then. */
static void files_take(int dir, bool remove, struct buf *files)
{
	struct dirent **names;
	int n = scandirat(dir, ".", &names, not_source, by_name);

	for (int i = 0; i < n; i++) {
		AUTO_FD int fd =
		    openat(dir, names[i]->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		struct stat st;
		AUTO_BUF struct buf bytes = {0};

		CHECK(fd >= 0 && fstat(fd, &st) == 0);
		read_all(fd, &bytes);
		buf_printf(files, "%s %o %zu\n", names[i]->d_name, st.st_mode, bytes.len);
		buf_add(files, bytes.data, bytes.len);
		if (remove)
			unlinkat(dir, names[i]->d_name, 0);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static void outside(const char *driver, char *const *argv, struct outcome *o)
{
	AUTO_FD int out = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);

		umask(022);
		dup2(null, 0);
		dup2(out, 1);
		dup2(out, 2);
		if (chdir(cwd) == 0)
			execve(driver, argv, env);
		_exit(127);
	}
	waitpid(pid, &o->status, 0);
	read_all(out, &o->out);
	AUTO_FD int dir = open(cwd, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	files_take(dir, true, &o->files);
}

static void inside(const char *driver, const char *staged, char *const *argv,
		   struct outcome *o)
{
	AUTO_FD int out = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	AUTO_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const char *lower[] = {job, staged};
	struct sandbox_spec spec = {
	    .lower = lower,
	    .nlower = 2,
	    .cwd = cwd,
	    .program = driver,
	    .argv = argv,
	    .env = env,
	    .stdio = {null, out, out},
	    .scratch_bytes = 64 << 20,
	    .umask = 022
        };
	struct sandbox_end end = {0};
	struct err e = {0};
	struct cage *cage = cage_new(&e);
	struct sandbox *s = cage ? sandbox_start(cage, &spec, &e) : NULL;

	cage_free(cage);

	if (!CHECK(s))
		return;
	struct pollfd p = {.fd = sandbox_fd(s), .events = POLLIN};

	CHECK(poll(&p, 1, WAIT_MS) == 1 && sandbox_end(s, &end) == 1);
	if (!CHECK(end.started))
		printf("# %s\n", end.why);
	o->status = end.status;
	read_all(out, &o->out);
	int dir = openat(sandbox_written(s), cwd + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0) {
		files_take(dir, false, &o->files);
		close(dir);
	}
	sandbox_free(s);
}

/* Temporary names differ between any two runs: /tmp/ccAbCdEf.s, /tmp/x-1a2b3c.o. A machine may have
 * CUDA, which clang mentions and C does not need. */
static void text_normalize(struct buf *b)
{
	static const char cuda[] = "Found CUDA installation";
	struct buf to = {0};

	*buf_room(b, 1) = 0;
	for (char *save = NULL, *line = strtok_r(b->data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		for (char *p = strstr(line, "/tmp/"); p; p = strstr(p + 1, "/tmp/"))
			if (strncmp(p, top, strlen(top)) != 0)
				for (char *c = p + 5; *c && !strchr(".\" ", *c); c++)
					*c = '*';
		if (strncmp(line, cuda, sizeof cuda - 1) != 0)
			buf_printf(&to, "%s\n", line);
	}
	buf_free(b);
	*b = to;
}

static void show(const char *what, const struct outcome *o)
{
	printf("# %s: status %x, %zu bytes of files\n", what, (unsigned)o->status,
	       o->files.len);
	for (size_t i = 0; i < o->out.len; i++) {
		if (i == 0 || o->out.data[i - 1] == '\n')
			printf("#   ");
		putchar(o->out.data[i]);
	}
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void command_compare(const char *driver, const char *staged, char *zeroth,
			    const char *command)
{
	AUTO_FREE char *words = xstrdup(command);
	char *argv[ARGS + 1] = {zeroth};
	struct outcome out = {0}, in = {0};
	int n = 1;

	for (char *save = NULL, *w = strtok_r(words, " ", &save); w && n < ARGS;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	outside(driver, argv, &out);
	inside(driver, staged, argv, &in);
	text_normalize(&out.out);
	text_normalize(&in.out);
	if (!CHECK(out.status == in.status && same(&out.out, &in.out) &&
		   same(&out.files, &in.files))) {
		printf("# %s %s\n", zeroth, command);
		show("outside", &out);
		show("inside", &in);
	}
	/* Two times nothing is equal too: a command that went well has written something. */
	CHECK(out.status || strstr(command, "-###") || out.files.len > 0);
	outcome_free(&out);
	outcome_free(&in);
}

static void driver_compare(const char *driver)
{
	if (access(driver, X_OK)) {
		printf("# SKIP: %s is not installed\n", driver);
		return;
	}
	struct known *known = known_new();
	struct err e = {0};
	struct toolchain *tc = toolchain_probe(driver, "/usr/bin:/bin", known, &e);
	AUTO_FREE char *staged = xasprintf("%s/staged", top);
	AUTO_FREE char *zeroth = xstrdup(driver), *name = xstrdup(strrchr(driver, '/') + 1);

	if (!CHECK(tc) || !CHECK(toolchain_stage(tc, staged, &e) == 0)) {
		printf("# %s\n", e.text);
	} else {
		for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
			command_compare(driver, staged, zeroth, commands[i]);
		/* Called by its bare name it finds itself through PATH. */
		command_compare(driver, staged, name, "-### -c x.c");
		command_compare(driver, staged, name, "-c -O2 -g x.cc");
	}
	toolchain_free(tc);
	known_free(known);
	AUTO_FREE char *remove = xasprintf("exec rm -rf '%s'", staged);

	CHECK(system(remove) == 0);
}

static void gcc(void)
{
	driver_compare("/usr/bin/gcc");
}

static void gxx(void)
{
	driver_compare("/usr/bin/g++");
}

static void alternative(void)
{
	driver_compare("/usr/bin/c++");
}

static void clang(void)
{
	driver_compare("/usr/bin/clang");
}

static void clangxx(void)
{
	driver_compare("/usr/bin/clang++");
}

static void file_put(const char *dir, const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static int set_up(void)
{
	if (!mkdtemp(top))
		return -1;
	cwd = xasprintf("%s/cwd", top);
	job = xasprintf("%s/job", top);
	job_cwd = xasprintf("%s%s", job, cwd);
	/* gcc reads stdc-predef.h for every C source: a header, so it is the job's. */
	AUTO_FREE char *make =
	    xasprintf("mkdir -p '%s' '%s' '%s/usr/include' && "
		      "if test -e /usr/include/stdc-predef.h; then "
		      "cp -p /usr/include/stdc-predef.h '%s/usr/include'; fi",
		      cwd, job_cwd, job, job);

	if (system(make))
		return -1;
	for (size_t i = 0; i < NSOURCES; i++) {
		file_put(cwd, sources[i].name, sources[i].text);
		file_put(job_cwd, sources[i].name, sources[i].text);
	}
	return 0;
}

static bool namespaces(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) !=
		      0);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static const struct test tests[] = {
    {"gcc",		       gcc        },
    {"g++",                       gxx        },
    {"c++, by /etc/alternatives", alternative},
    {"clang",		     clang      },
    {"clang++",                   clangxx    },
};

int main(void)
{
	if (!namespaces()) {
		printf("1..0 # SKIP this kernel or container refuses user namespaces\n");
		return 0;
	}
	int bad = set_up();

	if (bad)
		printf("Bail out! cannot make the sources\n");
	else
		bad = test_all(tests, (int)(sizeof tests / sizeof tests[0]));
	AUTO_FREE char *remove = xasprintf("exec rm -rf '%s'", top);

	return system(remove) || bad;
}

/* The state files of distcc's clients. */
#include "base/buf.h"
#include "base/err.h"
#include "cli/binstate.h"
#include "test.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A file as distcc 3.4 writes it on x86-64. */
static void fill(char p[BINSTATE_SIZE], uint64_t pid, const char *file, int32_t phase)
{
	uint64_t head[] = {BINSTATE_SIZE, 0x44494800, pid};
	int32_t tail[] = {3, phase};

	memset(p, 0, BINSTATE_SIZE);
	memcpy(p, head, sizeof head);
	memcpy(p + 24, file, strlen(file));
	memcpy(p + 152, "big", 3);
	memcpy(p + 280, tail, sizeof tail);
}

static void fields(void)
{
	char p[BINSTATE_SIZE];
	struct binstate s;

	fill(p, 4711, "x.c", 5);
	CHECK(binstate_parse(&s, p, sizeof p));
	CHECK(s.pid == 4711 && s.slot == 3);
	CHECK(strcmp(s.phase, "Compile") == 0 && strcmp(s.file, "x.c") == 0 &&
	      strcmp(s.host, "big") == 0);
}

static void phases(void)
{
	static const char *const words[] = {"Startup", "Blocked", "Connect", "Preprocess",
					    "Send",    "Compile", "Receive"};
	char p[BINSTATE_SIZE];
	struct binstate s;

	for (int i = 0; i < 7; i++) {
		fill(p, 1, "x.c", i);
		CHECK(binstate_parse(&s, p, sizeof p) && strcmp(s.phase, words[i]) == 0);
	}
	for (int i = 7; i < 10; i++) { /* done, and what does not exist */
		fill(p, 1, "x.c", i);
		CHECK(!binstate_parse(&s, p, sizeof p));
	}
	fill(p, 1, "x.c", -1);
	CHECK(!binstate_parse(&s, p, sizeof p));
}

static void nonsense(void)
{
	char p[BINSTATE_SIZE + 1] = {0};
	struct binstate s;

	fill(p, 1, "x.c", 5);
	CHECK(binstate_parse(&s, p, BINSTATE_SIZE));
	CHECK(!binstate_parse(&s, p, BINSTATE_SIZE - 1));
	CHECK(!binstate_parse(&s, p, BINSTATE_SIZE + 1));
	CHECK(!binstate_parse(&s, p, 0));
	p[8] ^= 1;
	CHECK(!binstate_parse(&s, p, BINSTATE_SIZE));
	p[8] ^= 1, p[0] ^= 1;
	CHECK(!binstate_parse(&s, p, BINSTATE_SIZE));
	fill(p, 0, "x.c", 5);
	CHECK(!binstate_parse(&s, p, BINSTATE_SIZE));
	fill(p, UINT64_MAX, "x.c", 5);
	CHECK(!binstate_parse(&s, p, BINSTATE_SIZE));
	fill(p, 1, "x.c", 5);
	memset(p + 280, 0x7f, 4);
	CHECK(!binstate_parse(&s, p, BINSTATE_SIZE));
}

static void unterminated(void)
{
	char p[BINSTATE_SIZE];
	struct binstate s;

	fill(p, 1, "x.c", 5);
	memset(p + 24, 'f', 128);
	memset(p + 152, 'h', 128);
	CHECK(binstate_parse(&s, p, sizeof p));
	CHECK(strlen(s.file) == 127 && strlen(s.host) == 127);
	CHECK(s.file[126] == 'f' && s.host[126] == 'h');
}

static void control_characters(void)
{
	char p[BINSTATE_SIZE];
	struct binstate s;

	fill(p, 1, "a\033[2J\n\177b\302\233.c", 5);
	CHECK(binstate_parse(&s, p, sizeof p));
	CHECK(strcmp(s.file, "a?[2J??b??.c") == 0);
	fill(p, 1, "\303\244\342\202\254.c", 5); /* a letter and a sign stay */
	CHECK(binstate_parse(&s, p, sizeof p));
	CHECK(strcmp(s.file, "\303\244\342\202\254.c") == 0);
}

static void names(void)
{
	CHECK(binstate_pid("binstate_1") == 1);
	CHECK(binstate_pid("binstate_4194304") == 4194304);
	CHECK(binstate_pid("binstate_") == 0);
	CHECK(binstate_pid("binstate_1x") == 0);
	CHECK(binstate_pid("binstate_-1") == 0);
	CHECK(binstate_pid("binstate_ 1") == 0);
	CHECK(binstate_pid("binstate_99999999999999999999") == 0);
	CHECK(binstate_pid("Binstate_1") == 0);
	CHECK(binstate_pid(".") == 0);
}

/* ---- a folder ---- */

static char dir[] = "/tmp/test_binstate.XXXXXX";

static void put(const char *name, const void *p, size_t n)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

static void put_process(long pid, const char *file)
{
	char p[BINSTATE_SIZE], name[64];

	fill(p, (uint64_t)pid, file, 5);
	snprintf(name, sizeof name, "binstate_%ld", pid);
	put(name, p, sizeof p);
}

/* Sets the time of the file of PID to SECONDS from now. */
static void set_time(long pid, long seconds)
{
	char path[PATH_MAX];
	struct timespec t[2] = {{.tv_sec = time(NULL) + seconds},
				{.tv_sec = time(NULL) + seconds}};

	snprintf(path, sizeof path, "%s/binstate_%ld", dir, pid);
	CHECK(utimensat(AT_FDCWD, path, t, 0) == 0);
}

static size_t collect(struct buf *b)
{
	struct err e = {0};

	b->len = 0;
	CHECK(binstate_collect(dir, b, &e) == 0);
	return b->len / sizeof(struct binstate);
}

/* A pid that nobody has: of a child that was waited for. */
static long dead_pid(void)
{
	pid_t p = fork();

	if (p == 0)
		_exit(0);
	waitpid(p, NULL, 0);
	return p;
}

static void folder(void)
{
	AUTO_BUF struct buf b = {0};
	char p[BINSTATE_SIZE], command[64];

	CHECK(mkdtemp(dir) != NULL);
	CHECK(collect(&b) == 0);
	put_process(getpid(), "mine.c");
	CHECK(collect(&b) == 1);
	CHECK(b.len && strcmp(((struct binstate *)(void *)b.data)->file, "mine.c") == 0);
	put_process(dead_pid(), "dead.c");
	put("binstate_", "x", 1);
	put("other", "x", 1);
	fill(p, (uint64_t)getpid(), "stranger.c", 5);
	put("binstate_1", p, sizeof p); /* says another pid than its name */
	CHECK(collect(&b) == 1);
	/* A minute in one phase is not too long, as long as the process is older still. Process 1 is. */
	put_process(1, "old.c");
	set_time(1, 0);
	CHECK(collect(&b) == 2);
	/* Our own file cannot be older than we are: it is of an earlier process with this number. */
	set_time(getpid(), -86400);
	CHECK(collect(&b) == 1);
	CHECK(b.len && strcmp(((struct binstate *)(void *)b.data)->file, "old.c") == 0);
	snprintf(command, sizeof command, "ls %s | wc -l | grep -qx 5", dir);
	CHECK(system(command) == 0); /* nothing was removed */
	snprintf(command, sizeof command, "rm -r %s", dir);
	CHECK(system(command) == 0);
	CHECK(collect(&b) == 0); /* no folder is an empty one */
}

/* What is no regular file is not even waited for. */
static void traps(void)
{
	AUTO_BUF struct buf b = {0};
	char path[PATH_MAX], command[64];

	strcpy(strrchr(dir, '.'), ".XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/binstate_%d", dir, (int)getpid());
	CHECK(mkfifo(path, 0600) == 0);
	CHECK(collect(&b) == 0);
	unlink(path);
	put_process(1, "x.c");
	CHECK(symlink("binstate_1", path) == 0);
	CHECK(collect(&b) == 1);
	unlink(path);
	CHECK(mkdir(path, 0700) == 0);
	CHECK(collect(&b) == 1);
	snprintf(command, sizeof command, "rm -r %s", dir);
	CHECK(system(command) == 0);
}

TESTS({"fields", fields}, {"phases", phases}, {"nonsense", nonsense},
      {"unterminated strings", unterminated}, {"control characters", control_characters},
      {"names of files", names}, {"a folder", folder}, {"no regular files", traps})

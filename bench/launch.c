/* launch: starts a list of commands, as many at once as told, and measures each from its start to its end. What a
 * build tool does, without what a build tool costs.
 *
 *   launch JOBS LIST REPORT
 *
 * LIST holds each command as words that end in NUL, and an empty word behind the last. They run in the current
 * folder with this program's environment. REPORT becomes lines of numbers: first
 *   WALL_NS OWN_CPU_NS CHILDREN_CPU_NS FAILED
 * then one for each command, in the order of the list: the nanoseconds from before its start until it was waited
 * for. CHILDREN_CPU_NS counts what was waited for, so not a daemon that a command left behind.
 *
 * Fails, with a sentence: a list that is malformed, a command that cannot be started. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	JOBS_MAX = 4096
};

extern char **environ;

struct command {
	char **argv;
	int64_t start_ns, ns;
};

struct slot {
	pid_t pid; /* 0: free */
	struct command *command;
};

static _Noreturn void die(const char *what, const char *about)
{
	fprintf(stderr, "launch: %s %s: %s\n", what, about, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t cpu_ns(int who)
{
	struct rusage r;

	getrusage(who, &r);
	return ((int64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
		r.ru_utime.tv_usec + r.ru_stime.tv_usec) *
	       1000;
}

static char *file_read(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("open", path);
	char *text = malloc((size_t)st.st_size + 1);

	if (!text || read(fd, text, (size_t)st.st_size) != st.st_size)
		die("read", path);
	close(fd);
	*n = (size_t)st.st_size;
	return text;
}

/* Cuts TEXT into commands; *N is how many. */
static struct command *commands_read(char *text, size_t size, size_t *n)
{
	size_t words = 0;

	for (size_t i = 0; i < size; i++)
		words += text[i] == '\0';
	struct command *all = calloc(words + 1, sizeof *all);
	char **argv = calloc(words + 1, sizeof *argv);

	if (!all || !argv)
		die("read", "the list");
	*n = 0;
	for (char *at = text, *end = text + size; at < end; at += strlen(at) + 1, argv++) {
		if (*at && !all[*n].argv)
			all[*n].argv = argv;
		if (*at)
			*argv = at;
		else if (all[*n].argv)
			++*n;
	}
	if (all[*n].argv)
		die("read the list", "its last command has no end");
	return all;
}

static void start(struct slot *slots, size_t jobs, struct command *c)
{
	for (size_t i = 0; i < jobs; i++) {
		if (slots[i].pid)
			continue;
		slots[i].command = c;
		c->start_ns = now_ns();
		errno =
		    posix_spawnp(&slots[i].pid, c->argv[0], NULL, NULL, c->argv, environ);
		if (errno)
			die("start", c->argv[0]);
		return;
	}
}

/* Waits for one to end; 1 when it failed. */
static int finish(struct slot *slots, size_t jobs)
{
	int status = 0;
	pid_t pid = wait(&status);

	if (pid < 0)
		die("wait for", "a command");
	for (size_t i = 0; i < jobs; i++)
		if (slots[i].pid == pid) {
			slots[i].command->ns = now_ns() - slots[i].command->start_ns;
			slots[i].pid = 0;
		}
	return status != 0;
}

int main(int argc, char *argv[])
{
	size_t jobs = argc == 4 ? strtoul(argv[1], NULL, 10) : 0, size, n, next = 0,
	       running = 0;

	if (jobs == 0 || jobs > JOBS_MAX) {
		fprintf(stderr, "usage: launch JOBS LIST REPORT\n");
		return 2;
	}
	char *text = file_read(argv[2], &size);
	struct command *all = commands_read(text, size, &n);
	struct slot *slots = calloc(jobs, sizeof *slots);
	size_t failed = 0;
	int64_t begin = now_ns();

	while (next < n || running) {
		if (next < n && running < jobs) {
			start(slots, jobs, &all[next++]);
			running++;
		} else {
			failed += (size_t)finish(slots, jobs);
			running--;
		}
	}
	int64_t wall = now_ns() - begin;
	FILE *report = fopen(argv[3], "w");

	if (!report)
		die("write", argv[3]);
	fprintf(report, "%lld %lld %lld %zu\n", (long long)wall,
		(long long)cpu_ns(RUSAGE_SELF), (long long)cpu_ns(RUSAGE_CHILDREN), failed);
	for (size_t i = 0; i < n; i++)
		fprintf(report, "%lld\n", (long long)all[i].ns);
	if (fclose(report) != 0)
		die("write", argv[3]);
	return 0;
}

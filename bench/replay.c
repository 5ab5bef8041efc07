/* replay: a compiler that remembers.
 *
 * Installed as CORPUS/cc/bin/gcc and g++. A compile (-c) of a unit that was recorded takes the recorded time, but
 * asleep, and writes the recorded object, dependency file and messages. So hundreds of slots fit on a machine of
 * two cores, and what is left to measure is everything beside the compiler.
 *
 * All else, questions and preprocessing, is answered by the real compiler of that name, which takes this one's
 * place. One answer is ours: cc1 is CORPUS/cc/libexec/cc1, the file of the recordings. So the recordings are part
 * of the compiler, like the real cc1: they are identified by their digest and staged into a sandbox with it.
 *
 * A unit is found by its source as the command names it; preprocessed text tells that in its first line. A unit
 * that was not recorded is an error, never a guess.
 *
 * cc1 is an executable (this program) with these behind it, all numbers little-endian:
 *   bodies; COUNT entries (struct entry), sorted by key; struct tail. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REAL_FOLDER "/usr/bin"

static const char magic[8] = "MREPLAY1";

struct entry {
	uint64_t key; /* unit_key of the source's name */
	uint64_t ns;  /* CPU time of the real compile */
	uint64_t
	    at; /* of the bodies: object, dependencies, messages, one behind the other */
	uint64_t object, depends, messages; /* their lengths */
};

struct tail {
	uint64_t at;    /* of the entries */
	uint64_t count; /* of the entries */
	char magic[8];
};

struct call {
	const char *source, *output, *depfile;
	bool compiles; /* -c */
	bool depends;  /* -MD, -MMD */
};

static _Noreturn void die(const char *what, const char *about)
{
	fprintf(stderr, "replay: %s %s%s%s\n", what, about, errno ? ": " : "",
		errno ? strerror(errno) : "");
	exit(70);
}

/* FNV-1a: bench/corpus.py makes the same. */
static uint64_t unit_key(const char *name, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3u;
	return h;
}

static bool has_argument(const char *word)
{
	static const char *const words[] = {
	    "-I",      "-D",  "-U",  "-x",  "-isystem", "-iquote",  "-idirafter",
	    "--param", "-MT", "-MQ", "-MF", "-include", "-imacros", "-iwithprefix"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static struct call call_read(char *argv[])
{
	struct call c = {0};

	for (int i = 1; argv[i]; i++) {
		if (strcmp(argv[i], "-c") == 0)
			c.compiles = true;
		else if (strcmp(argv[i], "-MD") == 0 || strcmp(argv[i], "-MMD") == 0)
			c.depends = true;
		else if (strcmp(argv[i], "-o") == 0 && argv[i + 1])
			c.output = argv[++i];
		else if (strcmp(argv[i], "-MF") == 0 && argv[i + 1])
			c.depfile = argv[++i];
		else if (has_argument(argv[i]) && argv[i + 1])
			i++;
		else if (argv[i][0] != '-' || argv[i][1] == '\0')
			c.source = argv[i];
	}
	return c;
}

/* Beside the folder of this program. Where there is no /proc, as in icecc's roots, that is /usr/bin. */
static const char *recordings_path(void)
{
	static char path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (n < 0)
		n = snprintf(path, sizeof path, "/usr/bin/gcc");
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	*strrchr(path, '/') = '\0';
	strcat(path, "/libexec/cc1");
	return path;
}

static _Noreturn void real_run(char *argv[])
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, REAL_FOLDER "/%s", basename(argv[0]));
	argv[0] = path;
	execv(path, argv);
	die("run", path);
}

/* "# 0 \"src/x.c\"" is the first line of preprocessed text. Pipes are read to their end, as a compiler does. */
static uint64_t text_key(const char *source)
{
	char text[65536], *end;
	int fd = strcmp(source, "-") == 0 ? 0 : open(source, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (n <= 0)
		die("read", source);
	text[n] = '\0';
	if (fd == 0)
		for (char rest[65536]; read(0, rest, sizeof rest) > 0;)
			;
	char *name = strchr(text, '"');

	if (text[0] != '#' || !name || !(end = strchr(++name, '"')))
		die("find a unit's name in", source);
	return unit_key(name, (size_t)(end - name));
}

static bool is_text(const char *source)
{
	const char *dot = strrchr(source, '.');

	return strcmp(source, "-") == 0 ||
	       (dot && (strcmp(dot, ".i") == 0 || strcmp(dot, ".ii") == 0));
}

static int by_key(const void *key, const void *entry)
{
	uint64_t k = *(const uint64_t *)key, e = ((const struct entry *)entry)->key;

	return k < e ? -1 : k > e;
}

static void file_write(const char *path, const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		die("write", path);
	for (ssize_t w; n > 0; bytes += w, n -= (size_t)w)
		if ((w = write(fd, bytes, n)) <= 0)
			die("write", path);
	close(fd);
}

/* NAME with SUFFIX in place of its own one. */
static const char *renamed(char room[PATH_MAX], const char *name, const char *suffix)
{
	const char *dot = strrchr(name, '.'), *slash = strrchr(name, '/');
	int n = dot && (!slash || dot > slash) ? (int)(dot - name) : (int)strlen(name);

	snprintf(room, PATH_MAX, "%.*s%s", n, name, suffix);
	return room;
}

static void outputs_write(const struct call *c, const struct entry *e, const char *bodies)
{
	char object[PATH_MAX], depends[PATH_MAX];
	const char *slash = strrchr(c->source, '/');
	const char *to =
	    c->output ? c->output : renamed(object, slash ? slash + 1 : c->source, ".o");

	file_write(to, bodies, e->object);
	if (c->depends)
		file_write(c->depfile ? c->depfile : renamed(depends, to, ".d"),
			   bodies + e->object, e->depends);
	if (e->messages &&
	    write(2, bodies + e->object + e->depends, e->messages) != (ssize_t)e->messages)
		die("write", "to standard error");
}

static void replay(const struct call *c, struct timespec start)
{
	const char *path = recordings_path();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("open", path);
	size_t size = (size_t)st.st_size;
	const char *all = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	struct tail tail;

	if (all == MAP_FAILED)
		die("map", path);
	if (size < sizeof tail)
		die("find recordings in", path);
	memcpy(&tail, all + size - sizeof tail, sizeof tail);
	if (memcmp(tail.magic, magic, sizeof magic) != 0)
		die("find recordings in", path);
	uint64_t key = is_text(c->source) ? text_key(c->source)
					  : unit_key(c->source, strlen(c->source));
	const struct entry *e = bsearch(&key, all + tail.at, tail.count, sizeof *e, by_key);

	if (!e)
		die("find the recording of", c->source);
	start.tv_sec += (time_t)(e->ns / 1000000000);
	start.tv_nsec += (long)(e->ns % 1000000000);
	if (start.tv_nsec >= 1000000000) {
		start.tv_nsec -= 1000000000;
		start.tv_sec++;
	}
	while (e->ns &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &start, NULL) == EINTR)
		;
	outputs_write(c, e, all + e->at);
}

int main(int argc, char *argv[])
{
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (argc == 2 && strcmp(argv[1], "-print-prog-name=cc1") == 0) {
		puts(recordings_path());
		return 0;
	}
	struct call c = call_read(argv);

	if (!c.compiles || !c.source)
		real_run(argv);
	errno = 0;
	replay(&c, start);
	return 0;
}

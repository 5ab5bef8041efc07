/* What is known of files: trusted when at rest, forgotten at the slightest change, kept between runs. */
#include "base/err.h"
#include "cas/known.h"
#include "sys/hash.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <time.h>

static const int64_t SECOND = 1000000000;

static char dir[4096], file[4200], saved[4200];

static void begin(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(dir, sizeof dir, "%s/muster-known-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(dir))
		abort();
	snprintf(file, sizeof file, "%s/file", dir);
	snprintf(saved, sizeof saved, "%s/saved", dir);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void clean_up(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

static struct digest digest_of(const char *text)
{
	struct digest d;

	hash_bytes(text, strlen(text), &d);
	return d;
}

/* A file that has been at rest since second 1000 in the eyes of the kernel, which we make up. */
static struct stat quiet(void)
{
	return (struct stat){
	    .st_dev = 5,
	    .st_ino = 77,
	    .st_mode = S_IFREG | 0644,
	    .st_size = 10,
	    .st_mtim = {1000, 500},
	    .st_ctim = {1000, 600},
	};
}

static void found_when_unchanged(void)
{
	struct known *k = known_new();
	struct digest d = digest_of("a"), got;
	struct stat st = quiet(), other;

	CHECK(!known_get(k, &st, &got));
	known_put(k, &st, 2000 * SECOND, &d);
	CHECK(known_get(k, &st, &got) && digest_equal(&got, &d));
	other = st, other.st_dev++;
	CHECK(!known_get(k, &other, &got));
	other = st, other.st_ino++;
	CHECK(!known_get(k, &other, &got));
	other = st, other.st_size++;
	CHECK(!known_get(k, &other, &got));
	other = st, other.st_mtim.tv_sec++;
	CHECK(!known_get(k, &other, &got));
	other = st, other.st_mtim.tv_nsec++;
	CHECK(!known_get(k, &other, &got));
	other = st, other.st_ctim.tv_sec++;
	CHECK(!known_get(k, &other, &got));
	other = st, other.st_ctim.tv_nsec++;
	CHECK(!known_get(k, &other, &got));
	CHECK(known_get(k, &st, &got));

	/* A newer state of the same inode takes the place of the older. */
	struct digest newer = digest_of("b");

	other = st, other.st_ctim.tv_sec++;
	known_put(k, &other, 2000 * SECOND, &newer);
	CHECK(known_get(k, &other, &got) && digest_equal(&got, &newer));
	CHECK(!known_get(k, &st, &got));
	known_free(k);
	known_free(NULL);
}

static void racy_not_remembered(void)
{
	struct known *k = known_new();
	struct digest d = digest_of("a"), got;
	struct stat st = quiet();
	int64_t ctime_ns = 1000 * SECOND + 600;

	known_put(k, &st, ctime_ns, &d);
	CHECK(!known_get(k, &st, &got));
	known_put(k, &st, ctime_ns + KNOWN_RACY_NS, &d);
	CHECK(!known_get(k, &st, &got));
	known_put(k, &st, ctime_ns + KNOWN_RACY_NS + 1, &d);
	CHECK(known_get(k, &st, &got));
	/* The mtime counts as well, and so do times in the future. */
	st.st_mtim.tv_sec = 1500;
	known_put(k, &st, 1500 * SECOND + 500 + KNOWN_RACY_NS, &d);
	CHECK(!known_get(k, &st, &got));
	known_put(k, &st, 1500 * SECOND + 501 + KNOWN_RACY_NS, &d);
	CHECK(known_get(k, &st, &got));
	known_put(k, &st, 1400 * SECOND, &d);
	CHECK(!known_get(k, &st, &got));
	/* Across the edge of a second. */
	st = quiet();
	st.st_ctim = (struct timespec){1000, SECOND - 1};
	known_put(k, &st, 1001 * SECOND + KNOWN_RACY_NS - 1, &d);
	CHECK(!known_get(k, &st, &got));
	known_put(k, &st, 1001 * SECOND + KNOWN_RACY_NS, &d);
	CHECK(known_get(k, &st, &got));
	known_free(k);
}

/* A real file: its ctime is now (nobody can set it), so its digest is right but not remembered. */
static void fresh_file(void)
{
	struct known *k = known_new();
	struct digest d, want = digest_of("hello"), got;
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct timespec future[2] = {{.tv_sec = time(NULL) + 10000},
				     {.tv_sec = time(NULL) + 10000}};
	struct stat st;
	struct err e = {0};

	begin();
	write_file(file, "hello", 5);
	CHECK(utimensat(AT_FDCWD, file, future, 0) == 0);
	CHECK(known_digest(k, file, &st, &d, &e) == 0 && digest_equal(&d, &want));
	CHECK(st.st_size == 5 && !known_get(k, &st, &got));
	CHECK(utimensat(AT_FDCWD, file, old, 0) == 0);
	CHECK(known_digest(k, file, &st, &d, &e) == 0 && digest_equal(&d, &want));
	CHECK(st.st_mtim.tv_sec == 1000);
	write_file(file, "other", 5);
	CHECK(utimensat(AT_FDCWD, file, old, 0) == 0);
	want = digest_of("other");
	CHECK(known_digest(k, file, &st, &d, &e) == 0 && digest_equal(&d, &want));
	known_free(k);
	clean_up();
}

/* A file at rest for long. It is read once, then known. */
static void old_file(void)
{
	struct known *k = known_new();
	struct digest d, got, lie = digest_of("lie");
	struct stat st;
	struct err e = {0};
	const char *path = "/bin/sh";

	CHECK(known_digest(k, path, &st, &d, &e) == 0);
	CHECK(known_get(k, &st, &got) && digest_equal(&got, &d));
	/* Proof that memory answers: what it is told is what it says. */
	known_put(k, &st, (int64_t)time(NULL) * SECOND, &lie);
	CHECK(known_digest(k, path, &st, &got, &e) == 0 && digest_equal(&got, &lie));
	known_free(k);
}

static void cannot_be_hashed(void)
{
	struct known *k = known_new();
	struct digest d;
	struct stat st;
	struct err e = {0};

	begin();
	CHECK(known_digest(k, file, &st, &d, &e) == -1 && e.code == ENOENT &&
	      strstr(e.text, file));
	CHECK(known_digest(k, dir, &st, &d, &e) == -1 && e.code == EISDIR);
	CHECK(mkfifo(file, 0600) == 0);
	CHECK(known_digest(k, file, &st, &d, &e) == -1 && e.code == EINVAL);
	known_free(k);
	clean_up();
}

/* A file that never rests while it is read gives an error, not a wrong digest: /proc shows such ones,
 * whose size does not fit their bytes. */
static void changes_while_read(void)
{
	struct known *k = known_new();
	struct digest d;
	struct stat st;
	struct err e = {0};

	CHECK(known_digest(k, "/proc/self/status", &st, &d, &e) == -1 && e.code == EBUSY);
	known_free(k);
}

static struct stat numbered(unsigned i)
{
	struct stat st = quiet();

	st.st_ino = i;
	st.st_size = i * 3;
	st.st_mtim.tv_nsec = i;
	return st;
}

static struct known *make_saved(unsigned n)
{
	struct known *k = known_new();
	struct err e = {0};

	for (unsigned i = 0; i < n; i++) {
		struct stat st = numbered(i);
		struct digest d;

		hash_bytes(&i, sizeof i, &d);
		known_put(k, &st, 2000 * SECOND, &d);
	}
	CHECK(known_save(k, saved, &e) == 0);
	return k;
}

static unsigned count_loaded(unsigned n)
{
	struct known *k = known_new();
	unsigned right = 0;

	known_load(k, saved);
	for (unsigned i = 0; i < n; i++) {
		struct stat st = numbered(i);
		struct digest d, got;

		hash_bytes(&i, sizeof i, &d);
		if (known_get(k, &st, &got))
			right += CHECK(digest_equal(&got, &d));
	}
	known_free(k);
	return right;
}

static void kept_between_runs(void)
{
	struct err e = {0};

	begin();
	CHECK(count_loaded(1000) == 0); /* no file */
	known_free(make_saved(1000));
	CHECK(count_loaded(1000) == 1000);
	known_free(make_saved(0));
	CHECK(count_loaded(1000) == 0);
	struct known *k = make_saved(3);
	char nowhere[4300];

	snprintf(nowhere, sizeof nowhere, "%s/no/such/file", dir);
	CHECK(known_save(k, nowhere, &e) == -1 && e.code == ENOENT);
	CHECK(count_loaded(1000) == 3);
	known_free(k);
	clean_up();
}

static void damage_loads_as_empty(void)
{
	enum {
		N = 3
	};

	static char good[4096], bad[4096];

	begin();
	known_free(make_saved(N));
	int fd = open(saved, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, good, sizeof good - 1);

	close(fd);
	CHECK(n > 0 && n < (ssize_t)sizeof good - 1 && count_loaded(N) == N);
	for (ssize_t i = 0; i < n; i++) {
		memcpy(bad, good, (size_t)n);
		bad[i] ^= (char)(1 << i % 8);
		write_file(saved, bad, (size_t)n);
		CHECK(count_loaded(N) == 0);
		write_file(saved, good, (size_t)i);
		CHECK(count_loaded(N) == 0);
	}
	memcpy(bad, good, (size_t)n);
	bad[n] = 0;
	write_file(saved, bad, (size_t)n + 1);
	CHECK(count_loaded(N) == 0);

	/* Well summed, but of another version, or with a count that does not fit. */
	for (int at = 13; at <= 16; at += 3) {
		struct digest sum;

		memcpy(bad, good, (size_t)n);
		bad[at]++;
		hash_bytes(bad, (size_t)n - DIGEST_SIZE, &sum);
		memcpy(bad + n - DIGEST_SIZE, sum.b, DIGEST_SIZE);
		write_file(saved, bad, (size_t)n);
		CHECK(count_loaded(N) == 0);
	}
	write_file(saved, good, (size_t)n);
	CHECK(count_loaded(N) == N);
	clean_up();
}

TESTS({"found when unchanged, missed when changed", found_when_unchanged},
      {"racy answers are not remembered", racy_not_remembered},
      {"a fresh file", fresh_file}, {"an old file is read once", old_file},
      {"what cannot be hashed", cannot_be_hashed},
      {"a file that changes while it is read", changes_while_read},
      {"kept between runs", kept_between_runs},
      {"damage loads as empty", damage_loads_as_empty})

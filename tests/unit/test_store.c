/* The store on a real folder: what is put comes back, what is wrong never does, whoever is killed. */
#include "base/err.h"
#include "base/log.h"
#include "cas/store.h"
#include "sys/hash.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <time.h>

static char dir[4096], scratch[4200];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void clean_up(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	unlink(scratch);
}

/* Each test has a folder of its own, DIR, which does not exist yet. */
static void begin(void)
{
	const char *base = getenv("TMPDIR");

	log_setup("test", LOG_ERROR);
	snprintf(dir, sizeof dir, "%s/muster-store-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(dir))
		abort();
	snprintf(scratch, sizeof scratch, "%s.copy", dir);
	rmdir(dir);
}

/* Blob number N of SIZE bytes. */
static struct digest blob_make(unsigned n, char *data, size_t size)
{
	struct digest d;

	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 31 + n + (i >> 8) * n);
	if (size >= sizeof n)
		memcpy(data, &n, sizeof n);
	hash_bytes(data, size, &d);
	return d;
}

static int put(struct store *s, const struct digest *d, const char *data, size_t n,
	       struct err *e)
{
	struct store_writer *w = store_write(s, d, n, e);

	if (!w)
		return -1;
	if (store_writer_add(w, data, n / 2, e) ||
	    store_writer_add(w, data + n / 2, n - n / 2, e)) {
		store_writer_abort(w);
		return -1;
	}
	return store_writer_commit(w, e);
}

static int put_number(struct store *s, unsigned n, size_t size, struct err *e)
{
	static char data[400000];
	struct digest d = blob_make(n, data, size);

	return put(s, &d, data, size, e);
}

/* 1: came back whole; 0: is not there; -1: anything else, which is always wrong. */
static int get_number(struct store *s, unsigned n, size_t size)
{
	static char data[400000], back[400001];
	struct digest d = blob_make(n, data, size);
	struct err e;
	int fd = open(scratch, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc = store_copy(s, &d, fd, &e);
	ssize_t got = pread(fd, back, sizeof back, 0);

	close(fd);
	if (rc == 0)
		return (size_t)got == size && memcmp(back, data, size) == 0 ? 1 : -1;
	return e.code == ENOENT && got == 0 ? 0 : -1;
}

static bool has_number(struct store *s, unsigned n, size_t size)
{
	static char data[400000];
	struct digest d = blob_make(n, data, size);

	return store_has(s, &d);
}

static const char *path_of(unsigned n, size_t size)
{
	static char data[400000], path[4200];
	struct digest d = blob_make(n, data, size);
	char hex[DIGEST_HEX];

	digest_hex(&d, hex);
	snprintf(path, sizeof path, "%s/%.2s/%s", dir, hex, hex + 2);
	return path;
}

static int count_temps(const char *folder)
{
	char path[4200];
	int n = -2; /* "." and ".." */

	snprintf(path, sizeof path, "%s/tmp", folder);
	DIR *d = opendir(path);

	if (!d)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void round_trip(void)
{
	static const size_t sizes[] = {0, 1, 100, 131072, 300001};
	struct err e = {0};

	begin();
	struct store *s = store_open(dir, 0, &e);

	if (!CHECK(s))
		return;
	uint64_t total = 0;

	for (unsigned i = 0; i < 5; i++) {
		CHECK(!has_number(s, i, sizes[i]));
		CHECK(get_number(s, i, sizes[i]) == 0);
		CHECK(put_number(s, i, sizes[i], &e) == 0);
		CHECK(has_number(s, i, sizes[i]));
		CHECK(access(path_of(i, sizes[i]), F_OK) == 0);
		CHECK(get_number(s, i, sizes[i]) == 1);
		total += sizes[i];
		CHECK(store_bytes(s) == total);
	}
	store_close(s);
	s = store_open(dir, 0, &e);
	CHECK(s && store_bytes(s) == total);
	for (unsigned i = 0; i < 5; i++)
		CHECK(get_number(s, i, sizes[i]) == 1);
	CHECK(count_temps(dir) == 0);
	CHECK(store_trim(s, 0, &e) == 0 && store_bytes(s) == 0);
	CHECK(get_number(s, 1, 1) == 0);
	store_close(s);
	clean_up();
}

static void deep_folder(void)
{
	struct err e = {0};
	char deep[4200];

	begin();
	snprintf(deep, sizeof deep, "%s/a//b/c/", dir);
	struct store *s = store_open(deep, 0, &e);

	CHECK(s && put_number(s, 1, 10, &e) == 0);
	store_close(s);
	snprintf(deep, sizeof deep, "%s/file", dir);
	close(open(deep, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	CHECK(!store_open(deep, 0, &e) && e.code == ENOTDIR && strstr(e.text, deep));
	clean_up();
}

static void wrong_bytes_refused(void)
{
	struct err e = {0};
	char data[1000];

	begin();
	struct store *s = store_open(dir, 0, &e);
	struct digest d = blob_make(1, data, sizeof data);

	data[500] ^= 1;
	CHECK(put(s, &d, data, sizeof data, &e) == -1 && e.code == EBADMSG);
	data[500] ^= 1;
	struct store_writer *w = store_write(s, &d, sizeof data, &e);

	CHECK(store_writer_add(w, data, 999, &e) == 0);
	CHECK(store_writer_commit(w, &e) == -1 && e.code == EBADMSG);
	w = store_write(s, &d, 999, &e);
	CHECK(store_writer_add(w, data, 999, &e) == 0);
	CHECK(store_writer_add(w, data + 999, 1, &e) == -1 && e.code == EBADMSG);
	CHECK(count_temps(dir) == 1);
	store_writer_abort(w);
	CHECK(!store_has(s, &d) && count_temps(dir) == 0 && store_bytes(s) == 0);
	CHECK(put(s, &d, data, sizeof data, &e) == 0 && store_has(s, &d));
	store_close(s);
	clean_up();
}

static void corruption_found(void)
{
	struct err e = {0};

	begin();
	struct store *s = store_open(dir, 0, &e);

	for (unsigned kind = 0; kind < 3; kind++) {
		const size_t size = 200000;
		char path[4200];

		CHECK(put_number(s, kind, size, &e) == 0);
		snprintf(path, sizeof path, "%s", path_of(kind, size));
		chmod(path, 0600);
		int fd = open(path, O_RDWR | O_CLOEXEC);

		if (kind == 0)
			CHECK(pwrite(fd, "!", 1, 150000) == 1);
		else if (kind == 1)
			CHECK(ftruncate(fd, 150000) == 0);
		else
			CHECK(pwrite(fd, "x", 1, (off_t)size) == 1);
		close(fd);
		CHECK(get_number(s, kind, size) == 0);
		CHECK(access(path, F_OK) == -1);
		CHECK(!has_number(s, kind, size) && store_bytes(s) == 0);
		CHECK(put_number(s, kind, size, &e) == 0 && get_number(s, kind, size) == 1);
		CHECK(store_trim(s, 0, &e) == 0);
	}
	store_close(s);
	clean_up();
}

static void lru_with_limit(void)
{
	struct err e = {0};

	begin();
	struct store *s = store_open(dir, 1000, &e);

	for (unsigned i = 0; i < 10; i++)
		CHECK(put_number(s, i, 100, &e) == 0);
	CHECK(store_bytes(s) == 1000);
	CHECK(get_number(s, 0, 100) == 1);
	CHECK(has_number(s, 1, 100));
	CHECK(put_number(s, 10, 100, &e) == 0);
	CHECK(store_bytes(s) == 900);
	for (unsigned i = 0; i <= 10; i++)
		CHECK((access(path_of(i, 100), F_OK) == 0) == (i != 2 && i != 3));
	/* One blob may be more than 90 % of the limit, but not more than all. */
	CHECK(put_number(s, 20, 950, &e) == 0);
	CHECK(store_bytes(s) == 950 && get_number(s, 20, 950) == 1);
	CHECK(put_number(s, 21, 1001, &e) == -1 && e.code == ENOSPC);
	CHECK(store_bytes(s) == 950);
	store_close(s);
	clean_up();
}

static void set_age(unsigned n, size_t size, int64_t seconds)
{
	struct timespec t[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - seconds}};

	CHECK(utimensat(AT_FDCWD, path_of(n, size), t, 0) == 0);
}

static int64_t get_age(unsigned n, size_t size)
{
	struct stat st;

	CHECK(stat(path_of(n, size), &st) == 0);
	return time(NULL) - st.st_mtime;
}

/* The order of use outlives the process; the stamps are renewed when they are old, and only then. */
static void order_kept_on_disk(void)
{
	struct err e = {0};

	begin();
	struct store *s = store_open(dir, 0, &e);

	for (unsigned i = 0; i < 5; i++)
		CHECK(put_number(s, i, 100, &e) == 0);
	store_close(s);
	set_age(3, 100, 9000000);
	set_age(1, 100, 8000000);
	set_age(0, 100, 7000000);
	set_age(4, 100, 1800); /* half an hour */
	set_age(2, 100, -9000000);
	s = store_open(dir, 0, &e);
	CHECK(get_number(s, 1, 100) == 1 && get_age(1, 100) < 1000);
	CHECK(get_number(s, 4, 100) == 1 && get_age(4, 100) >= 1800);
	CHECK(get_number(s, 2, 100) == 1 && get_age(2, 100) >= 0);
	store_close(s);
	s = store_open(dir, 0, &e);
	CHECK(store_bytes(s) == 500 && store_trim(s, 399, &e) == 0 &&
	      store_bytes(s) == 300);
	CHECK(!has_number(s, 3, 100) && !has_number(s, 0, 100));
	CHECK(store_trim(s, 299, &e) == 0 && !has_number(s, 4, 100));
	CHECK(has_number(s, 1, 100) && has_number(s, 2, 100));
	store_close(s);
	clean_up();
}

/* Runs work under ptrace and kills it at its N-th stop; false when it ended before. */
static bool killed_at(int n, void (*work)(void))
{
	pid_t child = fork();
	int st;

	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		work();
		_exit(0);
	}
	for (int i = 0;; i++) {
		if (waitpid(child, &st, 0) != child || !WIFSTOPPED(st))
			return false;
		if (i == n)
			break;
		if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) < 0)
			break;
	}
	kill(child, SIGKILL);
	waitpid(child, &st, 0);
	return true;
}

static bool ptrace_works(void)
{
	pid_t child = fork();
	int st;

	if (child == 0)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0);
	waitpid(child, &st, 0);
	return WIFEXITED(st) && WEXITSTATUS(st) == 0;
}

static void writing_child(void)
{
	struct err e;
	struct store *s = store_open(dir, 700, &e);

	for (unsigned i = 0; s && i < 4; i++)
		put_number(s, i, 300, &e);
}

/* The child is killed before and after each of its system calls. */
static void killed_while_writing(void)
{
	int n = 0;
	bool temps = false, some = false, all = false;

	if (!ptrace_works()) {
		printf("# skipped: ptrace is refused here\n");
		return;
	}
	for (bool killed = true; killed && !test_failed; n++) {
		struct err e = {0};

		begin();
		killed = killed_at(n, writing_child);
		temps = temps || count_temps(dir) > 0;
		struct store *s = store_open(dir, 700, &e);
		int whole = 0;

		CHECK(s && count_temps(dir) == 0);
		for (unsigned i = 0; s && i < 4; i++) {
			int got = get_number(s, i, 300);

			CHECK(got >= 0);
			whole += got;
		}
		CHECK(store_bytes(s) == (uint64_t)whole * 300);
		some = some || whole == 1;
		all = all || whole >= 2;
		CHECK(put_number(s, 9, 300, &e) == 0 && get_number(s, 9, 300) == 1);
		store_close(s);
		clean_up();
	}
	printf("# killed at %d points\n", n);
	CHECK(n > 20 && temps && some && all);
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* The rest of a test inside a file system of its own, of 256 kB; false when that is refused. */
static bool small_disk(void)
{
	char users[64], groups[64];

	snprintf(users, sizeof users, "0 %ld 1", (long)getuid());
	snprintf(groups, sizeof groups, "0 %ld 1", (long)getgid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	       write_text("/proc/self/setgroups", "deny") &&
	       write_text("/proc/self/uid_map", users) &&
	       write_text("/proc/self/gid_map", groups) && mkdir(dir, 0700) == 0 &&
	       mount("tmpfs", dir, "tmpfs", 0, "size=256k") == 0;
}

static void disk_full(void)
{
	struct err e = {0};

	begin();
	if (!small_disk()) {
		printf("# skipped: no namespace or mount here: %s\n", strerror(errno));
		rmdir(dir);
		return;
	}
	struct store *s = store_open(dir, 0, &e);
	unsigned n = 0;

	if (!CHECK(s))
		return;
	while (n < 100 && put_number(s, n, 20000, &e) == 0)
		n++;
	CHECK(n > 3 && n < 100);
	CHECK(e.code == ENOSPC && strstr(e.text, "No space left"));
	CHECK(count_temps(dir) == 0 && !has_number(s, n, 20000));
	CHECK(store_bytes(s) == n * UINT64_C(20000));

	/* A caller that adds again after the failure gets nothing wrong into the store. */
	char data[60000];
	struct digest d = blob_make(77, data, sizeof data);
	struct store_writer *w = store_write(s, &d, sizeof data, &e);

	if (CHECK(w)) {
		CHECK(store_writer_add(w, data, sizeof data, &e) == -1 && e.code == ENOSPC);
		CHECK(store_trim(s, 0, &e) == 0);
		CHECK(store_writer_add(w, data, sizeof data, &e) == 0);
		CHECK(store_writer_commit(w, &e) == -1 && !store_has(s, &d));
	}
	CHECK(put(s, &d, data, sizeof data, &e) == 0 && count_temps(dir) == 0);
	store_close(s);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

static void two_writers(void)
{
	struct err e = {0};
	char data[5000];

	begin();
	struct store *s = store_open(dir, 0, &e);
	struct store *other = store_open(dir, 0, &e);
	struct digest d = blob_make(1, data, sizeof data);
	struct store_writer *a = store_write(s, &d, sizeof data, &e);
	struct store_writer *b = store_write(s, &d, sizeof data, &e);
	struct store_writer *c = store_write(other, &d, sizeof data, &e);

	CHECK(a && b && c && count_temps(dir) == 3);
	/* Whoever opens the store now leaves the three alone. */
	store_close(store_open(dir, 0, &e));
	CHECK(count_temps(dir) == 3);
	for (size_t i = 0; i < sizeof data; i += 1000) {
		CHECK(store_writer_add(a, data + i, 1000, &e) == 0);
		CHECK(store_writer_add(b, data + i, 1000, &e) == 0);
		CHECK(store_writer_add(c, data + i, 1000, &e) == 0);
	}
	CHECK(store_writer_commit(a, &e) == 0 && get_number(s, 1, sizeof data) == 1);
	CHECK(store_writer_commit(b, &e) == 0 && get_number(s, 1, sizeof data) == 1);
	CHECK(store_writer_commit(c, &e) == 0 && get_number(other, 1, sizeof data) == 1);
	CHECK(store_bytes(s) == sizeof data && count_temps(dir) == 0);
	store_close(s);
	store_close(other);
	clean_up();
}

static void two_stores(void)
{
	struct err e = {0};

	begin();
	struct store *s = store_open(dir, 0, &e);
	struct store *other = store_open(dir, 0, &e);

	CHECK(put_number(s, 1, 100, &e) == 0);
	CHECK(has_number(other, 1, 100) && get_number(other, 1, 100) == 1);
	CHECK(put_number(s, 2, 100, &e) == 0 && get_number(other, 2, 100) == 1);
	CHECK(store_bytes(other) == 200);
	CHECK(store_trim(other, 0, &e) == 0);
	CHECK(get_number(s, 1, 100) == 0 && !has_number(s, 1, 100));
	CHECK(store_trim(s, 0, &e) == 0 && store_bytes(s) == 0);
	store_close(s);
	store_close(other);
	clean_up();
}

/* Names that are not ours stay, and are not counted. */
static void foreign_names(void)
{
	static const char *const names[] = {"ab/short", "README", "tmp/../zz", "ab/notes"};
	struct err e = {0};
	char path[4200];

	begin();
	store_close(store_open(dir, 0, &e));
	snprintf(path, sizeof path, "%s/ab", dir);
	mkdir(path, 0700);
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}
	struct store *s = store_open(dir, 1, &e);

	CHECK(s && store_bytes(s) == 0 && store_trim(s, 0, &e) == 0);
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		CHECK(access(path, F_OK) == 0);
	}
	store_close(s);
	clean_up();
}

static double ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A full store is trimmed below the limit at each commit, to 90 % within some, and opens quickly. */
static void many_blobs(void)
{
	enum {
		N = 10000,
		SIZE = 64
	};
	struct err e = {0};

	begin();
	struct store *s = store_open(dir, (uint64_t)N * SIZE, &e);

	for (unsigned i = 0; i < N && !test_failed; i++)
		CHECK(put_number(s, i, SIZE, &e) == 0);
	CHECK(store_bytes(s) == (uint64_t)N * SIZE);
	store_close(s);
	double start = ms_now();

	s = store_open(dir, (uint64_t)N * SIZE, &e);
	printf("# %d blobs opened in %.1f ms\n", N, ms_now() - start);
	CHECK(s && store_bytes(s) == (uint64_t)N * SIZE);
	CHECK(put_number(s, N, SIZE, &e) == 0);
	CHECK(store_bytes(s) < (uint64_t)N * SIZE &&
	      store_bytes(s) > (uint64_t)N * SIZE * 95 / 100);
	for (unsigned i = 1; i < 10; i++)
		CHECK(put_number(s, N + i, SIZE, &e) == 0);
	CHECK(store_bytes(s) <= (uint64_t)N * SIZE * 9 / 10 + 10 * (uint64_t)SIZE);
	CHECK(store_bytes(s) > (uint64_t)N * SIZE * 85 / 100);
	for (unsigned i = 0; i < 10; i++)
		CHECK(get_number(s, N + i, SIZE) == 1);
	store_close(s);
	clean_up();
}

TESTS({"round trip", round_trip}, {"the folder is made", deep_folder},
      {"wrong bytes are refused", wrong_bytes_refused},
      {"corruption on disk is found", corruption_found},
      {"the least recently used goes", lru_with_limit},
      {"the order is kept on disk", order_kept_on_disk},
      {"killed while writing", killed_while_writing}, {"disk full", disk_full},
      {"several writers of one blob", two_writers},
      {"two stores on one folder", two_stores}, {"foreign names", foreign_names},
      {"many blobs", many_blobs})

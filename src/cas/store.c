/* DIR/ab/cdef... holds the blob whose digest is abcdef...; DIR/tmp/PID-N is one being written.
 *
 * Invariant: a name of the first kind appears by rename only, after size and digest were verified. A
 * temporary file is locked (flock) as long as its writer lives, so that store_open of any process can
 * tell the left-overs of the dead. Nothing is synced: what a power cut tears is found by the next
 * reader, since each copy is verified.
 *
 * Happy path: store_write opens a temporary, add writes and hashes, commit renames. store_copy reads,
 * hashes and writes out. An index in memory (digest -> size, order of use) answers store_has and
 * chooses what to trim; it is read from the disk once, in store_open. The order of use outlives the
 * process in the modification times of the files, which are renewed at most once an hour.
 *
 * Ways it fails: another process may remove a blob at any time, which only makes it absent here; one
 * that it has added is found on disk when it is asked for. The sizes counted are those known here. */
#include "cas/store.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/hash.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The key is a digest: its first bytes are as good a hash as any. */
#define HASH_FUNCTION(key, length, value) memcpy(&(value), (key), sizeof(value))
#define uthash_malloc(size)               xmalloc(size)
#define uthash_fatal(why)                 abort()
#include <uthash.h>
#include <utlist.h>

enum {
	STAMP_SECONDS = 3600,
	STALE_SECONDS =
	    24 * 3600,   /* temporaries are left-overs then, whatever their lock says */
	TRIM_STEP = 256, /* blobs a commit removes at most beyond what it must */
	CHUNK = 1 << 17,
	BLOB_NAME = DIGEST_HEX + 1, /* "ab/cdef..." */
	TEMP_NAME = 48,
};

struct blob {
	struct digest digest;
	uint64_t size;
	int64_t stamp_s, stamp_ns; /* its modification time on disk */
	struct blob *prev, *next;  /* in order of use */
	UT_hash_handle hh;
};

struct store {
	int dir;
	char *path;          /* for messages */
	uint64_t max, total; /* bytes; max 0: no limit */
	bool trimming;       /* was over the limit, is not yet down to 90 % */
	struct blob *index;
	struct blob *oldest; /* utlist: oldest->prev is the last used */
	char *chunk;
};

struct store_writer {
	struct store *store;
	struct digest digest;
	uint64_t size, got;
	bool broken; /* a write failed: the file may hold a part of it */
	struct hash *hash;
	int fd;
	char temp[TEMP_NAME];
};

static char *blob_name(const struct digest *d, char out[BLOB_NAME])
{
	char hex[DIGEST_HEX];

	digest_hex(d, hex);
	snprintf(out, BLOB_NAME, "%.2s/%s", hex, hex + 2);
	return out;
}

/* ---- the index ---- */

/* The macros of uthash unfold to more than a linter takes for readable: */
/* NOLINTBEGIN(readability-function-cognitive-complexity) */
static struct blob *blob_find(const struct store *s, const struct digest *d)
{
	struct blob *b;

	HASH_FIND(hh, s->index, d, sizeof *d, b);
	return b;
}

static struct blob *blob_add(struct store *s, const struct digest *d, const struct stat *st)
{
	struct blob *b = xcalloc(1, sizeof *b);

	b->digest = *d;
	b->size = (uint64_t)st->st_size;
	b->stamp_s = st->st_mtim.tv_sec;
	b->stamp_ns = st->st_mtim.tv_nsec;
	HASH_ADD(hh, s->index, digest, sizeof b->digest, b);
	DL_APPEND(s->oldest, b);
	s->total += b->size;
	return b;
}

static void blob_forget(struct store *s, struct blob *b)
{
	if (!b)
		return;
	s->total -= b->size;
	HASH_DEL(s->index, b);
	DL_DELETE(s->oldest, b);
	free(b);
}

static void blob_move_last(struct store *s, struct blob *b)
{
	DL_DELETE(s->oldest, b);
	DL_APPEND(s->oldest, b);
}

static int blob_by_stamp(const struct blob *a, const struct blob *b)
{
	if (a->stamp_s != b->stamp_s)
		return a->stamp_s < b->stamp_s ? -1 : 1;
	return (a->stamp_ns > b->stamp_ns) - (a->stamp_ns < b->stamp_ns);
}

static void index_sort(struct store *s)
{
	DL_SORT(s->oldest, blob_by_stamp);
}

/* NOLINTEND(readability-function-cognitive-complexity) */

/* B was used now: last in order; FD, if open, gets a new time when the old one is an hour old (or lies
 * in the future: the clock was set). A time that cannot be set only makes the order less good. */
static void blob_use(struct store *s, struct blob *b, int fd)
{
	struct timespec now;

	blob_move_last(s, b);
	if (fd < 0)
		return;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec >= b->stamp_s && now.tv_sec - b->stamp_s < STAMP_SECONDS)
		return;
	if (futimens(fd, (struct timespec[2]){now, now}) == 0) {
		b->stamp_s = now.tv_sec;
		b->stamp_ns = now.tv_nsec;
	}
}

/* ---- opening ---- */

static int make_folders(const char *path, struct err *e)
{
	AUTO_FREE char *p = xstrdup(path);

	for (char *slash = p;;) {
		slash = *slash ? strchr(slash + 1, '/') : NULL;
		if (slash)
			*slash = 0;
		if (mkdir(p, 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "make folder %s", p);
		if (!slash)
			return 0;
		*slash = '/';
	}
}

static DIR *folder_open(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* The next name; one thread reads one folder. */
static const char *folder_next(DIR *d)
{
	struct dirent *f = readdir(d); /* NOLINT(concurrency-mt-unsafe) */

	return f ? f->d_name : NULL;
}

/* Removes the temporary NAME if its writer is dead, which is when its lock is free. */
static void temp_clean(int tmp, const char *name)
{
	AUTO_FD int fd = openat(tmp, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 || time(NULL) - st.st_mtime > STALE_SECONDS)
		unlinkat(tmp, name, 0);
}

static void temps_clean(struct store *s)
{
	DIR *d = folder_open(s->dir, "tmp");

	if (!d)
		return;
	for (const char *name; (name = folder_next(d));)
		temp_clean(dirfd(d), name);
	closedir(d);
}

static bool is_hex(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

/* What is in the folder named by the first byte of digests. Foreign names are left alone. */
static int folder_load(struct store *s, const char *folder, struct err *e)
{
	DIR *d = folder_open(s->dir, folder);

	if (!d)
		return err_set(e, errno, "open folder %s/%s", s->path, folder);
	for (const char *name; (name = folder_next(d));) {
		char hex[DIGEST_HEX];
		struct digest digest;
		struct stat st;

		if (!is_hex(name, DIGEST_HEX - 3))
			continue;
		snprintf(hex, sizeof hex, "%.2s%.62s", folder, name);
		if (digest_parse(&digest, hex) == 0 && !blob_find(s, &digest) &&
		    fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			blob_add(s, &digest, &st);
	}
	closedir(d);
	return 0;
}

static int index_load(struct store *s, struct err *e)
{
	DIR *d = folder_open(s->dir, ".");

	if (!d)
		return err_set(e, errno, "open folder %s", s->path);
	for (const char *name; (name = folder_next(d));)
		if (is_hex(name, 2) && folder_load(s, name, e)) {
			closedir(d);
			return -1;
		}
	closedir(d);
	index_sort(s);
	return 0;
}

struct store *store_open(const char *dir, uint64_t max_bytes, struct err *e)
{
	struct store *s = xcalloc(1, sizeof *s);

	s->path = xstrdup(dir);
	s->max = max_bytes;
	s->chunk = xmalloc(CHUNK);
	s->dir = -1;
	if (make_folders(dir, e))
		goto fail;
	s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0 || (mkdirat(s->dir, "tmp", 0700) < 0 && errno != EEXIST)) {
		err_set(e, errno, "open folder %s", dir);
		goto fail;
	}
	temps_clean(s);
	if (index_load(s, e))
		goto fail;
	s->trimming = max_bytes && s->total > max_bytes;
	return s;
fail:
	err_wrap(e, "open store");
	store_close(s);
	return NULL;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	HASH_CLEAR(hh, s->index);
	for (struct blob *next, *b = s->oldest; b; b = next) {
		next = b->next;
		free(b);
	}
	if (s->dir >= 0)
		close(s->dir);
	free(s->path);
	free(s->chunk);
	free(s);
}

uint64_t store_bytes(const struct store *s)
{
	return s->total;
}

/* ---- reading ---- */

/* Who asks is about to use it: it moves to the end of the order, so that what arrives meanwhile does
 * not push it out. */
bool store_has(struct store *s, const struct digest *d)
{
	struct blob *b = blob_find(s, d);
	char name[BLOB_NAME];
	struct stat st;

	if (b) {
		blob_use(s, b, -1);
		return true;
	}
	if (fstatat(s->dir, blob_name(d, name), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	blob_add(s, d, &st);
	return true;
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Copies FD to OUT_FD; *GOT is the digest of what was copied. */
static int copy_bytes(struct store *s, int fd, int out_fd, struct digest *got,
		      struct err *e)
{
	struct hash *h = hash_new();
	int rc = 0;

	for (;;) {
		ssize_t n = read(fd, s->chunk, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = err_set(e, errno, "read");
		if (n <= 0)
			break;
		hash_add(h, s->chunk, (size_t)n);
		if (write_all(out_fd, s->chunk, (size_t)n)) {
			rc = err_set(e, errno, "write the copy");
			break;
		}
	}
	hash_end(h, got);
	return rc;
}

int store_copy(struct store *s, const struct digest *d, int out_fd, struct err *e)
{
	struct blob *b = blob_find(s, d);
	struct digest got;
	char name[BLOB_NAME];
	struct stat st;
	AUTO_FD int fd = openat(s->dir, blob_name(d, name),
				O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) < 0) {
		int code = errno;

		if (code == ENOENT)
			blob_forget(s, b);
		return err_set(e, code, "get %s/%s", s->path, name);
	}
	if (copy_bytes(s, fd, out_fd, &got, e))
		return err_wrap(e, "get %s/%s", s->path, name);
	if (!digest_equal(&got, d)) {
		/* The caller's file is empty again, as it was given. */
		if (ftruncate(out_fd, 0) == 0)
			lseek(out_fd, 0, SEEK_SET);
		unlinkat(s->dir, name, 0);
		blob_forget(s, b);
		log_line(LOG_WARNING, "store: %s/%s was corrupt and is removed", s->path,
			 name);
		return err_set(e, ENOENT, "get %s/%s: it was corrupt and is removed",
			       s->path, name);
	}
	blob_use(s, b ? b : blob_add(s, d, &st), fd);
	return 0;
}

/* ---- trimming ---- */

static int remove_oldest(struct store *s, struct err *e)
{
	char name[BLOB_NAME];

	if (unlinkat(s->dir, blob_name(&s->oldest->digest, name), 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "trim the store: remove %s/%s", s->path, name);
	blob_forget(s, s->oldest);
	return 0;
}

/* Removes from the oldest on until at most TARGET bytes or KEEP blobs are left. */
static int trim(struct store *s, uint64_t target, size_t keep, struct err *e)
{
	while (s->total > target && HASH_COUNT(s->index) > keep)
		if (remove_oldest(s, e))
			return -1;
	return 0;
}

int store_trim(struct store *s, uint64_t target, struct err *e)
{
	return trim(s, target, 0, e);
}

static size_t keep_for_step(const struct store *s)
{
	size_t n = HASH_COUNT(s->index);

	return n > TRIM_STEP ? n - TRIM_STEP : 1;
}

/* After a commit: below the limit at once, down to 90 % in small steps, one a commit, so that no
 * commit takes long. */
static void trim_after_commit(struct store *s)
{
	uint64_t target = s->max - s->max / 10;
	struct err e;

	if (s->max == 0 || (s->total <= s->max && !s->trimming))
		return;
	s->trimming = true;
	/* The new blob stays, even if it alone is more than 90 % of the limit. */
	if (trim(s, s->max, 1, &e) || trim(s, target, keep_for_step(s), &e)) {
		/* The blob stands all the same; the next commit tries again. */
		log_line(LOG_WARNING, "store: %s", e.text);
		return;
	}
	s->trimming = s->total > target;
}

/* ---- writing ---- */

/* Opens a new locked temporary file. The name is new by O_EXCL, whoever else counts the same. */
static int temp_open(struct store_writer *w, struct err *e)
{
	static uint64_t counter;

	for (;;) {
		struct stat st;

		snprintf(w->temp, sizeof w->temp, "tmp/%ld-%" PRIu64, (long)getpid(),
			 ++counter);
		w->fd = openat(w->store->dir, w->temp,
			       O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
		if (w->fd < 0 && errno == EEXIST)
			continue;
		if (w->fd < 0)
			return err_set(e, errno, "open %s/%s", w->store->path, w->temp);
		/* Between the two calls another store_open may have taken it for a left-over: it
		 * holds the lock for a moment, and then the file has no name any more. */
		if (flock(w->fd, LOCK_EX) < 0 ||
		    (fstat(w->fd, &st) == 0 && st.st_nlink > 0))
			return 0;
		close(w->fd);
	}
}

struct store_writer *store_write(struct store *s, const struct digest *d, uint64_t size,
				 struct err *e)
{
	char name[BLOB_NAME];

	if (s->max && size > s->max) {
		err_set(e, ENOSPC, "put %s: %" PRIu64 " bytes in a store of %" PRIu64,
			blob_name(d, name), size, s->max);
		return NULL;
	}
	struct store_writer *w = xcalloc(1, sizeof *w);

	w->store = s;
	w->digest = *d;
	w->size = size;
	if (temp_open(w, e)) {
		err_wrap(e, "put %s", blob_name(d, name));
		free(w);
		return NULL;
	}
	w->hash = hash_new();
	return w;
}

static void writer_free(struct store_writer *w)
{
	struct digest unused;

	if (w->hash)
		hash_end(w->hash, &unused);
	close(w->fd);
	free(w);
}

int store_writer_add(struct store_writer *w, const void *p, size_t n, struct err *e)
{
	char name[BLOB_NAME];

	if (n > w->size - w->got)
		return err_set(e, EBADMSG,
			       "put %s: more than the announced %" PRIu64 " bytes",
			       blob_name(&w->digest, name), w->size);
	if (write_all(w->fd, p, n)) {
		w->broken = true;
		return err_set(e, errno, "put %s: write %s/%s", blob_name(&w->digest, name),
			       w->store->path, w->temp);
	}
	hash_add(w->hash, p, n);
	w->got += n;
	return 0;
}

static int writer_verify(struct store_writer *w, struct err *e)
{
	struct digest got;
	char name[BLOB_NAME];

	hash_end(w->hash, &got);
	w->hash = NULL;
	blob_name(&w->digest, name);
	if (w->broken || w->got != w->size)
		return err_set(e, EBADMSG, "put %s: %" PRIu64 " of %" PRIu64 " bytes", name,
			       w->got, w->size);
	if (!digest_equal(&got, &w->digest))
		return err_set(e, EBADMSG, "put %s: the bytes have another digest", name);
	return 0;
}

static int writer_rename(const struct store_writer *w, struct err *e)
{
	int dir = w->store->dir;
	char name[BLOB_NAME], folder[3];

	blob_name(&w->digest, name);
	if (renameat(dir, w->temp, dir, name) == 0)
		return 0;
	snprintf(folder, sizeof folder, "%.2s", name);
	if (errno == ENOENT && (mkdirat(dir, folder, 0700) == 0 || errno == EEXIST) &&
	    renameat(dir, w->temp, dir, name) == 0)
		return 0;
	return err_set(e, errno, "put %s: rename %s/%s", name, w->store->path, w->temp);
}

int store_writer_commit(struct store_writer *w, struct err *e)
{
	struct store *s = w->store;
	struct stat st;

	if (writer_verify(w, e) || writer_rename(w, e)) {
		store_writer_abort(w);
		return -1;
	}
	blob_forget(s, blob_find(s, &w->digest));
	if (fstat(w->fd, &st) == 0)
		blob_add(s, &w->digest, &st);
	writer_free(w);
	trim_after_commit(s);
	return 0;
}

void store_writer_abort(struct store_writer *w)
{
	if (!w)
		return;
	unlinkat(w->store->dir, w->temp, 0);
	writer_free(w);
}

/* Identity of a file -> digest of its bytes, in memory, oldest answers dropped beyond MAX_KNOWN.
 *
 * Invariant: an answer was made from bytes that belong to exactly this size, mtime and ctime, and the
 * file had been at rest before they were read; any write since then has changed the ctime.
 *
 * On disk: "muster-known 1\n\0", the number of entries, the entries, and the SHA-256 of all that; written
 * to a temporary name and renamed. Integers are little-endian. What does not fit is no file of ours and
 * loads as empty: it only costs reading the files again. */
#include "cas/known.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define HASH_FUNCTION(key, length, value) HASH_FNV(key, length, value)
#define uthash_malloc(size)               xmalloc(size)
#define uthash_fatal(why)                 abort()
#include <uthash.h>

enum {
	MAX_KNOWN = 1 << 20,
	ENTRY_SIZE = 7 * 8 + DIGEST_SIZE,
	HEAD_SIZE = 16 + 8,
	TRIES = 5, /* for a file that changes while it is read */
};

static const char magic[16] = "muster-known 1\n";

struct key {
	uint64_t dev, ino;
};

struct known_file {
	struct key key;
	uint64_t size;
	struct timespec mtime, ctime;
	struct digest digest;
	UT_hash_handle hh;
};

struct known {
	struct known_file *files; /* the list in uthash is in order of arrival */
};

struct known *known_new(void)
{
	return xcalloc(1, sizeof(struct known));
}

/* The macros of uthash unfold to more than a linter takes for readable: */
/* NOLINTBEGIN(readability-function-cognitive-complexity,clang-analyzer-core.UndefinedBinaryOperatorResult) */
static void forget(struct known *k, struct known_file *f)
{
	HASH_DEL(k->files, f);
	free(f);
}

void known_free(struct known *k)
{
	if (!k)
		return;
	while (k->files)
		forget(k, k->files);
	free(k);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static struct known_file *find(const struct known *k, uint64_t dev, uint64_t ino)
{
	struct key key = {dev, ino};
	struct known_file *f;

	HASH_FIND(hh, k->files, &key, sizeof key, f);
	return f;
}

/* Adds F, which then belongs to K, in the place of what was known of the same inode. */
static void insert(struct known *k, struct known_file *f)
{
	struct known_file *old = find(k, f->key.dev, f->key.ino);

	if (old)
		forget(k, old);
	else if (HASH_COUNT(k->files) >= MAX_KNOWN)
		forget(k, k->files);
	HASH_ADD(hh, k->files, key, sizeof f->key, f);
}

/* NOLINTEND(readability-function-cognitive-complexity,clang-analyzer-core.UndefinedBinaryOperatorResult) */

bool known_get(const struct known *k, const struct stat *st, struct digest *out)
{
	const struct known_file *f = find(k, st->st_dev, st->st_ino);

	if (!f || f->size != (uint64_t)st->st_size || !same_time(f->mtime, st->st_mtim) ||
	    !same_time(f->ctime, st->st_ctim))
		return false;
	*out = f->digest;
	return true;
}

/* At rest: both times lie before NS by more than the grain of any clock that sets them. A time in the
 * future, from another machine's clock, tells nothing and is not trusted either. */
static bool before(struct timespec t, int64_t ns)
{
	int64_t limit = ns - KNOWN_RACY_NS;

	return t.tv_sec < limit / 1000000000 ||
	       (t.tv_sec == limit / 1000000000 && t.tv_nsec < limit % 1000000000);
}

void known_put(struct known *k, const struct stat *st, int64_t hashed_at_ns,
	       const struct digest *d)
{
	if (!before(st->st_mtim, hashed_at_ns) || !before(st->st_ctim, hashed_at_ns)) {
		struct known_file *old = find(k, st->st_dev, st->st_ino);

		if (old)
			forget(k, old);
		return;
	}
	struct known_file *f = xcalloc(1, sizeof *f);

	f->key = (struct key){st->st_dev, st->st_ino};
	f->size = (uint64_t)st->st_size;
	f->mtime = st->st_mtim;
	f->ctime = st->st_ctim;
	f->digest = *d;
	insert(k, f);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim) &&
	       same_time(a->st_ctim, b->st_ctim);
}

/* Reads PATH once. 1: it changed meanwhile. */
static int read_once(struct known *k, const char *path, struct stat *st, struct digest *out,
		     struct err *e)
{
	struct timespec now;
	struct stat after;
	off_t size;

	clock_gettime(CLOCK_REALTIME, &now);
	/* NONBLOCK: what was a file a moment ago may be a pipe by now. */
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, st) < 0)
		return err_set(e, errno, "open %s", path);
	if (!S_ISREG(st->st_mode))
		return err_set(e, EINVAL, "hash %s: it is not a regular file", path);
	if (hash_fd(fd, out, &size, e))
		return err_wrap(e, "hash %s", path);
	if (fstat(fd, &after) < 0)
		return err_set(e, errno, "look at %s", path);
	if (!same_file(st, &after) || size != st->st_size)
		return 1;
	known_put(k, st, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, out);
	return 0;
}

int known_digest(struct known *k, const char *path, struct stat *st, struct digest *out,
		 struct err *e)
{
	if (stat(path, st) < 0)
		return err_set(e, errno, "look at %s", path);
	if (!S_ISREG(st->st_mode))
		return err_set(e, S_ISDIR(st->st_mode) ? EISDIR : EINVAL, "hash %s", path);
	if (known_get(k, st, out))
		return 0;
	for (int i = 0; i < TRIES; i++) {
		int rc = read_once(k, path, st, out, e);

		if (rc <= 0)
			return rc;
	}
	return err_set(e, EBUSY, "hash %s: it changes while it is read", path);
}

/* ---- keeping ---- */

static void put_time(struct buf *b, struct timespec t)
{
	buf_u64(b, (uint64_t)t.tv_sec);
	buf_u64(b, (uint64_t)t.tv_nsec);
}

static struct timespec get_time(struct cursor *c)
{
	time_t seconds = (time_t)cursor_u64(c);

	return (struct timespec){.tv_sec = seconds, .tv_nsec = (long)cursor_u64(c)};
}

static int write_file(const char *path, const struct buf *b, struct err *e)
{
	AUTO_FREE char *temp = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(temp, O_CLOEXEC);
	size_t at = 0;

	if (fd < 0)
		return err_set(e, errno, "make %s", temp);
	while (at < b->len) {
		ssize_t n = write(fd, b->data + at, b->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		at += (size_t)n;
	}
	int rc = at < b->len ? err_set(e, errno, "write %s", temp) : 0;

	if (close(fd) < 0 && rc == 0)
		rc = err_set(e, errno, "write %s", temp);
	if (rc == 0 && rename(temp, path) < 0)
		rc = err_set(e, errno, "rename %s to %s", temp, path);
	if (rc)
		unlink(temp);
	return rc;
}

int known_save(const struct known *k, const char *path, struct err *e)
{
	AUTO_BUF struct buf b = {0};
	struct digest sum;

	buf_add(&b, magic, sizeof magic);
	buf_u64(&b, HASH_COUNT(k->files));
	for (const struct known_file *f = k->files; f; f = f->hh.next) {
		buf_u64(&b, f->key.dev);
		buf_u64(&b, f->key.ino);
		buf_u64(&b, f->size);
		put_time(&b, f->mtime);
		put_time(&b, f->ctime);
		buf_add(&b, f->digest.b, DIGEST_SIZE);
	}
	hash_bytes(b.data, b.len, &sum);
	buf_add(&b, sum.b, DIGEST_SIZE);
	return write_file(path, &b, e) ? err_wrap(e, "keep known digests") : 0;
}

/* All of PATH; nothing when it cannot be read or is longer than any of ours. */
static void read_file(const char *path, struct buf *b)
{
	const size_t limit = HEAD_SIZE + (size_t)MAX_KNOWN * ENTRY_SIZE + DIGEST_SIZE;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size > limit)
		return;
	for (size_t left = (size_t)st.st_size; left > 0;) {
		ssize_t n = read(fd, buf_room(b, left), left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		b->len += (size_t)n;
		left -= (size_t)n;
	}
}

static bool is_ours(const struct buf *b)
{
	struct digest sum;

	if (b->len < HEAD_SIZE + DIGEST_SIZE || memcmp(b->data, magic, sizeof magic) != 0)
		return false;
	hash_bytes(b->data, b->len - DIGEST_SIZE, &sum);
	return memcmp(sum.b, b->data + b->len - DIGEST_SIZE, DIGEST_SIZE) == 0;
}

void known_load(struct known *k, const char *path)
{
	AUTO_BUF struct buf b = {0};

	read_file(path, &b);
	if (!is_ours(&b))
		return;
	struct cursor c = {b.data + sizeof magic, b.data + b.len - DIGEST_SIZE, 0};
	uint64_t n = cursor_u64(&c);

	if ((uint64_t)(c.end - c.p) / ENTRY_SIZE != n || (c.end - c.p) % ENTRY_SIZE != 0)
		return;
	while (n-- > 0) {
		struct known_file *f = xcalloc(1, sizeof *f);

		f->key.dev = cursor_u64(&c);
		f->key.ino = cursor_u64(&c);
		f->size = cursor_u64(&c);
		f->mtime = get_time(&c);
		f->ctime = get_time(&c);
		memcpy(f->digest.b, cursor_bytes(&c, DIGEST_SIZE).p, DIGEST_SIZE);
		insert(k, f);
	}
}

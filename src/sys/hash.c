#include "sys/hash.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

struct hash {
	EVP_MD_CTX *ctx;
};

struct hash *hash_new(void)
{
	static EVP_MD *sha256; /* fetched once: a fetch costs more than hashing a header */
	struct hash *h = xcalloc(1, sizeof *h);

	if (!sha256)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	if (!sha256 || !h->ctx || !EVP_DigestInit_ex(h->ctx, sha256, NULL))
		abort();
	return h;
}

void hash_add(struct hash *h, const void *p, size_t n)
{
	if (!EVP_DigestUpdate(h->ctx, p, n))
		abort();
}

void hash_end(struct hash *h, struct digest *out)
{
	unsigned n = DIGEST_SIZE;

	if (!EVP_DigestFinal_ex(h->ctx, out->b, &n))
		abort();
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void hash_bytes(const void *p, size_t n, struct digest *out)
{
	struct hash *h = hash_new();

	hash_add(h, p, n);
	hash_end(h, out);
}

int hash_fd(int fd, struct digest *out, off_t *size, struct err *e)
{
	static char chunk[1 << 17];
	struct hash *h = hash_new();
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, chunk, sizeof chunk, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int code = errno;

			hash_end(h, out);
			return err_set(e, code, "read");
		}
		if (n == 0)
			break;
		hash_add(h, chunk, (size_t)n);
		at += n;
	}
	hash_end(h, out);
	if (size)
		*size = at;
	return 0;
}

int hash_file(const char *path, struct digest *out, off_t *size, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	return hash_fd(fd, out, size, e) ? err_wrap(e, "hash %s", path) : 0;
}

#include "worker/own.h"

#include "base/err.h"
#include "base/mem.h"
#include "cas/known.h"
#include "sys/fs.h"
#include "sys/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct own {
	struct known *known;
};

/* Folders that a package manager fills and every user may read. */
static const char *const system_dirs[] = {"/usr/include/",       "/usr/lib/",
					  "/usr/lib32/",         "/usr/libx32/",
					  "/usr/local/include/", "/usr/share/"};

struct own *own_new(void)
{
	struct own *o = xcalloc(1, sizeof *o);

	o->known = known_new();
	return o;
}

void own_free(struct own *o)
{
	if (!o)
		return;
	known_free(o->known);
	free(o);
}

static bool is_system(const char *path)
{
	for (size_t i = 0; i < sizeof system_dirs / sizeof *system_dirs; i++)
		if (strncmp(path, system_dirs[i], strlen(system_dirs[i])) == 0)
			return true;
	return false;
}

/* Copies FROM to TO and tells whether what was copied has the digest. */
static int copy_verified(int from, int to, const struct digest *want, struct err *e)
{
	static char chunk[1 << 16];
	struct hash *h = hash_new();
	struct digest got;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(from, chunk, sizeof chunk)) > 0) {
		hash_add(h, chunk, (size_t)n);
		r = fs_write_all(to, chunk, (size_t)n, e);
	}
	hash_end(h, &got);
	return r ? -1 : digest_equal(&got, want);
}

int own_copy(struct own *o, const struct entry *en, int fd, struct err *e)
{
	struct stat st;
	struct digest d;

	if (!is_system(en->path) || stat(en->path, &st) || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != en->size)
		return 0;
	if (known_digest(o->known, en->path, &st, &d, NULL) ||
	    !digest_equal(&d, &en->digest))
		return 0;
	AUTO_FD int from = open(en->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return from < 0 ? 0 : copy_verified(from, fd, &en->digest, e);
}

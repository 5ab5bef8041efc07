#pragma once
#include "base/digest.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
/* What has been hashed before: (device, inode, size, mtime, ctime) -> digest, so that an unchanged
 * file is never read twice. "Racily clean" entries are not trusted, as git's index does: a file whose
 * mtime or ctime lies within KNOWN_RACY_NS before the moment it was hashed may be written again without
 * its times changing, so such an answer is not remembered. */
struct known;
struct err;

enum {
	KNOWN_RACY_NS = 50 * 1000 * 1000
};

struct known *known_new(void);
void known_free(struct known *);
bool known_get(const struct known *, const struct stat *, struct digest *out);
/* ST is from before the bytes were read, HASHED_AT_NS (CLOCK_REALTIME) too. */
void known_put(struct known *, const struct stat *, int64_t hashed_at_ns,
	       const struct digest *);
/* Digest of PATH: from memory, or by reading it. *ST is filled. 0 or -1. */
int known_digest(struct known *, const char *path, struct stat *st, struct digest *out,
		 struct err *);
/* Keeping it between runs. A file that is absent, of another version or damaged loads as empty. */
void known_load(struct known *, const char *path);
int known_save(const struct known *, const char *path, struct err *);

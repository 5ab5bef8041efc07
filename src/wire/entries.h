#pragma once
#include "base/buf.h"
#include "base/digest.h"

#include <stdint.h>

/* Names in a tree, as VIEW and TOOLCHAIN carry them: u8 kind, str path, then by kind: FILE: digest, varint
 * size, u64 mtime (two's complement), varint mode; LINK: str target. */
struct wire_entry {
	unsigned kind; /* enum entry_kind of cas/entry.h: 1 dir, 2 file, 3 link, 4 gone */
	const char *path, *target;
	struct digest digest;
	uint64_t size;
	int64_t mtime_s;
	unsigned mode;
};

enum {
	WIRE_PATH_MAX = 4096
};

void wire_entry_put(struct buf *, const struct wire_entry *);
/* The next entry: 1; 0 at the end; -1 when malformed. PATH and TARGET are written into the two buffers of
 * the caller (each of WIRE_PATH_MAX bytes), which the entry then points to. */
int wire_entry_get(struct cursor *, struct wire_entry *, char *path, char *target);

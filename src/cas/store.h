#pragma once
#include "base/digest.h"

#include <stdbool.h>
#include <stdint.h>
/* Bytes by their digest, on disk. Invariant: a file under its final name is complete (written under
 * a temporary name, verified, then renamed), so kill -9 at any moment leaves at worst temporary files,
 * which the next store_open removes. Reading verifies again: a file whose bytes do not fit its name
 * is removed and counts as absent. */
struct store;
struct store_writer;
struct err;

/* DIR is made if need be; MAX_BYTES limits what it holds (least recently used goes first; 0: no limit). */
struct store *store_open(const char *dir, uint64_t max_bytes, struct err *);
void store_close(struct store *);

bool store_has(struct store *, const struct digest *);
/* Copies the blob to the open, writable, empty file OUT_FD while verifying it, and marks it used.
 * 0; -1 with err->code ENOENT when it is not there (or was corrupt and has been removed). */
int store_copy(struct store *, const struct digest *, int out_fd, struct err *);
/* Writing in pieces as they arrive. commit verifies size and digest; then, or on abort, frees.
 * A second writer of the same digest is fine. -1: disk full, wrong bytes. */
struct store_writer *store_write(struct store *, const struct digest *, uint64_t size,
				 struct err *);
int store_writer_add(struct store_writer *, const void *, size_t n, struct err *);
int store_writer_commit(struct store_writer *, struct err *);
void store_writer_abort(struct store_writer *);
uint64_t store_bytes(const struct store *);
/* Removes the least recently used until at most TARGET bytes remain. */
int store_trim(struct store *, uint64_t target, struct err *);

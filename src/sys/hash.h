#pragma once
#include "base/digest.h"

#include <stddef.h>
#include <sys/types.h>
/* SHA-256, the only place that computes digests (OpenSSL's EVP). */
struct err;
struct hash;

struct hash *hash_new(void);
void hash_add(struct hash *, const void *, size_t n);
void hash_end(struct hash *, struct digest *out); /* also frees */
void hash_bytes(const void *, size_t n, struct digest *out);
/* The whole of FD from offset 0, without moving its position; *SIZE if not NULL. 0 or -1. */
int hash_fd(int fd, struct digest *out, off_t *size, struct err *);
int hash_file(const char *path, struct digest *out, off_t *size, struct err *);

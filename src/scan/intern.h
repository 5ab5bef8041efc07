#pragma once
#include <stddef.h>
#include <stdint.h>
/* Strings as small numbers: equal bytes, equal number, for the life of the table. Number 0 is "".
 * Names of files, of folders, of macros and spellings of tokens all live in one table of a scan. */
struct intern;

struct intern *intern_new(void);
void intern_free(struct intern *); /* NULL is fine */
uint32_t intern_add(struct intern *, const char *s, size_t n);
uint32_t intern_str(struct intern *, const char *s);
const char *intern_text(const struct intern *, uint32_t id); /* NUL-terminated */
size_t intern_len(const struct intern *, uint32_t id);

/* A 64-bit mix of the bytes, not cryptographic; SEED chains several. */
uint64_t intern_hash(const void *, size_t n, uint64_t seed);

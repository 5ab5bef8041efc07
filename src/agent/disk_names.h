#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The names in one folder, as hashes: "is there an a.h?" without a system call. A collision of 64-bit
 * hashes could only make an absent name look present, and a stat follows every yes. */
struct names {
	uint64_t *slots;
	size_t size, n;
};

uint64_t names_hash(const char *name, size_t n);
void names_add(struct names *, uint64_t hash);
void names_remove(struct names *, uint64_t hash); /* one that is not there is fine */
bool names_has(const struct names *, uint64_t hash);
void names_clear(struct names *);

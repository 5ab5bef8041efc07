#pragma once
#include <stdint.h>
/* A key that two machines share: 32 random bytes, as 64 hexadecimal digits in a file of its owner's alone. Whoever has
 * it is let in, and nobody else: it is the whole of the trust between a worker and its users where there is no farm. */
struct err;

enum {
	KEY_SIZE = 32,
	KEY_NAME = 17, /* with its NUL */
	KEY_FILE_MAX = 4096
};

struct key {
	uint8_t b[KEY_SIZE];
};

void key_make(struct key *); /* a new one, from the system's randomness */
/* 0; -1: what is wrong with it. A file that others may read or write, or that is neither ours nor root's, is refused. */
int key_read(struct key *, const char *path, struct err *);
/* The same from an open descriptor, which may also be a pipe; WHAT names it in sentences. */
int key_read_fd(struct key *, int fd, const char *what, struct err *);
/* As a new file with mode 0600; what is there already is never touched (code EEXIST). 0 or -1. */
int key_write(const struct key *, const char *path, struct err *);
/* What may be told of it to anybody: 16 digits of a digest over it. */
const char *key_name(const struct key *, char out[KEY_NAME]);
void key_forget(struct key *); /* wipes it */
/* Where it is looked for when nobody says: $XDG_CONFIG_HOME/muster/key, ~/.config/muster/key; to be freed. NULL:
 * there is no home. GETENV_FN is asked for the variables. */
char *key_own_path(const char *(*getenv_fn)(void *ctx, const char *name), void *ctx);
#define KEY_SYSTEM_PATH "/etc/muster/key" /* for root, when it has none of its own */

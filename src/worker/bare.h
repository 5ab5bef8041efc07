#pragma once
#include <stddef.h>
#include <stdint.h>
/* A compile without a cage, where the machine has none to offer or its owner said --no-sandbox: the worker's own
 * compiler on a preprocessed text, in a folder of its own, in a process group of its own. Only commands
 * that the option table knows ever get here (client.c). Where the kernel has Landlock, it reads nothing but system folders, its
 * compiler and its text, and writes nothing but its folder; and seccomp leaves it no more calls than a caged one.
 * Where not, it could read what the worker can. */
struct bare;
struct err;
struct sandbox_end;

struct bare_spec {
	const char *dir;     /* exists; the current folder, TMPDIR, and where it writes */
	const char *reads;   /* the folder where its text is */
	const char *program; /* absolute */
	char *const *argv;
	const int *stdio; /* three, borrowed; become 0, 1, 2 */
	unsigned umask;
	uint64_t memory_bytes, file_bytes; /* limits, 0: none */
	unsigned cpu_s;
};

/* Its environment is PATH and TMPDIR and nothing else. NULL: could not fork. */
struct bare *bare_start(const struct bare_spec *, struct err *);
int bare_fd(const struct bare *); /* becomes readable when the compiler has ended */
/* As sandbox_end: 1 and *END when it has ended, 0 when not yet. What it left running is killed. */
int bare_end(struct bare *, struct sandbox_end *);
int bare_written(const struct bare *); /* a descriptor on DIR, borrowed */
void bare_kill(struct bare *);
void bare_free(struct bare *); /* kills and reaps first if need be */

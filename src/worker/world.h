#pragma once
#include <stddef.h>
#include <stdint.h>
/* The file system that a compiler sees: built by pid 1 of a sandbox, in its own mount namespace,
 * and then the only one there is.
 *
 *   upper  (tmpfs)    what the compiler writes, and nothing else
 *   skeleton          the empty mount points /proc and /dev/…, and /tmp with mode 1777 (worker/ground)
 *   lower[0] …        the job's files, the toolchain: read-only folders of the worker
 *   binds             mounted upon folders of these: more of the worker's folders, read-only
 *
 * In the upper folder a character device 0:0 stands for a lower file that the compiler removed, and
 * a folder may be there only because something below it was written and removed again (/tmp). */
struct err;
struct ground;
struct sandbox_bind;

enum {
	WORLD_LOWER_LIMIT = 128, /* their names fit the page that mount(2) takes */
	WORLD_FILES_LIMIT = 65536
};

struct world {
	const struct ground *ground;
	const int *lower; /* where they are on the ground; topmost first, at least one */
	size_t nlower;
	const struct sandbox_bind *binds; /* worker/sandbox.h */
	const int *froms;                 /* where each comes from on the ground */
	size_t nbinds;
	uint64_t scratch_bytes; /* not 0 */
};

/* Makes it and moves in: afterwards "/" is the new world and nothing else is within reach. The
 * caller is alone in its user and pid namespaces. Returns a descriptor on the upper folder,
 * or -1; then the process is of no more use than to say why. */
int world_enter(const struct world *, struct err *);

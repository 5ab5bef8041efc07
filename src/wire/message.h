#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"

#include <stdint.h>

/* What an agent and a worker say to each other. One connection carries everything; many jobs are under
 * way on it at once. docs/protocol.md tells it at length, wire/talk.h what both say to a scheduler.
 *
 *   agent                                              worker
 *    │ "MSTR" HELLO ───────────────────────────────────► │   both first, at once; versions and
 *    │ ◄─────────────────────────────── "MSTR" HELLO     │   features are settled here and nowhere else
 *    │ TOOLCHAIN {ref, id, entries} ───────────────────► │   have you this compiler?
 *    │ ◄──────────── TOOLCHAIN_ANSWER {ref, yes, why}    │
 *    │ VIEW {names of folders, links, files} ──────────► │   what the client's disk looks like; only
 *    │ JOB {id, toolchain, argv, cwd, …} ──────────────► │   what changed since the last VIEW
 *    │ ◄───────────────────────────── NEED {digests}     │   of these the bytes are missing
 *    │ BLOB {digest, size, offset, bytes}* ────────────► │   or BLOB_GONE: it changed meanwhile
 *    │ ◄────────────────────────────── STARTED {id}      │   all is there and a slot is free
 *    │ ◄──────────── OUTPUT {id, index, path, …bytes}*   │   0 = stdout, 1 = stderr, then files
 *    │ ◄──────────────── RESULT {id, outcome, status}    │   last; the slot is free again
 *    │ CANCEL {id} ────────────────────────────────────► │   at any time; a RESULT may still cross it
 *    │ PING ◄──────────────────────────────────► PONG    │   when nothing else was said for a while
 *    │ ◄───────────────────────── "MSTR" REFUSED {why}   │   in place of HELLO: not let in, and the end
 *
 * Order is meaning: a JOB sees the view as all VIEWs before it left it, and starts only when every blob
 * that those named has arrived. Flow: bulk (BLOB, OUTPUT) is produced only as fast as the socket takes it,
 * in chunks of at most MESSAGE_CHUNK, so that neither side's memory depends on the other's speed. */

enum {
	WIRE_VERSION =
	    1, /* the newest we speak; we speak WIRE_VERSION_MIN … WIRE_VERSION */
	WIRE_VERSION_MIN = 1,
	WIRE_FEATURE_ZSTD =
	    1 << 0, /* frames after the HELLOs travel in one zstd stream a direction */
	MESSAGE_CHUNK = 64 << 10, /* bytes of a BLOB or OUTPUT message, at most */
	MESSAGE_STRINGS = 100000, /* entries of a strv, at most */
	MESSAGE_PREFACE = 4, /* the first bytes of a connection tell who speaks: "MSTR" */
};

#define MESSAGE_PREFACE_BYTES "MSTR"

enum job_flag {
	WIRE_JOB_TERMINAL =
	    1 << 0, /* stderr was a terminal of COLUMNS columns: give it one */
	/* Word SOURCE of argv is a preprocessed text (its path in the view), word OBJECT the object's name:
	 * the worker puts names of its own there. The only way for a worker that cannot confine compiles. */
	WIRE_JOB_PREPROCESSED = 1 << 1,
};

enum wire_outcome {
	WIRE_COMPILED =
	    0, /* the compiler ran and ended by itself: STATUS is what waitpid gave */
	WIRE_FAILED = 1, /* the machinery failed: WHY; nothing is said about the program */
	WIRE_STALE = 2,  /* a file of the view changed before its bytes were sent */
};

/* A field's C types. str is NUL-terminated, strv NULL-terminated; both live in the arena given to the
 * getter. raw is borrowed from the payload. */
#define MESSAGE_C_u32(name)  uint32_t name;
#define MESSAGE_C_u64(name)  uint64_t name;
#define MESSAGE_C_str(name)  const char *name;
#define MESSAGE_C_strv(name) char *const *name;
#define MESSAGE_C_raw(name)  struct slice name;
#define MESSAGE_C_dig(name)  struct digest name;

#define F(type, name)        MESSAGE_C_##type(name)
#define MESSAGE(number, NAME, lower, fields) \
	struct message_##lower { \
		fields \
	};
#include "wire/messages.def"
#undef MESSAGE
#undef F

enum message_type {
#define MESSAGE(number, NAME, lower, fields) MESSAGE_##NAME = (number),
#include "wire/messages.def"
#undef MESSAGE
};

/* message_put_x appends a whole frame; message_get_x reads a payload: 0, or -1 when it is malformed
 * (too short, too long, a bad length). NULL strings are written as empty. */
#define MESSAGE(number, NAME, lower, fields) \
	void message_put_##lower(struct buf *, const struct message_##lower *); \
	int message_get_##lower(struct message_##lower *, struct arena *, const char *p, \
				size_t n);
#include "wire/messages.def"
#undef MESSAGE

const char *message_name(unsigned type); /* "HELLO"…, or "?" */

#pragma once
#include <stddef.h>
#include <stdint.h>

/* Shim and agent, over a unix socket that only the user can reach.
 *
 *   shim                                   agent
 *    │  REQUEST {argv, env, cwd, …}  ────►  │
 *    │  ◄──── (KEEP)*  every few seconds: I am still here
 *    │  ◄──── (OUT bytes | ERR bytes)*      what to write to stdout and stderr
 *    │  ◄──── (LOG line)*                   what to tell the user beside that
 *    │  ◄──── EXIT {wait status}            end with that, or
 *    │  ◄──── LOCAL {program}               run the compiler yourself; the connection is kept open until
 *    │                                      the compiler ends: it is the lease of a local slot
 *    │  (hang-up at any moment)             cancels
 *
 * Frames: u32 little-endian payload length, u8 type, payload. Strings are u32 length + bytes + NUL
 * (length without the NUL). Both sides are of one version: the REQUEST's first word is LOCAL_VERSION, and
 * an agent of another version answers LOCAL with an empty program, which sends the shim to the compiler. */
enum {
	LOCAL_VERSION = 2,
	LOCAL_HEADER = 5,
	LOCAL_MAX_REQUEST = 16 << 20,
	LOCAL_MAX_REPLY = 1 << 20
};

enum local_type {
	LOCAL_REQUEST =
	    1, /* u32 version, u32 flags, u32 umask, u32 columns (0 unknown), u64 cwd dev,
	                      u64 cwd ino, u64 root dev, u64 root ino, str cwd, str self (the shim's own
	                      file, resolved), u32 argc, str argv…, u32 envc, str env… */
	LOCAL_KEEP,  /* - */
	LOCAL_OUT,   /* bytes */
	LOCAL_ERR,   /* bytes */
	LOCAL_EXIT,  /* u32 status as waitpid gives it */
	LOCAL_LOCAL, /* str program: absolute path to run, or "": find it on PATH yourself */
	LOCAL_LOG, /* a line with its newline, for $DISTCC_LOG, else $UNCACHED_ERR_FD, else stderr; written at once */
	LOCAL_QUERY, /* from `muster`: str what ("status", "stop"); answered by LOCAL_OUT* LOCAL_EXIT. "watch RUN"
	                (agent/watch.h) and "callers ADDRESS BUILD KEYFILE" (agent/callers.h) are answered by lines in
	                LOCAL_OUT until the asker hangs up */
};

enum local_flag {
	LOCAL_STDERR_TTY = 1, /* stderr is a terminal: colour and width follow it */
	LOCAL_STDIN_TTY = 2,
	LOCAL_EXPLAIN = 8, /* do nothing; answer with what would be done, as JSON in OUT */
	LOCAL_DISTCC = 4,  /* the shim was called by the name of distcc */
};

struct local_request {
	uint32_t version, flags, umask, columns;
	uint64_t cwd_dev, cwd_ino, root_dev, root_ino;
	const char *cwd, *self;
	char **argv, **env; /* NULL-terminated */
	uint32_t argc, envc;
	uint32_t
	    elsewhere; /* not on the wire, the agent's finding: the shim sees other mounts than it does */
};

/* Parses a REQUEST's payload in place: strings point into PAYLOAD (each is NUL-terminated there), the two
 * arrays are one malloc in req->argv (free that). 0; -1 when malformed; of another version: 0 with only
 * version set. */
int local_parse_request(struct local_request *, const char *payload, size_t n);
/* The whole REQUEST frame, header included: malloc'ed into *FRAME. 0, or -1 when it exceeds
 * LOCAL_MAX_REQUEST. */
int local_make_request(const struct local_request *, char **frame, size_t *n);

/* Where the agent listens: "$MUSTER_STATE_DIR/agent.sock", else "$XDG_RUNTIME_DIR/muster/agent.sock",
 * else "/tmp/muster-UID/agent.sock". The folder goes into OUT; -1 when OUT or a sun_path (108 bytes, with
 * "/agent.sock") is too small for it, or when MUSTER_STATE_DIR is not absolute (each folder of a build
 * would have its own agent); a relative XDG_RUNTIME_DIR counts as unset, as its specification says.
 * GETENV is passed in because this folder is pure. */
int local_socket_dir(char *out, size_t size, unsigned uid,
		     const char *(*getenv_fn)(const char *));

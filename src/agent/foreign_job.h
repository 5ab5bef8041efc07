#pragma once
#include "base/buf.h"
#include "sys/loop.h"

#include <stdint.h>
/* One connection to a distccd, which is one job: connect or start ssh, send the request, read the reply. Knows
 * nothing of tasks.
 *
 * Our side of the connection stays open until the reply is there: a distccd takes a half-closed one for a client that
 * has gone away. */
struct addrinfo;
struct foreign_job;
struct host;

enum foreign_end {
	FOREIGN_REPLIED,
	FOREIGN_UNREACHABLE, /* there was no connection */
	FOREIGN_SILENT,      /* it closed the connection without a byte */
	FOREIGN_FAILED,      /* it broke off, made no sense or took too long */
};

struct foreign_where {
	struct loop *loop;
	const struct host *host;
	const struct addrinfo *addresses; /* of a tcp host, to be tried in order … */
	const struct addrinfo *good;      /* … but this one first, if not NULL */
	const char *ssh;                  /* DISTCC_SSH or NULL */
	nsec io_timeout;                  /* without a byte either way */
};

struct foreign_reply {
	enum foreign_end end;
	const char *why;                     /* a sentence, unless it replied */
	uint32_t status;                     /* as waitpid gives it */
	struct buf serr, sout, object, deps; /* unpacked; the callee may take them */
	const struct addrinfo *reached;      /* the address that answered, or NULL */
	uint64_t bytes_up, bytes_down;
};

enum {
	FOREIGN_OBJECT_MAX = 512 << 20, /* bytes of an object, packed or not */
	FOREIGN_TEXT_MAX = 16 << 20,    /* of SERR, SOUT, DOTD */
	FOREIGN_CONNECT_MS = 4000       /* for one address */
};

/* REQUEST (its bytes are taken) of protocol VERSION. FLAW, if not NULL: there is no such request, and the job ends with
 * that. DONE is called once, last and from the loop; the job is to be freed in it or later. */
struct foreign_job *foreign_job_start(const struct foreign_where *, uint32_t version,
				      struct buf *request, const char *flaw,
				      void (*done)(void *ctx, struct foreign_reply *),
				      void *ctx);
/* Hangs up first if need be; DONE is not called any more. NULL is fine. */
void foreign_job_free(struct foreign_job *);
/* What has gone over the wire so far. */
uint64_t foreign_job_bytes_up(const struct foreign_job *);
uint64_t foreign_job_bytes_down(const struct foreign_job *);

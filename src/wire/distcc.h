#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* The distcc protocol, versions 1 to 3: a stream of tokens, each four letters and eight hex digits,
 * some followed by that many bytes. One job a connection; nothing is negotiated. distccd(1), distcc(1);
 * docs/distcc.md tells what was learned by watching the programs.
 *
 *   client                                                server
 *    │ DIST v  [CDIR]³  ARGC n  ARGV*n                     ►│   ³ version 3 only
 *    │ DOTI text                                  (1, 2)   ►│   the preprocessed source
 *    │ NFIL m  { NAME  FILE bytes | LINK target }*m  (3)   ►│   the sources
 *    │◄  DONE v  STAT status  SERR  SOUT  DOTO  [DOTD]³     │   DOTD only when the status is 0
 *
 * Pure: bytes in, calls out. Nothing is kept but one string at a time, which has a limit; bulk (DOTI, FILE,
 * SERR, SOUT, DOTO, DOTD) is passed on in the pieces in which it comes, still compressed. */
struct err;

enum distcc_token {
	DISTCC_DIST,
	DISTCC_CDIR,
	DISTCC_ARGC,
	DISTCC_ARGV,
	DISTCC_DOTI,
	DISTCC_NFIL,
	DISTCC_NAME,
	DISTCC_FILE,
	DISTCC_LINK,
	DISTCC_DONE,
	DISTCC_STAT,
	DISTCC_SERR,
	DISTCC_SOUT,
	DISTCC_DOTO,
	DISTCC_DOTD,
	DISTCC_NTOKENS
};

/* What a peer may make us hold or do; exceeding one is an error that names it. */
struct distcc_limits {
	uint32_t args;    /* ARGC */
	uint32_t files;   /* NFIL */
	uint32_t string;  /* bytes of one ARGV, NAME, LINK, CDIR */
	uint64_t strings; /* bytes of all of them together */
	uint32_t bulk;    /* bytes of one bulk body */
};

/* Each returns 0, or -1 with ERR set: then reading ends. */
struct distcc_handler {
	/* DIST ARGC NFIL DONE STAT and their number. */
	int (*number)(void *ctx, enum distcc_token, uint32_t value, struct err *);
	/* CDIR ARGV NAME LINK, whole, without NUL inside; P is NUL-terminated and valid for the call. */
	int (*string)(void *ctx, enum distcc_token, const char *p, size_t n, struct err *);
	/* The next N bytes of a body of TOTAL bytes; a body of no bytes is one call with N = 0. */
	int (*bulk)(void *ctx, enum distcc_token, uint32_t total, uint32_t offset,
		    const void *p, size_t n, struct err *);
	/* The last token of the request or reply has been handled whole. */
	int (*end)(void *ctx, struct err *);
};

struct distcc_reader;
struct distcc_reader *distcc_reader_request(const struct distcc_limits *,
					    const struct distcc_handler *, void *ctx);
/* VERSION: the one asked with; DONE must give it back. */
struct distcc_reader *distcc_reader_reply(uint32_t version, const struct distcc_limits *,
					  const struct distcc_handler *, void *ctx);
void distcc_reader_free(struct distcc_reader *);
/* Takes the next bytes. 0; -1 with a sentence that says what was expected and what came. Bytes behind the
 * end are an error. After an error it takes nothing more. */
int distcc_reader_feed(struct distcc_reader *, const void *, size_t n, struct err *);
bool distcc_reader_ended(const struct distcc_reader *);
/* For a connection that closed: what was waited for, as words ("the ARGV token"). */
const char *distcc_reader_waits_for(const struct distcc_reader *);

void distcc_put_number(struct buf *, enum distcc_token, uint32_t value);
void distcc_put_string(struct buf *, enum distcc_token, const char *);
void distcc_put_bulk(struct buf *, enum distcc_token, const void *, uint32_t n);
/* For a body that the caller sends in pieces: its N bytes are to follow. */
void distcc_put_bulk_head(struct buf *, enum distcc_token, uint32_t n);

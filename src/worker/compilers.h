#pragma once
#include "base/digest.h"

#include <stddef.h>
/* The compilers of this machine: found by name in the usual folders, probed when a client first asks for
 * one, staged once as a lower layer, which stands while anyone holds it. A client can only name what was
 * found here: nothing else is ever run on a client's word, but for paths that somebody who calls
 * compilers_named lets through. */
struct compilers;
struct compiler;
struct slice;
struct err;

/* PATH: where compilers are looked for (":"-separated); DIR: where they are staged. */
struct compilers *compilers_new(const char *path, const char *dir);
void compilers_free(struct compilers *);

/* The compiler at DRIVER if its identity is ID: ready to be used, held for the caller. NULL: ERR says what
 * differs; ENTRIES (the client's list, wire form) lets it name the file. */
struct compiler *compilers_find(struct compilers *, const char *driver,
				const struct digest *id, struct slice entries,
				struct err *);
/* The compiler that a client without an identity of its own means by NAME: the first of that name in PATH, or, when
 * NAME has a '/', that file; ready to be used, held. NULL: ERR says why; its code is ENOENT when there is none. */
struct compiler *compilers_named(struct compilers *, const char *name, struct err *);
/* Only the path of its driver, malloc'ed, for a compile without a root of its own; NULL in the same way. */
char *compilers_driver(const struct compilers *, const char *name, struct err *);
struct compiler *compiler_hold(struct compiler *);    /* once more; returns it */
void compiler_release(struct compiler *);             /* NULL is fine */
const char *compiler_root(const struct compiler *);   /* folder of its staged files */
const char *compiler_driver(const struct compiler *); /* what a job runs, at this path */

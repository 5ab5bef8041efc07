#pragma once
#include "base/arena.h"
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* A small preprocessed text, and what the compilers of this machine make of it: who makes the same of it is taken to be the
 * same compiler. It has code, data, debug information and the compiler's default options in it. */
struct compiler;
struct sample;
struct err;

/* C for a driver of C, C++ for one of C++. */
const char *sample_text(const struct compiler *, size_t *n);
/* The command, with the words "SOURCE" and "OBJECT" as they are given. */
void sample_command(struct arena *, const struct compiler *, const char *source,
		    const char *object, struct strv *argv);
const char *sample_source(const struct compiler *); /* a name for it, with its suffix */

/* The bytes of its object, made once for each compiler in the list *ALL; SCRATCH is a folder for temporary files. NULL: it
 * cannot be made. */
const struct buf *sample_object(struct sample **all, const struct compiler *,
				const char *scratch, struct err *);
void sample_free(struct sample *all); /* NULL is fine */
/* How object OTHER differs from OWN, in words: by the versions that compilers leave in their objects, if they tell it.
 * From the arena. */
const char *sample_difference(struct arena *, const struct buf *own,
			      const struct buf *other);

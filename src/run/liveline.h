#pragma once
#include <stdbool.h>
#include <stddef.h>
/* The live line of a build at the bottom of a terminal, and the build's output that passes above it (footer.h tells how
 * the two keep apart). All that goes to the terminal while it lives must go through here: what else is written to it is
 * mixed with the line. */
struct liveline;

/* Whether a live line is wanted: on a terminal that can place its cursor (TERM is neither missing nor "dumb"), and not
 * in continuous integration (CI is set, and neither "false" nor "0"), whose terminals are files. NO_COLOR does not
 * matter: the line has no colours. Pure. */
bool liveline_is_wanted(bool terminal, const char *term, const char *ci);

/* FD, a terminal, is borrowed. If not WANTED, output passes and no line is ever drawn. */
struct liveline *liveline_new(int fd, bool wanted);
/* Takes the line away and leaves the cursor where the build's output left it. NULL is fine. */
void liveline_free(struct liveline *);
/* Bytes that the build wrote to its terminal or pipe; also half lines. They are written before it returns. */
void liveline_output(struct liveline *, const char *bytes, size_t n);
/* The line from now on, cut to the terminal's width; N = 0: none. Control characters become '?'. */
void liveline_show(struct liveline *, const char *text, size_t n);
/* To be called at SIGWINCH: asks the terminal for its size again. */
void liveline_resized(struct liveline *);
unsigned liveline_width(
    const struct liveline *); /* columns that a line may take; 0: none is drawn */

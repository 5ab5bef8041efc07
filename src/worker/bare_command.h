#pragma once
#include <stdbool.h>
/* What a worker without a sandbox lets a client run: the option table is all that stands between the two. Pure. */
struct arena;
struct message_job;

/* True unless it says that it is preprocessed and its two words are not there: then the message is malformed. */
bool bare_is_wellformed(const struct message_job *);
/* NULL when the command reads its text, writes its object, and does nothing else; otherwise why it is refused: a word that the table
 * does not know, or one that names a program, a plug-in, another file. */
const char *bare_refuses(struct arena *, const struct message_job *);

#pragma once
#include <stdbool.h>
/* Which commands a worker runs for a client: those that the option table knows and lets travel. For a worker without a
 * sandbox it is all that stands between the two; in front of a sandbox it is the outer of two doors. Pure. */
struct arena;
struct message_job;

/* True unless it says that it is preprocessed and its two words are not there: then the message is malformed. */
bool bare_is_wellformed(const struct message_job *);
/* NULL when the command is one that a client of ours would send: no option that chooses programs, plug-ins or specs, or that
 * the table does not know. (But for what the agent itself puts in the place of -march=native: a spec file, the first word of all, or features.) */
const char *caged_refuses(struct arena *, const struct message_job *);
/* NULL when the command reads its text, writes its object, and does nothing else; otherwise why it is refused: a word that the table
 * does not know, or one that names a program, a plug-in, another file. */
const char *bare_refuses(struct arena *, const struct message_job *);

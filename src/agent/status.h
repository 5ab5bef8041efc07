#pragma once
struct agent;
/* All that `muster status` shows, as JSON text; malloc'ed. */
char *status_json(struct agent *);

#pragma once
#include <stdint.h>
struct agent;
/* All that `muster status` shows, as JSON text; malloc'ed. */
char *status_json(struct agent *);
void status_bytes(const struct agent *, uint64_t *up,
		  uint64_t *down); /* on the wire so far */
uint64_t status_cpu_ms(void);      /* of the agent and the children it has reaped */

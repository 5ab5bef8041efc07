#pragma once
#include <jansson.h>
/* What the agent, started if need be, says of COMMAND (muster(1), "muster explain"): a new reference; NULL when it cannot be
 * asked, after a sentence on stderr. */
json_t *explain(char **command);

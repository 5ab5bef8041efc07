#pragma once
/* What would be done with a request, and why, for people: a JSON object (muster(1), "muster explain"). Nothing is
 * compiled. To be freed by the caller. */
struct agent;
struct local_request;

char *explain_json(struct agent *, const struct local_request *);

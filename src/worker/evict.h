#pragma once
/* Agents that a scheduler has taken slots from here, since they say nothing to it or hold what is not their own. They are
 * lent slots by it: what it says of them holds, for as long as the connection to it stands.
 *
 *   EVICT ─► what is beyond it and waits fails with the reason; what runs is killed if the agent is dead, else it ends
 *   a JOB ─► fails at once while there are as many as it may have
 *
 * A failed job goes elsewhere or home, so that nothing is lost where the scheduler is wrong. */
struct client;
struct message_evict;
struct worker;

/* SOURCE: the connection that it came by. */
void evict_note(struct worker *, const void *source, const struct message_evict *);
void evict_forget(struct worker *, const void *source); /* its word counts no more */
/* Why one more job of C cannot begin, a sentence; NULL: it can. */
const char *evict_refuses(const struct client *);

#pragma once
/* What the agent's scheduler has learned, kept in a file of the state folder: what each unit takes, and how fast each host is.
 * It is a help and no more: without the file, or with one that cannot be read, all is learned anew. */
struct agent;
struct learned;

/* Reads it and tells it to the agent's scheduler. */
struct learned *learned_new(struct agent *);
void learned_free(
    struct learned *); /* writes it, if there is something new; NULL is fine */
/* The speed of the host that the list calls WORD, for SCHED_WORKER_ADD; 0: unknown. */
double learned_speed(const struct learned *, const char *word);
/* It goes away: how fast it was is kept. */
void learned_keep(struct learned *, const char *word, double speed);
/* Something was learned: it is written within some minutes. */
void learned_touch(struct learned *);

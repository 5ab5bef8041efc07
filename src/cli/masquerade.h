#pragma once
/* The compilers that a build finds become muster's. Both functions add NAME=value to ENV, in memory of the arena. */
struct arena;
struct strv;
struct err;

/* By PATH, with a folder of links in front; what ccache stands for there stays ccache's, which calls muster in its turn (CCACHE_PREFIX).
 * STATE_DIR: the agent's folder, for want of a home. 0 or -1. */
int masquerade_path(struct arena *, const char *state_dir, struct strv *env, struct err *);
/* By CC and CXX. */
void masquerade_variables(struct arena *, struct strv *env);

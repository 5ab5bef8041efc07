#pragma once
/* Which list of hosts applies to a request: MUSTER_HOSTS, else DISTCC_HOSTS of its environment; else the file
 * ~/.config/muster/hosts; else distcc's files (net/hostlist.h). With none of them what applied last goes on. Files are looked at
 * once a second at most. */
struct agent;

void hosts_apply(struct agent *, char *const env[]);

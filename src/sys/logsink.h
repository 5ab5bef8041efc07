#pragma once
/* Where log lines (base/log) go instead of standard error as journald reads it. The last
 * call counts. Lines on standard error and in files have distcc's shape, "NAME[PID]
 * ERROR: words", so that what reads distccd's logs reads ours; those in files begin with
 * the time. */
struct err;

/* Appends to PATH, made with mode 0644. 0, or -1 and the lines go where they went. */
int logsink_file(const char *path, struct err *);
void logsink_stderr(void);
/* syslog(3), facility daemon. NAME is borrowed for as long as lines are written. */
void logsink_syslog(const char *name);

#pragma once
/* The file that tells a daemon's process id while it serves. */
struct pidfile;
struct err;

/* Opens PATH, which need not be there; its content stays until pidfile_write. To be
 * called before root is given up and the folder is changed. */
struct pidfile *pidfile_open(const char *path, struct err *);
/* This process's id and an end of line. 0 or -1. */
int pidfile_write(struct pidfile *, struct err *);
/* Removes the file, if it was written (or made) here and is still the same; where that
 * is not allowed any more, empties it. NULL is fine. */
void pidfile_close(struct pidfile *);

#pragma once
/* What a driver starts for -c and -S, and what it looks at to choose its own arguments. */
struct tree;
struct err;

/* Adds PROGRAM (absolute) and its libraries. 1; 0: no such file; -1. */
int parts_program(struct tree *, const char *program, struct err *);
int parts_gcc(struct tree *, const char *driver, const char *path, struct err *);
int parts_clang(struct tree *, const char *driver, const char *path, struct err *);

#pragma once
struct tree;
struct err;
/* Adds the shared libraries that PROGRAM (absolute) loads at its start, and its loader. The loader
 * itself is asked. /etc/ld.so.cache, which differs from machine to machine, is added only when the
 * libraries would not be the same ones without it. 0 or -1. */
int libs_add(struct tree *, const char *program, struct err *);

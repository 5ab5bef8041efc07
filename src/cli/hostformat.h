#pragma once
#include <stddef.h>
/* Names of hosts in a row: "distcc%d", "node%03d.farm". */
struct err;
/* 0, or -1 with a sentence when FORMAT has not exactly one "%d" or "%0Nd". */
int hostformat_check(const char *format, struct err *);
/* The NUMBERth name; malloc'ed. FORMAT has been checked. */
char *hostformat_name(const char *format, unsigned number);

#pragma once
#include <stddef.h>
/* The one thing we want to know of an executable: which program loads it. */
struct err;

/* 1 and INTERPRETER ("/lib64/ld-linux-x86-64.so.2"): dynamically linked; 0: statically; -1: not an
 * ELF executable, or it cannot be read. */
int elf_interpreter(const char *path, char *interpreter, size_t room, struct err *);

#pragma once
#include <stdint.h>
/* Which system calls a compile may make: an allow-list sized to GCC, Clang and binutils, as a seccomp filter that is
 * made by hand, so that the worker needs no library for it and can be linked statically.
 *
 *   allowed     what compilers do
 *   refused     what no compiler does, and what is of use to an attack: EPERM, and pid 1 of the sandbox is told
 *   unknown     all else, new calls of new kernels among it: ENOSYS, for which the C library has another way */
struct err;

enum {
	FILTER_SETS = 2 /* words of a set of refused calls */
};

/* Makes ready what filter_install would make at its first call: for a process whose children are to find it ready. */
void filter_prepare(void);
/* Puts this process and all it will start under the filter, for good; the caller has set no_new_privs. *LISTENER becomes
 * readable when one of them makes a refused call; that one waits until filter_answer. LISTENER NULL: refused without a
 * word. -1: this kernel has no filters. */
int filter_install(int *listener, struct err *);
/* Refuses the call that waits, and adds it to TRIED. */
void filter_answer(int listener, uint64_t tried[FILTER_SETS]);
/* The names in TRIED, "ptrace mount …", into OUT, cut to N bytes. */
void filter_names(const uint64_t tried[FILTER_SETS], char *out, unsigned n);

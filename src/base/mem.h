#pragma once
#include <stddef.h>
/* Memory that is always there: when there is none, the process says so and ends (a supervisor, or
 * the next compile, starts it again). What these return is the caller's, to be given to free(). */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t n);
/* Room for COUNT items of SIZE bytes; an overflow of the product counts as no memory. */
void *xreallocarray(void *p, size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void mem_auto_free(void *pointer_to_pointer);
void mem_auto_close(const int *fd);
/* A local that is freed, or a descriptor that is closed, when its scope ends. */
#define AUTO_FREE __attribute__((cleanup(mem_auto_free)))
#define AUTO_FD   __attribute__((cleanup(mem_auto_close)))

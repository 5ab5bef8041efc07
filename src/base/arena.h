#pragma once
#include <stddef.h>
/* Memory of one request or one message: handed out in pieces, freed all at once.
 * Nothing from an arena is freed singly. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *);                   /* NULL is fine */
void *arena_alloc(struct arena *, size_t n);       /* zeroed, aligned for any type */
char *arena_strdup(struct arena *, const char *s); /* NULL gives NULL */
char *arena_strndup(struct arena *, const char *s, size_t n);
char *arena_printf(struct arena *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A growing NULL-terminated list of strings inside an arena; start with {0}.
 * The list is V[0..N), V[N] == NULL once something was added (V is NULL before). */
struct strv {
	char **v;
	size_t n, cap;
};

void strv_add(struct arena *, struct strv *,
	      const char *s); /* keeps the pointer, does not copy */

#pragma once
#include <stddef.h>
#include <stdint.h>
/* Outputs on their way to their places: each arrives in a temporary file beside its target, and all are
 * renamed when the last byte is there. Nothing partial is ever seen under a real name. */
struct outputs;
struct err;

struct outputs *outputs_new(void);
void outputs_free(struct outputs *); /* removes what was not placed; NULL is fine */
/* Bytes of the file TARGET (absolute), in order, beginning at offset 0; the first call of a target makes it.
 * MODE as the worker's compiler left it. -1: the disk here does not take it. */
int outputs_add(struct outputs *, const char *target, unsigned mode, uint64_t offset,
		const void *p, size_t n, struct err *);
/* The newest file is written over what stands at its target, as fopen does: its mode, links and
 * further names stay. */
void outputs_write_over(struct outputs *);
/* Moves all into place, objects last. -1: some could not be placed; those that could
 * be are complete. */
int outputs_place(struct outputs *, struct err *);

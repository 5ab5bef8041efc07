#pragma once
#include <stdbool.h>
#include <stdint.h>
/* How busy this machine is, as far as the kernel tells. Each look compares with the one before it. */
struct load;

struct load_look {
	double
	    cores; /* that this process may use: its affinity and the quotas of its control groups */
	unsigned all_cores; /* of the machine; 0: unknown */
	/* Cores that were at work since the last look, for all and for this process with all that it has started;
	 * < 0: unknown. */
	double busy, own_busy;
	int64_t total_mb; /* memory of the machine; -1: unknown */
	int64_t free_mb;  /* sys/machine.h; -1: unknown */
	int64_t own_mb;   /* resident in what this process has started; -1: unknown */
	/* Pressure (PSI, "some avg10") in thousandths of the time; -1: the kernel does not tell. */
	int pressure_cpu, pressure_memory, pressure_io;
};

/* The machine whose /proc and /sys are below ROOT ("": this one). */
struct load *load_new(const char *root);
void load_free(struct load *); /* NULL is fine */
void load_look(struct load *, struct load_look *);

/* distccmon-text: the compiles under way, of distcc's clients (their state files) and of the agent (it is
 * asked), in distcc's columns, by host and slot.
 *
 * Either source may be missing; what an agent cannot tell is said once, on standard error. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "cli/ask.h"
#include "cli/binstate.h"
#include "cli/verbs.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: distccmon-text [SECONDS]\n"
    "Shows the compiles that are under way: those of muster's agent and those of distcc clients with the\n"
    "same DISTCC_DIR; each a line with process, phase, file, host and slot. With SECONDS (a fraction is\n"
    "fine) again and again after that time, else once.\n";

static int by_host(const void *a, const void *b)
{
	const struct binstate *x = a, *y = b;
	int order = strcmp(x->host, y->host);

	if (order)
		return order;
	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static void copy_text(char out[BINSTATE_NAME], const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	snprintf(out, BINSTATE_NAME, "%s", text ? text : "");
	binstate_clean(out);
}

/* The agent's jobs. PHASES keeps the words that the entries point to. */
static void add_running(const json_t *running, struct buf *jobs, struct arena *phases)
{
	json_t *o;
	size_t i;

	json_array_foreach(running, i, o)
	{
		struct binstate job = {
		    .pid = (long)json_integer_value(json_object_get(o, "pid")),
		    .slot = (int)json_integer_value(json_object_get(o, "slot")),
		};
		char text[BINSTATE_NAME];

		copy_text(text, o, "phase");
		job.phase = arena_strdup(phases, text);
		copy_text(text, o, "file");
		snprintf(job.file, sizeof job.file, "%s", path_base(text));
		copy_text(job.host, o, "host");
		buf_add(jobs, &job, sizeof job);
	}
}

static int agent_jobs(struct buf *jobs, struct arena *phases, struct err *e)
{
	AUTO_BUF struct buf answer = {0};

	if (ask_agent("status", &answer, e) < 0)
		return -1;
	json_t *o = answer.len ? json_loadb(answer.data, answer.len, 0, NULL) : NULL;

	add_running(json_object_get(o, "running"), jobs, phases);
	json_decref(o);
	return 0;
}

static char *state_folder(void)
{
	const char *dir = getenv("DISTCC_DIR"), *home = getenv("HOME");

	if (dir && *dir)
		return xasprintf("%s/state", dir);
	return xasprintf("%s/.distcc/state", home ? home : "");
}

/* One picture, ended by an empty line. TELL: say what could not be learned. -1: nobody reads. */
static int show(bool tell)
{
	AUTO_BUF struct buf jobs = {0};
	AUTO_FREE char *dir = state_folder();
	struct arena *phases = arena_new();
	struct err e = {0};

	if (binstate_collect(dir, &jobs, &e) && tell)
		fprintf(stderr, "distccmon-text: %s\n", e.text);
	if (agent_jobs(&jobs, phases, &e) && tell)
		fprintf(stderr, "distccmon-text: %s\n", e.text);
	struct binstate *v = (void *)jobs.data;
	size_t n = jobs.len / sizeof *v;

	if (n)
		qsort(v, n, sizeof *v, by_host);
	for (size_t i = 0; i < n; i++)
		printf("%6ld  %-10.10s  %-30.30s %24.24s[%d]\n", v[i].pid, v[i].phase,
		       v[i].file, v[i].host, v[i].slot);
	putchar('\n');
	arena_free(phases);
	return fflush(stdout) ? -1 : 0;
}

/* 0 or more; -1 when TEXT is no such time. */
static double parse_seconds(const char *text)
{
	enum {
		SECONDS_MAX = 1000000
	};

	char *end;
	double v = strtod(text, &end);

	return *text && !*end && v >= 0 && v <= SECONDS_MAX ? v : -1;
}

int verb_monitor(int argc, char **argv)
{
	double seconds = argc == 2 ? parse_seconds(argv[1]) : 0;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc > 2 || seconds < 0) {
		fputs(usage, stderr);
		return 1;
	}
	struct timespec nap = {.tv_sec = (time_t)seconds,
			       .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};

	for (bool first = true;; first = false) {
		if (show(first))
			return 1;
		if (seconds == 0)
			return 0;
		nanosleep(&nap, NULL);
	}
}

/* What the agent tells of itself, for people and (--json) for programs. */
#include "base/buf.h"
#include "base/err.h"
#include "cli/ask.h"
#include "cli/verbs.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void print_reasons(const char *title, const json_t *reasons)
{
	const char *reason;
	json_t *count;

	if (json_object_size(reasons) == 0)
		return;
	printf("\n%s\n", title);
	json_object_foreach((json_t *)(uintptr_t)reasons, reason, count)
	    printf("%8lld  %s\n", (long long)json_integer_value(count), reason);
}

static void print_workers(const json_t *workers)
{
	json_t *w;
	size_t i;

	if (json_array_size(workers) == 0) {
		puts(
		    "\nNo workers: name some in MUSTER_HOSTS=\"HOST:PORT ...\" or in ~/.config/muster/hosts.");
		return;
	}
	printf("\n%-28s %-8s %7s %7s %6s\n", "worker", "state", "running", "slots", "jobs");
	json_array_foreach(workers, i, w)
	{
		const char *address, *state, *why;
		json_int_t running, slots, jobs;

		if (json_unpack(w, "{s:s, s:s, s:I, s:I, s:I, s:s}", "address", &address,
				"state", &state, "running", &running, "slots", &slots,
				"jobs", &jobs, "why", &why))
			continue;
		printf("%-28s %-8s %7lld %7lld %6lld\n", address, state, (long long)running,
		       (long long)slots, (long long)jobs);
		if (*why)
			printf("  %s\n", why);
	}
}

static int print_text(const char *text, size_t n)
{
	json_error_t bad;
	json_t *o = json_loadb(text, n, 0, &bad);
	json_t *why_local, *why_other, *workers;
	json_int_t total, remote, local, running, running_local, other, up, down, cpu, pid;

	if (!o ||
	    json_unpack(
		o, "{s:{s:I, s:I, s:I, s:I, s:I}, s:I, s:o, s:o, s:o, s:I, s:I, s:I, s:I}",
		"jobs", "total", &total, "remote", &remote, "local", &local, "running",
		&running, "running_local", &running_local, "other", &other, "why_local",
		&why_local, "why_other", &why_other, "workers", &workers, "bytes_up", &up,
		"bytes_down", &down, "agent_cpu_ms", &cpu, "pid", &pid)) {
		fputs(
		    "muster: the agent's answer makes no sense; is it of another version? (muster stop)\n",
		    stderr);
		json_decref(o);
		return 1;
	}
	printf(
	    "%lld compile%s: %lld remote, %lld here; %lld other command%s; now running %lld remote, "
	    "%lld here\n",
	    (long long)total, total == 1 ? "" : "s", (long long)remote, (long long)local,
	    (long long)other, other == 1 ? "" : "s", (long long)running,
	    (long long)running_local);
	printf("agent %lld: %.1f s of CPU, %.1f MB sent, %.1f MB received\n",
	       (long long)pid, (double)cpu / 1e3, (double)up / 1e6, (double)down / 1e6);
	print_workers(workers);
	print_reasons("Compiled here because", why_local);
	print_reasons("Other commands", why_other);
	json_decref(o);
	return 0;
}

int verb_status(int argc, char **argv)
{
	AUTO_BUF struct buf out = {0};
	struct err e = {0};
	int json = argc == 2 && strcmp(argv[1], "--json") == 0;

	if (argc > 1 && !json)
		return verb_usage(
		    "usage: muster status [--json]\n"
		    "What the agent did since it began: compiles on workers and here, why here, and\n"
		    "each worker. --json: for programs, see muster(1).\n",
		    argc, argv);
	int r = ask_agent("status", &out, &e);

	if (r > 0) {
		fputs("muster: no agent runs (the first compile starts one)\n", stderr);
		return 1;
	}
	if (r < 0) {
		fprintf(stderr, "muster: %s\n", e.text);
		return 1;
	}
	if (!json)
		return print_text(out.data, out.len);
	fwrite(out.data, 1, out.len, stdout);
	putchar('\n');
	return 0;
}

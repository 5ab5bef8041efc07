/* hosts, drain, undrain: what a person asks a scheduler, and tells it. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/scheduler.h"
#include "cli/verbs.h"
#include "wire/message.h"

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_hosts[] =
    "usage: muster hosts [--scheduler LIST] [--json]\n"
    "       muster hosts [--scheduler LIST] add NAME distcc://HOST[:PORT][/SLOTS]\n"
    "       muster hosts [--scheduler LIST] remove NAME\n"
    "The hosts of a farm, as its scheduler sees them. LIST is HOST[:PORT][,...]; without it MUSTER_SCHEDULER\n"
    "or the file of hosts says where to ask, else it is this machine.\n";
static const char usage_drain[] =
    "usage: muster drain [--scheduler LIST] NAME\n"
    "No more jobs go to that host of the farm; those that run there end first.\n";
static const char usage_undrain[] = "usage: muster undrain [--scheduler LIST] NAME\n"
				    "That host of the farm gets jobs again.\n";

enum {
	OPT_SCHEDULER = 256,
	OPT_JSON,
	OPT_HELP
};

struct options {
	const char *scheduler;
	bool json;
};

/* 0; else the exit status + 1. */
static int parse(int argc, char **argv, const char *usage, struct options *o)
{
	static const struct option options[] = {
	    {"scheduler",  required_argument, NULL, OPT_SCHEDULER},
	    {"json",        no_argument, NULL, OPT_JSON},
	    {"help",            no_argument, NULL, OPT_HELP},
	    {0},
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1)
		switch (c) {
		case OPT_SCHEDULER: o->scheduler = optarg; break;
		case OPT_JSON: o->json = true; break;
		case OPT_HELP: fputs(usage, stdout); return 1;
		default: fputs(usage, stderr); return 3;
		}
	return 0;
}

static int ask(const struct options *o, struct buf *question,
	       int (*answer)(void *ctx, unsigned type, const char *p, size_t n), void *ctx)
{
	AUTO_FREE char *list = scheduler_list(o->scheduler);
	struct err e = {0};

	if (scheduler_ask(list, question, answer, ctx, &e) == 0)
		return 0;
	fprintf(stderr, "muster: %s\n", e.text);
	return 1;
}

/* ---- listing ------------------------------------------------------------------------------- */

struct listing {
	struct arena *arena;
	struct message_host *v;
	size_t n, cap;
	uint32_t agents;
};

static int take_host(void *ctx, unsigned type, const char *p, size_t n)
{
	struct listing *l = ctx;
	struct message_hosts_end end;

	if (type == MESSAGE_HOSTS_END) {
		if (message_get_hosts_end(&end, l->arena, p, n))
			return -1;
		l->agents = end.agents;
		return 1;
	}
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xreallocarray(l->v, l->cap, sizeof *l->v);
	}
	return type == MESSAGE_HOST && message_get_host(&l->v[l->n], l->arena, p, n) == 0
		   ? (l->n++, 0)
		   : -1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct message_host *)a)->name,
		      ((const struct message_host *)b)->name);
}

static void print_table(const struct listing *l)
{
	unsigned slots = 0, used = 0;

	printf("%-16s %-22s %5s %5s %5s %6s %-9s %s\n", "NAME", "ADDRESS", "SLOTS", "USED",
	       "LOAD", "SPEED", "STATE", "WHY");
	for (size_t i = 0; i < l->n; i++) {
		const struct message_host *h = &l->v[i];

		printf("%-16s %-22s %5u %5u %5.1f %6.2f %-9s %s\n",
		       scheduler_words(l->arena, h->name),
		       scheduler_words(l->arena, h->address), h->slots, h->held,
		       h->foreign_milli / 1000.0, h->speed_milli / 1000.0,
		       scheduler_words(l->arena, h->state),
		       scheduler_words(l->arena, h->why));
		slots += h->slots;
		used += h->held;
	}
	printf("%zu host%s, %u of %u slots used; %u agent%s of users connected\n", l->n,
	       l->n == 1 ? "" : "s", used, slots, l->agents, l->agents == 1 ? "" : "s");
}

static void print_json(const struct listing *l)
{
	json_t *all = json_object(), *hosts = json_array();

	for (size_t i = 0; i < l->n; i++) {
		const struct message_host *h = &l->v[i];

		json_array_append_new(
		    hosts,
		    json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:f, s:f, s:s, s:s}",
			      "name", h->name, "address", h->address, "platform",
			      h->platform, "slots", (int)h->slots, "usable", (int)h->usable,
			      "used", (int)h->held, "running", (int)h->running, "load",
			      h->foreign_milli / 1000.0, "speed", h->speed_milli / 1000.0,
			      "state", h->state, "why", h->why));
	}
	json_object_set_new(all, "hosts", hosts);
	json_object_set_new(all, "agents", json_integer(l->agents));
	json_dumpf(all, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(all);
}

static int list_hosts(const struct options *o)
{
	struct listing l = {.arena = arena_new()};
	AUTO_BUF struct buf b = {0};

	message_put_ask_hosts(&b, &(struct message_ask_hosts){0});
	int status = ask(o, &b, take_host, &l);

	if (status == 0) {
		if (l.n)
			qsort(l.v, l.n, sizeof *l.v, by_name);
		if (o->json)
			print_json(&l);
		else
			print_table(&l);
	}
	free(l.v);
	arena_free(l.arena);
	return status;
}

/* ---- changing ------------------------------------------------------------------------------ */

static int take_done(void *ctx, unsigned type, const char *p, size_t n)
{
	int *status = ctx;
	struct message_done m;
	struct arena *a = arena_new();
	int r = -1;

	if (type == MESSAGE_DONE && message_get_done(&m, a, p, n) == 0) {
		*status = !m.ok;
		if (!m.ok)
			fprintf(stderr, "muster: %s\n", scheduler_words(a, m.text));
		r = 1;
	}
	arena_free(a);
	return r;
}

static int change(const struct options *o, struct buf *question)
{
	int status = 1;

	return ask(o, question, take_done, &status) || status;
}

int verb_hosts(int argc, char **argv)
{
	struct options o = {0};
	AUTO_BUF struct buf b = {0};
	int r = parse(argc, argv, usage_hosts, &o);

	if (r)
		return r - 1;
	argv += optind;
	argc -= optind;
	if (argc == 0)
		return list_hosts(&o);
	if (argc == 3 && strcmp(argv[0], "add") == 0) {
		message_put_host_add(&b, &(struct message_host_add){argv[1], argv[2]});
		return change(&o, &b);
	}
	if (argc == 2 && strcmp(argv[0], "remove") == 0) {
		message_put_host_remove(&b, &(struct message_host_remove){argv[1]});
		return change(&o, &b);
	}
	fputs(usage_hosts, stderr);
	return 2;
}

static int drain(int argc, char **argv, const char *usage, bool on)
{
	struct options o = {0};
	AUTO_BUF struct buf b = {0};
	int r = parse(argc, argv, usage, &o);

	if (r)
		return r - 1;
	if (argc - optind != 1) {
		fputs(usage, stderr);
		return 2;
	}
	message_put_drain(&b, &(struct message_drain){argv[optind], on});
	return change(&o, &b);
}

int verb_drain(int argc, char **argv)
{
	return drain(argc, argv, usage_drain, true);
}

int verb_undrain(int argc, char **argv)
{
	return drain(argc, argv, usage_undrain, false);
}

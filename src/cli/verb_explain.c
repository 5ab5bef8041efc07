/* Would this command travel, with which files, and why not: as the agent sees it now. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/ask.h"
#include "cli/explain.h"
#include "cli/start.h"
#include "cli/verbs.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STATE_DIR = 256,
	LONG_LIST = 20 /* so many files are named; the largest ones */
};

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static int by_size(const void *a, const void *b)
{
	json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "size"));
	json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "size"));

	return x < y ? 1 : x > y ? -1 : 0;
}

static void print_files(const json_t *list)
{
	size_t n = json_array_size(list), count = 0;
	json_t **files = xreallocarray(NULL, n + 1, sizeof *files);
	json_int_t total = 0;

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_array_get(list, i);

		if (strcmp(text_of(o, "kind"), "file") != 0)
			continue;
		files[count++] = o;
		total += json_integer_value(json_object_get(o, "size"));
	}
	qsort(files, count, sizeof *files, by_size);
	printf("  files     %zu, %lld bytes; a worker is sent what it has not got yet\n",
	       count, (long long)total);
	for (size_t i = 0; i < count && i < LONG_LIST; i++)
		printf("  %9lld %s\n",
		       (long long)json_integer_value(json_object_get(files[i], "size")),
		       text_of(files[i], "path"));
	if (count > LONG_LIST)
		printf("            and %zu smaller ones (--json names all)\n",
		       count - LONG_LIST);
	free(files);
}

static void print_workers(const json_t *o)
{
	json_t *list = json_object_get(o, "workers"), *w;
	size_t i;

	if (json_array_size(list) == 0)
		printf(
		    "No workers are named: set MUSTER_HOSTS, or write ~/.config/muster/hosts.\n");
	if (*text_of(o, "hosts_wrong"))
		printf("The list of hosts is not used: %s\n", text_of(o, "hosts_wrong"));
	json_array_foreach(list, i, w)
	    printf("  worker    %s (%s, speaks %s)%s%s\n", text_of(w, "address"),
		   text_of(w, "state"), text_of(w, "speaks"),
		   *text_of(w, "why") ? ": " : "", text_of(w, "why"));
}

static void print(const json_t *o)
{
	const json_t *outputs = json_object_get(o, "outputs"), *name;
	size_t i;

	if (!json_is_true(json_object_get(o, "compile")))
		printf("It is no compile and runs here: %s\n", text_of(o, "why"));
	else if (!json_is_true(json_object_get(o, "travels")))
		printf("It stays here: %s\n", text_of(o, "why"));
	else
		printf("It may travel.\n");
	if (*text_of(o, "program"))
		printf("  compiler  %s\n", text_of(o, "program"));
	if (*text_of(o, "source"))
		printf("  source    %s\n", text_of(o, "source"));
	if (json_is_true(json_object_get(o, "travels"))) {
		json_array_foreach(outputs, i, name)
		    printf("  may write %s\n", json_string_value(name));
		print_files(json_object_get(o, "files"));
		if (*text_of(o, "two_steps"))
			printf("  not as preprocessed source: %s\n",
			       text_of(o, "two_steps"));
	}
	print_workers(o);
}

json_t *explain(char **command)
{
	AUTO_BUF struct buf b = {0};
	char dir[STATE_DIR];
	struct err e = {0};
	json_t *o = NULL;

	if (start_agent(dir, sizeof dir, &e) == 0 && ask_to_explain(command, &b, &e) == 0)
		o = json_loadb(b.data, b.len, 0, NULL);
	if (!o)
		fprintf(stderr, "muster: cannot ask the agent about this command: %s\n",
			*e.text ? e.text : "its answer makes no sense");
	return o;
}

int verb_explain(int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	char **command = argv + 1 + json;

	if (*command && strcmp(*command, "--") == 0)
		command++;
	if (!*command || **command == '-')
		return verb_usage(
		    "usage: muster explain [--json] [--] COMPILER ARG...\n"
		    "Would this command be compiled by a worker, with which files, "
		    "and if not, why?\nNothing is compiled.\n",
		    argc, argv);
	json_t *o = explain(command);

	if (!o)
		return 1;
	if (json) {
		AUTO_FREE char *all = json_dumps(o, JSON_INDENT(1));

		puts(all);
	} else {
		print(o);
	}
	json_decref(o);
	return 0;
}

/* Reads commands, one a line, words parted by a tab, and prints for each what becomes of
 * it in two steps, as shell words: "why=… loses=N first=(…) second=(…) distcc=(…)";
 * @TEXT@ and @OBJECT@ stand for what the caller puts in. With the arguments FAMILY FILE:
 * why the text in FILE is unfit, or nothing. */
#include "cc/preprocessed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_quoted(const char *word)
{
	putchar('\'');
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*word);
	}
	fputs("' ", stdout);
}

static void print_words(const char *name, const struct strv *words)
{
	printf("%s=( ", name);
	for (size_t i = 0; i < words->n; i++)
		print_quoted(words->v[i]);
	fputs(") ", stdout);
}

static void print_command(char *line)
{
	struct arena *arena = arena_new();
	struct strv words = {0};
	char *rest = line;

	for (char *word; (word = strsep(&rest, "\t"));)
		strv_add(arena, &words, word);

	struct cc_command *cmd = cc_parse(arena, words.v, NULL);

	if (cmd->verdict != CC_REMOTE) {
		printf("why=");
		print_quoted(arena_printf(arena, "not remote: %s", cmd->why));
		puts("loses=0 first=() second=() distcc=()");
		arena_free(arena);
		return;
	}
	const struct cc_preprocessed *p = cc_preprocess(arena, cmd);
	bool filled = !p->why || p->loses;

	if (filled && p->first.n)
		p->first.v[p->first_output] = arena_strdup(arena, "@TEXT@");
	if (filled) {
		p->second.v[p->second_source] = arena_strdup(arena, "@TEXT@");
		p->second.v[p->second_object] = arena_strdup(arena, "@OBJECT@");
	}
	printf("why=");
	print_quoted(p->why ? p->why : "");
	printf("loses=%u suffix=%s ", p->loses, filled ? p->suffix : "");
	printf("object=");
	print_quoted(cmd->object);
	printf("depfile=");
	print_quoted(cmd->depfile ? cmd->depfile : "");
	print_words("first", &p->first);
	print_words("second", &p->second);
	print_words("distcc", &p->distcc);
	putchar('\n');
	arena_free(arena);
}

static int print_unfit(const char *family, const char *path)
{
	static char text[64 << 20];
	FILE *file = fopen(path, "r");

	if (!file) {
		perror(path);
		return 1;
	}
	size_t n = fread(text, 1, sizeof text, file);
	const char *why = cc_preprocessed_text_unfit(
	    strcmp(family, "clang") == 0 ? CC_CLANG : CC_GCC, text, n);

	fclose(file);
	if (why)
		puts(why);
	return 0;
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (argc == 3)
		return print_unfit(argv[1], argv[2]);
	while ((n = getline(&line, &room, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		print_command(line);
		fflush(stdout);
	}
	free(line);
	return 0;
}

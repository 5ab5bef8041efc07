/* What an interactive shell wants from us: the function distcc_build, which users of the
 * distcc-driver know, and the verbs behind Tab. For `eval "$(muster shell bash)"` in a
 * shell's start file: it must print nothing but code, and the code must do nothing but
 * define. */
#include "base/buf.h"
#include "base/mem.h"
#include "cli/verbs.h"
#include "sys/fs.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: eval \"$(muster shell bash|zsh)\"\n"
    "For a shell's start file: defines distcc_build, completes the verbs.\n";

/* In both: files are completed where no verb is expected. */
static const char bash_completion[] =
    "_muster_verbs() {\n"
    "\tCOMPREPLY=()\n"
    "\t[ \"$COMP_CWORD\" -ne 1 ] || "
    "mapfile -t COMPREPLY < <(compgen -W '%s' -- \"${COMP_WORDS[1]}\")\n"
    "}\n"
    "complete -o bashdefault -o default -F _muster_verbs muster\n"
    "complete -c distcc_build\n";

/* compdef is there only after compinit. */
static const char zsh_completion[] =
    "_muster_verbs() {\n"
    "\tif (( CURRENT == 2 )); then compadd -- %s; else _default; fi\n"
    "}\n"
    "if (( $+functions[compdef] )); then\n"
    "\tcompdef _muster_verbs muster\n"
    "\tcompdef _precommand distcc_build\n"
    "fi\n";

/* TEXT as one word of a shell. */
static void put_quoted(struct buf *b, const char *text)
{
	buf_str(b, "'");
	for (const char *p = text; *p; p++)
		if (*p == '\'')
			buf_str(b, "'\\''");
		else
			buf_u8(b, (unsigned char)*p);
	buf_str(b, "'");
}

static void put_verbs(struct buf *b)
{
	const char *name;

	for (size_t i = 0; (name = verb_name(i)); i++)
		buf_printf(b, "%s%s", i ? " " : "", name);
}

/* TEMPLATE with the verbs in the place of its "%s". */
static void put_completion(struct buf *b, const char *template)
{
	const char *at = strstr(template, "%s");

	buf_add(b, template, (size_t)(at - template));
	put_verbs(b);
	buf_str(b, at + 2);
}

int verb_shell(int argc, char **argv)
{
	AUTO_FREE char *dir = fs_program_dir();
	AUTO_FREE char *program = dir ? xasprintf("%s/muster", dir) : xstrdup("muster");
	AUTO_BUF struct buf b = {0};
	const char *shell = argc == 2 ? argv[1] : "";
	const char *completion = strcmp(shell, "bash") == 0  ? bash_completion
				 : strcmp(shell, "zsh") == 0 ? zsh_completion
							     : NULL;

	if (!completion)
		return verb_usage(usage, argc, argv);
	buf_str(&b, "distcc_build() {\n\t");
	put_quoted(&b, program);
	buf_str(&b, " run --auto-hosts -- \"$@\"\n}\n");
	put_completion(&b, completion);
	return fwrite(b.data, 1, b.len, stdout) == b.len && fflush(stdout) == 0 ? 0 : 1;
}

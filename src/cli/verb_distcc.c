/* distcc's option forms, as the shim that was called `distcc` hands them on; compiles are the shim's own. The
 * hosts are looked for where distcc looks. */
#include "base/err.h"
#include "base/mem.h"
#include "cli/distcc.h"
#include "cli/explain.h"
#include "cli/verbs.h"
#include "net/hostlist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static const char usage[] =
    "Usage:\n"
    "   distcc [COMPILER] [compile options] -o OBJECT -c SOURCE\n"
    "   distcc [--help|--version|--show-hosts|-j]\n"
    "\n"
    "Options:\n"
    "   COMPILER      Defaults to \"cc\".\n"
    "   --help        This text.\n"
    "   --version     The version.\n"
    "   --show-hosts  The host list, one host a line.\n"
    "   -j            How many jobs at once the host list is good for.\n"
    "\n"
    "Hosts come from $DISTCC_HOSTS, or $DISTCC_DIR/hosts, or ~/.distcc/hosts, or /etc/distcc/hosts:\n"
    "   localhost           run in place\n"
    "   HOST[:PORT]         TCP connection, port 3632 if not told\n"
    "   @HOST or USER@HOST  SSH connection\n"
    "   HOST/N              at most N jobs at once\n"
    "   HOST,lzo            compress\n"
    "   HOST,lzo,cpp        preprocess there\n"
    "   --randomize         take the hosts in another order each time\n";

static const char *env_of_process(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

int distcc_hosts(struct hostlist *list, struct err *e)
{
	AUTO_FREE char *from = NULL;
	AUTO_FREE char *text =
	    hostlist_find(env_of_process, NULL, "/etc/distcc/hosts", &from, e);

	*list = (struct hostlist){0};
	if (!text)
		return DISTCC_NO_HOSTS;
	if (hostlist_parse(list, text, DISTCC_PORT, e)) {
		err_wrap(e, "%s", from);
		return DISTCC_BAD_HOSTSPEC;
	}
	if (list->n)
		return 0;
	err_set(e, 0, "%s contained no hosts; can't distribute work", from);
	hostlist_free(list);
	return DISTCC_NO_HOSTS;
}

static void print_version(void)
{
	struct utsname u;
	const char *machine = uname(&u) ? "unknown" : u.machine;
	/* As config.guess spells it: PCs have a vendor, other machines an unknown one. */
	const char *vendor = strcmp(machine, "x86_64") == 0 || strcmp(machine, "i686") == 0
				 ? "pc"
				 : "unknown";

	printf("distcc " DISTCC_LIKE " %s-%s-linux-gnu\n"
	       "  (protocols 1, 2 and 3) (default port %d)\n"
	       "  this is muster " MUSTER_VERSION ", which does what distcc " DISTCC_LIKE
	       " does\n",
	       machine, vendor, DISTCC_PORT);
}

/* Calls PRINT with the hosts; the exit status. */
static int with_hosts(void (*print)(const struct hostlist *))
{
	struct hostlist list;
	struct err e = {0};
	int status = distcc_hosts(&list, &e);

	if (status) {
		fprintf(stderr, "distcc: %s\n", e.text);
		return status;
	}
	print(&list);
	hostlist_free(&list);
	return 0;
}

static void print_hosts(const struct hostlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		puts(list->v[i].word);
}

static void print_concurrency(const struct hostlist *list)
{
	printf("%u\n", hostlist_concurrency(list));
}

/* The files of a compile, as `distcc --scan-includes` lists them; folders that must be there are named as well. */
static int scan_includes(char **command)
{
	const json_t *files, *f;
	size_t i;

	if (!*command) {
		fputs("distcc: --scan-includes wants a compiler's command behind it\n",
		      stderr);
		return DISTCC_BAD_ARGUMENTS;
	}
	json_t *o = explain(command);

	if (!o)
		return DISTCC_FAILED;
	files = json_object_get(o, "files");
	if (!files)
		fprintf(stderr, "distcc: this command would not be distributed: %s\n",
			json_string_value(json_object_get(o, "why")));
	int status = files ? 0 : DISTCC_FAILED;

	json_array_foreach(files, i, f)
	{
		const char *kind = json_string_value(json_object_get(f, "kind"));

		printf("%-9s %s\n",
		       strcmp(kind, "file") == 0   ? "FILE"
		       : strcmp(kind, "link") == 0 ? "SYMLINK"
						   : "DIRECTORY",
		       json_string_value(json_object_get(f, "path")));
	}
	json_decref(o);
	return status;
}

int verb_distcc(int argc, char **argv)
{
	if (argc < 2) {
		fputs("distcc: missing option/operand\n"
		      "Try `distcc --help' for more information.\n",
		      stderr);
		return DISTCC_BAD_ARGUMENTS;
	}
	const char *what = argv[1];

	if (strcmp(what, "--version") == 0) {
		print_version();
		return 0;
	}
	if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
		print_version();
		printf("\n%s", usage);
		return 0;
	}
	if (strcmp(what, "--show-hosts") == 0)
		return with_hosts(print_hosts);
	if (strcmp(what, "-j") == 0)
		return with_hosts(print_concurrency);
	if (strcmp(what, "--scan-includes") == 0)
		return scan_includes(argv + 2);
	if (strcmp(what, "--show-principal") == 0) {
		fprintf(stderr, "distcc: %s is not offered\n", what);
		return DISTCC_FAILED;
	}
	fprintf(
	    stderr,
	    "distcc: '%s' is none of --help, --version, --show-hosts and -j; compiles are done by "
	    "a link to muster-cc of the name distcc, or by muster-cc itself\n",
	    what);
	return DISTCC_BAD_ARGUMENTS;
}

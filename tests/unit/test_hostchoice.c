/* Which of several lists of hosts applies. */
#include "base/err.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/hostchoice.h"
#include "sys/fs.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static char bed[] = "/tmp/test_hostchoice.XXXXXX";

/* VARS: names and values, NULL-terminated. */
static const char *env(void *vars, const char *name)
{
	for (const char *const *v = vars; *v; v += 2)
		if (strcmp(*v, name) == 0)
			return v[1];
	return NULL;
}

static void put(const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", bed, name);

	CHECK(fs_write_file(path, text, strlen(text), 0644, NULL) == 0);
}

static void make_folder(const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", bed, name);

	CHECK(fs_mkdirs(path, 0755, NULL) == 0);
}

/* FROM: a variable, or a file of the bed with a '/' before it. */
static int finds(const char *const *vars, const char *text, const char *from, unsigned port)
{
	AUTO_FREE char *file = xasprintf("%s%s", bed, from);
	struct hostchoice c;
	struct err e = {0};

	if (hostchoice_find(&c, env, (void *)(uintptr_t)vars, &e)) {
		printf("# none: %s\n", e.text);
		return 0;
	}
	int right = strcmp(c.text, text) == 0 && c.port == port &&
		    strcmp(c.from, *from == '/' ? file : from) == 0;

	if (!right)
		printf("# '%s' from '%s', port %u\n", c.text, c.from, c.port);
	hostchoice_free(&c);
	return right;
}

static void order(void)
{
	if (!CHECK(mkdtemp(bed)))
		return;
	AUTO_FREE char *config = xasprintf("%s/config", bed);
	const unsigned ours = ADDRESS_PORT, distccs = HOSTCHOICE_DISTCC_PORT;
	const char *const both[] = {"MUSTER_HOSTS", "m", "DISTCC_HOSTS", "d", NULL};
	const char *const empty[] = {"MUSTER_HOSTS", "", "DISTCC_HOSTS", "d", NULL};
	const char *const distcc[] = {"DISTCC_HOSTS", "d", "HOME", bed, NULL};
	const char *const home[] = {"HOME", bed, NULL};
	const char *const elsewhere[] = {"HOME", bed, "XDG_CONFIG_HOME", config, NULL};
	const char *const relative[] = {"HOME", bed, "XDG_CONFIG_HOME", "config", NULL};

	make_folder("config/muster");
	make_folder(".config/muster");
	make_folder(".distcc");
	put(".distcc/hosts", "f");
	CHECK(finds(home, "f", "/.distcc/hosts", distccs));
	put(".config/muster/hosts", "o");
	CHECK(finds(home, "o", "/.config/muster/hosts", ours));
	CHECK(finds(relative, "o", "/.config/muster/hosts", ours));
	CHECK(finds(elsewhere, "f", "/.distcc/hosts", distccs));
	put("config/muster/hosts", "c");
	CHECK(finds(elsewhere, "c", "/config/muster/hosts", ours));
	CHECK(finds(distcc, "d", "DISTCC_HOSTS", distccs));
	CHECK(finds(both, "m", "MUSTER_HOSTS", ours));
	CHECK(finds(empty, "", "MUSTER_HOSTS", ours));
	fs_remove_tree(bed, NULL);
}

TESTS({"the first list wins", order})

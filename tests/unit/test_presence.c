/* Somebody at the machine, as logind's files and the times of terminals tell it. */
#include "base/mem.h"
#include "sys/fs.h"
#include "test.h"
#include "worker/presence.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NOW = 1000000
};

static char root[] = "/tmp/presence.XXXXXX";

static void put(const char *path, const char *text)
{
	AUTO_FREE char *full = xasprintf("%s%s", root, path);

	CHECK(fs_write_file(full, text, strlen(text), 0644, NULL) == 0);
}

static void touch(const char *path, int64_t at)
{
	AUTO_FREE char *full = xasprintf("%s%s", root, path);
	struct timespec t[2] = {{.tv_sec = at}, {.tv_sec = at}};

	CHECK(utimensat(AT_FDCWD, full, t, 0) == 0);
}

static void make_root(void)
{
	CHECK(mkdtemp(root) != NULL);
	AUTO_FREE char *sessions = xasprintf("%s/run/systemd/sessions", root);
	AUTO_FREE char *dev = xasprintf("%s/dev", root);

	CHECK(fs_mkdirs(sessions, 0755, NULL) == 0);
	CHECK(fs_mkdirs(dev, 0755, NULL) == 0);
}

static enum presence with(const char *session)
{
	put("/run/systemd/sessions/3", session);
	return presence_look(root, NOW);
}

static void test_nobody(void)
{
	CHECK(presence_look("/nowhere", NOW) == PRESENCE_UNKNOWN);
	make_root();
	CHECK(presence_look(root, NOW) == PRESENCE_AWAY);
	CHECK(with("") == PRESENCE_AWAY);
	CHECK(with("ACTIVE=1\nCLASS=greeter\nSEAT=seat0\nTYPE=wayland\n") == PRESENCE_AWAY);
	CHECK(with("ACTIVE=0\nCLASS=user\nSEAT=seat0\nTYPE=x11\n") == PRESENCE_AWAY);
	CHECK(with("ACTIVE=1\nCLASS=user\nREMOTE=1\nTYPE=tty\nTTY=pts/1\n") ==
	      PRESENCE_AWAY);
	CHECK(with("ACTIVE=1\nCLASS=user\nTYPE=unspecified\n") == PRESENCE_AWAY);
	CHECK(with("XACTIVE=1\nACTIVE=0\nCLASS=user\nSEAT=seat0\nTYPE=x11\n") ==
	      PRESENCE_AWAY);
	fs_remove_tree(root, NULL);
}

static void test_graphical(void)
{
	make_root();
	CHECK(
	    with("UID=1000\nACTIVE=1\nREMOTE=0\nTYPE=wayland\nCLASS=user\nSEAT=seat0\n") ==
	    PRESENCE_PRESENT);
	fs_remove_tree(root, NULL);
}

static void test_terminal(void)
{
	static const char session[] =
	    "ACTIVE=1\nREMOTE=0\nTYPE=tty\nCLASS=user\nSEAT=seat0\nTTY=tty2\n";

	make_root();
	put("/dev/tty2", "");
	touch("/dev/tty2", NOW - PRESENCE_IDLE_S + 1);
	CHECK(with(session) == PRESENCE_PRESENT);
	touch("/dev/tty2", NOW - PRESENCE_IDLE_S);
	CHECK(with(session) == PRESENCE_AWAY);
	fs_remove_tree(root, NULL);
}

TESTS({"nobody", test_nobody}, {"a graphical session in front", test_graphical},
      {"a terminal, used and idle", test_terminal})

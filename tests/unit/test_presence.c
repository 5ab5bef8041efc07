/* Somebody at the machine, as logind's files and the times of terminals tell it. */
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "test.h"
#include "worker/desk.h"
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
	return presence_look(root, NOW, NULL, NULL);
}

static void test_nobody(void)
{
	CHECK(presence_look("/nowhere", NOW, NULL, NULL) == PRESENCE_UNKNOWN);
	make_root();
	CHECK(presence_look(root, NOW, NULL, NULL) == PRESENCE_AWAY);
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

static bool is_three(void *ctx, const char *session)
{
	++*(int *)ctx;
	return strcmp(session, "3") == 0;
}

static void test_desktop(void)
{
	static const char wayland[] =
	    "ACTIVE=1\nREMOTE=0\nTYPE=wayland\nCLASS=user\nSEAT=seat0\n";
	int asked = 0;

	make_root();
	with(wayland);
	CHECK(presence_look(root, NOW, is_three, &asked) == PRESENCE_AWAY && asked == 1);
	put("/run/systemd/sessions/4", wayland);
	CHECK(presence_look(root, NOW, is_three, &asked) == PRESENCE_PRESENT && asked == 3);
	put("/run/systemd/sessions/4", "ACTIVE=0\nTYPE=x11\nCLASS=user\nSEAT=seat0\n");
	CHECK(presence_look(root, NOW, is_three, &asked) == PRESENCE_AWAY && asked == 4);
	fs_remove_tree(root, NULL);
	CHECK(desk_hints_left("IdleHint=no\nLockedHint=yes\n"));
	CHECK(desk_hints_left("IdleHint=yes"));
	CHECK(!desk_hints_left("IdleHint=no\nLockedHint=no\n") && !desk_hints_left(""));
	CHECK(!desk_hints_left("NoIdleHint=yes\nIdleHint=yesterday\n"));
}

struct asking {
	struct loop *loop;
	struct desk *desk;
	struct loop_timer *timer;
};

static void on_look(void *ctx)
{
	struct asking *a = ctx;

	if (desk_left(a->desk, "3"))
		loop_stop(a->loop, 0);
	loop_timer_set(a->timer, LOOP_MS(5));
}

/* A loginctl of our own is asked, once, and answers late. */
static void test_loginctl(void)
{
	struct asking a = {.loop = loop_new()};

	make_root();
	put("/loginctl",
	    "#!/bin/sh\n[ \"$1 $2\" = 'show-session 3' ] && echo LockedHint=yes\n");
	AUTO_FREE char *program = xasprintf("%s/loginctl", root);

	CHECK(chmod(program, 0755) == 0 && setenv("PATH", root, 1) == 0);
	a.desk = desk_new(a.loop);
	CHECK(!desk_left(a.desk, "3") && !desk_left(a.desk, "--help"));
	a.timer = loop_timer_new(a.loop, on_look, &a);
	loop_timer_set(a.timer, 0);
	CHECK(loop_run(a.loop) == 0);
	CHECK(!desk_left(a.desk, "4")); /* of whom nothing is known yet */
	desk_free(a.desk);
	loop_timer_free(a.timer);
	loop_free(a.loop);
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
      {"a desktop that was left", test_desktop}, {"loginctl is asked", test_loginctl},
      {"a terminal, used and idle", test_terminal})

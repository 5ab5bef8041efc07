/* What is given up is gone: for root, and for who never had it. */
#include "base/err.h"
#include "base/mem.h"
#include "test.h"
#include "worker/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/rights-XXXXXX";

static const char *at(const char *name)
{
	static char path[4][256];
	static unsigned n;
	char *p = path[n++ % 4];

	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static void touch(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	close(fd);
}

static uid_t owner(const char *name)
{
	struct stat st;

	return lstat(at(name), &st) ? (uid_t)-1 : st.st_uid;
}

static void calls_are_refused(void)
{
	int status;

	CHECK(unshare(CLONE_NEWUSER) == -1 && errno == EPERM);
	CHECK(unshare(CLONE_FILES) == -1 && errno == EPERM);
	CHECK(mount("none", "/mnt", "tmpfs", 0, NULL) == -1 && errno == EPERM);
	CHECK(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) == -1 &&
	      errno == EPERM);
	CHECK(syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS);
	CHECK(syscall(SYS_bpf, 0, NULL, 0) == -1 && errno == EPERM);
	/* what it does all the time */
	pid_t pid = fork();

	if (pid == 0)
		execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	      WEXITSTATUS(status) == 7);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static void an_ordinary_user(void)
{
	struct rights r;
	struct err e = {0};

	if (geteuid() == 0)
		CHECK(setresgid(12345, 12345, 12345) == 0 &&
		      setresuid(12345, 12345, 12345) == 0);
	CHECK(rights_choose(&r, NULL, &e) == 0 && !r.drops && !r.why[0]);
	CHECK(rights_choose(&r, "root", &e) == -1 && strstr(e.text, "only root"));
	CHECK(rights_choose(&r, NULL, &e) == 0 && rights_give_up(&r, &e) == 0);
	calls_are_refused();
}

static void whom_root_becomes(void)
{
	struct rights r;
	struct err e = {0};

	if (geteuid() != 0)
		return;
	CHECK(rights_choose(&r, NULL, &e) == 0 && r.drops && r.uid != 0 && r.gid != 0);
	CHECK(rights_choose(&r, "root", &e) == 0 && !r.drops && strstr(r.why, "--user"));
	CHECK(rights_choose(&r, "0", &e) == 0 && !r.drops);
	CHECK(rights_choose(&r, "no such user", &e) == -1 &&
	      strstr(e.text, "no such user"));
	CHECK(rights_choose(&r, "-1", &e) == -1);
	CHECK(rights_choose(&r, "4242", &e) == 0 && r.drops && r.uid == 4242);
}

static void what_he_reaches(void)
{
	struct rights r;
	struct err e = {0};

	if (geteuid() != 0)
		return;
	CHECK(rights_choose(&r, "4242", &e) == 0);
	CHECK(mkdtemp(dir) && mkdir(at("below"), 0755) == 0);
	CHECK(rights_reach(&r, dir, F_OK, &e) == 0);
	CHECK(rights_reach(&r, at("below"), F_OK, &e) == -1 && strstr(e.text, "below"));
	CHECK(chmod(dir, 0711) == 0 && rights_reach(&r, at("below"), F_OK, &e) == 0);
	CHECK(rights_reach(&r, at("below"), W_OK, &e) == -1 && strstr(e.text, "write"));
	CHECK(geteuid() == 0);
	CHECK(rmdir(at("below")) == 0 && rmdir(dir) == 0);
}

static void a_folder_changes_hands(void)
{
	static const char *const names[] = {"store", "lock", "link", "check-*", NULL};
	const struct rights r = {
	    .drops = true, .uid = 4242, .gid = 4242, .who = "somebody"};
	struct err e = {0};

	if (geteuid() != 0)
		return;
	CHECK(mkdtemp(dir) && mkdir(at("store"), 0700) == 0);
	touch("lock");
	touch("check-a");
	touch("store/one");
	CHECK(link(at("store/one"), at("store/two")) ==
	      0); /* as a compiler's file may be */
	CHECK(symlink("/etc/passwd", at("link")) == 0);
	touch("stranger");
	CHECK(rights_hand_over(&r, dir, names, &e) == -1 && strstr(e.text, "stranger"));
	CHECK(owner("") == 0 && owner("lock") == 0);
	CHECK(unlink(at("stranger")) == 0 && chmod(dir, 0777) == 0);
	CHECK(rights_hand_over(&r, dir, names, &e) == -1 && strstr(e.text, "others"));
	CHECK(chmod(dir, 0700) == 0 && rights_hand_over(&r, dir, names, &e) == 0);
	CHECK(owner("") == 4242 && owner("lock") == 4242 && owner("check-a") == 4242);
	CHECK(owner("store") == 4242 && owner("store/one") == 0 && owner("store/two") == 0);
	CHECK(owner("link") == 4242);
	struct stat st;

	CHECK(stat("/etc/passwd", &st) == 0 && st.st_uid == 0);
	touch("lock");
	CHECK(chown(at("lock"), 0, 0) == 0 && rights_hand_over(&r, dir, names, &e) == 0);
	CHECK(owner("lock") == 0); /* once */
	static const char *const all[] = {"store/one", "store/two", "lock", "check-a",
					  "link"};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		CHECK(unlink(at(all[i])) == 0);
	CHECK(rmdir(at("store")) == 0 && rmdir(dir) == 0);
}

static void root_is_gone(void)
{
	struct rights r;
	struct err e = {0};

	if (geteuid() != 0)
		return;
	CHECK(rights_choose(&r, "4242", &e) == 0);
	if (!CHECK(rights_give_up(&r, &e) == 0))
		printf("# %s\n", e.text);
	CHECK(getuid() == 4242 && geteuid() == 4242 && getgid() == 4242);
	CHECK(setuid(0) == -1 && open("/etc/shadow", O_RDONLY | O_CLOEXEC) == -1);
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		CHECK(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 0);
	calls_are_refused();
}

static void root_that_stays_can_less(void)
{
	struct rights r;
	struct err e = {0};

	if (geteuid() != 0)
		return;
	CHECK(rights_choose(&r, "root", &e) == 0 && rights_give_up(&r, &e) == 0);
	CHECK(geteuid() == 0 && prctl(PR_CAPBSET_READ, 21 /* SYS_ADMIN */, 0, 0, 0) == 0);
	CHECK(prctl(PR_CAPBSET_READ, 1 /* DAC_OVERRIDE */, 0, 0, 0) == 1);
	calls_are_refused();
}

TESTS({"an ordinary user", an_ordinary_user}, {"whom root becomes", whom_root_becomes},
      {"what he reaches", what_he_reaches},
      {"a folder changes hands", a_folder_changes_hands}, {"root is gone", root_is_gone},
      {"root that stays", root_that_stays_can_less})

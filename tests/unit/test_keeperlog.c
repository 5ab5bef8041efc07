#include "base/log.h"
#include "run/keeperlog.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : (long)st.st_size;
}

/* Three times what the file may have, by two writers of the same file; standard error is another's again at the end. */
static void bounded(void)
{
	char dir[] = "keeperlog.XXXXXX", path[64], old[64], text[1000];
	int kept = dup(STDERR_FILENO);

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/log", dir);
	snprintf(old, sizeof old, "%s/log.1", dir);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	keeperlog_open(path, "keeper");
	int other = dup(STDERR_FILENO);

	for (int i = 0; i < 3 * (KEEPERLOG_MAX / 1000); i++) {
		log_line(LOG_NOTICE, "%s", text);
		if (i == KEEPERLOG_MAX / 1000 * 3 / 2)
			dup2(other,
			     STDERR_FILENO); /* as one that has not written for long */
	}
	log_line(LOG_DEBUG, "not written");
	log_to(NULL);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(other);
	CHECK(size_of(path) > 0 && size_of(path) < KEEPERLOG_MAX + 2000);
	CHECK(size_of(old) > 0 && size_of(old) < KEEPERLOG_MAX + 2000);
	unlink(path);
	unlink(old);
	CHECK(rmdir(dir) == 0);
}

/* A file that is no file of ours is not written through. */
static void no_link(void)
{
	char dir[] = "keeperlog.XXXXXX", path[64], target[64];
	int kept = dup(STDERR_FILENO);

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/log", dir);
	snprintf(target, sizeof target, "%s/target", dir);
	close(open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	CHECK(symlink("target", path) == 0);
	keeperlog_open(path, "keeper");
	log_line(LOG_NOTICE, "lost");
	log_to(NULL);
	dup2(kept, STDERR_FILENO);
	close(kept);
	CHECK(size_of(target) == 0);
	unlink(path);
	unlink(target);
	CHECK(rmdir(dir) == 0);
}

TESTS({"bounded", bounded}, {"no_link", no_link})

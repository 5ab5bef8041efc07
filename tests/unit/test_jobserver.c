/* The tokens of a jobserver, seen from the client's side. What real makes do with them: jobserver_make.sh. */
#include "base/err.h"
#include "run/jobserver.h"
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static bool readable(const struct jobserver *js)
{
	struct pollfd p = {.fd = jobserver_watch_fd(js), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* A client's way to the tokens: the fifo, or the pipe's ends. */
static void client_open(const struct jobserver *js, int *in, int *out)
{
	const char *path = strstr(jobserver_makeflags(js), "fifo:");

	jobserver_fds(js, in, out);
	if (path)
		*in = *out = open(path + strlen("fifo:"), O_RDWR);
}

static void growing_and_shrinking(struct jobserver *js)
{
	char bytes[16];
	int in, out;

	client_open(js, &in, &out);
	CHECK(jobserver_idle(js) == 0 && !readable(js));
	CHECK(jobserver_set(js, 1));
	CHECK(jobserver_idle(js) == 0);
	CHECK(jobserver_set(js, 5));
	CHECK(jobserver_idle(js) == 4 && readable(js));
	CHECK(jobserver_set(js, 0)); /* as 1 */
	CHECK(jobserver_idle(js) == 0);
	CHECK(jobserver_set(js, 5));
	/* Three are out: only the fourth can be taken away, the others when they come back. */
	CHECK(read(in, bytes, 3) == 3);
	CHECK(memcmp(bytes, "+++", 3) == 0);
	CHECK(!jobserver_set(js, 3));
	CHECK(jobserver_idle(js) == 0 && !readable(js));
	CHECK(!jobserver_set(js, 3));
	CHECK(write(out, bytes, 1) == 1 && readable(js));
	CHECK(jobserver_set(js, 3));
	CHECK(jobserver_idle(js) == 0);
	CHECK(write(out, bytes, 2) == 2);
	CHECK(jobserver_set(js, 3));
	CHECK(jobserver_idle(js) == 2);
	/* Changing one's mind while they are out */
	CHECK(read(in, bytes, 2) == 2);
	CHECK(!jobserver_set(js, 1));
	CHECK(jobserver_set(js, 4));
	CHECK(jobserver_idle(js) == 1);
	CHECK(write(out, bytes, 2) == 2);
	CHECK(jobserver_idle(js) == 3);
	/* A client that gives back what it never had */
	CHECK(write(out, "xyz", 3) == 3);
	CHECK(jobserver_set(js, 4));
	CHECK(jobserver_idle(js) == 3);
	/* One that never gives back */
	CHECK(read(in, bytes, 2) == 2);
	CHECK(jobserver_set(js, 4));
	CHECK(jobserver_idle(js) == 1);
	jobserver_forget(js);
	CHECK(jobserver_set(js, 4));
	CHECK(jobserver_idle(js) == 3);
}

static void test_pipe(void)
{
	struct err err = {0};
	struct jobserver *js = jobserver_new(NULL, 100, &err);
	char flags[100];
	int in, out;

	if (!CHECK(js))
		return;
	jobserver_fds(js, &in, &out);
	CHECK(in > 2 && out > 2);
	CHECK(fcntl(in, F_GETFD) & FD_CLOEXEC && fcntl(out, F_GETFD) & FD_CLOEXEC);
	CHECK(!(fcntl(in, F_GETFL) & O_NONBLOCK) && !(fcntl(out, F_GETFL) & O_NONBLOCK));
	snprintf(flags, sizeof flags, "-j --jobserver-fds=%d,%d --jobserver-auth=%d,%d", in,
		 out, in, out);
	CHECK(strcmp(jobserver_makeflags(js), flags) == 0);
	growing_and_shrinking(js);
	/* make sets the descriptors that it shares with us to what it likes. */
	fcntl(in, F_SETFL, O_NONBLOCK);
	fcntl(in, F_SETFL, 0);
	CHECK(jobserver_set(js, 1));
	CHECK(jobserver_set(js, 1));
	jobserver_free(js);
	CHECK(fcntl(in, F_GETFD) < 0 && fcntl(out, F_GETFD) < 0);
	jobserver_free(NULL);
}

/* A make without standard input still gets its own descriptors. */
static void test_closed_input(void)
{
	int in, out;

	close(0);
	struct jobserver *js = jobserver_new(NULL, 1, NULL);
	if (!CHECK(js))
		return;
	jobserver_fds(js, &in, &out);
	CHECK(in > 2 && out > 2);
	CHECK(fcntl(0, F_GETFD) < 0);
	jobserver_free(js);
}

static void test_fifo(void)
{
	char dir[] = "/tmp/test_jobserver.XXXXXX";
	struct err err = {0};
	struct stat st;
	int in, out;

	if (!CHECK(mkdtemp(dir)))
		return;
	struct jobserver *js = jobserver_new(dir, 100, &err);
	struct jobserver *other = jobserver_new(dir, 100, &err);
	if (!CHECK(js && other))
		return;
	jobserver_fds(js, &in, &out);
	CHECK(in == -1 && out == -1);
	const char *flags = jobserver_makeflags(js);
	const char *begin = "-j --jobserver-auth=fifo:";
	CHECK(strncmp(flags, begin, strlen(begin)) == 0);
	CHECK(strcmp(flags, jobserver_makeflags(other)) != 0);
	CHECK(stat(flags + strlen(begin), &st) == 0 && S_ISFIFO(st.st_mode));
	CHECK((st.st_mode & 0777) == 0600);
	growing_and_shrinking(js);
	jobserver_free(js);
	jobserver_free(other);
	CHECK(rmdir(dir) == 0); /* nothing is left in it */
}

static void test_no_fifo(void)
{
	struct err err = {0};

	CHECK(!jobserver_new("/nonexistent/place", 1, &err));
	CHECK(strstr(err.text, "/nonexistent/place") && strstr(err.text, "No such file"));
	CHECK(!jobserver_new("/tmp/my build", 1, &err));
	CHECK(strstr(err.text, "'/tmp/my build'"));
}

static void test_limit(void)
{
	struct jobserver *js = jobserver_new(NULL, 7, NULL);

	if (!CHECK(js))
		return;
	CHECK(jobserver_set(js, 2000000000));
	CHECK(jobserver_idle(js) == 7);
	jobserver_free(js);
	js = jobserver_new(NULL, 0, NULL);
	if (!CHECK(js))
		return;
	CHECK(jobserver_set(js, 9));
	CHECK(jobserver_idle(js) == 0);
	jobserver_free(js);
}

/* As many as there can be, going round: giving one back never has to wait. */
static void test_full(void)
{
	struct jobserver *js = jobserver_new(NULL, 4000000000, NULL);
	char byte;
	int in, out;

	if (!CHECK(js))
		return;
	client_open(js, &in, &out);
	CHECK(jobserver_set(js, 4000000000));
	unsigned all = jobserver_idle(js);
	CHECK(all >= 1 && all < 4000000000);
	fcntl(out, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 300000; i++) {
		if (!CHECK(read(in, &byte, 1) == 1) || !CHECK(write(out, &byte, 1) == 1))
			break;
	}
	CHECK(jobserver_idle(js) == all);
	jobserver_free(js);
}

TESTS({"a pipe grows, shrinks, and knows what is idle", test_pipe},
      {"descriptors stay clear of standard input", test_closed_input},
      {"a fifo does the same, and is gone afterwards", test_fifo},
      {"a fifo that cannot be made", test_no_fifo},
      {"never more tokens than the limit", test_limit},
      {"the greatest number of tokens goes round without waiting", test_full})

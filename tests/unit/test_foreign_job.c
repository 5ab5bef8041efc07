/* One exchange over the loopback with a server that says what each test wants. The loop runs until the job is done; a
 * watchdog only keeps a failing test from hanging. */
#include "agent/foreign_job.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/hostlist.h"
#include "test.h"
#include "wire/distcc.h"
#include "wire/lzo.h"

#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum {
	WATCHDOG_MS = 20000,
	SHORT_MS = 100,
	LONG_MS = 60000
};

#define REQUEST "DIST00000001ARGC"

static struct loop *loop;
static struct loop_watch *accepting;
static struct host host = {.kind = HOST_TCP, .name = (char[]){"127.0.0.1"}};
static struct addrinfo *addresses;

/* what the server does */
static struct buf answer;
static bool reads_first, closes = true;
static struct buf heard;
static bool half_closed; /* the client has ended its side */

/* what came of it */
static int ndone;
static enum foreign_end end;
static char why[512];
static uint32_t status;
static struct buf object, said;

static void watchdog(void *ctx)
{
	(void)ctx;
	loop_stop(loop, 1);
}

static int fd = -1;
static struct loop_watch *reading;

static void speak(void)
{
	if (answer.len && send(fd, answer.data, answer.len, 0) < 0)
		abort();
	if (closes)
		close(fd);
}

static void on_request(void *ctx, unsigned got)
{
	char chunk[4096];
	ssize_t n = recv(fd, chunk, sizeof chunk, 0);

	(void)ctx;
	(void)got;
	if (n > 0)
		buf_add(&heard, chunk, (size_t)n);
	if (heard.len < strlen(REQUEST))
		return;
	half_closed = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT | MSG_PEEK) == 0;
	loop_unwatch(reading);
	speak();
}

static void on_accept(void *ctx, unsigned got)
{
	(void)got;
	fd = accept(*(int *)ctx, NULL, NULL);
	if (reads_first)
		reading = loop_watch(loop, fd, LOOP_READ, on_request, NULL);
	else
		speak();
}

static void serve(void)
{
	static int listening;
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	struct err e = {0};

	loop = loop_new();
	listening = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(listening, (struct sockaddr *)&a, sizeof a) == 0);
	CHECK(listen(listening, 5) == 0);
	getsockname(listening, (struct sockaddr *)&a, &n);
	AUTO_FREE char *text = xasprintf("127.0.0.1:%d", ntohs(a.sin_port));

	addresses = address_resolve(text, false, &e);
	accepting = loop_watch(loop, listening, LOOP_READ, on_accept, &listening);
}

static void on_done(void *ctx, struct foreign_reply *r)
{
	(void)ctx;
	ndone++;
	end = r->end;
	snprintf(why, sizeof why, "%s", r->why);
	status = r->status;
	buf_add(&object, r->object.data, r->object.len);
	buf_add(&said, r->serr.data, r->serr.len);
	loop_stop(loop, 0);
}

static void exchange(uint32_t version, long timeout_ms, const char *flaw)
{
	struct foreign_where where = {.loop = loop,
				      .host = &host,
				      .addresses = addresses,
				      .io_timeout = LOOP_MS(timeout_ms)};
	struct loop_timer *dog = loop_timer_new(loop, watchdog, NULL);
	struct buf request = {0};

	if (!flaw)
		buf_str(&request, REQUEST);
	loop_timer_set(dog, LOOP_MS(WATCHDOG_MS));
	struct foreign_job *j =
	    foreign_job_start(&where, version, &request, flaw, on_done, NULL);

	CHECK(ndone == 0); /* never before it has returned */
	CHECK(loop_run(loop) == 0);
	CHECK(ndone == 1);
	foreign_job_free(j);
	loop_timer_free(dog);
}

static void put_reply(uint32_t version, const char *text, const char *bytes)
{
	AUTO_BUF struct buf serr = {0}, doto = {0};

	if (version == 1) {
		buf_str(&serr, text);
		buf_str(&doto, bytes);
	} else {
		lzo_pack(&serr, text, strlen(text));
		lzo_pack(&doto, bytes, strlen(bytes));
	}
	distcc_put_number(&answer, DISTCC_DONE, version);
	distcc_put_number(&answer, DISTCC_STAT, 0);
	distcc_put_bulk(&answer, DISTCC_SERR, serr.data, (uint32_t)serr.len);
	distcc_put_bulk(&answer, DISTCC_SOUT, NULL, 0);
	distcc_put_bulk(&answer, DISTCC_DOTO, doto.data, (uint32_t)doto.len);
}

static void replies(uint32_t version)
{
	reads_first = true;
	put_reply(version, "a word", "an object, an object, an object, an object");
	serve();
	exchange(version, LONG_MS, NULL);
	CHECK(end == FOREIGN_REPLIED);
	CHECK(status == 0);
	CHECK(said.len == 6 && memcmp(said.data, "a word", 6) == 0);
	CHECK(object.len == 42 && memcmp(object.data, "an object, ", 11) == 0);
	CHECK(heard.len == 16 && memcmp(heard.data, REQUEST, 16) == 0);
	CHECK(!half_closed);
}

static void plain(void)
{
	replies(1);
}

static void packed(void)
{
	replies(2);
}

static void open_ended(void)
{
	/* The reply is enough: that the server closes is not waited for. */
	closes = false;
	replies(1);
}

static void failing_program(void)
{
	buf_str(&answer, "DONE00000001STAT00000100SERR00000003badSOUT00000000DOTO00000000");
	serve();
	exchange(1, LONG_MS, NULL);
	CHECK(end == FOREIGN_REPLIED);
	CHECK(status == 0x100);
	CHECK(said.len == 3 && object.len == 0);
}

static void silent(void)
{
	reads_first = true;
	serve();
	exchange(1, LONG_MS, NULL);
	CHECK(end == FOREIGN_SILENT);
	CHECK(strcmp(why, "it closed the connection without a word") == 0);
}

static void cut_short(void)
{
	buf_str(&answer, "DONE00000001STAT00000000SERR000000");
	serve();
	exchange(1, LONG_MS, NULL);
	CHECK(end == FOREIGN_FAILED);
	CHECK(strstr(why, "while the SERR token was awaited"));
}

static void nonsense(void)
{
	buf_str(&answer, "HTTP/1.0 400 Bad Request\r\n\r\n");
	serve();
	exchange(1, LONG_MS, NULL);
	CHECK(end == FOREIGN_FAILED);
	CHECK(strstr(why, "the DONE token was expected, but \"HTTP\" came"));
}

static void too_much(void)
{
	buf_str(&answer, "DONE00000001STAT00000000SERR02000000x");
	serve();
	exchange(1, LONG_MS, NULL);
	CHECK(end == FOREIGN_FAILED);
	CHECK(strstr(why, "more than"));
}

static void damaged(void)
{
	put_reply(2, "", "an object, an object, an object, an object");
	answer.data[answer.len - 1] ^= 1; /* in the mark of the block's end */
	serve();
	exchange(2, LONG_MS, NULL);
	CHECK(end == FOREIGN_FAILED);
	CHECK(strstr(why, "its reply is damaged"));
}

static void timeout(void)
{
	closes = false;
	serve();
	exchange(1, SHORT_MS, NULL);
	CHECK(end == FOREIGN_FAILED);
	CHECK(strstr(why, "silent"));
}

static void nobody(void)
{
	struct err e = {0};

	serve();
	/* A port that was free a moment ago. */
	int unused = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;

	CHECK(bind(unused, (struct sockaddr *)&a, sizeof a) == 0);
	getsockname(unused, (struct sockaddr *)&a, &n);
	AUTO_FREE char *text = xasprintf("127.0.0.1:%d", ntohs(a.sin_port));

	freeaddrinfo(addresses);
	addresses = address_resolve(text, false, &e);
	exchange(1, LONG_MS, NULL);
	CHECK(end == FOREIGN_UNREACHABLE);
	CHECK(strstr(why, "connect to 127.0.0.1:"));
	CHECK(strstr(why, "refused"));
}

static void flawed(void)
{
	serve();
	exchange(1, LONG_MS, "there is nothing to send");
	CHECK(end == FOREIGN_FAILED);
	CHECK(strcmp(why, "there is nothing to send") == 0);
}

TESTS({"protocol 1", plain}, {"protocol 2", packed}, {"the reply ends the job", open_ended},
      {"a program's error", failing_program}, {"closed without a byte", silent},
      {"closed too early", cut_short}, {"not distcc's protocol", nonsense},
      {"a body above its limit", too_much}, {"a damaged block", damaged},
      {"a server that is silent", timeout}, {"nobody listens", nobody},
      {"a request that cannot be made", flawed})

/* A connection to oneself is of one's own user; others are not. */
#include "test.h"
#include "worker/own_user.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char far_end[64];
static int sockets[3];

/* A connection over loopback; its far end, as the server sees it, in far_end. */
static void connect_to_self(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;

	sockets[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sockets[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(sockets[0], (struct sockaddr *)&a, n) == 0 &&
	      listen(sockets[0], 1) == 0);
	CHECK(getsockname(sockets[0], (struct sockaddr *)&a, &n) == 0);
	CHECK(connect(sockets[1], (struct sockaddr *)&a, n) == 0);
	sockets[2] = accept(sockets[0], (struct sockaddr *)&a, &n);
	CHECK(sockets[2] >= 0);
	snprintf(far_end, sizeof far_end, "127.0.0.1:%u", ntohs(a.sin_port));
}

static void ours(void)
{
	connect_to_self();
	CHECK(own_user_is(far_end));
	for (int i = 0; i < 3; i++)
		close(sockets[i]);
}

/* Who has given up root still knows who started him. */
static void starters(void)
{
	if (geteuid() != 0)
		return;
	connect_to_self();
	CHECK(setresuid(12345, 12345, 12345) == 0);
	CHECK(!own_user_is(far_end));
	own_user_started_by(0);
	CHECK(own_user_is(far_end));
	for (int i = 0; i < 3; i++)
		close(sockets[i]);
}

static void nobodys(void)
{
	CHECK(!own_user_is("127.0.0.1:1"));
	CHECK(!own_user_is("192.0.2.1:40000"));
	CHECK(!own_user_is("[2001:db8::1]:40000"));
	CHECK(!own_user_is("standard input"));
	CHECK(!own_user_is("") && !own_user_is(":") && !own_user_is("[::1"));
}

TESTS({"ours", ours}, {"of who started it", starters}, {"nobody's", nobodys})

/* Two peers in one process and one loop, over the loopback; or one of them and a socket that misbehaves.
 * A loop runs until what a test waits for has come; the watchdog only keeps a failing test from hanging. */
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/peer.h"
#include "sys/loop.h"
#include "test.h"
#include "wire/frame.h"
#include "wire/message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

enum {
	LONG_MS = 60000,
	SHORT_MS = 100,
	WATCHDOG_MS = 20000
};

struct side {
	struct peer *peer;
	int ups, downs, code;
	char why[512], name[64];
	uint32_t slots, confined;
	char unconfined_why[64];
	uint64_t next;      /* the nonce or offset that the next message must have */
	uint64_t bytes;     /* of blobs that came */
	uint64_t out, left; /* sending: number of the next blob, bytes still to send */
	uint64_t wire_in, wire_out;
	size_t high; /* the greatest backlog seen */
	int drained;
	bool wrong; /* a message out of order, or of other bytes */
	bool close_in_up, close_in_message, refuse_in_up, refuse_message;
};

static struct loop *loop;
static struct side client, server;
static bool (*done)(void);
static bool refuse_connection;

static void check_done(void)
{
	if (done && done())
		loop_stop(loop, 0);
}

static void watchdog(void *ctx)
{
	(void)ctx;
	loop_stop(loop, 1);
}

/* True when FINISHED came true. */
static bool run_until(bool (*finished)(void))
{
	struct loop_timer *t = loop_timer_new(loop, watchdog, NULL);

	done = finished;
	loop_timer_set(t, LOOP_MS(WATCHDOG_MS));
	int status = finished() ? 0 : loop_run(loop);

	loop_timer_free(t);
	return status == 0;
}

/* -- the handler ----------------------------------------------------------------------------- */

static void close_side(struct side *s)
{
	s->wire_in = peer_bytes_in(s->peer);
	s->wire_out = peer_bytes_out(s->peer);
	peer_close(s->peer);
	s->peer = NULL;
}

static int on_up(void *ctx, struct peer *p, const struct message_hello *hello,
		 struct err *e)
{
	struct side *s = ctx;

	s->peer = p;
	s->ups++;
	snprintf(s->name, sizeof s->name, "%s", hello->name);
	snprintf(s->unconfined_why, sizeof s->unconfined_why, "%s", hello->unconfined_why);
	s->slots = hello->slots;
	s->confined = hello->confined;
	if (s->close_in_up)
		close_side(s);
	check_done();
	return s->refuse_in_up ? err_set(e, 0, "not wanted") : 0;
}

static char pattern(uint64_t at)
{
	return (char)(at >> 14 & 1 ? at * 2654435761u >> 13 : at >> 8);
}

static int take_blob(struct side *s, const char *payload, size_t n)
{
	struct arena *a = arena_new();
	struct message_blob b;

	if (message_get_blob(&b, a, payload, n) || b.offset != s->bytes)
		s->wrong = true;
	for (size_t i = 0; !s->wrong && i < b.bytes.n; i += 61)
		s->wrong |= b.bytes.p[i] != pattern(s->bytes + i);
	s->bytes += b.bytes.n;
	arena_free(a);
	return 0;
}

static int on_message(void *ctx, struct peer *p, unsigned type, const char *payload,
		      size_t n, struct err *e)
{
	struct side *s = ctx;

	(void)p;
	if (s->refuse_message)
		return err_set(e, 0, "not understood");
	if (type == MESSAGE_BLOB) {
		take_blob(s, payload, n);
	} else {
		struct arena *a = arena_new();
		struct message_cancel c;

		s->wrong |= type != MESSAGE_CANCEL ||
			    message_get_cancel(&c, a, payload, n) || c.id != s->next++;
		arena_free(a);
	}
	if (s->close_in_message)
		close_side(s);
	check_done();
	return 0;
}

/* Sends blobs of odd sizes until the backlog is high. */
static void send_blobs(struct side *s)
{
	static char bytes[MESSAGE_CHUNK];

	while (s->left && peer_backlog(s->peer) < PEER_HIGH) {
		AUTO_BUF struct buf b = {0};
		uint64_t at = s->bytes;
		size_t n = (size_t)(s->out * 7919 % (MESSAGE_CHUNK + 1));

		n = n < s->left ? n : (size_t)s->left;
		for (size_t i = 0; i < n; i++)
			bytes[i] = pattern(at + i);
		message_put_blob(&b, &(struct message_blob){
					 .offset = at, .bytes = {bytes, n}
                });
		peer_send(s->peer, &b);
		CHECK(b.len == 0);
		s->out++;
		s->bytes += n;
		s->left -= n;
		if (peer_backlog(s->peer) > s->high)
			s->high = peer_backlog(s->peer);
	}
}

static void on_drained(void *ctx, struct peer *p)
{
	struct side *s = ctx;

	s->drained++;
	s->wrong |= peer_backlog(p) > PEER_LOW;
	send_blobs(s);
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct side *s = ctx;

	(void)p;
	s->downs++;
	s->peer = NULL;
	s->code = why->code;
	snprintf(s->why, sizeof s->why, "%s", why->text);
	check_done();
}

static const struct peer_handler handler = {
    .up = on_up, .message = on_message, .drained = on_drained, .down = on_down};

static void *on_accept(void *ctx, struct peer *p, const char *from)
{
	(void)ctx;
	CHECK(strncmp(from, "127.0.0.1:", 10) == 0 || strncmp(from, "[::1]:", 6) == 0);
	if (refuse_connection)
		return NULL;
	server.peer = p;
	return &server;
}

/* -- beginnings and ends --------------------------------------------------------------------- */

static struct peer_server *listener;

static bool listen_at(const char *address, int timeout_ms, int compress)
{
	struct peer_self self = {.name = "worker",
				 .slots = 7,
				 .confined = 0,
				 .unconfined_why = "no namespaces",
				 .timeout_ms = timeout_ms,
				 .compress_always = compress};
	struct err e = {0};

	signal(SIGPIPE, SIG_IGN);
	loop = loop_new();
	listener = peer_listen(loop, address, &self, &handler, on_accept, NULL, &e);
	return listener != NULL;
}

static bool dial(const char *address, int timeout_ms, int compress)
{
	struct peer_self self = {
	    .name = "agent", .timeout_ms = timeout_ms, .compress_always = compress};
	struct err e = {0};

	client.peer = peer_dial(loop, address, &self, &handler, &client, &e);
	return client.peer != NULL;
}

static void end(void)
{
	if (client.peer)
		peer_close(client.peer);
	if (server.peer)
		peer_close(server.peer);
	peer_server_free(listener);
	loop_free(loop);
}

static bool both_up(void)
{
	return client.ups && server.ups;
}

static bool client_down(void)
{
	return client.downs > 0;
}

static bool server_down(void)
{
	return server.downs > 0;
}

static bool both_down(void)
{
	return client.downs && server.downs;
}

static bool pair(int compress_client, int compress_server)
{
	return CHECK(listen_at("127.0.0.1:0", LONG_MS, compress_server)) &&
	       CHECK(dial(peer_server_address(listener), LONG_MS, compress_client)) &&
	       CHECK(run_until(both_up));
}

static void send_number(struct side *s, uint64_t id)
{
	AUTO_BUF struct buf b = {0};

	message_put_cancel(&b, &(struct message_cancel){id});
	peer_send(s->peer, &b);
}

/* -- two peers ------------------------------------------------------------------------------- */

static void hellos(void)
{
	pair(0, 0);
	CHECK(client.ups == 1 && server.ups == 1 && !client.downs && !server.downs);
	CHECK(strcmp(client.name, "worker") == 0 && client.slots == 7 &&
	      client.confined == 0);
	CHECK(strcmp(client.unconfined_why, "no namespaces") == 0);
	CHECK(strcmp(server.name, "agent") == 0 && server.slots == 0);
	end();
}

static bool all_numbers(void)
{
	return client.next == 1000 && server.next == 1000;
}

static void in_order(void)
{
	for (int compress = 0; compress < 2; compress++) {
		client = server = (struct side){0};
		pair(compress, compress);
		for (uint64_t i = 0; i < 1000; i++) {
			send_number(&client, i);
			send_number(&server, i);
		}
		CHECK(run_until(all_numbers) && !client.wrong && !server.wrong);
		end();
	}
}

static bool all_bytes(void)
{
	return server.bytes >= 8 << 20;
}

static void bulk(int compress_client, int compress_server)
{
	client = server = (struct side){0};
	pair(compress_client, compress_server);
	client.left = 8 << 20;
	send_blobs(&client);
	CHECK(run_until(all_bytes));
	CHECK(server.bytes == 8 << 20 && !server.wrong && !client.wrong &&
	      client.left == 0);
	CHECK(client.high < PEER_HIGH + 2 * MESSAGE_CHUNK);
	uint64_t out = peer_bytes_out(client.peer), in = peer_bytes_in(server.peer);

	CHECK(in == out);
	if (compress_client && compress_server) {
		CHECK(out < (8 << 20) * 3 / 4);
	} else {
		CHECK(out > 8 << 20);
		CHECK(client.high > PEER_LOW && client.drained > 0);
	}
	end();
}

static void plain_bulk(void)
{
	bulk(0, 0);
}

static void packed_bulk(void)
{
	bulk(1, 1);
}

static void packed_if_both(void)
{
	bulk(1, 0);
	bulk(0, 1);
}

static void ipv6(void)
{
	if (!listen_at("[::1]:0", LONG_MS, 0)) {
		printf("# no IPv6 loopback here\n");
		return;
	}
	CHECK(strncmp(peer_server_address(listener), "[::1]:", 6) == 0);
	CHECK(dial(peer_server_address(listener), LONG_MS, 0) && run_until(both_up));
	end();
}

/* -- ends ------------------------------------------------------------------------------------ */

static void closed(void)
{
	pair(0, 0);
	close_side(&client);
	CHECK(run_until(server_down));
	CHECK(server.downs == 1 && client.downs == 0);
	CHECK(strcmp(server.why, "it closed the connection") == 0);
	end();
}

static void closed_in_up(void)
{
	client.close_in_up = true;
	CHECK(listen_at("127.0.0.1:0", LONG_MS, 0));
	CHECK(dial(peer_server_address(listener), LONG_MS, 0) && run_until(server_down));
	CHECK(client.ups == 1 && client.downs == 0 && server.downs == 1);
	end();
}

static void closed_in_message(void)
{
	for (int compress = 0; compress < 2; compress++) {
		client = server = (struct side){.close_in_message = true};
		pair(compress, compress);
		for (uint64_t i = 0; i < 100; i++)
			send_number(&client, i);
		CHECK(run_until(client_down));
		CHECK(server.next == 1 &&
		      server.downs == 0); /* not one more after the close */
		end();
	}
}

static void refused_in_up(void)
{
	client.refuse_in_up = true;
	CHECK(listen_at("127.0.0.1:0", LONG_MS, 0));
	CHECK(dial(peer_server_address(listener), LONG_MS, 0) && run_until(both_down));
	CHECK(client.downs == 1 && strcmp(client.why, "not wanted") == 0);
	end();
}

static void refused_message(void)
{
	for (int compress = 0; compress < 2; compress++) {
		client = server = (struct side){.refuse_message = true};
		pair(compress, compress);
		send_number(&client, 0);
		send_number(&client, 1);
		CHECK(run_until(both_down));
		CHECK(server.downs == 1 && strcmp(server.why, "not understood") == 0);
		end();
	}
}

static void refused_connection(void)
{
	refuse_connection = true;
	CHECK(listen_at("127.0.0.1:0", LONG_MS, 0));
	CHECK(dial(peer_server_address(listener), LONG_MS, 0) && run_until(client_down));
	CHECK(client.downs == 1 && !client.ups && client.why[0]);
	end();
}

static void nobody_listens(void)
{
	char address[ADDRESS_TEXT];
	struct peer_self self = {.name = "x", .timeout_ms = LONG_MS};
	struct err e = {0};

	CHECK(listen_at("127.0.0.1:0", LONG_MS, 0));
	snprintf(address, sizeof address, "%s", peer_server_address(listener));
	CHECK(!peer_listen(loop, address, &self, &handler, on_accept, NULL, &e));
	CHECK(e.code == EADDRINUSE && strstr(e.text, address));
	peer_server_free(listener);
	listener = NULL;
	CHECK(dial(address, LONG_MS, 0) &&
	      client.downs == 0); /* told later, from the loop */
	CHECK(run_until(client_down));
	CHECK(client.downs == 1 && client.code == ECONNREFUSED && !client.ups);
	CHECK(strcmp(client.why, "connect: Connection refused") == 0);
	end();
	loop = loop_new();
	CHECK(!peer_dial(loop, "127.0.0.1:no", &self, &handler, &client, &e) && e.text[0]);
	loop_free(loop);
}

/* -- a socket that misbehaves ---------------------------------------------------------------- */

static int raw_connect(void)
{
	struct err e;
	struct addrinfo *a = address_resolve(peer_server_address(listener), false, &e);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (!a || connect(fd, a->ai_addr, a->ai_addrlen))
		abort();
	freeaddrinfo(a);
	return fd;
}

static void raw_send(int fd, const void *p, size_t n)
{
	if (write(fd, p, n) != (ssize_t)n)
		abort();
}

static void raw_hello(int fd, uint32_t min, uint32_t max, uint64_t features)
{
	AUTO_BUF struct buf b = {0};

	buf_str(&b, "MSTR");
	message_put_hello(&b, &(struct message_hello){.version_min = min,
						      .version_max = max,
						      .features = features,
						      .name = "raw"});
	raw_send(fd, b.data, b.len);
}

/* Looks, without taking it, for a frame of TYPE among what FD was sent; its payload's first byte. */
static bool raw_got(int fd, unsigned type, unsigned *first)
{
	static char b[65536];
	ssize_t n = recv(fd, b, sizeof b, MSG_DONTWAIT | MSG_PEEK);
	struct frame f;

	if (n < 4 || memcmp(b, "MSTR", 4) != 0)
		return false;
	for (size_t at = 4; frame_first(b + at, (size_t)n - at, &f) == 1;
	     at += FRAME_HEADER + f.n)
		if (f.type == type) {
			*first = f.n ? (unsigned char)f.payload[0] : 0;
			return true;
		}
	return false;
}

/* What the server says of a client that, after a good HELLO if ASKED, sends these bytes. */
static bool says(bool hello, uint64_t features, const void *p, size_t n, const char *want)
{
	client = server = (struct side){0};
	if (!CHECK(listen_at("127.0.0.1:0", LONG_MS, 1)))
		return false;
	int fd = raw_connect();

	if (hello)
		raw_hello(fd, 1, 1, features);
	raw_send(fd, p, n);
	bool down = run_until(server_down);
	bool same = strstr(server.why, want) != NULL && server.downs == 1;

	if (!same)
		printf("# '%s', not '%s'\n", server.why, want);
	close(fd);
	end();
	return down && same;
}

static void on_answer(void *ctx, unsigned got)
{
	(void)ctx;
	(void)got;
	loop_stop(loop, 0);
}

/* A client that begins with these bytes is closed without a word, and is nobody's peer. */
static bool is_turned_away(const void *p, size_t n)
{
	char byte;

	client = server = (struct side){0};
	if (!CHECK(listen_at("127.0.0.1:0", LONG_MS, 1)))
		return false;
	int fd = raw_connect();
	struct loop_watch *w = loop_watch(loop, fd, LOOP_READ, on_answer, NULL);

	raw_send(fd, p, n);
	bool stopped = loop_run(loop) == 0;
	ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);
	bool away = stopped && (got == 0 || (got < 0 && errno == ECONNRESET)) &&
		    server.ups == 0 && server.downs == 0;

	loop_unwatch(w);
	close(fd);
	end();
	return away;
}

/* A frame that announces N bytes, and no more of it than its header. */
static void bare_header(struct buf *b, uint32_t n)
{
	buf_u32(b, n);
	memset(buf_room(b, FRAME_HEADER), 1, FRAME_HEADER);
	b->len += FRAME_HEADER - 4;
}

static void whole_frame(struct buf *b, unsigned type, const char *payload)
{
	size_t begin = frame_begin(b, type);

	buf_str(b, payload);
	frame_end(b, begin);
}

static void garbage(void)
{
	static const char web[] = "GET / HTTP/1.1\r\n\r\n";
	AUTO_BUF struct buf b = {0};

	CHECK(is_turned_away(web, sizeof web - 1));
	CHECK(is_turned_away("MSTS", 4));
	buf_str(&b, "MSTR");
	message_put_cancel(&b, &(struct message_cancel){1});
	CHECK(says(false, 0, b.data, b.len, "its first message is no HELLO"));
	b.len = 4;
	whole_frame(&b, MESSAGE_HELLO, "\xff");
	CHECK(says(false, 0, b.data, b.len, "its first message is no HELLO"));
	b.len = 4;
	bare_header(&b, UINT32_MAX);
	CHECK(says(false, 0, b.data, b.len, "a message longer than"));
	b.len = 0;
	bare_header(&b, FRAME_MAX + 1);
	CHECK(says(true, 0, b.data, b.len, "a message longer than"));
	b.len = 0;
	whole_frame(&b, MESSAGE_PING, "");
	CHECK(says(true, 0, b.data, b.len, "a malformed PING"));
	b.len = 0;
	message_put_cancel(&b, &(struct message_cancel){0});
	b.data[b.len - 1] ^= 1; /* on the way */
	CHECK(says(true, 0, b.data, b.len, "checksum"));
	CHECK(says(true, WIRE_FEATURE_ZSTD, web, sizeof web - 1, "a damaged zstd stream"));
	CHECK(server.ups == 1);
}

static void other_versions(void)
{
	CHECK(listen_at("127.0.0.1:0", LONG_MS, 0));
	int fd = raw_connect();

	raw_hello(fd, WIRE_VERSION + 1, WIRE_VERSION + 4, 0);
	CHECK(run_until(server_down) && !server.ups);
	CHECK(strcmp(
		  server.why,
		  "it speaks protocol 2 to 5 and we speak 1 to 1: update the older side") ==
	      0);
	close(fd);
	end();
	server = (struct side){0};
	CHECK(listen_at("127.0.0.1:0", LONG_MS, 0));
	fd = raw_connect();
	raw_hello(fd, 0, 0, 0);
	CHECK(run_until(server_down) && !server.ups);
	close(fd);
	end();
}

static bool server_up(void)
{
	return server.ups > 0;
}

/* A newer one, with features and versions beyond ours, but ours among them. */
static void newer_version(void)
{
	CHECK(listen_at("127.0.0.1:0", LONG_MS, 0));
	int fd = raw_connect();

	raw_hello(fd, 1, 99, UINT64_MAX);
	CHECK(run_until(server_up) && strcmp(server.name, "raw") == 0);
	close(fd);
	CHECK(run_until(server_down));
	end();
}

/* The bytes of HELLO and messages one by one. */
static void byte_by_byte(void)
{
	AUTO_BUF struct buf b = {0};

	CHECK(listen_at("127.0.0.1:0", LONG_MS, 0));
	int fd = raw_connect(), one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	buf_str(&b, "MSTR");
	message_put_hello(&b, &(struct message_hello){.version_min = 1, .version_max = 1});
	for (uint64_t i = 0; i < 5; i++)
		message_put_cancel(&b, &(struct message_cancel){i});
	for (size_t i = 0; i < b.len; i++) {
		raw_send(fd, b.data + i, 1);
		for (int turns = 0; turns < 3; turns++)
			event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	}
	close(fd);
	CHECK(run_until(server_down) && server.ups == 1 && server.next == 5 &&
	      !server.wrong);
	end();
}

static int raw;
static unsigned nonce;

static bool ping_answered(void)
{
	return raw_got(raw, MESSAGE_PONG, &nonce);
}

static void on_raw(void *ctx, unsigned got)
{
	(void)ctx;
	(void)got;
	check_done();
}

static void pings(void)
{
	AUTO_BUF struct buf b = {0};

	CHECK(listen_at("127.0.0.1:0", LONG_MS, 0));
	raw = raw_connect();
	raw_hello(raw, 1, 1, 0);
	message_put_ping(&b, &(struct message_ping){77});
	message_put_cancel(&b, &(struct message_cancel){0});
	raw_send(raw, b.data, b.len);
	struct loop_watch *w = loop_watch(loop, raw, LOOP_READ, on_raw, NULL);

	CHECK(run_until(ping_answered) && nonce == 77);
	CHECK(server.next == 1 &&
	      !server.wrong); /* the handler sees only the one behind it */
	loop_unwatch(w);
	close(raw);
	end();
}

/* Who asks without end and reads no answer does not fill our memory. */
static void pings_unread(void)
{
	AUTO_BUF struct buf b = {0};
	size_t sent = 0;

	CHECK(listen_at("127.0.0.1:0", LONG_MS, 0));
	raw = raw_connect();
	raw_hello(raw, 1, 1, 0);
	while (b.len < 1 << 20)
		message_put_ping(&b, &(struct message_ping){77});
	while (sent < (size_t)24 << 20) {
		size_t at = sent % b.len;
		ssize_t n = send(raw, b.data + at, b.len - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += n > 0 ? (size_t)n : 0;
		event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
	}
	if (CHECK(server.peer && server.downs == 0))
		CHECK(peer_backlog(server.peer) < 2 * PEER_HIGH);
	close(raw);
	end();
}

static void silent_when_up(void)
{
	unsigned first;

	CHECK(listen_at("127.0.0.1:0", SHORT_MS, 0));
	int fd = raw_connect();

	raw_hello(fd, 1, 1, 0);
	nsec begin = loop_now();

	CHECK(run_until(server_down) && server.ups == 1 && server.downs == 1);
	CHECK(loop_now() - begin >= LOOP_MS(SHORT_MS) / 2);
	CHECK(server.code == ETIMEDOUT &&
	      strncmp(server.why, "silent for 100 ms", 17) == 0);
	CHECK(raw_got(fd, MESSAGE_PING, &first)); /* it was asked first */
	close(fd);
	end();
}

static struct loop_timer *dribble;

static void on_dribble(void *ctx)
{
	AUTO_BUF struct buf b = {0};

	message_put_pong(&b, &(struct message_pong){1});
	send(*(int *)ctx, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	loop_timer_set(dribble, LOOP_MS(SHORT_MS / 5));
}

/* The length of a message was damaged on its way: what answers our PINGs is not its end, however long it goes on. */
static void a_message_without_end(void)
{
	AUTO_BUF struct buf b = {0};
	int fd;

	CHECK(listen_at("127.0.0.1:0", SHORT_MS, 0));
	fd = raw_connect();
	raw_hello(fd, 1, 1, 0);
	bare_header(&b, FRAME_MAX);
	raw_send(fd, b.data, b.len);
	dribble = loop_timer_new(loop, on_dribble, &fd);
	loop_timer_set(dribble, 0);
	CHECK(run_until(server_down) && server.ups == 1 && server.downs == 1);
	CHECK(server.code == ETIMEDOUT);
	loop_timer_free(dribble);
	close(fd);
	end();
}

static void silent_from_the_start(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[ADDRESS_TEXT];

	CHECK(bind(fd, (struct sockaddr *)&a, n) == 0 && listen(fd, 1) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&a, &n) == 0);
	loop = loop_new();
	CHECK(dial(address_text((struct sockaddr *)&a, text), SHORT_MS, 0));
	CHECK(run_until(client_down) && client.downs == 1 && !client.ups);
	CHECK(client.code == ETIMEDOUT &&
	      strncmp(client.why, "silent for 100 ms", 17) == 0);
	close(fd);
	end();
}

TESTS({"HELLOs cross", hellos}, {"messages come in order", in_order},
      {"megabytes, plain", plain_bulk}, {"megabytes, compressed", packed_bulk},
      {"compressed only if both want it", packed_if_both}, {"over IPv6", ipv6},
      {"closed by the other side", closed}, {"closed in up()", closed_in_up},
      {"closed in message()", closed_in_message}, {"refused in up()", refused_in_up},
      {"a message that is refused", refused_message},
      {"a connection that is not accepted", refused_connection},
      {"nobody listens there", nobody_listens}, {"garbage", garbage},
      {"versions that do not meet", other_versions}, {"a newer other side", newer_version},
      {"byte by byte", byte_by_byte}, {"a PING is answered", pings},
      {"PINGs of one who does not read", pings_unread},
      {"silent after the HELLO", silent_when_up},
      {"a message without end", a_message_without_end},
      {"silent from the start", silent_from_the_start})

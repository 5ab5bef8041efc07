/* Peers with credentials, over the loopback in one loop: who gets in, what the others are told, and what silence at the
 * door costs. */
#include "base/err.h"
#include "base/mem.h"
#include "farm/authority.h"
#include "net/address.h"
#include "net/key.h"
#include "net/peer.h"
#include "net/tls.h"
#include "net/tls_stream.h"
#include "sys/loop.h"
#include "test.h"
#include "wire/frame.h"
#include "wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	LONG_MS = 60000,
	SHORT_MS = 600,
	RECONNECTS = 20,
	WATCHDOG_MS = 20000,
	BLOBS = 400
};

struct side {
	struct peer *peer;
	int ups, downs;
	uint64_t bytes;
	char who[TLS_NAME], why[512];
	bool foreign, plain, refused;
};

static struct loop *loop;
static struct peer_server *listener;
static struct side client, server;
static int accepted;
static bool (*done)(void);
static int timeout_ms = LONG_MS;

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

static bool run_until(bool (*finished)(void))
{
	struct loop_timer *t = loop_timer_new(loop, watchdog, NULL);

	done = finished;
	loop_timer_set(t, LOOP_MS(WATCHDOG_MS));
	int status = finished() ? 0 : loop_run(loop);

	loop_timer_free(t);
	return status == 0;
}

static bool never(void)
{
	return false;
}

/* True when it was stopped before. */
static bool run_for(int ms)
{
	struct loop_timer *t = loop_timer_new(loop, watchdog, NULL);

	done = never;
	loop_timer_set(t, LOOP_MS(ms));
	int status = loop_run(loop);

	loop_timer_free(t);
	return status == 0;
}

static int on_up(void *ctx, struct peer *p, const struct message_hello *h, struct err *e)
{
	struct side *s = ctx;
	const struct tls_who *who = peer_who(p);

	(void)h;
	(void)e;
	s->peer = p;
	s->ups++;
	snprintf(s->who, sizeof s->who, "%s", who ? who->name : "");
	check_done();
	return 0;
}

static int on_message(void *ctx, struct peer *p, unsigned type, const char *payload,
		      size_t n, struct err *e)
{
	struct side *s = ctx;

	(void)p;
	(void)type;
	(void)payload;
	(void)e;
	s->bytes += n;
	check_done();
	return 0;
}

static void on_down(void *ctx, struct peer *p, const struct err *why)
{
	struct side *s = ctx;

	s->downs++;
	s->peer = NULL;
	s->foreign = peer_is_foreign(p);
	s->plain = peer_is_plain(p);
	s->refused = peer_is_refused(p);
	snprintf(s->why, sizeof s->why, "%s", why->text);
	check_done();
}

static const struct peer_handler handler = {
    .up = on_up, .message = on_message, .down = on_down};

static void *on_accept(void *ctx, struct peer *p, const char *from)
{
	(void)ctx;
	(void)from;
	server.peer = p;
	accepted++;
	return &server;
}

static struct peer_self self_of(const struct tls *t, unsigned admits)
{
	return (struct peer_self){
	    .name = "x", .timeout_ms = timeout_ms, .tls = t, .admits = admits};
}

static void listen_with(const struct tls *t)
{
	struct peer_self self = self_of(t, TLS_USER);
	struct err e = {0};

	client = server = (struct side){0};
	accepted = 0;
	loop = loop_new();
	listener = peer_listen(loop, "127.0.0.1:0", &self, &handler, on_accept, NULL, &e);
	if (!CHECK(listener))
		printf("# %s\n", e.text);
}

static void dial_with(const struct tls *t)
{
	struct peer_self self = self_of(t, TLS_WORKER);
	struct err e = {0};

	client = (struct side){0};
	client.peer =
	    peer_dial(loop, peer_server_address(listener), &self, &handler, &client, &e);
	CHECK(client.peer);
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

static bool server_down(void)
{
	return server.downs > 0;
}

static bool client_down(void)
{
	return client.downs > 0;
}

static bool all_came(void)
{
	return server.bytes >= (uint64_t)BLOBS * MESSAGE_CHUNK &&
	       client.bytes >= (uint64_t)BLOBS * MESSAGE_CHUNK;
}

static void send_blobs(struct peer *p)
{
	static char bytes[MESSAGE_CHUNK];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 2654435761u >> 11);
	for (int i = 0; i < BLOBS; i++) {
		AUTO_BUF struct buf b = {0};

		message_put_blob(&b, &(struct message_blob){
					 .bytes = {bytes, sizeof bytes}
                });
		peer_send(p, &b);
	}
}

static struct tls *key_tls(unsigned fill)
{
	struct key k;

	memset(k.b, (int)fill, sizeof k.b);
	return tls_from_key(&k);
}

static struct authority *farm_make(void)
{
	AUTO_BUF struct buf certificate = {0}, key = {0};

	authority_make("farm", time(NULL), &certificate, &key);
	return authority_open((struct slice){certificate.data, certificate.len},
			      (struct slice){key.data, key.len}, NULL);
}

static char last_serial[AUTHORITY_SERIAL];

static struct tls *join(struct authority *a, const char *name, unsigned roles)
{
	AUTO_BUF struct buf key = {0}, request = {0}, certificate = {0};
	struct tls_who who = {.roles = roles};
	char serial[AUTHORITY_SERIAL];
	int64_t now = time(NULL);

	snprintf(who.name, sizeof who.name, "%s", name);
	authority_make_key(&key);
	struct slice secret = {key.data, key.len};

	if (authority_make_request(secret, &request, NULL) ||
	    authority_sign(a, (struct slice){request.data, request.len}, &who, now - 60,
			   now + 86400, serial, &certificate, NULL))
		abort();
	memcpy(last_serial, serial, sizeof serial);
	return tls_from_farm(
	    &(struct tls_farm){
		.authority = authority_certificate(a),
		.certificate = {certificate.data, certificate.len},
		.key = secret
        },
	    NULL);
}

/* -- who gets in ----------------------------------------------------------------------------- */

static void same_key(void)
{
	struct tls *a = key_tls(1), *b = key_tls(1);

	listen_with(a);
	dial_with(b);
	CHECK(run_until(both_up));
	if (client.peer && server.peer) {
		send_blobs(client.peer);
		send_blobs(server.peer);
		CHECK(run_until(all_came));
		CHECK(!peer_who(client.peer));
	}
	end();
	tls_free(a);
	tls_free(b);
}

static void same_farm(void)
{
	struct authority *f = farm_make();
	struct tls *worker = join(f, "w1", TLS_WORKER), *user = join(f, "anna", TLS_USER);

	listen_with(worker);
	for (int i = 0; i < 2; i++) { /* the second time with a ticket */
		server = (struct side){0};
		dial_with(user);
		CHECK(run_until(both_up));
		CHECK(strcmp(client.who, "w1") == 0 && strcmp(server.who, "anna") == 0);
		if (i == 0 && client.peer)
			peer_close(client.peer);
	}
	end();
	tls_free(worker);
	tls_free(user);
	authority_free(f);
}

/* Each connection but the first begins with the ticket of the one before: a reconnect costs no full handshake. */
static void reconnects(void)
{
	struct authority *f = farm_make();
	struct tls *worker = join(f, "w1", TLS_WORKER), *user = join(f, "anna", TLS_USER);
	int full = 0;

	listen_with(worker);
	for (int i = 0; i < 1 + RECONNECTS; i++) {
		server = (struct side){0};
		dial_with(user);
		if (!CHECK(run_until(both_up)))
			break;
		CHECK(peer_is_resumed(client.peer) == peer_is_resumed(server.peer));
		full += !peer_is_resumed(client.peer);
		peer_close(client.peer);
		client.peer = NULL;
		CHECK(run_until(server_down));
	}
	CHECK(full == 1);
	end();
	tls_free(worker);
	tls_free(user);
	authority_free(f);
}

static void put_out(struct authority *f, struct tls *told)
{
	const char *serials[] = {last_serial};
	AUTO_BUF struct buf crl = {0};
	struct err e = {0};

	CHECK(authority_revoked(f, serials, 1, time(NULL), &crl, &e) == 0);
	CHECK(tls_revoke(told, (struct slice){crl.data, crl.len}, &e) == 0);
}

/* Whoever is put out while his connection stands loses it when the list arrives; others, and who was only renewed, do not. */
static void revoked_meanwhile(void)
{
	struct authority *f = farm_make();
	struct tls *worker = join(f, "w1", TLS_WORKER), *user = join(f, "anna", TLS_USER);

	timeout_ms = SHORT_MS;
	listen_with(worker);
	dial_with(user);
	CHECK(run_until(both_up));
	struct tls *ben = join(f, "ben", TLS_USER); /* it is he who is put out first */

	put_out(f, worker);
	CHECK(tls_is_farm(ben) && !run_for(2 * SHORT_MS) && server.downs == 0 &&
	      client.downs == 0);
	tls_free(user);
	end();
	user = join(f, "anna", TLS_USER);
	listen_with(worker);
	dial_with(user);
	CHECK(run_until(both_up));
	put_out(f, worker);
	CHECK(run_until(server_down) &&
	      strcmp(server.why, "the certificate of anna was revoked") == 0);
	CHECK(run_until(client_down));
	end();
	/* The other way round: a worker that is put out is used no more. */
	tls_free(worker);
	worker = join(f, "w2", TLS_WORKER);
	tls_free(user);
	user = ben;
	listen_with(worker);
	dial_with(user);
	CHECK(run_until(both_up));
	put_out(f, user);
	CHECK(run_until(client_down) &&
	      strcmp(client.why, "the certificate of w2 was revoked") == 0);
	end();
	timeout_ms = LONG_MS;
	tls_free(worker);
	tls_free(user);
	authority_free(f);
}

/* What the client hears; nobody gets as far as the handler. */
static bool is_refused(const struct tls *answers, const struct tls *dials,
		       const char *words)
{
	listen_with(answers);
	dial_with(dials);
	bool down = run_until(client_down) && client.refused && !client.foreign &&
		    accepted == 0 && client.ups == 0;
	bool same = strstr(client.why, words);

	if (!same)
		printf("# '%s', not '%s'\n", client.why, words);
	end();
	return down && same;
}

static void turned_away(void)
{
	struct authority *f = farm_make(), *g = farm_make();
	struct tls *k = key_tls(1), *other = key_tls(2),
		   *worker = join(f, "w1", TLS_WORKER), *user = join(f, "anna", TLS_USER),
		   *stranger = join(g, "eve", TLS_USER),
		   *worker2 = join(f, "w2", TLS_WORKER);

	CHECK(is_refused(k, NULL, "this machine wants a key: "));
	CHECK(is_refused(worker, NULL, "this farm wants a token: run 'muster join TOKEN'"));
	CHECK(is_refused(k, other, "both sides want the same key file"));
	CHECK(is_refused(worker, k, "it shows a farm's certificate"));
	CHECK(is_refused(k, user, "it has no certificate of a farm"));
	CHECK(is_refused(worker, stranger, "its certificate is not of this farm"));
	/* Its own side says no after the handshake, in words. */
	CHECK(is_refused(worker, worker2, "w2 may only be worker in this farm"));
	/* The dialler wants a worker. */
	listen_with(user);
	dial_with(user);
	CHECK(run_until(client_down) && client.refused);
	CHECK(strcmp(client.why, "anna may only be user in this farm") == 0);
	end();
	tls_free(k);
	tls_free(other);
	tls_free(worker);
	tls_free(worker2);
	tls_free(user);
	tls_free(stranger);
	authority_free(f);
	authority_free(g);
}

static void nothing_there(void *ctx, int fd, const struct sockaddr *from)
{
	(void)ctx;
	(void)from;
	close(fd);
}

static void no_key_there(void)
{
	struct tls *k = key_tls(1);

	listen_with(NULL);
	dial_with(k);
	CHECK(run_until(client_down) && client.plain && !client.foreign);
	CHECK(strcmp(client.why,
		     "it has no key or certificate: it speaks without encryption") == 0);
	end();
	listen_with(NULL);
	peer_server_divert(listener, nothing_there, NULL);
	dial_with(k);
	CHECK(run_until(client_down) && client.plain && !client.foreign);
	end();
	tls_free(k);
}

/* Somebody who speaks another protocol is nobody who refuses us. */
static void a_distccd(void)
{
	struct tls *k = key_tls(1);

	for (int talks = 0; talks < 2; talks++) {
		struct sockaddr_in a = {.sin_family = AF_INET,
					.sin_addr = {htonl(INADDR_LOOPBACK)}};
		socklen_t n = sizeof a;
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char text[ADDRESS_TEXT];
		struct peer_self self = self_of(k, TLS_WORKER);

		CHECK(bind(fd, (struct sockaddr *)&a, n) == 0 && listen(fd, 1) == 0 &&
		      getsockname(fd, (struct sockaddr *)&a, &n) == 0);
		client = (struct side){0};
		loop = loop_new();
		client.peer = peer_dial(loop, address_text((struct sockaddr *)&a, text),
					&self, &handler, &client, &(struct err){0});
		int there = accept(fd, NULL, NULL);

		CHECK(there >= 0);
		if (talks)
			CHECK(write(there, "220 ready\r\n", 11) == 11);
		shutdown(there, SHUT_WR);
		CHECK(run_until(client_down) && client.foreign && !client.plain);
		close(there);
		close(fd);
		loop_free(loop);
	}
	tls_free(k);
}

/* -- at the door ----------------------------------------------------------------------------- */

static int raw_connect(void)
{
	struct err e;
	struct addrinfo *a = address_resolve(peer_server_address(listener), false, &e);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!a || fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen))
		abort();
	freeaddrinfo(a);
	return fd;
}

/* More connections than are waited for, which have begun a handshake and stopped: who comes with the key gets in all
 * the same. */
static void silent_crowd(void)
{
	enum {
		CROWD = 300
	};

	static int crowd[CROWD];
	static const unsigned char begun[] = {0x16, 3, 1, 1, 0};
	struct tls *k = key_tls(1);

	listen_with(k);
	for (int i = 0; i < CROWD; i++) {
		crowd[i] = raw_connect();
		CHECK(write(crowd[i], begun, sizeof begun) == (ssize_t)sizeof begun);
	}
	dial_with(k);
	CHECK(run_until(both_up) && accepted == 1);
	char byte;
	int closed = 0;

	for (int i = 0; i < CROWD; i++) {
		closed += recv(crowd[i], &byte, 1, MSG_DONTWAIT) == 0 || errno != EAGAIN;
		close(crowd[i]);
	}
	CHECK(closed > 0 && closed < CROWD);
	end();
	tls_free(k);
}

/* Closed in the middle of a handshake, by either side. */
static void broken_off(void)
{
	struct tls *k = key_tls(1);

	listen_with(k);
	for (size_t n = 1; n < 200; n += 13) {
		struct tls_stream *s = tls_stream_dial(k, TLS_MUSTER, NULL);
		AUTO_BUF struct buf out = {0}, plain = {0};
		int fd = raw_connect();

		CHECK(tls_stream_take(s, NULL, 0, &plain, &out, NULL) == 0 && out.len > n);
		CHECK(write(fd, out.data, n) == (ssize_t)n);
		close(fd);
		tls_stream_free(s);
	}
	dial_with(k);
	CHECK(run_until(both_up) && accepted == 1);
	end();
	tls_free(k);
}

TESTS({"the same key", same_key}, {"the same farm", same_farm},
      {"reconnects cost no full handshake", reconnects},
      {"who is revoked while his connection stands", revoked_meanwhile},
      {"turned away in words", turned_away}, {"no key on the other side", no_key_there},
      {"who speaks another protocol", a_distccd},
      {"a silent crowd at the door", silent_crowd}, {"broken off", broken_off})

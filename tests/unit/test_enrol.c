/* A farm in a folder: tokens, members, what is refused; and the whole of joining over the loopback, with the farm in this process and the
 * newcomer in a child. */
#include "base/err.h"
#include "base/mem.h"
#include "farm/authority.h"
#include "farm/enrol.h"
#include "farm/home.h"
#include "farm/join.h"
#include "farm/token.h"
#include "net/key.h"
#include "net/peer.h"
#include "net/tls.h"
#include "net/trust.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "test.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	NOW = 1800000000,
	HOUR = 3600,
	DAY = 86400
};

static char dir[] = "/tmp/test_enrol.XXXXXX";
static char *farm_dir;

static void set_up(void)
{
	if (!mkdtemp(dir))
		abort();
	farm_dir = xasprintf("%s/farm", dir);
}

static void tear_down(void)
{
	fs_remove_tree(dir, NULL);
	free(farm_dir);
}

static struct home *make(int64_t now)
{
	struct err e = {0};

	set_up(); /* the farm is called as its member: a host may name both */
	if (!CHECK(home_make(farm_dir, "anna", now, &e) == 0))
		printf("# %s\n", e.text);
	struct home *h = home_open(farm_dir, &e);

	CHECK(h);
	return h;
}

static struct slice slice_of(const struct buf *b)
{
	return (struct slice){b->data, b->len};
}

/* -- tokens ---------------------------------------------------------------------------------- */

static void tokens(void)
{
	struct token t = {.address = "[::1]:3694", .roles = TLS_USER, .expires = NOW}, back;
	AUTO_BUF struct buf b = {0};
	struct err e = {0};
	int good = 0;

	memset(t.print, 1, sizeof t.print);
	memset(t.secret, 2, sizeof t.secret);
	token_print(&t, &b);
	buf_u8(&b, 0);
	CHECK(token_parse(&back, b.data, &e) == 0 && memcmp(&t, &back, sizeof t) == 0);
	/* One letter wrong, one missing, one too many. */
	for (size_t i = strlen(t.address) + 1; i + 1 < b.len; i++) {
		char *letter = &b.data[i], was = *letter;

		*letter = was == 'A' ? 'B' : 'A';
		good += token_parse(&back, b.data, &e) == 0;
		*letter = ' ';
		good += token_parse(&back, b.data, &e) == 0;
		*letter = was;
	}
	CHECK(good == 0);
	b.data[b.len - 2] = 0;
	CHECK(token_parse(&back, b.data, &e) == -1 && strstr(e.text, "not all of it"));
	CHECK(token_parse(&back, "", &e) == -1 && token_parse(&back, "/", &e) == -1);
	char id[TOKEN_ID], other[TOKEN_ID];

	token_id(t.secret, id);
	t.secret[15] ^= 1;
	token_id(t.secret, other);
	CHECK(strlen(id) == 16 && strcmp(id, other) != 0);
}

/* -- the farm's lists ------------------------------------------------------------------------ */

struct newcomer {
	struct token token;
	char id[TOKEN_ID];
	struct buf key, request;
	uint8_t proof[TOKEN_PROOF];
	struct home_ask ask;
};

static void newcomer_make(struct newcomer *n, struct home *h, unsigned roles, unsigned uses,
			  const char *name)
{
	AUTO_BUF struct buf text = {0};
	struct err e = {0};

	*n = (struct newcomer){0};
	CHECK(home_token(h, "x:1", roles, uses, HOUR, NOW, &text, &e) == 0);
	buf_u8(&text, 0);
	CHECK(token_parse(&n->token, text.data, &e) == 0);
	authority_make_key(&n->key);
	CHECK(authority_make_request(slice_of(&n->key), &n->request, &e) == 0);
	token_id(n->token.secret, n->id);
	memset(n->ask.binding, 7, sizeof n->ask.binding);
	n->ask.token = n->id;
	n->ask.name = name;
	n->ask.request = slice_of(&n->request);
	token_prove(n->token.secret, n->ask.binding, n->ask.request, n->proof);
	n->ask.proof = (struct slice){(char *)n->proof, sizeof n->proof};
}

static void newcomer_free(struct newcomer *n)
{
	buf_free(&n->key);
	buf_free(&n->request);
}

static bool refused(struct home *h, const struct home_ask *ask, int64_t now,
		    const char *words)
{
	AUTO_BUF struct buf certificate = {0};
	struct err e = {0};
	bool no = home_join(h, ask, now, &certificate, &e) == -1 && strstr(e.text, words) &&
		  certificate.len == 0;

	if (!no)
		printf("# '%s', not '%s'\n", e.text, words);
	return no;
}

static void count_member(void *ctx, const struct tls_who *who, int64_t ends)
{
	int *n = ctx;

	CHECK(ends == NOW + HOME_CERTIFICATE_S);
	CHECK(strcmp(who->name, "anna") == 0 || strcmp(who->name, "w") == 0);
	++*n;
}

static void once(void)
{
	struct home *h = make(NOW);
	struct newcomer n;
	AUTO_BUF struct buf certificate = {0};
	struct err e = {0};
	int members = 0;

	newcomer_make(&n, h, TLS_USER, 1, "anna");
	struct home_ask bad = n.ask;

	bad.binding[0] ^= 1; /* overheard, and tried on another connection */
	CHECK(refused(h, &bad, NOW, "the token's secret is not the right one"));
	bad = n.ask;
	bad.request.n--; /* or with another's key */
	CHECK(refused(h, &bad, NOW, "the token's secret is not the right one"));
	bad = n.ask;
	bad.proof.n--;
	CHECK(refused(h, &bad, NOW, "the token's secret"));
	bad = n.ask;
	bad.token = "0123456789abcdef";
	CHECK(refused(h, &bad, NOW, "is of another farm"));
	bad = n.ask;
	bad.name = "an na";
	CHECK(refused(h, &bad, NOW, "choose another with --name"));
	CHECK(refused(h, &n.ask, NOW + HOUR, "the token has expired"));
	/* None of these used it up. */
	CHECK(home_join(h, &n.ask, NOW + HOUR - 1, &certificate, &e) == 0);
	CHECK(certificate.len > 0);
	CHECK(refused(h, &n.ask, NOW, "was used up"));
	newcomer_free(&n);
	newcomer_make(&n, h, TLS_WORKER, 2, "anna");
	CHECK(refused(h, &n.ask, NOW, "somebody is called anna already"));
	bad = n.ask;
	bad.token = "";
	CHECK(refused(h, &bad, NOW, "takes a token"));
	certificate.len = 0;
	n.ask.name = "w";
	CHECK(home_join(h, &n.ask, NOW, &certificate, &e) == 0);
	home_free(h);
	h = home_open(farm_dir, &e);
	/* A certificate lasts 30 days: the first began an hour less a second later. */
	CHECK(h && home_revoke(h, "anna", NOW, &e) == 0);
	CHECK(home_members(h, NOW, count_member, &members, &e) == 0 && members == 1);
	CHECK(home_revoke(h, "anna", NOW, &e) == -1 && strstr(e.text, "nobody"));
	newcomer_free(&n);
	home_free(h);
	tear_down();
}

static void renewal(void)
{
	struct home *h = make(NOW);
	struct newcomer n;
	AUTO_BUF struct buf certificate = {0};
	struct tls_who who = {"anna", TLS_USER};
	struct err e = {0};

	newcomer_make(&n, h, TLS_USER, 1, "anna");
	CHECK(home_join(h, &n.ask, NOW, &certificate, &e) == 0);
	struct home_ask again = {
	    .token = "", .name = "", .request = n.ask.request, .who = &who};

	certificate.len = 0;
	CHECK(home_join(h, &again, NOW + 15 * DAY, &certificate, &e) == 0 &&
	      certificate.len);
	/* Again and again: he gets no more than some at a time, and keeps nobody else out. */
	for (int i = 2; i < HOME_RENEWALS_MAX; i++)
		CHECK(home_join(h, &again, NOW + 15 * DAY, &certificate, &e) == 0);
	CHECK(refused(h, &again, NOW + 15 * DAY, "anna has 6 certificates that count"));
	CHECK(home_join(h, &again, NOW + 31 * DAY, &certificate, &e) == 0);
	/* Who only wants the news gets no certificate. */
	certificate.len = 0;
	again.request = (struct slice){"", 0};
	CHECK(home_join(h, &again, NOW, &certificate, &e) == 0 && certificate.len == 0);
	newcomer_free(&n);
	home_free(h);
	tear_down();
}

static void guarded(void)
{
	struct home *h = make(NOW);
	struct err e = {0};
	struct stat st;
	static const char *const secret[] = {"authority.key", "key.pem"};

	for (size_t i = 0; i < 2; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", farm_dir, secret[i]);

		CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	}
	CHECK(stat(farm_dir, &st) == 0 && (st.st_mode & 0777) == 0700);
	home_free(h);
	CHECK(home_make(farm_dir, "again", NOW, &e) == -1 && strstr(e.text, "one already"));
	AUTO_FREE char *key = xasprintf("%s/authority.key", farm_dir);

	CHECK(chmod(key, 0640) == 0);
	CHECK(!home_open(farm_dir, &e) && strstr(e.text, "chmod 600"));
	CHECK(!home_open("/nonexistent", &e) && strstr(e.text, "muster farm init"));
	tear_down();
}

/* -- over the network ------------------------------------------------------------------------ */

static void *nobody(void *ctx, struct peer *p, const char *from)
{
	(void)ctx;
	(void)p;
	(void)from;
	return NULL;
}

static void on_child(void *ctx, unsigned got)
{
	(void)got;
	loop_stop(ctx, 0);
}

static void watchdog(void *ctx)
{
	loop_stop(ctx, 1);
}

/* What the newcomer's side says of it; it waits, so it has a process of its own. */
static bool child_joins(struct loop *l, const struct token *t, const char *name,
			const char *where, bool renew)
{
	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0) {
		struct err e = {0};
		int r = renew ? join_renew(where, true, time(NULL), &e)
			      : join_farm(t, name, where, time(NULL), &e);

		if (r)
			printf("# %s\n", e.text);
		fflush(stdout);
		_exit(r != 0);
	}
	struct loop_timer *late = loop_timer_new(l, watchdog, l);
	int status = -1;

	loop_timer_set(late, LOOP_MS(30000));
	CHECK(loop_run(l) == 0);
	loop_timer_free(late);
	waitpid(pid, &status, 0);
	return status == 0;
}

static void whole(void)
{
	struct home *h = make(time(NULL));
	struct err e = {0};
	struct tls *tls = home_tls(h, &e);
	struct loop *l = loop_new();
	static const struct peer_handler nothing;
	struct peer_self self = {.name = "farm", .timeout_ms = ENROL_MS, .tls = tls};
	struct peer_server *s =
	    peer_listen(l, "127.0.0.1:0", &self, &nothing, nobody, NULL, &e);
	struct enrol *enrol = enrol_new(l, h, tls);
	struct loop_watch *child = loop_signal(l, SIGCHLD, on_child, l);
	AUTO_BUF struct buf text = {0};
	AUTO_FREE char *where = xasprintf("%s/member", dir),
		       *other = xasprintf("%s/x", dir);
	struct token t;

	peer_server_enrol(s, enrol_accept, enrol);
	CHECK(home_token(h, peer_server_address(s), TLS_USER, 2, HOUR, time(NULL), &text,
			 &e) == 0);
	buf_u8(&text, 0);
	CHECK(token_parse(&t, text.data, &e) == 0);
	CHECK(child_joins(l, &t, "anna", where, false));
	CHECK(child_joins(l, NULL, NULL, where, true));
	/* A farm that is not the token's. */
	t.print[0] ^= 1;
	CHECK(!child_joins(l, &t, "eve", other, false));
	t.print[0] ^= 1;
	t.secret[0] ^= 1;
	CHECK(!child_joins(l, &t, "eve", other, false));
	AUTO_FREE char *certificate = xasprintf("%s/certificate.pem", other);

	CHECK(access(certificate, F_OK) != 0);
	CHECK(home_revoke(h, "anna", time(NULL), &e) == 0);
	CHECK(!child_joins(l, NULL, NULL, where, true));
	loop_unwatch(child);
	peer_server_free(s);
	enrol_free(enrol);
	loop_free(l);
	tls_free(tls);
	home_free(h);
	tear_down();
}

/* -- its files, as a member looks at them ------------------------------------------------------ */

static const char *only_the_farm(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "MUSTER_FARM_DIR") == 0 ? farm_dir : NULL;
}

/* It would let in whom the list names. */
static void damaged_list(void)
{
	struct home *h = make(time(NULL));
	struct trust *t = trust_new();
	AUTO_FREE char *list = xasprintf("%s/revoked.pem", farm_dir);

	CHECK(fs_write_file(list, "damaged", 7, 0600, NULL) == 0);
	trust_look(t, only_the_farm, NULL, 1);
	CHECK(!trust_farm(t) && strstr(trust_wrong(t), "list of revoked"));
	unlink(list);
	trust_look(t, only_the_farm, NULL, 1 + 2 * LOOP_MS(1000));
	CHECK(trust_farm(t) && !trust_wrong(t)[0]);
	/* What it has, it keeps. */
	CHECK(fs_write_file(list, "damaged", 7, 0600, NULL) == 0);
	trust_look(t, only_the_farm, NULL, 1 + 4 * LOOP_MS(1000));
	CHECK(trust_farm(t) && trust_wrong(t)[0]);
	trust_free(t);
	home_free(h);
	tear_down();
}

static const char *other_farm_dir(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "MUSTER_FARM_DIR") == 0 ? dir : NULL;
}

static const char *a_key(void *ctx, const char *name)
{
	return strcmp(name, "MUSTER_KEY_FILE") == 0 ? ctx : NULL;
}

/* Builds with other variables take turns: nothing is made anew, as long as the files are the same. */
static void taking_turns(void)
{
	struct home *h = make(time(NULL));
	struct trust *t = trust_new();
	AUTO_FREE char *path = xasprintf("%s/key", dir);
	struct key key;

	key_make(&key);
	CHECK(key_write(&key, path, NULL) == 0);
	trust_look(t, only_the_farm, NULL, 1);
	const struct tls *farm = trust_first(t);

	trust_look(t, a_key, path, 1);
	const struct tls *by_key = trust_first(t);

	CHECK(farm && by_key && farm != by_key);
	for (int i = 0; i < 3; i++) {
		trust_look(t, only_the_farm, NULL, 1);
		CHECK(trust_first(t) == farm);
		trust_look(t, other_farm_dir, NULL, 1);
		CHECK(!trust_first(t));
		trust_look(t, a_key, path, 1);
		CHECK(trust_first(t) == by_key);
	}
	key_make(&key);
	unlink(path);
	CHECK(key_write(&key, path, NULL) == 0);
	trust_look(t, only_the_farm, NULL, 1);
	trust_look(t, a_key, path, 1);
	CHECK(trust_first(t) && trust_first(t) != by_key);
	trust_free(t);
	home_free(h);
	tear_down();
}

TESTS({"tokens", tokens}, {"a token counts once, for its owner, in its time", once},
      {"renewal", renewal}, {"what is secret is 0600", guarded},
      {"joining, renewal, revocation over the network", whole},
      {"a damaged list of revoked", damaged_list},
      {"builds with farms of their own", taking_turns})

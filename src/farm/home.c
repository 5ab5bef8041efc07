/* The files of home.h. Lists are small texts that are read whole and written whole; what is in them was written by us, so a line
 * that makes no sense is an error and not skipped. */
#include "farm/home.h"

#include "base/err.h"
#include "base/mem.h"
#include "farm/authority.h"
#include "net/address.h"
#include "sys/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

enum {
	LIST_MAX = 64 << 20
};

struct home {
	char *dir;
	struct authority *authority;
};

struct member {
	char serial[AUTHORITY_SERIAL];
	struct tls_who who;
	int64_t begins, ends;
};

struct known_token {
	char id[TOKEN_ID];
	uint8_t secret[TOKEN_SECRET];
	unsigned roles, uses;
	int64_t expires;
};

/* -- files ----------------------------------------------------------------------------------- */

char *home_usual_dir(void)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && *data == '/')
		return xasprintf("%s/muster/farm", data);
	return home && *home == '/' ? xasprintf("%s/.local/share/muster/farm", home) : NULL;
}

static char *path_of(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

/* The descriptor of the lock, to be closed; -1 with a sentence. */
static int lock(const char *dir, struct err *e)
{
	AUTO_FREE char *path = path_of(dir, "lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX)) {
		err_set(e, errno, "lock the farm in %s", dir);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* The whole text of NAME, with a NUL behind it; one that is not there is empty. */
static int read_text(const char *dir, const char *name, struct buf *out, struct err *e)
{
	AUTO_FREE char *path = path_of(dir, name);
	struct err mine = {0};

	if (fs_read(path, LIST_MAX, out, &mine) && mine.code != ENOENT) {
		if (e)
			*e = mine;
		return -1;
	}
	buf_u8(out, 0);
	out->len--;
	return 0;
}

static int write_file(const char *dir, const char *name, const struct buf *b, struct err *e)
{
	AUTO_FREE char *path = path_of(dir, name);

	return fs_write_file(path, b->data ? b->data : "", b->len, 0600, e);
}

static struct slice slice_of(const struct buf *b)
{
	return (struct slice){b->data, b->len};
}

/* -- lines ----------------------------------------------------------------------------------- */

static int parse_member(const char *line, struct member *m)
{
	return sscanf(line, "%32[0-9a-f] %63s %u %" SCNd64 " %" SCNd64, m->serial,
		      m->who.name, &m->who.roles, &m->begins, &m->ends) == 5
		   ? 0
		   : -1;
}

static void print_member(const struct member *m, struct buf *out)
{
	buf_printf(out, "%s %s %u %" PRId64 " %" PRId64 "\n", m->serial, m->who.name,
		   m->who.roles, m->begins, m->ends);
}

static int parse_token(const char *line, struct known_token *t)
{
	char hex[2 * TOKEN_SECRET + 1];
	long got = 0;

	if (sscanf(line, "%16[0-9a-f] %32[0-9a-f] %u %u %" SCNd64, t->id, hex, &t->roles,
		   &t->uses, &t->expires) != 5 ||
	    strlen(hex) != 2 * TOKEN_SECRET)
		return -1;
	for (size_t i = 0; i < TOKEN_SECRET; i++) {
		char two[3] = {hex[2 * i], hex[2 * i + 1], 0};

		got = strtol(two, NULL, 16);
		t->secret[i] = (uint8_t)got;
	}
	return 0;
}

static void print_token(const struct known_token *t, struct buf *out)
{
	buf_printf(out, "%s ", t->id);
	for (size_t i = 0; i < TOKEN_SECRET; i++)
		buf_printf(out, "%02x", t->secret[i]);
	buf_printf(out, " %u %u %" PRId64 "\n", t->roles, t->uses, t->expires);
}

/* The next line of a text that *AT walks through, ended by a NUL; NULL behind the last. */
static char *next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (!*line)
		return NULL;
	*at = end ? end + 1 : line + strlen(line);
	if (end)
		*end = 0;
	return line;
}

/* -- the farm -------------------------------------------------------------------------------- */

static int sign(const struct home *h, struct slice request, const struct tls_who *who,
		int64_t now, struct buf *certificate, struct buf *members, struct err *e)
{
	struct member m = {.who = *who,
			   .begins = now - AUTHORITY_SLACK_S,
			   .ends = now + HOME_CERTIFICATE_S};

	if (authority_sign(h->authority, request, who, m.begins, m.ends, m.serial,
			   certificate, e))
		return -1;
	print_member(&m, members);
	return 0;
}

/* Our own certificate; for as long as the authority, since whoever holds the one holds the other. */
static int certify_self(const char *dir, const struct authority *a, int64_t now,
			struct err *e)
{
	AUTO_BUF struct buf key = {0}, request = {0}, certificate = {0};
	struct tls_who who = {"scheduler", TLS_SCHEDULER};
	char serial[AUTHORITY_SERIAL];

	authority_make_key(&key);
	int r = authority_make_request(slice_of(&key), &request, e);

	if (r == 0)
		r = authority_sign(a, slice_of(&request), &who, now - AUTHORITY_SLACK_S,
				   now + (AUTHORITY_DAYS - 1) * 86400LL, serial,
				   &certificate, e);
	if (r == 0)
		r = write_file(dir, "key.pem", &key, e);
	if (r == 0)
		r = write_file(dir, "certificate.pem", &certificate, e);
	OPENSSL_cleanse(key.data, key.len);
	return r;
}

int home_make(const char *dir, const char *name, int64_t now, struct err *e)
{
	AUTO_BUF struct buf certificate = {0}, key = {0};
	AUTO_FREE char *there = path_of(dir, "authority.key");

	if (fs_mkdirs(dir, 0700, e))
		return -1;
	AUTO_FD int held = lock(dir, e);

	if (held < 0)
		return -1;
	if (access(there, F_OK) == 0)
		return err_set(e, EEXIST, "make a farm in %s: there is one already", dir);
	authority_make(name, now, &certificate, &key);
	struct authority *a = authority_open(slice_of(&certificate), slice_of(&key), e);
	int r = a ? write_file(dir, "authority.pem", &certificate, e) : -1;

	if (r == 0)
		r = certify_self(dir, a, now, e);
	if (r == 0)
		r = write_file(dir, "authority.key", &key, e); /* last: now it is one */
	OPENSSL_cleanse(key.data, key.len);
	authority_free(a);
	return r;
}

struct home *home_open(const char *dir, struct err *e)
{
	AUTO_BUF struct buf certificate = {0}, key = {0};
	AUTO_FREE char *cert_path = path_of(dir, "authority.pem"),
		       *key_path = path_of(dir, "authority.key");
	struct stat st;

	if (stat(key_path, &st) == 0 && st.st_mode & 077) {
		err_set(e, 0, "%s is not used, since others may get at it: 'chmod 600' it",
			key_path);
		return NULL;
	}
	if (fs_read(cert_path, TLS_PEM_MAX, &certificate, e) ||
	    fs_read(key_path, TLS_PEM_MAX, &key, e)) {
		err_wrap(e, "there is no farm in %s ('muster farm init' makes one)", dir);
		return NULL;
	}
	struct authority *a = authority_open(slice_of(&certificate), slice_of(&key), e);

	OPENSSL_cleanse(key.data, key.len);
	if (!a)
		return NULL;
	struct home *h = xcalloc(1, sizeof *h);

	h->dir = xstrdup(dir);
	h->authority = a;
	return h;
}

void home_free(struct home *h)
{
	if (!h)
		return;
	authority_free(h->authority);
	free(h->dir);
	free(h);
}

struct slice home_authority(const struct home *h)
{
	return authority_certificate(h->authority);
}

struct tls *home_tls(struct home *h, struct err *e)
{
	AUTO_BUF struct buf certificate = {0}, key = {0}, crl = {0};

	if (read_text(h->dir, "certificate.pem", &certificate, e) ||
	    read_text(h->dir, "key.pem", &key, e) || home_revoked(h, &crl, e))
		return NULL;
	struct tls *t =
	    tls_from_farm(&(struct tls_farm){.authority = home_authority(h),
					     .certificate = slice_of(&certificate),
					     .key = slice_of(&key)},
			  e);

	OPENSSL_cleanse(key.data, key.len);
	if (t && crl.len && tls_revoke(t, slice_of(&crl), e)) {
		tls_free(t);
		return NULL;
	}
	return t;
}

int home_set_address(struct home *h, const char *address, struct err *e)
{
	struct buf b = {.data = (char *)(uintptr_t)address, .len = strlen(address)};

	if (!address_is_harmless(address) || b.len >= TOKEN_ADDRESS)
		return err_set(e, 0, "'%.100s' is no HOST:PORT that a token could name",
			       address);
	return write_file(h->dir, "address", &b, e);
}

int home_address(struct home *h, struct buf *text, struct err *e)
{
	return read_text(h->dir, "address", text, e);
}

/* -- tokens ---------------------------------------------------------------------------------- */

/* Copies those lines of TOKENS that count at NOW, but for that of *USED, which is one use less. Their number, or -1. */
static int keep_tokens(char *tokens, int64_t now, const char *used, struct buf *out,
		       struct err *e)
{
	int n = 0;

	for (char *at = tokens, *line; (line = next_line(&at));) {
		struct known_token t;

		if (parse_token(line, &t))
			return err_set(e, 0, "the farm's list of tokens is damaged");
		if (used && strcmp(t.id, used) == 0)
			t.uses--;
		if (t.expires <= now || t.uses == 0)
			continue;
		print_token(&t, out);
		n++;
	}
	return n;
}

int home_token(struct home *h, const char *address, unsigned roles, unsigned uses,
	       int64_t seconds, int64_t now, struct buf *text, struct err *e)
{
	struct token t = {.roles = roles, .expires = (uint32_t)(now + seconds)};
	struct known_token known = {.roles = roles, .uses = uses, .expires = now + seconds};
	AUTO_BUF struct buf old = {0}, all = {0};
	AUTO_FD int held = lock(h->dir, e);

	if (held < 0)
		return -1;
	if (strlen(address) >= sizeof t.address)
		return err_set(e, 0, "the address is too long for a token");
	if (read_text(h->dir, "tokens", &old, e))
		return -1;
	int n = keep_tokens(old.data, now, NULL, &all, e);

	if (n < 0)
		return -1;
	if (n >= HOME_TOKENS_MAX)
		return err_set(e, 0, "%d tokens are waiting to be used: that is enough", n);
	if (RAND_priv_bytes(t.secret, sizeof t.secret) != 1)
		abort();
	strcpy(t.address, address);
	authority_print(h->authority, t.print);
	memcpy(known.secret, t.secret, sizeof t.secret);
	token_id(t.secret, known.id);
	print_token(&known, &all);
	if (write_file(h->dir, "tokens", &all, e))
		return -1;
	token_print(&t, text);
	return 0;
}

static int find_token(char *tokens, const char *id, struct known_token *t)
{
	for (char *at = tokens, *line; (line = next_line(&at));)
		if (parse_token(line, t) == 0 && strcmp(t->id, id) == 0)
			return 0;
	return -1;
}

/* Is his token good? Then WHO is what it lets him be. */
static int check_token(struct home *h, const struct home_ask *ask, int64_t now,
		       struct tls_who *who, struct err *e)
{
	AUTO_BUF struct buf tokens = {0};
	struct known_token t;
	uint8_t proof[TOKEN_PROOF];

	if (read_text(h->dir, "tokens", &tokens, e))
		return -1;
	if (find_token(tokens.data, ask->token, &t) || t.expires <= now)
		return err_set(e, 0,
			       "the token has expired, was used up, or is of another farm: "
			       "'muster farm token' makes a new one");
	token_prove(t.secret, ask->binding, ask->request, proof);
	if (ask->proof.n != TOKEN_PROOF ||
	    CRYPTO_memcmp(ask->proof.p, proof, TOKEN_PROOF) != 0)
		return err_set(e, 0, "the token's secret is not the right one");
	if (!tls_name_is_good(ask->name, strlen(ask->name)))
		return err_set(
		    e, 0,
		    "a name has 1 to %d letters, digits, '.', '-' and '_': choose "
		    "another with --name",
		    TLS_NAME - 1);
	strcpy(who->name, ask->name);
	who->roles = t.roles;
	return 0;
}

static int use_token(struct home *h, const char *id, int64_t now, struct err *e)
{
	AUTO_BUF struct buf old = {0}, all = {0};

	if (read_text(h->dir, "tokens", &old, e) ||
	    keep_tokens(old.data, now, id, &all, e) < 0)
		return -1;
	return write_file(h->dir, "tokens", &all, e);
}

/* -- members --------------------------------------------------------------------------------- */

static bool is_revoked(const char *revoked, const char *serial)
{
	return strstr(revoked, serial) != NULL;
}

/* A name that was seen. */
struct called {
	UT_hash_handle hh;
	char name[TLS_NAME];
};

/* How many there are, and how many certificates of one name count. */
struct count {
	struct called *
	    names; /* of all; a member may have several certificates and is one all the same */
	unsigned own;
};

static void count_name(struct count *c, const char *name)
{
	struct called *known;

	HASH_FIND_STR(c->names, name, known);
	if (known)
		return;
	known = xcalloc(1, sizeof *known);
	strcpy(known->name, name);
	HASH_ADD_STR(c->names, name, known);
}

static void count_free(struct count *c)
{
	struct called *known, *next;

	HASH_ITER(hh, c->names, known, next)
	{
		HASH_DEL(c->names, known);
		free(known);
	}
}

/* Copies the lines that count to OUT, and counts them for NAME. 0 or -1. */
static int keep_members(char *members, const char *revoked, int64_t now, const char *name,
			struct count *c, struct buf *out, struct err *e)
{
	for (char *at = members, *line; (line = next_line(&at));) {
		struct member m;

		if (parse_member(line, &m))
			return err_set(e, 0, "the farm's list of members is damaged");
		if (m.ends <= now)
			continue;
		count_name(c, m.who.name);
		c->own += strcmp(m.who.name, name) == 0 && !is_revoked(revoked, m.serial);
		print_member(&m, out);
	}
	return 0;
}

/* One more certificate for NAME, who has C->own; AGAIN: he asks with one of them. */
static int may_have_more(const struct count *c, const char *name, bool again, struct err *e)
{
	if (c->own && !again)
		return err_set(
		    e, 0,
		    "somebody is called %s already: choose another name with "
		    "--name, or 'muster revoke %s' first, where the farm was made",
		    name, name);
	if (c->own >= HOME_RENEWALS_MAX)
		return err_set(e, 0,
			       "%s has %u certificates that count: the next one is made "
			       "when one of them has ended",
			       name, c->own);
	if (!again && HASH_COUNT(c->names) >= HOME_MEMBERS_MAX)
		return err_set(e, 0, "the farm has %u members: that is enough",
			       HASH_COUNT(c->names));
	return 0;
}

static int certify(struct home *h, const struct home_ask *ask, const struct tls_who *who,
		   int64_t now, struct buf *certificate, struct err *e)
{
	AUTO_BUF struct buf old = {0}, revoked = {0}, all = {0};
	struct count c = {0};

	if (read_text(h->dir, "members", &old, e) ||
	    read_text(h->dir, "revoked", &revoked, e))
		return -1;
	int r = keep_members(old.data, revoked.data, now, who->name, &c, &all, e);

	if (r == 0)
		r = may_have_more(&c, who->name, ask->who != NULL, e);
	count_free(&c);
	if (r || sign(h, ask->request, who, now, certificate, &all, e))
		return -1;
	return write_file(h->dir, "members", &all, e);
}

int home_join(struct home *h, const struct home_ask *ask, int64_t now,
	      struct buf *certificate, struct err *e)
{
	struct tls_who who = {0};
	AUTO_FD int held = lock(h->dir, e);

	if (held < 0)
		return -1;
	if (ask->token[0]) {
		if (check_token(h, ask, now, &who, e) ||
		    certify(h, &(struct home_ask){.request = ask->request}, &who, now,
			    certificate, e))
			return -1;
		return use_token(h, ask->token, now, e);
	}
	if (!ask->who)
		return err_set(e, 0, "to join a farm takes a token");
	return ask->request.n ? certify(h, ask, ask->who, now, certificate, e) : 0;
}

int home_revoked(struct home *h, struct buf *crl, struct err *e)
{
	return read_text(h->dir, "revoked.pem", crl, e);
}

static int write_revoked(struct home *h, char *list, int64_t now, struct err *e)
{
	AUTO_BUF struct buf crl = {0};
	const char **serials = NULL;
	size_t n = 0;

	for (char *at = list, *line; (line = next_line(&at));) {
		serials = xreallocarray(serials, n + 1, sizeof *serials);
		serials[n++] = line;
	}
	int r = authority_revoked(h->authority, serials, n, now, &crl, e);

	free(serials);
	return r ? -1 : write_file(h->dir, "revoked.pem", &crl, e);
}

int home_revoke(struct home *h, const char *name, int64_t now, struct err *e)
{
	AUTO_BUF struct buf members = {0}, revoked = {0};
	AUTO_FD int held = lock(h->dir, e);
	size_t n = 0;

	if (held < 0 || read_text(h->dir, "members", &members, e) ||
	    read_text(h->dir, "revoked", &revoked, e))
		return -1;
	for (char *at = members.data, *line; (line = next_line(&at));) {
		struct member m;

		if (parse_member(line, &m))
			return err_set(e, 0, "the farm's list of members is damaged");
		if (strcmp(m.who.name, name) != 0 || is_revoked(revoked.data, m.serial))
			continue;
		buf_printf(&revoked, "%s\n", m.serial);
		buf_u8(&revoked, 0);
		revoked.len--;
		n++;
	}
	if (n == 0)
		return err_set(e, 0, "nobody in this farm is called %s", name);
	if (write_file(h->dir, "revoked", &revoked, e))
		return -1;
	return write_revoked(h, revoked.data, now, e);
}

int home_members(struct home *h, int64_t now,
		 void (*call)(void *ctx, const struct tls_who *, int64_t ends), void *ctx,
		 struct err *e)
{
	AUTO_BUF struct buf members = {0}, revoked = {0};

	if (read_text(h->dir, "members", &members, e) ||
	    read_text(h->dir, "revoked", &revoked, e))
		return -1;
	for (char *at = members.data, *line; (line = next_line(&at));) {
		struct member m;

		if (parse_member(line, &m))
			return err_set(e, 0, "the farm's list of members is damaged");
		if (m.ends > now && !is_revoked(revoked.data, m.serial))
			call(ctx, &m.who, m.ends);
	}
	return 0;
}

/* Two ends of an encrypted connection in one process, with nothing between them but two buffers: so every byte that
 * crosses can be cut, turned and held back. */
#include "base/err.h"
#include "base/mem.h"
#include "farm/authority.h"
#include "net/key.h"
#include "net/tls.h"
#include "net/tls_stream.h"
#include "test.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	DAY = 86400
};

/* One end. */
struct end {
	struct tls_stream *stream;
	struct buf plain, out; /* OUT: on its way to the other */
	struct err why;
	bool failed;
};

static struct end dialler, answerer;

static void end_free(struct end *x)
{
	tls_stream_free(x->stream);
	buf_free(&x->plain);
	buf_free(&x->out);
	*x = (struct end){0};
}

static void ends_free(void)
{
	end_free(&dialler);
	end_free(&answerer);
}

static void take(struct end *x, const void *p, size_t n)
{
	if (!x->failed)
		x->failed = tls_stream_take(x->stream, p, n, &x->plain, &x->out, &x->why);
}

/* What FROM has to say goes to TO, in pieces of STEP bytes. */
static void carry(struct end *from, struct end *to, size_t step)
{
	struct buf moving = from->out;

	from->out = (struct buf){0};
	for (size_t at = 0; at < moving.len; at += step)
		take(to, moving.data + at, moving.len - at < step ? moving.len - at : step);
	buf_free(&moving);
}

/* Until neither has more to say. */
static void talk(size_t step)
{
	while (dialler.out.len || answerer.out.len) {
		carry(&dialler, &answerer, step);
		carry(&answerer, &dialler, step);
	}
}

static void meet(const struct tls *d, const struct tls *a, const char *place, size_t step)
{
	ends_free();
	dialler.stream = tls_stream_dial(d, TLS_MUSTER, place);
	answerer.stream = tls_stream_answer(a, false);
	take(&dialler, NULL, 0);
	talk(step);
}

static bool both_ready(void)
{
	return !dialler.failed && !answerer.failed && tls_stream_ready(dialler.stream) &&
	       tls_stream_ready(answerer.stream);
}

/* Both say something and hear it. */
static bool both_heard(size_t step)
{
	char text[3 << 14];

	memset(text, 'x', sizeof text);
	tls_stream_put(dialler.stream, text, sizeof text, &dialler.out);
	tls_stream_put(answerer.stream, "yes", 3, &answerer.out);
	talk(step);
	return answerer.plain.len == sizeof text &&
	       memcmp(answerer.plain.data, text, sizeof text) == 0 &&
	       dialler.plain.len == 3 && memcmp(dialler.plain.data, "yes", 3) == 0;
}

/* -- keys ------------------------------------------------------------------------------------ */

static struct tls *key_tls(unsigned fill)
{
	struct key k;

	memset(k.b, (int)fill, sizeof k.b);
	return tls_from_key(&k);
}

static void by_key(void)
{
	struct tls *t = key_tls(1), *same = key_tls(1);
	uint8_t one[32], two[32];

	for (size_t step = 1; step < 100000; step *= 7) {
		meet(t, same, NULL, step);
		if (!CHECK(both_ready())) {
			printf("# %zu: '%s' '%s'\n", step, dialler.why.text,
			       answerer.why.text);
			return;
		}
		CHECK(both_heard(step));
		CHECK(!tls_stream_who(dialler.stream) && !tls_stream_who(answerer.stream));
		CHECK(tls_admit(same, answerer.stream, TLS_USER, NULL) == 0);
		tls_stream_export(dialler.stream, "label", one, sizeof one);
		tls_stream_export(answerer.stream, "label", two, sizeof two);
		CHECK(memcmp(one, two, sizeof one) == 0);
	}
	ends_free();
	tls_free(t);
	tls_free(same);
}

static bool says(const struct end *x, const char *words)
{
	bool yes = x->failed && strstr(x->why.text, words);

	if (!yes)
		printf("# '%s', not '%s'\n", x->why.text, words);
	return yes;
}

static void other_key(void)
{
	struct tls *t = key_tls(1), *other = key_tls(2);

	meet(t, other, NULL, 1000);
	CHECK(says(&answerer, "it does not have the key "));
	CHECK(says(&dialler, "both sides want the same key file"));
	CHECK(!tls_stream_ready(answerer.stream));
	ends_free();
	tls_free(t);
	tls_free(other);
}

/* A key's name is known to whoever listens; the name alone opens nothing. */
static void right_name_wrong_key(void)
{
	struct key k, forged;
	char name[KEY_NAME], again[KEY_NAME];

	key_make(&k);
	key_make(&forged);
	CHECK(strcmp(key_name(&k, name), key_name(&forged, again)) != 0);
	CHECK(strlen(name) == 16);
	key_forget(&k);
	key_name(&k, again);
	CHECK(strcmp(name, again) != 0);
}

static void key_files(void)
{
	char dir[] = "/tmp/test_tls.XXXXXX";
	struct key k, read;
	struct err e = {0};

	if (!CHECK(mkdtemp(dir)))
		return;
	AUTO_FREE char *path = xasprintf("%s/key", dir);
	struct stat st;

	umask(0);
	key_make(&k);
	CHECK(key_write(&k, path, &e) == 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK(key_read(&read, path, &e) == 0 && memcmp(&k, &read, sizeof k) == 0);
	CHECK(key_write(&k, path, &e) == -1 && strstr(e.text, "File exists"));
	for (mode_t wide = 01; wide <= 040; wide <<= 1) {
		CHECK(chmod(path, 0600 | wide) == 0);
		CHECK(key_read(&read, path, &e) == -1 && strstr(e.text, "chmod 600"));
	}
	CHECK(key_read(&read, dir, &e) == -1 && strstr(e.text, "no plain file"));
	static const char *const bad[] = {
	    "",
	    "\n",
	    "0123",
	    "# only a comment\n",
	    "0000000000000000000000000000000000000000000000000000000000000000 more\n",
	    "000000000000000000000000000000000000000000000000000000000000000g\n",
	    "0000000000000000000000000000000000000000000000000000000000000000\n\n"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		FILE *f = fopen(path, "w");

		CHECK(f && fputs(bad[i], f) >= 0 && fclose(f) == 0 &&
		      chmod(path, 0600) == 0);
		CHECK(key_read(&read, path, &e) == -1 && strstr(e.text, "no key"));
	}
	unlink(path);
	CHECK(key_read(&read, path, &e) == -1 && strstr(e.text, "No such file"));
	rmdir(dir);
}

/* -- farms ----------------------------------------------------------------------------------- */

struct farm {
	struct authority *authority;
	struct buf certificate, key;
	char serial[AUTHORITY_SERIAL]; /* of the last one signed */
};

static struct slice slice_of(const struct buf *b)
{
	return (struct slice){b->data, b->len};
}

static void farm_make(struct farm *f)
{
	struct err e = {0};

	*f = (struct farm){0};
	authority_make("test farm", time(NULL), &f->certificate, &f->key);
	f->authority = authority_open(slice_of(&f->certificate), slice_of(&f->key), &e);
	CHECK(f->authority);
}

static void farm_free(struct farm *f)
{
	authority_free(f->authority);
	buf_free(&f->certificate);
	buf_free(&f->key);
}

/* One of the farm, whose certificate holds from BEGINS to ENDS, in days from now. */
static struct tls *join(struct farm *f, const char *name, unsigned roles, int begins,
			int ends)
{
	AUTO_BUF struct buf key = {0}, request = {0}, certificate = {0};
	struct tls_who who = {.roles = roles};
	struct err e = {0};
	int64_t now = time(NULL);

	snprintf(who.name, sizeof who.name, "%s", name);
	authority_make_key(&key);
	CHECK(authority_make_request(slice_of(&key), &request, &e) == 0);
	CHECK(authority_sign(f->authority, slice_of(&request), &who, now + begins * DAY,
			     now + ends * DAY, f->serial, &certificate, &e) == 0);
	struct tls *t = tls_from_farm(
	    &(struct tls_farm){.authority = authority_certificate(f->authority),
			       .certificate = slice_of(&certificate),
			       .key = slice_of(&key)},
	    &e);

	if (!CHECK(t))
		printf("# %s\n", e.text);
	return t;
}

static void by_farm(void)
{
	struct farm f;

	farm_make(&f);
	struct tls *worker = join(&f, "big-1.site", TLS_WORKER, -1, 30),
		   *user = join(&f, "anna", TLS_USER | TLS_WORKER, -1, 30);
	struct err e = {0};

	for (size_t step = 1; step < 100000; step *= 7) {
		meet(user, worker, NULL, step);
		CHECK(both_ready() && both_heard(step));
		const struct tls_who *a = tls_stream_who(answerer.stream),
				     *d = tls_stream_who(dialler.stream);

		CHECK(a && strcmp(a->name, "anna") == 0 &&
		      a->roles == (TLS_USER | TLS_WORKER));
		CHECK(d && strcmp(d->name, "big-1.site") == 0 && d->roles == TLS_WORKER);
		CHECK(tls_admit(worker, answerer.stream, TLS_USER, &e) == 0);
		CHECK(tls_admit(user, dialler.stream, TLS_WORKER, &e) == 0);
		CHECK(tls_admit(user, dialler.stream, TLS_USER, &e) == -1 &&
		      strcmp(e.text, "big-1.site may only be worker in this farm") == 0);
	}
	CHECK(tls_expires(user) > time(NULL) + 29 * DAY);
	ends_free();
	tls_free(worker);
	tls_free(user);
	farm_free(&f);
}

/* The ticket of a connection is used by the next one to the same place, once, and by nobody else. */
static void tickets(void)
{
	struct farm f;

	farm_make(&f);
	struct tls *worker = join(&f, "w", TLS_WORKER, -1, 30),
		   *user = join(&f, "u", TLS_USER, -1, 30);

	meet(user, worker, "here:1", 1000);
	CHECK(both_ready() && both_heard(1000) && !tls_stream_resumed(dialler.stream));
	meet(user, worker, "there:1", 1000);
	CHECK(both_ready() && !tls_stream_resumed(dialler.stream));
	for (int i = 0; i < 3; i++) {
		meet(user, worker, "here:1", 1000);
		CHECK(both_ready() && both_heard(1000));
		CHECK(tls_stream_resumed(dialler.stream) &&
		      tls_stream_resumed(answerer.stream));
		const struct tls_who *a = tls_stream_who(answerer.stream);

		CHECK(a && strcmp(a->name, "u") == 0);
		CHECK(strcmp(tls_stream_who(dialler.stream)->name, "w") == 0);
	}
	/* Another worker at the same place: a ticket that it does not know costs nothing but time. */
	struct tls *other = join(&f, "w2", TLS_WORKER, -1, 30);

	meet(user, other, "here:1", 1000);
	CHECK(both_ready() && !tls_stream_resumed(dialler.stream));
	/* A resumed connection is looked at like any other. */
	const char *serials[] = {f.serial};
	AUTO_BUF struct buf crl = {0};
	struct err e = {0};

	CHECK(authority_revoked(f.authority, serials, 1, time(NULL), &crl, &e) == 0);
	meet(user, other, "here:1", 1000);
	CHECK(both_ready() && tls_stream_resumed(dialler.stream));
	CHECK(tls_admit(user, dialler.stream, TLS_WORKER, &e) == 0);
	CHECK(tls_revoke(user, slice_of(&crl), &e) == 0);
	CHECK(tls_admit(user, dialler.stream, TLS_WORKER, &e) == -1 &&
	      strstr(e.text, "the certificate of w2 was revoked"));
	ends_free();
	tls_free(worker);
	tls_free(other);
	tls_free(user);
	farm_free(&f);
}

static void other_farm(void)
{
	struct farm f, g;

	farm_make(&f);
	farm_make(&g);
	struct tls *worker = join(&f, "w", TLS_WORKER, -1, 30),
		   *stranger = join(&g, "u", TLS_USER, -1, 30);

	meet(stranger, worker, NULL, 1000);
	CHECK(says(&dialler, "its certificate is not of this farm"));
	CHECK(says(&answerer, "it does not accept the certificate of w"));
	CHECK(!tls_stream_ready(answerer.stream));
	ends_free();
	tls_free(worker);
	tls_free(stranger);
	farm_free(&f);
	farm_free(&g);
}

static void wrong_dates(void)
{
	struct farm f;

	farm_make(&f);
	struct tls *good = join(&f, "good", TLS_WORKER | TLS_USER, -1, 30),
		   *old = join(&f, "old", TLS_WORKER | TLS_USER, -60, -1),
		   *early = join(&f, "early", TLS_WORKER | TLS_USER, 2, 30);

	meet(old, good, NULL, 1000);
	CHECK(says(&answerer, "its certificate has expired"));
	CHECK(says(&dialler, "the certificate of old has expired: 'muster join TOKEN'"));
	meet(good, old, NULL, 1000);
	CHECK(says(&dialler, "its certificate has expired"));
	meet(good, early, NULL, 1000);
	CHECK(says(&dialler, "not valid yet"));
	ends_free();
	tls_free(good);
	tls_free(old);
	tls_free(early);
	farm_free(&f);
}

static void farm_meets_key(void)
{
	struct farm f;

	farm_make(&f);
	struct tls *farm = join(&f, "w", TLS_WORKER | TLS_USER, -1, 30), *key = key_tls(1);

	meet(farm, key, NULL, 1000);
	CHECK(says(&answerer, "it does not have the key "));
	CHECK(says(&dialler, "it has no certificate of a farm"));
	meet(key, farm, NULL, 1000);
	CHECK(says(&dialler, "it shows a farm's certificate and does not know the key "));
	CHECK(answerer.failed);
	ends_free();
	tls_free(farm);
	tls_free(key);
	farm_free(&f);
}

static void bad_farms(void)
{
	struct farm f, g;
	struct err e = {0};
	AUTO_BUF struct buf key = {0}, other = {0}, request = {0}, certificate = {0};
	struct tls_who who = {"w", TLS_WORKER};

	farm_make(&f);
	farm_make(&g);
	authority_make_key(&key);
	authority_make_key(&other);
	CHECK(authority_make_request(slice_of(&key), &request, &e) == 0);
	CHECK(authority_sign(f.authority, slice_of(&request), &who, time(NULL),
			     time(NULL) + DAY, f.serial, &certificate, &e) == 0);
	struct tls_farm good = {.authority = authority_certificate(f.authority),
				.certificate = slice_of(&certificate),
				.key = slice_of(&key)},
			bad = good;
	struct tls *t = tls_from_farm(&good, &e);

	CHECK(t);
	bad.key = slice_of(&other);
	CHECK(!tls_from_farm(&bad, &e) && strstr(e.text, "not that of our certificate"));
	bad = good;
	bad.authority = authority_certificate(g.authority);
	CHECK(!tls_from_farm(&bad, &e) && strstr(e.text, "another authority"));
	bad = good;
	bad.certificate.n /= 2;
	CHECK(tls_renew(t, &bad, &e) == -1 && strstr(e.text, "makes no sense"));
	CHECK(tls_self(t) && strcmp(tls_self(t)->name, "w") == 0);
	/* A list of revoked ones of another farm, or a damaged one, changes nothing. */
	AUTO_BUF struct buf crl = {0};
	const char *serials[] = {f.serial};

	CHECK(authority_revoked(g.authority, serials, 1, time(NULL), &crl, &e) == 0);
	CHECK(tls_revoke(t, slice_of(&crl), &e) == -1 && strstr(e.text, "not signed"));
	CHECK(tls_revoke(t, (struct slice){"x", 1}, &e) == -1);
	CHECK(authority_revoked(f.authority, &(const char *){"12"}, 1, time(NULL), &crl,
				&e) == -1);
	request.data[request.len / 2] ^= 1;
	CHECK(authority_sign(f.authority, slice_of(&request), &who, 0, DAY, f.serial,
			     &certificate, &e) == -1);
	tls_free(t);
	farm_free(&f);
	farm_free(&g);
}

/* An older list, sent again by somebody, brings nobody back. */
static void old_list(void)
{
	struct farm f;
	struct err e = {0};
	AUTO_BUF struct buf before = {0}, after = {0};

	farm_make(&f);
	struct tls *worker = join(&f, "w", TLS_WORKER, -1, 30),
		   *user = join(&f, "u", TLS_USER, -1, 30);
	const char *serials[] = {f.serial};

	CHECK(authority_revoked(f.authority, NULL, 0, time(NULL) - DAY, &before, &e) == 0);
	CHECK(authority_revoked(f.authority, serials, 1, time(NULL), &after, &e) == 0);
	CHECK(tls_revoke(worker, slice_of(&after), &e) == 0);
	CHECK(tls_revoke(worker, slice_of(&before), &e) == 0);
	meet(user, worker, NULL, 1000);
	CHECK(both_ready());
	CHECK(tls_admit(worker, answerer.stream, TLS_USER, &e) == -1);
	ends_free();
	tls_free(worker);
	tls_free(user);
	farm_free(&f);
}

/* Who leaves one farm for another takes no list along, however new it is. */
static void list_of_the_farm_before(void)
{
	struct farm f, g;
	struct err e = {0};
	AUTO_BUF struct buf before = {0}, now = {0}, key = {0}, request = {0};
	AUTO_BUF struct buf certificate = {0};
	struct tls_who who = {"w", TLS_WORKER};

	farm_make(&f);
	farm_make(&g);
	struct tls *worker = join(&f, "w", TLS_WORKER, -1, 30);

	CHECK(authority_revoked(f.authority, NULL, 0, time(NULL), &before, &e) == 0);
	CHECK(tls_revoke(worker, slice_of(&before), &e) == 0);
	authority_make_key(&key);
	CHECK(authority_make_request(slice_of(&key), &request, &e) == 0);
	CHECK(authority_sign(g.authority, slice_of(&request), &who, time(NULL) - DAY,
			     time(NULL) + DAY, g.serial, &certificate, &e) == 0);
	CHECK(tls_renew(worker,
			&(struct tls_farm){authority_certificate(g.authority),
					   slice_of(&certificate), slice_of(&key)},
			&e) == 0);
	struct tls *user = join(&g, "u", TLS_USER, -1, 30);
	const char *serials[] = {g.serial};

	CHECK(authority_revoked(g.authority, serials, 1, time(NULL) - DAY, &now, &e) == 0);
	CHECK(tls_revoke(worker, slice_of(&now), &e) == 0);
	meet(user, worker, NULL, 1000);
	CHECK(both_ready());
	CHECK(tls_admit(worker, answerer.stream, TLS_USER, &e) == -1);
	ends_free();
	tls_free(worker);
	tls_free(user);
	farm_free(&f);
	farm_free(&g);
}

/* -- enrolment ------------------------------------------------------------------------------- */

static void enrol_with(const struct tls *d, const struct tls *a, bool enrols)
{
	ends_free();
	dialler.stream = tls_stream_dial(d, TLS_ENROL, NULL);
	answerer.stream = tls_stream_answer(a, enrols);
	take(&dialler, NULL, 0);
	talk(1000);
}

static void by_fingerprint(void)
{
	struct farm f, g;
	uint8_t print[TLS_PRINT];

	farm_make(&f);
	farm_make(&g);
	authority_print(f.authority, print);
	struct tls *newcomer = tls_from_fingerprint(print),
		   *scheduler = join(&f, "s", TLS_SCHEDULER, -1, 30),
		   *impostor = join(&g, "s", TLS_SCHEDULER, -1, 30), *key = key_tls(1);
	struct err e = {0};

	enrol_with(newcomer, scheduler, true);
	CHECK(both_ready() && both_heard(1000));
	CHECK(tls_stream_purpose(answerer.stream) == TLS_ENROL);
	CHECK(!tls_stream_who(answerer.stream));
	CHECK(strcmp(tls_stream_who(dialler.stream)->name, "s") == 0);
	CHECK(tls_admit(scheduler, answerer.stream, TLS_ROLES, &e) == -1);
	enrol_with(newcomer, scheduler, false);
	CHECK(says(&dialler, "it enrols nobody"));
	enrol_with(newcomer, impostor, true);
	CHECK(says(&dialler, "it is not the farm that the token is of"));
	enrol_with(newcomer, key, true);
	CHECK(dialler.failed && answerer.failed);
	/* Without a certificate there is nothing but enrolment. */
	meet(newcomer, scheduler, NULL, 1000);
	CHECK(dialler.failed && answerer.failed);
	ends_free();
	tls_free(newcomer);
	tls_free(scheduler);
	tls_free(impostor);
	tls_free(key);
	farm_free(&f);
	farm_free(&g);
}

/* -- who is in the middle -------------------------------------------------------------------- */

/* The byte AT of what goes in one DIRECTION is turned. False: there were not so many bytes. */
static bool turn(const struct tls *d, const struct tls *a, int direction, size_t at)
{
	struct end *from = direction ? &answerer : &dialler,
		   *to = direction ? &dialler : &answerer;
	size_t seen = 0;
	bool turned = false;

	ends_free();
	dialler.stream = tls_stream_dial(d, TLS_MUSTER, NULL);
	answerer.stream = tls_stream_answer(a, false);
	take(&dialler, NULL, 0);
	for (int said = 0; dialler.out.len || answerer.out.len;) {
		if (from->out.len && at - seen < from->out.len) {
			from->out.data[at - seen] ^= 0x10;
			turned = true;
		}
		seen += from->out.len;
		carry(from, to, 100000);
		carry(to, from, 100000);
		if (!dialler.out.len && !answerer.out.len && both_ready() && !said++)
			tls_stream_put(from->stream, "secret", 6, &from->out);
	}
	return turned;
}

/* Neither believes a turned byte: the other one hears what was said, or nothing. */
static void turn_all(const struct tls *d, const struct tls *a)
{
	size_t harmless = 0, all = 0;

	CHECK(!turn(d, a, 0, SIZE_MAX) && answerer.plain.len == 6);

	for (int direction = 0; direction < 2; direction++)
		for (size_t at = 0; turn(d, a, direction, at); at++, all++) {
			const struct end *to = direction ? &dialler : &answerer;
			bool heard =
			    to->plain.len == 6 && memcmp(to->plain.data, "secret", 6) == 0;

			harmless += heard;
			CHECK(heard || to->plain.len == 0);
		}
	/* But for the version in the first record's header, nothing is without a check. */
	printf("# %zu bytes, %zu of them without a meaning\n", all, harmless);
	CHECK(all > 500 && harmless <= 4);
}

static void flipped(void)
{
	struct farm f;
	struct tls *k = key_tls(1), *same = key_tls(1);

	farm_make(&f);
	struct tls *worker = join(&f, "w", TLS_WORKER, -1, 30),
		   *user = join(&f, "u", TLS_USER, -1, 30);

	turn_all(k, same);
	turn_all(user, worker);
	ends_free();
	tls_free(k);
	tls_free(same);
	tls_free(worker);
	tls_free(user);
	farm_free(&f);
}

/* A hello as TLS 1.2 has it, which names no newer version. */
static void downgrade(void)
{
	static const unsigned char hello[] = {
	    0x16, 3,  1,  0,  47, 1,  0,  0,    43,   3,  3, /* client hello, 1.2 */
	    1,    2,  3,  4,  5,  6,  7,  8,    9,    10, 11,   12, 13, 14,
	    15,   16, 17, 18, 19, 20, 21, 22,   23,   24, 25,   26, 27, 28,
	    29,   30, 31, 32, 0,  0,  4,  0xc0, 0x2f, 0,  0x9c, 1,  0};
	struct tls *k = key_tls(1);

	answerer.stream = tls_stream_answer(k, false);
	take(&answerer, hello, sizeof hello);
	CHECK(says(&answerer, "it has no TLS 1.3"));
	CHECK(answerer.out.len > 0 && answerer.out.data[0] == 0x15); /* it is told */
	ends_free();
	answerer.stream = tls_stream_answer(k, false);
	take(&answerer, "GET / HTTP/1.1\r\n\r\n", 18);
	CHECK(says(&answerer, "no TLS"));
	ends_free();
	dialler.stream = tls_stream_dial(k, TLS_MUSTER, NULL);
	take(&dialler, NULL, 0);
	take(&dialler, "SSH-2.0-OpenSSH_9.2\r\n", 21);
	CHECK(says(&dialler, "no TLS"));
	ends_free();
	tls_free(k);
}

/* -- names ----------------------------------------------------------------------------------- */

static void names(void)
{
	static const char *const bad[] = {"",
					  "muster://",
					  "muster://a",
					  "muster:///worker",
					  "muster://a/",
					  "muster://a/boss",
					  "muster://a/worker/",
					  "muster://a/worker/worker",
					  "muster://a b/worker",
					  "muster://-a/worker",
					  "http://a/worker",
					  "muster://a//worker",
					  "muster://a\n/worker",
					  "muster://a/worker/user/scheduler/user"};
	struct tls_who who;
	AUTO_BUF struct buf b = {0};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!CHECK(tls_who_parse(&who, bad[i], strlen(bad[i])) == -1))
			printf("# %s\n", bad[i]);
	CHECK(tls_who_parse(&who, "muster://a/user/worker", 22) == 0);
	CHECK(strcmp(who.name, "a") == 0 && who.roles == (TLS_USER | TLS_WORKER));
	tls_who_print(&who, &b);
	CHECK(b.len == 22 && memcmp(b.data, "muster://a/worker/user", 22) == 0);
	CHECK(tls_who_parse(&who, "muster://a/worker\0", 18) == -1);
	char words[40];

	CHECK(strcmp(tls_roles_words(TLS_ROLES, words), "worker, user, scheduler") == 0);
	char name[TLS_NAME + 1];

	memset(name, 'a', sizeof name);
	CHECK(tls_name_is_good(name, TLS_NAME - 1) && !tls_name_is_good(name, TLS_NAME));
}

TESTS({"by a key, in pieces of all sizes", by_key}, {"another key", other_key},
      {"a key's name", right_name_wrong_key}, {"key files", key_files},
      {"by a farm", by_farm}, {"tickets", tickets}, {"another farm", other_farm},
      {"expired, not yet valid", wrong_dates}, {"a farm meets a key", farm_meets_key},
      {"credentials that make no sense", bad_farms}, {"an old list of revoked", old_list},
      {"a list of the farm before", list_of_the_farm_before},
      {"enrolment by a fingerprint", by_fingerprint}, {"each byte turned", flipped},
      {"older versions, other protocols", downgrade}, {"names", names})

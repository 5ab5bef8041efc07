/* The files of trust.h, and in which order they are tried. What was read stays until its files change; a key that was
 * replaced is kept for the connections that began with it. */
#include "net/trust.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/key.h"
#include "net/peer.h"
#include "net/tls.h"
#include "sys/fs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WAYS = 2
};

enum {
	AUTHORITY,
	CERTIFICATE,
	PRIVATE,
	REVOKED,
	FILES
};

static const int64_t look_every = 1000000000;

/* A file's identity as it was read; all zero: it was not there. */
struct sign {
	uint64_t device, inode, size;
	int64_t mtime, ctime;
};

/* Not in use now: connections may stand that were made with it, and a build that names its files may come again. */
struct old {
	struct tls *tls;
	char *from;               /* the file, or the folder */
	struct sign signs[FILES]; /* all zero: its files are others by now */
};

struct trust {
	char *key_path, *farm_dir;
	bool key_named; /* by MUSTER_KEY_FILE: it comes first */
	bool root;      /* it was made by root, who may have become somebody else since */
	char *asked;    /* the variables that these follow from */
	struct sign key_sign, farm_signs[FILES];
	struct tls *key, *farm;
	struct old *old;
	size_t nold;
	char key_wrong[512], farm_wrong[512];
	int64_t looked;
};

static const char *const farm_files[FILES] = {
    [AUTHORITY] = "authority.pem",
    [CERTIFICATE] = "certificate.pem",
    [PRIVATE] = "key.pem",
    [REVOKED] = "revoked.pem",
};

struct trust *trust_new(void)
{
	struct trust *t = xcalloc(1, sizeof *t);

	t->root = geteuid() == 0;
	return t;
}

void trust_free(struct trust *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nold; i++) {
		tls_free(t->old[i].tls);
		free(t->old[i].from);
	}
	free(t->old);
	tls_free(t->key);
	tls_free(t->farm);
	free(t->key_path);
	free(t->farm_dir);
	free(t->asked);
	free(t);
}

static struct sign sign_of(const char *path)
{
	struct stat st;

	if (!path || stat(path, &st))
		return (struct sign){0};
	return (struct sign){.device = st.st_dev,
			     .inode = st.st_ino,
			     .size = (uint64_t)st.st_size,
			     .mtime = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec,
			     .ctime =
				 st.st_ctim.tv_sec * 1000000000LL + st.st_ctim.tv_nsec};
}

static bool same_sign(const struct sign *a, const struct sign *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* -- those of before ------------------------------------------------------------------------- */

/* SIGNS[0..N): of its files; NULL: it is not to be taken back. */
static void retire(struct trust *t, struct tls **what, const char *from,
		   const struct sign *signs, size_t n)
{
	if (!*what)
		return;
	t->old = xreallocarray(t->old, t->nold + 1, sizeof *t->old);
	struct old *o = &t->old[t->nold++];

	*o = (struct old){.tls = *what, .from = xstrdup(from)};
	if (signs)
		memcpy(o->signs, signs, n * sizeof *signs);
	*what = NULL;
}

/* What was made of just these files, or NULL. Builds with different variables may take turns for each compile. */
static struct tls *take_back(struct trust *t, const char *from, const struct sign *signs,
			     size_t n)
{
	for (size_t i = 0; i < t->nold; i++) {
		struct old *o = &t->old[i];
		struct tls *tls = o->tls;

		if (strcmp(o->from, from) != 0 ||
		    memcmp(o->signs, signs, n * sizeof *signs) != 0)
			continue;
		free(o->from);
		*o = t->old[--t->nold];
		return tls;
	}
	return NULL;
}

/* -- where they are -------------------------------------------------------------------------- */

static bool is_there(const char *path)
{
	return path && access(path, F_OK) == 0;
}

/* OWN (taken) if it is there or nothing else is; SYSTEM for root. */
static char *own_or_system(const struct trust *t, char *own, const char *system)
{
	if (is_there(own) || !t->root || !is_there(system))
		return own;
	free(own);
	return xstrdup(system);
}

static char *beside(const char *path, const char *name)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? xasprintf("%.*s/%s", (int)(slash - path), path, name) : NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* True when the variables are others than the last time. */
static bool asks_anew(struct trust *t,
		      const char *(*getenv_fn)(void *ctx, const char *name), void *ctx)
{
	static const char *const names[] = {"MUSTER_KEY_FILE", "MUSTER_FARM_DIR",
					    "XDG_CONFIG_HOME", "HOME"};
	struct buf b = {0};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv_fn(ctx, names[i]);

		buf_str(&b, value ? value : "");
		buf_u8(&b, '\n');
	}
	buf_u8(&b, 0);
	if (t->asked && strcmp(t->asked, b.data) == 0) {
		buf_free(&b);
		return false;
	}
	free(t->asked);
	t->asked = b.data;
	return true;
}

/* True when the places are others than before. */
static bool find_places(struct trust *t,
			const char *(*getenv_fn)(void *ctx, const char *name), void *ctx)
{
	const char *named = getenv_fn(ctx, "MUSTER_KEY_FILE"),
		   *farm = getenv_fn(ctx, "MUSTER_FARM_DIR");
	char *own = key_own_path(getenv_fn, ctx);
	char *dir = farm && *farm ? xstrdup(farm)
				  : own_or_system(t, beside(own, "farm"), "/etc/muster/farm");
	char *key = named && *named ? xstrdup(named) : own_or_system(t, own, KEY_SYSTEM_PATH);

	if (named && *named)
		free(own);
	t->key_named = named && *named;
	if (same_text(key, t->key_path) && same_text(dir, t->farm_dir)) {
		free(key);
		free(dir);
		return false;
	}
	retire(t, &t->key, t->key_path, &t->key_sign, 1);
	retire(t, &t->farm, t->farm_dir, t->farm_wrong[0] ? NULL : t->farm_signs, FILES);
	free(t->key_path);
	free(t->farm_dir);
	t->key_path = key;
	t->farm_dir = dir;
	return true;
}

void trust_find(struct trust *t, const char *(*getenv_fn)(void *ctx, const char *name),
		void *ctx)
{
	find_places(t, getenv_fn, ctx);
}

/* -- what they say --------------------------------------------------------------------------- */

static void tell_wrong(char *wrong, size_t size, const struct err *e)
{
	snprintf(wrong, size, "%s", e->text);
	log_line(LOG_WARNING, "%s", e->text);
}

static void look_at_key(struct trust *t)
{
	struct sign now = sign_of(t->key_path), none = {0};
	struct err e = {0};

	if (same_sign(&now, &t->key_sign))
		return;
	t->key_sign = now;
	t->key_wrong[0] = 0;
	retire(t, &t->key, t->key_path, NULL, 0);
	if (same_sign(&now, &none))
		return;
	t->key = take_back(t, t->key_path, &now, 1);
	if (!t->key)
		t->key = tls_from_key_file(t->key_path, &e);
	if (!t->key)
		tell_wrong(t->key_wrong, sizeof t->key_wrong, &e);
}

/* One of the farm's files; a missing list of revoked ones is an empty one. */
static int read_part(const struct trust *t, size_t i, struct buf *out, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", t->farm_dir, farm_files[i]);
	bool optional = i == REVOKED;
	struct stat st;

	if (optional && stat(path, &st) && errno == ENOENT)
		return 0;
	if (i == PRIVATE && stat(path, &st) == 0 && st.st_mode & 077)
		return err_set(e, 0,
			       "the key %s is not used, since others may get at it (mode "
			       "%03o): 'chmod 600' it, or join the farm anew if they did",
			       path, (unsigned)st.st_mode & 0777);
	return fs_read(path, optional ? TLS_CRL_MAX : TLS_PEM_MAX, out, e);
}

static int use_farm(struct trust *t, const struct buf *files, struct err *e)
{
	const struct buf *list = &files[REVOKED];
	struct tls_farm f = {
	    .authority = {files[AUTHORITY].data,   files[AUTHORITY].len  },
	    .certificate = {files[CERTIFICATE].data, files[CERTIFICATE].len},
	    .key = {files[PRIVATE].data,     files[PRIVATE].len    }
        };

	struct tls *fresh = t->farm ? NULL : tls_from_farm(&f, e);
	struct tls *farm = t->farm ? t->farm : fresh;

	if (!farm || (t->farm && tls_renew(farm, &f, e)))
		return -1;
	/* A list that cannot be read must not let in whom it names: then there is no farm, or it has the list of before. */
	if (list->len && tls_revoke(farm, (struct slice){list->data, list->len}, e)) {
		tls_free(fresh);
		return -1;
	}
	t->farm = farm;
	return 0;
}

static void look_at_farm(struct trust *t)
{
	struct sign signs[FILES], none = {0};
	struct buf files[FILES] = {0};
	struct err e = {0};
	int r = 0;

	for (size_t i = 0; i < FILES; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", t->farm_dir, farm_files[i]);

		signs[i] = sign_of(path);
	}
	if (memcmp(signs, t->farm_signs, sizeof signs) == 0)
		return;
	memcpy(t->farm_signs, signs, sizeof signs);
	t->farm_wrong[0] = 0;
	if (same_sign(&signs[CERTIFICATE], &none)) {
		retire(t, &t->farm, t->farm_dir, NULL, 0);
		return;
	}
	if (!t->farm && (t->farm = take_back(t, t->farm_dir, signs, FILES)))
		return;
	for (size_t i = 0; i < FILES && r == 0; i++)
		r = read_part(t, i, &files[i], &e);
	if (r == 0)
		r = use_farm(t, files, &e);
	if (r)
		tell_wrong(t->farm_wrong, sizeof t->farm_wrong, &e);
	for (size_t i = 0; i < FILES; i++) {
		if (files[i].len)
			explicit_bzero(files[i].data, files[i].len);
		buf_free(&files[i]);
	}
}

void trust_look(struct trust *t, const char *(*getenv_fn)(void *ctx, const char *name),
		void *ctx, int64_t now)
{
	if (!asks_anew(t, getenv_fn, ctx) && now - t->looked < look_every)
		return;
	bool other = find_places(t, getenv_fn, ctx);

	t->looked = now;
	if (other) {
		t->key_sign = (struct sign){0};
		memset(t->farm_signs, 0, sizeof t->farm_signs);
		t->key_wrong[0] = t->farm_wrong[0] = 0;
	}
	look_at_key(t);
	if (t->farm_dir)
		look_at_farm(t);
	/* One that is named has to be there; others may be missing. */
	if (t->key_named && !t->key && !t->key_wrong[0])
		snprintf(t->key_wrong, sizeof t->key_wrong,
			 "the key %s, which MUSTER_KEY_FILE names, is not there",
			 t->key_path);
}

/* -- ways ------------------------------------------------------------------------------------ */

/* In the order in which they are tried. */
static size_t ways(const struct trust *t, const struct tls *out[WAYS])
{
	const struct tls *order[WAYS] = {t->farm, t->key};
	size_t n = 0;

	if (t->key_named) {
		order[0] = t->key;
		order[1] = t->farm;
	}
	for (size_t i = 0; i < WAYS; i++)
		if (order[i])
			out[n++] = order[i];
	return n;
}

const char *trust_wrong(const struct trust *t)
{
	return t->key_wrong[0] ? t->key_wrong : t->farm_wrong;
}

const char *trust_farm_dir(const struct trust *t)
{
	return t->farm_dir;
}

const struct tls *trust_first(const struct trust *t)
{
	const struct tls *v[WAYS];

	return ways(t, v) ? v[0] : NULL;
}

const struct tls *trust_listen(const struct trust *t, unsigned roles)
{
	const struct tls *v[WAYS];
	size_t n = ways(t, v);

	for (size_t i = 0; i < n; i++)
		if (!tls_is_farm(v[i]) || tls_self(v[i])->roles & roles)
			return v[i];
	return NULL;
}

const struct tls *trust_farm(const struct trust *t)
{
	return t->farm;
}

int trust_dial(const struct trust *t, int clear, const struct tls **out, struct err *e)
{
	*out = clear ? NULL : trust_first(t);
	if (!clear && !*out && trust_wrong(t)[0])
		return err_set(e, 0, "%s", trust_wrong(t));
	return 0;
}

int trust_retry(const struct trust *t, const struct peer *p, const struct tls *last,
		const struct tls **out, struct err *why)
{
	const struct tls *v[WAYS];
	size_t n = ways(t, v);
	bool clear = peer_is_plain(p) || peer_is_foreign(p);

	if (!last || !(clear || peer_is_refused(p)))
		return 0;
	for (size_t i = 0; i + 1 < n; i++)
		if (v[i] == last) {
			*out = v[i + 1];
			return 1;
		}
	*out = NULL;
	if (clear && peer_is_local(p))
		return 1;
	if (peer_is_plain(p))
		err_set(
		    why, 0,
		    "it speaks without encryption, and we have %s: give it the same, or "
		    "write ',plain' behind its name in the list of hosts",
		    tls_words(last));
	else if (peer_is_foreign(p))
		err_set(why, 0,
			"it does not speak muster with encryption, and we have %s: write "
			"',plain' behind its name in the list of hosts if it is an old "
			"distccd, or meant to be plain",
			tls_words(last));
	return 0;
}

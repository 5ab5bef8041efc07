/* Key files. The file may hold comment lines (#) and then one line of 64 digits; no more and no less, so that a
 * half copied one is never taken for a key. The mode is looked at on the open file, not by name before. */
#include "net/key.h"

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert((int)KEY_SIZE == (int)DIGEST_SIZE, "a key is written like a digest");

void key_make(struct key *k)
{
	if (RAND_priv_bytes(k->b, sizeof k->b) != 1)
		abort();
}

void key_forget(struct key *k)
{
	OPENSSL_cleanse(k, sizeof *k);
}

const char *key_name(const struct key *k, char out[KEY_NAME])
{
	static const char purpose[] = "muster: the name of a key";
	char bytes[sizeof purpose + KEY_SIZE], hex[DIGEST_HEX];
	struct digest d;

	memcpy(bytes, purpose, sizeof purpose);
	memcpy(bytes + sizeof purpose, k->b, KEY_SIZE);
	hash_bytes(bytes, sizeof bytes, &d);
	OPENSSL_cleanse(bytes, sizeof bytes);
	snprintf(out, KEY_NAME, "%.16s", digest_hex(&d, hex));
	return out;
}

/* TEXT is a whole file with a NUL behind it. */
static int key_parse(struct key *k, const char *text, size_t n)
{
	struct digest d;

	while (*text == '#') {
		size_t line = strcspn(text, "\n");

		line += text[line] == '\n';
		text += line;
		n -= line;
	}
	if (strlen(text) != n || digest_parse(&d, text))
		return -1;
	text += 2 * KEY_SIZE;
	text += *text == '\r';
	text += *text == '\n';
	if (!*text)
		memcpy(k->b, d.b, KEY_SIZE);
	OPENSSL_cleanse(&d, sizeof d);
	return *text ? -1 : 0;
}

int key_read_fd(struct key *k, int fd, const char *what, struct err *e)
{
	char text[KEY_FILE_MAX + 1];
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, text + n, KEY_FILE_MAX - n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, errno, "read the key %s", what);
		n += (size_t)got;
	}
	text[n] = 0;
	int bad = key_parse(k, text, n);

	OPENSSL_cleanse(text, sizeof text);
	return bad ? err_set(e, 0,
			     "%s is no key: a key is one line of 64 hexadecimal digits, as "
			     "'muster key' makes it",
			     what)
		   : 0;
}

int key_read(struct key *k, const char *path, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return err_set(e, errno, "open the key %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, 0, "the key %s is no plain file", path);
	if (st.st_mode & 077)
		return err_set(e, 0,
			       "the key %s is not used, since others may get at it (mode "
			       "%03o): 'chmod 600' it, or make a new one if they did",
			       path, (unsigned)st.st_mode & 0777);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(
		    e, 0, "the key %s is not used, since it belongs to another user", path);
	return key_read_fd(k, fd, path, e);
}

int key_write(const struct key *k, const char *path, struct err *e)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char name[KEY_NAME], hex[DIGEST_HEX], text[256];
	struct digest d;

	if (fd < 0)
		return err_set(e, errno, "make the key %s", path);
	memcpy(d.b, k->b, KEY_SIZE);
	int n =
	    snprintf(text, sizeof text,
		     "# A key of muster, called %s. Who has it is let in: keep it.\n%s\n",
		     key_name(k, name), digest_hex(&d, hex));
	int r = fs_write_all(fd, text, (size_t)n, e);

	OPENSSL_cleanse(text, sizeof text);
	OPENSSL_cleanse(hex, sizeof hex);
	OPENSSL_cleanse(&d, sizeof d);
	if (r == 0)
		return 0;
	unlink(path);
	return err_wrap(e, "make the key %s", path);
}

char *key_own_path(const char *(*getenv_fn)(void *ctx, const char *name), void *ctx)
{
	const char *config = getenv_fn(ctx, "XDG_CONFIG_HOME"),
		   *home = getenv_fn(ctx, "HOME");

	if (config && *config == '/')
		return xasprintf("%s/muster/key", config);
	if (home && *home == '/')
		return xasprintf("%s/.config/muster/key", home);
	return NULL;
}

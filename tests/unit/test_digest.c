/* SHA-256 by the vectors of FIPS 180-4 (and NIST's example of a million bytes), and digests as text. */
#include "base/digest.h"
#include "base/err.h"
#include "sys/hash.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>

static int hashes_to(const char *text, size_t n, const char *hex)
{
	struct digest d;
	char got[DIGEST_HEX];

	hash_bytes(text, n, &d);
	return strcmp(digest_hex(&d, got), hex) == 0;
}

static void vectors(void)
{
	static const char two_blocks[] =
	    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	CHECK(hashes_to(
	    "abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	CHECK(hashes_to(
	    "", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	CHECK(
	    hashes_to(two_blocks, sizeof two_blocks - 1,
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
}

static void in_pieces(void)
{
	struct hash *h = hash_new();
	struct digest d;
	char hex[DIGEST_HEX], piece[617];
	size_t left = 1000000;

	memset(piece, 'a', sizeof piece);
	for (size_t n; left; left -= n) {
		n = left < sizeof piece ? left : sizeof piece;
		hash_add(h, piece, n);
	}
	hash_end(h, &d);
	CHECK(strcmp(digest_hex(&d, hex),
		     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0") ==
	      0);
}

static void files(void)
{
	char name[] = "/tmp/muster-digest-XXXXXX";
	int fd = mkstemp(name);
	char piece[1000], hex[DIGEST_HEX];
	struct digest d, whole;
	struct err e = {0};
	off_t size = 0;

	memset(piece, 'a', sizeof piece);
	for (int i = 0; i < 1000; i++)
		CHECK(write(fd, piece, sizeof piece) == sizeof piece);
	CHECK(lseek(fd, 77, SEEK_SET) == 77);
	CHECK(hash_fd(fd, &d, &size, &e) == 0 && size == 1000000);
	CHECK(lseek(fd, 0, SEEK_CUR) == 77);
	CHECK(hash_file(name, &whole, NULL, &e) == 0 && digest_equal(&d, &whole));
	CHECK(strncmp(digest_hex(&d, hex), "cdc76e5c9914fb92", 16) == 0);
	close(fd);
	unlink(name);
	CHECK(hash_file(name, &whole, NULL, &e) == -1 && e.code == ENOENT);
	CHECK(strstr(e.text, name));
	CHECK(hash_file("/", &whole, NULL, &e) == -1 && e.text[0]);
}

static void as_text(void)
{
	static const char hex[] =
	    "00ff10a9ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61";
	struct digest d, other;
	char text[DIGEST_HEX + 1], upper[DIGEST_HEX];

	CHECK(digest_parse(&d, hex) == 0 && d.b[0] == 0 && d.b[1] == 0xff &&
	      d.b[31] == 0x61);
	CHECK(strcmp(digest_hex(&d, text), hex) == 0);
	for (size_t i = 0; i < sizeof hex; i++)
		upper[i] = (char)(hex[i] >= 'a' && hex[i] <= 'f' ? hex[i] - 32 : hex[i]);
	CHECK(digest_parse(&other, upper) == 0 && digest_equal(&d, &other));
	other.b[31] ^= 1;
	CHECK(!digest_equal(&d, &other));
	/* What follows the 64 digits is not looked at; what ends before them is seen. */
	snprintf(text, sizeof text, "%s/", hex);
	CHECK(digest_parse(&other, text) == 0);
	for (size_t i = 0; i < DIGEST_HEX - 1; i++) {
		static const char wrong[] = {0,   'g', '/', ':',       '@',
					     'G', '`', ' ', (char)0xff};

		for (size_t k = 0; k < sizeof wrong; k++) {
			memcpy(text, hex, sizeof hex);
			text[i] = wrong[k];
			CHECK(digest_parse(&other, text) == -1);
		}
	}
}

TESTS({"the vectors of FIPS 180-4", vectors}, {"a million bytes in odd pieces", in_pieces},
      {"files, without moving their position", files}, {"digests as text", as_text})

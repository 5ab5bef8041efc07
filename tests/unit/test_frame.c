/* Frames: whole, in part, and too long. */
#include "test.h"
#include "wire/crc.h"
#include "wire/frame.h"

#include <string.h>

static void one_after_another(void)
{
	AUTO_BUF struct buf b = {0};
	struct frame f;

	size_t first = frame_begin(&b, 7);
	buf_str(&b, "hello");
	frame_end(&b, first);
	size_t second = frame_begin(&b, 255);
	frame_end(&b, second);
	CHECK(b.len == 2 * FRAME_HEADER + 5);
	CHECK(memcmp(b.data, "\x05\0\0\0\x07", 5) == 0);
	CHECK(memcmp(b.data + FRAME_HEADER, "hello\0\0\0\0\xff", 10) == 0);
	CHECK(frame_first(b.data, b.len, &f) == 1);
	CHECK(f.type == 7 && f.n == 5 && f.payload == b.data + FRAME_HEADER);
	CHECK(frame_first(b.data + second, b.len - second, &f) == 1);
	CHECK(f.type == 255 && f.n == 0);
}

static void in_part(void)
{
	AUTO_BUF struct buf b = {0};
	struct frame f;
	size_t begin = frame_begin(&b, 1);

	buf_str(&b, "payload");
	frame_end(&b, begin);
	for (size_t n = 0; n < b.len; n++)
		CHECK(frame_first(b.data, n, &f) == 0);
	CHECK(frame_first(b.data, b.len, &f) == 1);
	buf_u8(&b, 9); /* the next one begins */
	CHECK(frame_first(b.data, b.len, &f) == 1 && f.n == 7);
}

static void limits(void)
{
	AUTO_BUF struct buf b = {0};
	struct frame f;
	size_t begin = frame_begin(&b, 1);

	memset(buf_room(&b, FRAME_MAX), 'x', FRAME_MAX);
	b.len += FRAME_MAX;
	frame_end(&b, begin);
	CHECK(frame_first(b.data, b.len, &f) == 1 && f.n == FRAME_MAX);
	/* One byte more is refused as soon as the header is there. */
	char header[FRAME_HEADER] = "\x01\x00\x10\x00\x01";

	CHECK(frame_first(header, sizeof header, &f) == -1);
	memset(header, 0xff, sizeof header);
	CHECK(frame_first(header, sizeof header, &f) == -1);
}

/* One bit that changed on the way, anywhere behind the length, is seen. */
static void damaged(void)
{
	AUTO_BUF struct buf b = {0};
	struct frame f;
	size_t begin = frame_begin(&b, 3);

	buf_str(&b, "some payload");
	frame_end(&b, begin);
	for (size_t bit = 4 * 8; bit < b.len * 8; bit++) {
		b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
		CHECK(frame_first(b.data, b.len, &f) == -2);
		b.data[bit / 8] = (char)(b.data[bit / 8] ^ 1 << bit % 8);
	}
	CHECK(frame_first(b.data, b.len, &f) == 1);
}

/* The check value of CRC-32C (RFC 3720 B.4), in pieces of all sizes as well as at once. */
static void checksums(void)
{
	static const char text[] = "123456789";
	char zeros[32] = {0}, many[100];

	CHECK(crc32c(0, text, 9) == 0xe3069283);
	CHECK(crc32c(0, zeros, 32) == 0x8a9136aa);
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = (char)(i * 11);
	for (size_t n = 0; n <= sizeof many; n++)
		CHECK(crc32c(crc32c(0, many, n), many + n, sizeof many - n) ==
		      crc32c(0, many, sizeof many));
}

/* The sender's limit is our own duty: it ends the process. */
static void too_long_to_send(void)
{
	pid_t child = fork();

	if (child == 0) {
		struct buf b = {0};
		size_t begin = frame_begin(&b, 1);

		fclose(stderr);
		b.len += buf_room(&b, FRAME_MAX + 1) != NULL ? FRAME_MAX + 1 : 0;
		frame_end(&b, begin);
		_exit(0);
	}
	int status = 0;

	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
}

TESTS({"frames one after another", one_after_another}, {"a frame in part", in_part},
      {"the greatest frame, and one more", limits}, {"checksums", checksums},
      {"a damaged frame", damaged}, {"a longer one is never sent", too_long_to_send})

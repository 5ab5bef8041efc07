/* Frames: whole, in part, and too long. */
#include "test.h"
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
      {"the greatest frame, and one more", limits},
      {"a longer one is never sent", too_long_to_send})

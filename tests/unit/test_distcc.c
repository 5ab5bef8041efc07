/* The distcc protocol: what the reader makes of a stream is written down as text, one line a call, and must be
 * the same however the stream is cut. The streams called "seen" went between Debian's distcc 3.4 and distccd 3.4. */
#include "base/err.h"
#include "base/mem.h"
#include "test.h"
#include "wire/distcc.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum {
	REQUEST = -1 /* in place of a reply's version */
};

static const char *const words[DISTCC_NTOKENS] = {
    [DISTCC_DIST] = "DIST", [DISTCC_CDIR] = "CDIR", [DISTCC_ARGC] = "ARGC",
    [DISTCC_ARGV] = "ARGV", [DISTCC_DOTI] = "DOTI", [DISTCC_NFIL] = "NFIL",
    [DISTCC_NAME] = "NAME", [DISTCC_FILE] = "FILE", [DISTCC_LINK] = "LINK",
    [DISTCC_DONE] = "DONE", [DISTCC_STAT] = "STAT", [DISTCC_SERR] = "SERR",
    [DISTCC_SOUT] = "SOUT", [DISTCC_DOTO] = "DOTO", [DISTCC_DOTD] = "DOTD",
};
static const struct distcc_limits usual = {
    .args = 100, .files = 100, .string = 1000, .strings = 10000, .bulk = 100000};

/* What was called. */
struct notes {
	struct buf text;
	int calls, fail_at; /* the call with this number fails; 0: none */
	uint32_t offset;    /* of the bulk that is expected next */
};

static int called(struct notes *n, struct err *err)
{
	return ++n->calls == n->fail_at ? err_set(err, 0, "no more") : 0;
}

static void note_bytes(struct notes *n, const char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (isprint((unsigned char)p[i]) && p[i] != '\\')
			buf_u8(&n->text, (unsigned char)p[i]);
		else
			buf_printf(&n->text, "\\%02x", (unsigned char)p[i]);
}

static int note_number(void *ctx, enum distcc_token t, uint32_t value, struct err *err)
{
	struct notes *n = ctx;

	buf_printf(&n->text, "%s %" PRIx32 "\n", words[t], value);
	return called(n, err);
}

static int note_string(void *ctx, enum distcc_token t, const char *p, size_t size,
		       struct err *err)
{
	struct notes *n = ctx;

	CHECK(strlen(p) == size);
	buf_printf(&n->text, "%s '", words[t]);
	note_bytes(n, p, size);
	buf_str(&n->text, "'\n");
	return called(n, err);
}

static int note_bulk(void *ctx, enum distcc_token t, uint32_t total, uint32_t offset,
		     const void *p, size_t size, struct err *err)
{
	struct notes *n = ctx;

	CHECK(offset == n->offset && offset + size <= total && (size > 0 || total == 0));
	if (offset == 0)
		buf_printf(&n->text, "%s %" PRIu32 " '", words[t], total);
	note_bytes(n, p, size);
	n->offset = offset + (uint32_t)size;
	if (n->offset == total) {
		buf_str(&n->text, "'\n");
		n->offset = 0;
	}
	return called(n, err);
}

static int note_end(void *ctx, struct err *err)
{
	struct notes *n = ctx;

	buf_str(&n->text, "end\n");
	return called(n, err);
}

static const struct distcc_handler handler = {note_number, note_string, note_bulk,
					      note_end};

static struct distcc_reader *reader(int version, const struct distcc_limits *limits,
				    struct notes *n)
{
	return version == REQUEST
		   ? distcc_reader_request(limits, &handler, n)
		   : distcc_reader_reply((uint32_t)version, limits, &handler, n);
}

/* Feeds P, first FIRST bytes, then STEP at a time; each piece stands in memory of its own, so that a look behind
 * its end is seen. Behind the calls stands what became of it. */
static void play(int version, const struct distcc_limits *limits, const struct buf *b,
		 size_t first, size_t step, struct buf *out)
{
	struct notes n = {0};
	struct distcc_reader *r = reader(version, limits, &n);
	struct err err = {0};
	int failed = 0;

	for (size_t at = 0, k = first; at < b->len && !failed; at += k, k = step) {
		k = k < b->len - at ? k : b->len - at;
		AUTO_FREE char *piece = xmalloc(k);

		memcpy(piece, b->data + at, k);
		failed = distcc_reader_feed(r, piece, k, &err);
	}
	if (n.offset)
		buf_str(&n.text, "…\n");
	if (failed)
		buf_printf(&n.text, "error: %s\n", err.text);
	else if (!distcc_reader_ended(r))
		buf_printf(&n.text, "waits for %s\n", distcc_reader_waits_for(r));
	CHECK(!failed || !distcc_reader_ended(r));
	if (failed) {
		int calls = n.calls;

		CHECK(distcc_reader_feed(r, "DIST", 4, &err) == -1 && n.calls == calls);
		CHECK(strstr(err.text, "failed before"));
	}
	buf_u8(&n.text, 0);
	buf_add(out, n.text.data, n.text.len);
	buf_free(&n.text);
	distcc_reader_free(r);
}

static void expect(int version, const struct distcc_limits *limits, const struct buf *b,
		   const char *text)
{
	for (size_t cut = 0; cut < 2 * b->len; cut++) {
		AUTO_BUF struct buf out = {0};

		/* Two pieces, cut everywhere; then equal pieces of every length. */
		if (cut < b->len)
			play(version, limits, b, cut + 1, b->len, &out);
		else
			play(version, limits, b, cut - b->len + 1, cut - b->len + 1, &out);
		if (CHECK(strcmp(out.data, text) == 0))
			continue;
		printf("# cut %zu of %zu: got\n%s# instead of\n%s", cut, b->len, out.data,
		       text);
		return;
	}
}

/* BYTES is a string literal, which may hold NULs. */
#define EXPECT_WITHIN(limits, version, bytes, text) \
	expect(version, limits, &(struct buf){(char[]){bytes}, sizeof bytes - 1, 0}, text)
#define EXPECT(version, bytes, text) EXPECT_WITHIN(&usual, version, bytes, text)

#define SEEN_REQUEST_1 \
	"DIST00000001" \
	"ARGC00000006ARGV00000014x86_64-linux-gnu-gccARGV00000002-PARGV00000002-cARGV" \
	"00000003x.cARGV00000002-oARGV00000003x.oDOTI00000007int a;\n"
#define SEEN_REPLY_1 \
	"DONE00000001STAT00000000SERR00000000SOUT00000000" \
	"DOTO0000008e\t.file\t\"distccd_5991b257.i\"\n\t.text\n\t.globl\ta\n\t.bss\n" \
	"\t.align 4\n\t.type\ta, @object\n\t.size\ta, 4\na:\n\t.zero\t4\n" \
	"\t.section\t.note.GNU-stack,\"\",@progbits\n"
#define SEEN_FAILURE_1 \
	"DONE00000001STAT00000100" \
	"SERR0000003ebad.c:1:9: error: \342\200\230b\342\200\231 undeclared here (not" \
	" in a function)\nSOUT00000000DOTO00000000"
#define SEEN_REQUEST_2 \
	"DIST00000002" \
	"ARGC00000006ARGV00000014x86_64-linux-gnu-gccARGV00000002-PARGV00000002-cARGV" \
	"00000003x.cARGV00000002-oARGV00000003x.oDOTI0000000b\030int a;\n\021\000\000"
#define SEEN_REPLY_2 \
	"DONE00000002STAT00000000SERR00000000SOUT00000000" \
	"DOTO00000091\000*\t.file\t\"distccd_5179b258.i\"\n\t.text\n\t.globl\ta\n" \
	"\t.bss\n\t.align 4`\004\000\002ype\ta, @object\n\t.siz\204\002\n4\na:\n" \
	"\t.zero\t4|\002\000\022ection\t.note.GNU-stack,\"\",@progbits\n\021\000\000"
#define SEEN_FAILURE_2 \
	"DONE00000002STAT00000100" \
	"SERR00000042Obad.c:1:9: error: \342\200\230b\342\200\231 undeclared here (no" \
	"t in a function)\n\021\000\000SOUT00000000DOTO00000000"
/* Written by distcc_put_…; distccd took it, and what it answered is the reply below. */
#define SEEN_REQUEST_3 \
	"DIST00000003CDIR00000002/w" \
	"ARGC0000000cARGV00000003gccARGV00000002-SARGV0000000a-fno-identARGV0000001f-" \
	"fno-asynchronous-unwind-tablesARGV00000006/w/x.cARGV00000002-oARGV00000003x." \
	"sARGV00000004-MMDARGV00000003-MFARGV00000003x.dARGV00000002-IARGV00000001i" \
	"NFIL00000004" \
	"NAME00000006/w/x.cFILE00000027\014#include \"a.h\"\n(8\000\015e.h\"\nint a =" \
	" A;\n\021\000\000" \
	"NAME0000000b/w/i/real.hFILE00000010\035#define A 7\n\021\000\000" \
	"NAME00000008/w/i/e.hFILE00000003\021\000\000" \
	"NAME00000008/w/i/a.hLINK00000006real.h"
#define SEEN_REPLY_3 \
	"DONE00000003STAT00000000SERR00000000SOUT00000000" \
	"DOTO00000081\000\034\t.file\t\"x.c\"\n\t.text\n\t.globl\ta\n\t.data\n" \
	"\t.align 4d\004\nype\ta, @objecs\005siz\204\002\000#4\na:\n\t.long\t7\n" \
	"\t.section\t.note.GNU-stack,\"\",@progbits\n\021\000\000" \
	"DOTD0000001f,x.s: \\\n /w/x.c i/a.h i/e.h\n\021\000\000"

static void plain(void)
{
	EXPECT(
	    REQUEST, SEEN_REQUEST_1,
	    "DIST 1\nARGC 6\nARGV 'x86_64-linux-gnu-gcc'\nARGV '-P'\nARGV '-c'\nARGV 'x.c'\n"
	    "ARGV '-o'\nARGV 'x.o'\nDOTI 7 'int a;\\0a'\nend\n");
	EXPECT(
	    1, SEEN_REPLY_1,
	    "DONE 1\nSTAT 0\nSERR 0 ''\nSOUT 0 ''\n"
	    "DOTO 142 '\\09.file\\09\"distccd_5991b257.i\"\\0a\\09.text\\0a\\09.globl\\09a\\0a"
	    "\\09.bss\\0a\\09.align 4\\0a\\09.type\\09a, @object\\0a\\09.size\\09a, 4\\0aa:\\0a"
	    "\\09.zero\\094\\0a\\09.section\\09.note.GNU-stack,\"\",@progbits\\0a'\nend\n");
	EXPECT(
	    1, SEEN_FAILURE_1,
	    "DONE 1\nSTAT 100\nSERR 62 'bad.c:1:9: error: \\e2\\80\\98b\\e2\\80\\99 undeclared "
	    "here (not in a function)\\0a'\nSOUT 0 ''\nDOTO 0 ''\nend\n");
}

/* The reader leaves bulk as it is. */
static void packed(void)
{
	EXPECT(
	    REQUEST, SEEN_REQUEST_2,
	    "DIST 2\nARGC 6\nARGV 'x86_64-linux-gnu-gcc'\nARGV '-P'\nARGV '-c'\nARGV 'x.c'\n"
	    "ARGV '-o'\nARGV 'x.o'\nDOTI 11 '\\18int a;\\0a\\11\\00\\00'\nend\n");
	EXPECT(
	    2, SEEN_REPLY_2,
	    "DONE 2\nSTAT 0\nSERR 0 ''\nSOUT 0 ''\n"
	    "DOTO 145 '\\00*\\09.file\\09\"distccd_5179b258.i\"\\0a\\09.text\\0a\\09.globl\\09a"
	    "\\0a\\09.bss\\0a\\09.align 4`\\04\\00\\02ype\\09a, @object\\0a\\09.siz\\84\\02\\0a4"
	    "\\0aa:\\0a\\09.zero\\094|\\02\\00\\12ection\\09.note.GNU-stack,\"\",@progbits"
	    "\\0a\\11\\00\\00'\nend\n");
	EXPECT(
	    2, SEEN_FAILURE_2,
	    "DONE 2\nSTAT 100\nSERR 66 'Obad.c:1:9: error: \\e2\\80\\98b\\e2\\80\\99 undeclared "
	    "here (not in a function)\\0a\\11\\00\\00'\nSOUT 0 ''\nDOTO 0 ''\nend\n");
}

static void sources(void)
{
	EXPECT(
	    REQUEST, SEEN_REQUEST_3,
	    "DIST 3\nCDIR '/w'\nARGC c\nARGV 'gcc'\nARGV '-S'\nARGV '-fno-ident'\n"
	    "ARGV '-fno-asynchronous-unwind-tables'\nARGV '/w/x.c'\nARGV '-o'\nARGV 'x.s'\n"
	    "ARGV '-MMD'\nARGV '-MF'\nARGV 'x.d'\nARGV '-I'\nARGV 'i'\nNFIL 4\n"
	    "NAME '/w/x.c'\n"
	    "FILE 39 '\\0c#include \"a.h\"\\0a(8\\00\\0de.h\"\\0aint a = A;\\0a\\11\\00\\00'\n"
	    "NAME '/w/i/real.h'\nFILE 16 '\\1d#define A 7\\0a\\11\\00\\00'\n"
	    "NAME '/w/i/e.h'\nFILE 3 '\\11\\00\\00'\nNAME '/w/i/a.h'\nLINK 'real.h'\nend\n");
	EXPECT(
	    3, SEEN_REPLY_3,
	    "DONE 3\nSTAT 0\nSERR 0 ''\nSOUT 0 ''\n"
	    "DOTO 129 '\\00\\1c\\09.file\\09\"x.c\"\\0a\\09.text\\0a\\09.globl\\09a\\0a\\09.data"
	    "\\0a\\09.align 4d\\04\\0aype\\09a, @objecs\\05siz\\84\\02\\00#4\\0aa:\\0a\\09.long"
	    "\\097\\0a\\09.section\\09.note.GNU-stack,\"\",@progbits\\0a\\11\\00\\00'\n"
	    "DOTD 31 ',x.s: \\5c\\0a /w/x.c i/a.h i/e.h\\0a\\11\\00\\00'\nend\n");
	/* A failure has no DOTD, whatever the object. */
	EXPECT(3, "DONE00000003STAT00000100SERR00000000SOUT00000000DOTO00000000",
	       "DONE 3\nSTAT 100\nSERR 0 ''\nSOUT 0 ''\nDOTO 0 ''\nend\n");
	EXPECT(3, "DONE00000003STAT0000000bSERR00000000SOUT00000000DOTO00000002xy",
	       "DONE 3\nSTAT b\nSERR 0 ''\nSOUT 0 ''\nDOTO 2 'xy'\nend\n");
	EXPECT(3,
	       "DONE00000003STAT00000100SERR00000000SOUT00000000DOTO00000000DOTD00000000",
	       "DONE 3\nSTAT 100\nSERR 0 ''\nSOUT 0 ''\nDOTO 0 ''\nend\n"
	       "error: reading a distcc reply: there are bytes behind its end\n");
	/* Only version 3 has it at all. */
	EXPECT(2, "DONE00000002STAT00000000SERR00000000SOUT00000000DOTO00000000D",
	       "DONE 2\nSTAT 0\nSERR 0 ''\nSOUT 0 ''\nDOTO 0 ''\nend\n"
	       "error: reading a distcc reply: there are bytes behind its end\n");
	/* No files, empty texts. */
	EXPECT(REQUEST, "DIST00000003CDIR00000000ARGC00000001ARGV00000000NFIL00000000",
	       "DIST 3\nCDIR ''\nARGC 1\nARGV ''\nNFIL 0\nend\n");
	EXPECT(REQUEST,
	       "DIST00000003CDIR00000000ARGC00000001ARGV00000000NFIL00000001NAME00000000"
	       "FILE00000000",
	       "DIST 3\nCDIR ''\nARGC 1\nARGV ''\nNFIL 1\nNAME ''\nFILE 0 ''\nend\n");
}

static void put_args(struct buf *b, const char *const *args, uint32_t n)
{
	distcc_put_number(b, DISTCC_ARGC, n);
	for (uint32_t i = 0; i < n; i++)
		distcc_put_string(b, DISTCC_ARGV, args[i]);
}

/* What is put is what distcc and distccd put. */
static void put(void)
{
	static const char *const args[] = {
	    "x86_64-linux-gnu-gcc", "-P", "-c", "x.c", "-o", "x.o"};
	static const char packed_text[] = "\030int a;\n\021\0\0";
	static const char *const sources_args[] = {
	    "gcc",    "-S",  "-fno-ident", "-fno-asynchronous-unwind-tables",
	    "/w/x.c", "-o",  "x.s",        "-MMD",
	    "-MF",    "x.d", "-I",         "i"};
	static const char source[] =
	    "\014#include \"a.h\"\n(8\0\re.h\"\nint a = A;\n\021\0\0";
	static const char header[] = "\035#define A 7\n\021\0\0";
	AUTO_BUF struct buf b = {0};

	distcc_put_number(&b, DISTCC_DIST, 1);
	put_args(&b, args, sizeof args / sizeof *args);
	distcc_put_bulk(&b, DISTCC_DOTI, "int a;\n", 7);
	CHECK(b.len == sizeof SEEN_REQUEST_1 - 1 && !memcmp(b.data, SEEN_REQUEST_1, b.len));
	b.len = 0;
	distcc_put_number(&b, DISTCC_DIST, 2);
	put_args(&b, args, sizeof args / sizeof *args);
	distcc_put_bulk(&b, DISTCC_DOTI, packed_text, sizeof packed_text - 1);
	CHECK(b.len == sizeof SEEN_REQUEST_2 - 1 && !memcmp(b.data, SEEN_REQUEST_2, b.len));
	b.len = 0;
	distcc_put_number(&b, DISTCC_DIST, 3);
	distcc_put_string(&b, DISTCC_CDIR, "/w");
	put_args(&b, sources_args, sizeof sources_args / sizeof *sources_args);
	distcc_put_number(&b, DISTCC_NFIL, 4);
	distcc_put_string(&b, DISTCC_NAME, "/w/x.c");
	distcc_put_bulk(&b, DISTCC_FILE, source, sizeof source - 1);
	distcc_put_string(&b, DISTCC_NAME, "/w/i/real.h");
	distcc_put_bulk(&b, DISTCC_FILE, header, sizeof header - 1);
	distcc_put_string(&b, DISTCC_NAME, "/w/i/e.h");
	distcc_put_bulk(&b, DISTCC_FILE, "\021\0\0", 3);
	distcc_put_string(&b, DISTCC_NAME, "/w/i/a.h");
	distcc_put_string(&b, DISTCC_LINK, "real.h");
	CHECK(b.len == sizeof SEEN_REQUEST_3 - 1 && !memcmp(b.data, SEEN_REQUEST_3, b.len));
	b.len = 0;
	distcc_put_number(&b, DISTCC_DONE, 1);
	distcc_put_number(&b, DISTCC_STAT, 1 << 8);
	distcc_put_bulk(&b, DISTCC_SERR, SEEN_FAILURE_1 + 36, 62);
	distcc_put_bulk(&b, DISTCC_SOUT, NULL, 0);
	distcc_put_bulk(&b, DISTCC_DOTO, NULL, 0);
	CHECK(b.len == sizeof SEEN_FAILURE_1 - 1 && !memcmp(b.data, SEEN_FAILURE_1, b.len));
	b.len = 0;
	distcc_put_number(&b, DISTCC_STAT, UINT32_MAX);
	CHECK(b.len == 12 && !memcmp(b.data, "STATffffffff", b.len));
}

static void digits(void)
{
	static const char *const good[] = {"0000000b", "0000000B"};
	static const char *const bad[] = {
	    "       b", "+000000b", "-000000b", "0x00000b", "000000b ", "b\n      ",
	    "0000000g", "0000000:", "0000000@", "0000000G", "0000000`", "0000000/"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		AUTO_BUF struct buf b = {0};

		buf_printf(&b, "DONE00000001STAT%s", good[i]);
		expect(1, &usual, &b, "DONE 1\nSTAT b\nwaits for the SERR token\n");
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		AUTO_BUF struct buf b = {0};
		AUTO_BUF struct buf text = {0};

		buf_printf(&b, "DONE00000001STAT%s", bad[i]);
		buf_printf(&text,
			   "DONE 1\nerror: reading a distcc reply: STAT is followed by "
			   "\"%s\", which is not eight hex digits\n",
			   i == 5 ? "b\\x0a      " : bad[i]);
		buf_u8(&text, 0);
		expect(1, &usual, &b, text.data);
	}
	EXPECT(
	    1, "DONE00000001STAT0000000\0",
	    "DONE 1\nerror: reading a distcc reply: STAT is followed by \"0000000\\x00\", "
	    "which is not eight hex digits\n");
	EXPECT(1, "DONE00000001STATfedcBA98",
	       "DONE 1\nSTAT fedcba98\nwaits for the SERR token\n");
	EXPECT(1, "DONE00000001STAT12345670",
	       "DONE 1\nSTAT 12345670\nwaits for the SERR token\n");
}

static void versions(void)
{
	EXPECT(REQUEST, "DIST00000000ARGC00000001ARGV00000002ccDOTI00000000",
	       "DIST 0\nARGC 1\nARGV 'cc'\nDOTI 0 ''\nend\n");
	EXPECT(0, "DONE00000000", "DONE 0\nwaits for the STAT token\n");
	EXPECT(REQUEST, "DIST00000003", "DIST 3\nwaits for the CDIR token\n");
	EXPECT(REQUEST, "DIST00000004",
	       "error: reading a distcc request: it is of version 4; known are 1 to 3\n");
	EXPECT(
	    REQUEST, "DISTffffffff",
	    "error: reading a distcc request: it is of version 4294967295; known are 1 to 3\n");
	EXPECT(1, "DONE00000000",
	       "error: reading a distcc reply: it is of version 0, the "
	       "request was of version 1\n");
	EXPECT(3, "DONE00000002",
	       "error: reading a distcc reply: it is of version 2, the "
	       "request was of version 3\n");
}

/* In each state every token is tried: those named may come, the others are refused with what was expected. */
static void order(void)
{
	static const struct {
		int version;
		const char *before, *may, *expected;
	} states[] = {

#define DIST_1    "DIST00000001"
#define DIST_3    "DIST00000003"
#define COMMAND   "ARGC00000001ARGV00000002cc"
#define ONE_FILE  DIST_3 "CDIR00000001/" COMMAND "NFIL00000001"
#define TWO_FILES DIST_3 "CDIR00000001/" COMMAND "NFIL00000002"
#define NAMED     "NAME00000002/x"
#define DONE_3    "DONE00000003STAT00000000SERR00000000SOUT00000000"
	    {REQUEST, "",				      "DIST",      "the DIST token"        },
	    {REQUEST, DIST_1,				  "ARGC",      "the ARGC token"        },
	    {REQUEST, "DIST00000002",                          "ARGC",      "the ARGC token"        },
	    {REQUEST, DIST_3,				  "CDIR",      "the CDIR token"        },
	    {REQUEST, DIST_3 "CDIR00000001/",                  "ARGC",      "the ARGC token"        },
	    {REQUEST, DIST_1 "ARGC00000001",                   "ARGV",      "the ARGV token"        },
	    {REQUEST, DIST_1 "ARGC00000002ARGV00000002cc",     "ARGV",      "the ARGV token"        },
	    {REQUEST, DIST_1 COMMAND,                          "DOTI",      "the DOTI token"        },
	    {REQUEST, "DIST00000002" COMMAND,                  "DOTI",      "the DOTI token"        },
	    {REQUEST, DIST_3 "CDIR00000001/" COMMAND,          "NFIL",      "the NFIL token"        },
	    {REQUEST, ONE_FILE,				"NAME",      "the NAME token"        },
	    {REQUEST, ONE_FILE NAMED,                          "FILE LINK", "the FILE or LINK token"},
	    {REQUEST, TWO_FILES NAMED "FILE00000001x",         "NAME",      "the NAME token"        },
	    {REQUEST, TWO_FILES NAMED "LINK00000001x",         "NAME",      "the NAME token"        },
	    {REQUEST, TWO_FILES NAMED "LINK00000001x" NAMED,   "FILE LINK",
										"the FILE or LINK token"							       },
	    {1,       "",				      "DONE",      "the DONE token"        },
	    {3,       "",				      "DONE",      "the DONE token"        },
	    {1,       "DONE00000001",                          "STAT",      "the STAT token"        },
	    {1,       "DONE00000001STAT00000000",              "SERR",      "the SERR token"        },
	    {1,       "DONE00000001STAT00000000SERR00000001x", "SOUT",      "the SOUT token"        },
	    {3,       DONE_3,				  "DOTO",      "the DOTO token"        },
	    {3,       DONE_3 "DOTO00000001x",                  "DOTD",      "the DOTD token"        },
	};

	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		for (unsigned t = 0; t < DISTCC_NTOKENS; t++) {
			struct notes n = {0};
			struct distcc_reader *r = reader(states[i].version, &usual, &n);
			struct err err = {0};
			char sentence[200];
			bool may = strstr(states[i].may, words[t]) != NULL;

			snprintf(sentence, sizeof sentence,
				 "reading a distcc %s: %s was expected, but \"%s\" came",
				 states[i].version == REQUEST ? "request" : "reply",
				 states[i].expected, words[t]);
			CHECK(distcc_reader_feed(r, states[i].before,
						 strlen(states[i].before), &err) == 0);
			CHECK(strcmp(distcc_reader_waits_for(r), states[i].expected) == 0);
			CHECK(distcc_reader_feed(r, words[t], 4, &err) == (may ? 0 : -1));
			CHECK(may || strcmp(err.text, sentence) == 0);
			CHECK(!distcc_reader_ended(r));
			distcc_reader_free(r);
			buf_free(&n.text);
		}
	EXPECT(
	    REQUEST, "GET / HTTP/1.1\r\n",
	    "error: reading a distcc request: the DIST token was expected, but \"GET \" came\n");
	EXPECT(REQUEST, "\026\003\"\\x",
	       "error: reading a distcc request: the DIST token was "
	       "expected, but \"\\x16\\x03\\x22\\x5c\" came\n");
}

static void waits(void)
{
	static const struct {
		const char *bytes, *wait;
	} v[] = {
	    {"",			     "the DIST token"        },
	    {"DI",			   "the DIST token"        },
	    {"ST0000000",                    "the DIST token"        },
	    {"3CDIR00000002/",               "the rest of CDIR"      },
	    {"wARGC00000001AR",              "the ARGV token"        },
	    {"GV00000002",                   "the rest of ARGV"      },
	    {"ccNFIL00000001NAME00000002/x", "the FILE or LINK token"},
	    {"FILE00000002x",                "the rest of FILE"      },
	    {"y",			    "nothing"               },
	};
	struct notes n = {0};
	struct distcc_reader *r = reader(REQUEST, &usual, &n);
	struct err err = {0};

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		CHECK(distcc_reader_feed(r, v[i].bytes, strlen(v[i].bytes), &err) == 0);
		CHECK(strcmp(distcc_reader_waits_for(r), v[i].wait) == 0);
		CHECK(distcc_reader_ended(r) == (i + 1 == sizeof v / sizeof *v));
	}
	/* Nothing behind the end is no error. */
	CHECK(distcc_reader_feed(r, NULL, 0, &err) == 0 && distcc_reader_ended(r));
	CHECK(distcc_reader_feed(r, "\n", 1, &err) == -1 && !distcc_reader_ended(r));
	CHECK(strcmp(distcc_reader_waits_for(r), "nothing") == 0);
	distcc_reader_free(r);
	distcc_reader_free(NULL);
	buf_free(&n.text);
}

/* Each limit is reached, then passed by one: the last byte of the head is where it ends. */
static void limits(void)
{
	static const struct distcc_limits few = {
	    .args = 2, .files = 1, .string = 4, .strings = 7, .bulk = 3};

	EXPECT_WITHIN(
	    &few, REQUEST, "DIST00000001ARGC00000000",
	    "DIST 1\nerror: reading a distcc request: ARGC is 0, but a command has a compiler "
	    "at least\n");
	EXPECT_WITHIN(&few, REQUEST, "DIST00000001ARGC00000002",
		      "DIST 1\nARGC 2\nwaits for the ARGV token\n");
	EXPECT_WITHIN(
	    &few, REQUEST, "DIST00000001ARGC00000003",
	    "DIST 1\nerror: reading a distcc request: ARGC is 3, above the limit of 2 "
	    "arguments\n");
	EXPECT_WITHIN(&few, REQUEST, "DIST00000001ARGC00000001ARGV00000004abcd",
		      "DIST 1\nARGC 1\nARGV 'abcd'\nwaits for the DOTI token\n");
	EXPECT_WITHIN(
	    &few, REQUEST, "DIST00000001ARGC00000001ARGV00000005",
	    "DIST 1\nARGC 1\nerror: reading a distcc request: ARGV has 5 bytes, above the "
	    "limit of 4 for one string\n");
	EXPECT_WITHIN(
	    &few, REQUEST, "DIST00000003CDIRffffffff",
	    "DIST 3\nerror: reading a distcc request: CDIR has 4294967295 bytes, above the "
	    "limit of 4 for one string\n");
	EXPECT_WITHIN(
	    &few, REQUEST, "DIST00000001ARGC00000002ARGV00000004abcdARGV00000003efg",
	    "DIST 1\nARGC 2\nARGV 'abcd'\nARGV 'efg'\nwaits for the DOTI token\n");
	EXPECT_WITHIN(
	    &few, REQUEST, "DIST00000001ARGC00000002ARGV00000004abcdARGV00000004",
	    "DIST 1\nARGC 2\nARGV 'abcd'\nerror: reading a distcc request: with this ARGV of 4 "
	    "bytes its strings are above their limit of 7 bytes together\n");
	EXPECT_WITHIN(&few, REQUEST, "DIST00000001ARGC00000001ARGV00000000DOTI00000003abc",
		      "DIST 1\nARGC 1\nARGV ''\nDOTI 3 'abc'\nend\n");
	EXPECT_WITHIN(
	    &few, REQUEST, "DIST00000001ARGC00000001ARGV00000000DOTI00000004",
	    "DIST 1\nARGC 1\nARGV ''\nerror: reading a distcc request: DOTI has 4 bytes, above "
	    "the limit of 3 for one body\n");
	EXPECT_WITHIN(
	    &few, REQUEST, "DIST00000003CDIR00000000ARGC00000001ARGV00000000NFIL00000001",
	    "DIST 3\nCDIR ''\nARGC 1\nARGV ''\nNFIL 1\nwaits for the NAME token\n");
	EXPECT_WITHIN(
	    &few, REQUEST, "DIST00000003CDIR00000000ARGC00000001ARGV00000000NFIL00000002",
	    "DIST 3\nCDIR ''\nARGC 1\nARGV ''\nerror: reading a distcc request: NFIL is 2, "
	    "above the limit of 1 files\n");
	EXPECT_WITHIN(
	    &few, 1, "DONE00000001STAT00000000SERRffffffff",
	    "DONE 1\nSTAT 0\nerror: reading a distcc reply: SERR has 4294967295 bytes, above "
	    "the limit of 3 for one body\n");
}

static void nul(void)
{
	EXPECT(REQUEST, "DIST00000001ARGC00000001ARGV00000003a\0b",
	       "DIST 1\nARGC 1\nerror: reading a distcc request: ARGV holds a NUL\n");
	EXPECT(REQUEST, "DIST00000003CDIR00000001\0",
	       "DIST 3\nerror: reading a distcc request: CDIR holds a NUL\n");
	EXPECT(REQUEST, "DIST00000003CDIR00000002/\0",
	       "DIST 3\nerror: reading a distcc request: CDIR holds a NUL\n");
	/* In bulk it is a byte like any other. */
	EXPECT(REQUEST, "DIST00000001ARGC00000001ARGV00000001aDOTI00000002\0a",
	       "DIST 1\nARGC 1\nARGV 'a'\nDOTI 2 '\\00a'\nend\n");
}

/* Whichever call fails is the last one, and its sentence is the reader's. */
static void handler_fails(void)
{
	enum {
		CALLS = 25 /* of the whole request in one piece, with the end */
	};
	struct notes n = {0};
	struct distcc_reader *r = reader(REQUEST, &usual, &n);
	struct err err = {0};

	CHECK(distcc_reader_feed(r, SEEN_REQUEST_3, sizeof SEEN_REQUEST_3 - 1, &err) == 0);
	CHECK(n.calls == CALLS && distcc_reader_ended(r));
	distcc_reader_free(r);
	for (int i = 1; i <= CALLS; i++) {
		buf_free(&n.text);
		n = (struct notes){.fail_at = i};
		r = reader(REQUEST, &usual, &n);
		CHECK(distcc_reader_feed(r, SEEN_REQUEST_3, sizeof SEEN_REQUEST_3 - 1,
					 &err) == -1);
		CHECK(strcmp(err.text, "reading a distcc request: no more") == 0);
		CHECK(n.calls == i && !distcc_reader_ended(r));
		CHECK(distcc_reader_feed(r, "NAME", 4, &err) == -1 && n.calls == i);
		CHECK(distcc_reader_feed(r, NULL, 0, NULL) == -1);
		distcc_reader_free(r);
	}
	buf_free(&n.text);
}

/* Bulk is passed on as it comes, never collected. */
static void pieces(void)
{
	struct notes n = {0};
	struct distcc_reader *r = reader(REQUEST, &usual, &n);
	struct err err = {0};
	static const char head[] = "DIST00000001ARGC00000001ARGV00000002ccDOTI00000005ab";

	CHECK(distcc_reader_feed(r, head, sizeof head - 1, &err) == 0);
	CHECK(n.calls == 4 && n.offset == 2);
	CHECK(distcc_reader_feed(r, "c", 1, &err) == 0);
	CHECK(n.calls == 5 && n.offset == 3);
	CHECK(distcc_reader_feed(r, "de", 2, &err) == 0);
	CHECK(n.calls == 7 && distcc_reader_ended(r));
	distcc_reader_free(r);
	buf_free(&n.text);
}

TESTS({"plain", plain}, {"packed", packed}, {"sources", sources}, {"put", put},
      {"digits", digits}, {"versions", versions}, {"order", order}, {"waits", waits},
      {"limits", limits}, {"nul", nul}, {"handler_fails", handler_fails},
      {"pieces", pieces})

/* Files and links as they are remembered: each test changes a real folder and asks what is still believed. */
#include "disk_bed.h"
#include "test.h"

/* -- files ----------------------------------------------------------------------------------- */

static void appears_and_goes(void)
{
	begin();
	CHECK(!find("", "a.h"));
	uint64_t g = generation();

	again();
	CHECK(generation() == g); /* nothing happened */
	put("other.h", "1");
	again();
	CHECK(generation() == g); /* nobody asked for that */
	put("a.h", "1");
	again();
	CHECK(generation() != g);
	const struct scan_file *f = find("", "a.h");

	CHECK(f && version(f) && leads_to(f, "a.h", "1"));
	CHECK(strcmp(f->path, at("a.h")) == 0 && disk_find(disk, at("a.h")) == f);
	g = generation();
	uint32_t v = version(f);

	again();
	CHECK(generation() == g && version(f) == v);
	drop("a.h");
	again();
	CHECK(generation() != g && !find("", "a.h") && version(f) == 0 && !node(f));
	CHECK(is_gone("a.h"));
	put("a.h", "1");
	again();
	CHECK(find("", "a.h") == f); /* one object a spelling, for ever */
	CHECK(version(f) != 0 && version(f) != v);
	end();
}

static void other_bytes(void)
{
	begin();
	put("a.h", "one");
	const struct scan_file *f = find("", "a.h");
	uint32_t v = version(f);
	uint64_t g = generation(), s = disk_file_stamp(disk, f);

	put("a.h", "two");
	CHECK(version(f) == v); /* once an epoch */
	again();
	CHECK(version(f) != v && leads_to(f, "a.h", "two"));
	CHECK(generation() == g); /* its name is where it was */
	CHECK(disk_file_stamp(disk, f) > s && disk_file_stamp(disk, f) <= disk_stamp(disk));
	CHECK(!disk_file_fresh(disk, f, s) && disk_file_fresh(disk, f, disk_stamp(disk)));
	end();
}

static void other_time(void)
{
	begin();
	put("a.h", "one");
	const struct scan_file *f = find("", "a.h");
	uint32_t v = version(f);
	uint64_t s = disk_file_stamp(disk, f);

	set_time("a.h", OLD, 5); /* within the second: no compiler sees it */
	again();
	CHECK(version(f) == v && disk_file_stamp(disk, f) == s &&
	      disk_file_fresh(disk, f, s));
	set_time("a.h", OLD + 1, 0);
	again();
	CHECK(version(f) == v && disk_file_stamp(disk, f) > s &&
	      !disk_file_fresh(disk, f, s));
	s = disk_stamp(disk);
	chmod(at("a.h"), 0755);
	again();
	CHECK(version(f) == v && disk_file_stamp(disk, f) > s);
	end();
}

static void same_again(void)
{
	begin();
	put("a.h", "one");
	const struct scan_file *f = find("", "a.h");
	uint32_t v = version(f);
	uint64_t s = disk_stamp(disk);

	/* Removed and made anew between two looks: another inode, nothing else. */
	put("new", "one");
	drop("a.h");
	move("new", "a.h");
	again();
	CHECK(find("", "a.h") == f && version(f) == v && disk_file_fresh(disk, f, s));
	end();
}

/* Written twice within one tick of the clock, of equal size: times tell nothing. */
static void racy(void)
{
	begin();
	int fd = open(at("a.h"), O_RDWR | O_CREAT, 0644);
	struct stat st;

	for (int i = 0; i < 50; i++) {
		char text[3] = {(char)('a' + i % 26), (char)('a' + i / 26), 0};

		CHECK(pwrite(fd, text, 2, 0) == 2);
		again();
		const struct scan_file *f = find("", "a.h");

		CHECK(leads_to(f, "a.h", text));
		/* also with its old time set again: only the time of change tells */
		set_time("a.h", OLD, 0);
		again();
		CHECK(leads_to(f, "a.h", text));
	}
	CHECK(fstat(fd, &st) == 0 && st.st_size == 2);
	close(fd);
	end();
}

/* Names that come and go within one tick of their folder's time. */
static void racy_folder(void)
{
	begin();
	for (int i = 0; i < 50; i++) {
		again();
		CHECK(!find("", "a.h"));
		put("a.h", "x");
		again();
		CHECK(find("", "a.h"));
		drop("a.h");
	}
	end();
}

static void node_same(void)
{
	begin();
	put("a.h", "one");
	const struct scan_file *f = find("", "a.h");

	version(f);
	struct node *n = node(f);

	CHECK(disk_node_same(disk, n));
	put("a.h", "two");
	CHECK(!disk_node_same(disk, n)); /* within the epoch */
	CHECK(disk_node_same(disk, n));
	drop("a.h");
	CHECK(!disk_node_same(disk, n) && n->kind == NODE_GONE);
	end();
}

static void by_digest(void)
{
	struct digest one, two;

	begin();
	hash_bytes("one", 3, &one);
	hash_bytes("two", 3, &two);
	put("a.h", "one");
	put("b.h", "one");
	const struct scan_file *a = find("", "a.h"), *b = find("", "b.h");

	CHECK(version(a) != version(b)); /* two files, though alike */
	CHECK(disk_by_digest(disk, &one) == node(a) ||
	      disk_by_digest(disk, &one) == node(b));
	CHECK(!disk_by_digest(disk, &two));
	put("a.h", "two");
	again();
	version(a), version(b);
	CHECK(disk_by_digest(disk, &two) == node(a));
	CHECK(disk_by_digest(disk, &one) == node(b)); /* the other one still has it */
	put("b.h", "two");
	again();
	version(a), version(b);
	CHECK(!disk_by_digest(disk, &one));
	drop("a.h");
	again();
	version(a), version(b);
	CHECK(disk_by_digest(disk, &two) == node(b));
	drop("b.h");
	again();
	version(b);
	CHECK(!disk_by_digest(disk, &two));
	end();
}

/* -- links ----------------------------------------------------------------------------------- */

static void link_moves(void)
{
	begin();
	put("one.h", "one");
	put("two.h", "two");
	link_to("one.h", "a.h");
	const struct scan_file *f = find("", "a.h");

	CHECK(leads_to(f, "one.h", "one"));
	CHECK(strcmp(walk_file(f), "d l/a.h f/one.h ") == 0);
	uint64_t s = disk_stamp(disk);
	uint32_t v = version(f);

	link_to("two.h", "a.h");
	again();
	CHECK(find("", "a.h") == f && version(f) != v && leads_to(f, "two.h", "two"));
	CHECK(disk_file_stamp(disk, f) > s && !disk_file_fresh(disk, f, s));
	link_to(at("one.h"), "a.h"); /* absolute: the same end */
	again();
	CHECK(leads_to(f, "one.h", "one") && version(f) == v);
	end();
}

/* During a job a link is turned to a file that is older than the job, and known. */
static void link_moves_to_known(void)
{
	begin();
	folder("one");
	folder("two");
	put("one/a.h", "one");
	put("two/a.h", "two");
	link_to("one", "inc");
	link_to("one/a.h", "b.h");
	CHECK(find("two", "a.h") && version(find("two", "a.h")));
	const struct scan_file *a = find("inc", "a.h"), *b = find("", "b.h");

	CHECK(leads_to(a, "one/a.h", "one") && leads_to(b, "one/a.h", "one"));
	uint64_t s = disk_stamp(disk);

	disk_begin(disk, NULL);
	CHECK(disk_file_fresh(disk, a, s) && disk_file_fresh(disk, b, s));
	link_to("two/a.h", "b.h");
	disk_begin(disk, NULL);
	CHECK(disk_file_fresh(disk, a, s) && !disk_file_fresh(disk, b, s));
	link_to("two", "inc");
	disk_begin(disk, NULL);
	CHECK(!disk_file_fresh(disk, a, s));
	CHECK(!disk_place_fresh(disk, at("inc/a.h"), s) &&
	      !disk_place_fresh(disk, at("inc"), s));
	s = disk_stamp(disk);
	disk_begin(disk, NULL);
	CHECK(disk_file_fresh(disk, a, s) && disk_file_fresh(disk, b, s));
	drop("inc");
	move("two", "inc"); /* a folder now, with the same file in it */
	disk_begin(disk, NULL);
	CHECK(!disk_file_fresh(disk, a, s));
	end();
}

/* The name stands all the time; only what it leads to comes and goes. */
static void link_dangles(void)
{
	begin();
	folder("gen");
	folder("inc");
	link_to("../gen/a.h", "inc/a.h");
	CHECK(!find("inc", "a.h"));
	uint64_t g = generation();

	again();
	CHECK(generation() == g && !find("inc", "a.h"));
	put("gen/a.h", "1");
	again();
	CHECK(generation() != g);
	const struct scan_file *f = find("inc", "a.h");

	CHECK(leads_to(f, "gen/a.h", "1"));
	drop("gen/a.h");
	again();
	CHECK(version(f) == 0 && !find("inc", "a.h"));
	g = generation();
	put("gen/a.h", "2");
	again();
	CHECK(generation() != g && leads_to(find("inc", "a.h"), "gen/a.h", "2"));
	end();
}

static void folder_becomes_file(void)
{
	begin();
	folder("a.h");
	CHECK(!find("", "a.h"));
	uint64_t g = generation();

	drop("a.h");
	put("a.h", "1");
	again();
	const struct scan_file *f = find("", "a.h");

	CHECK(generation() != g && leads_to(f, "a.h", "1"));
	g = generation();
	drop("a.h");
	folder("a.h");
	again();
	CHECK(version(f) == 0 && generation() != g && !find("", "a.h"));
	end();
}

/* A folder gives way to a link to where it went, and comes back: on a worker that was told both, all that
 * was below it has to be told again, although not one time of it has changed. */
static void folder_becomes_link(void)
{
	begin();
	folder("d");
	folder("d/sub");
	put("d/sub/a.h", "1");
	const struct scan_file *f = find("d/sub", "a.h");

	CHECK(is_dir("", "d") && leads_to(f, "d/sub/a.h", "1"));
	CHECK(strcmp(walk_file(f), "d d/d d/d/sub f/d/sub/a.h ") == 0);
	move("d", "e");
	link_to("e", "d");
	again();
	walked[0] = 0;
	CHECK(disk_walk(disk, at("d"), note_node, NULL) == NODE_DIR);
	CHECK(strcmp(walked, "d l/d d/e ") == 0);
	CHECK(find("d/sub", "a.h") == f && leads_to(f, "e/sub/a.h", "1"));
	CHECK(strcmp(walk_file(f), "d l/d d/e d/e/sub f/e/sub/a.h ") == 0);
	CHECK(is_gone("d/sub") && is_gone("d/sub/a.h"));
	uint64_t s = disk_stamp(disk);

	drop("d");
	move("e", "d");
	again();
	walked[0] = 0;
	CHECK(disk_walk(disk, at("d"), note_node, NULL) == NODE_DIR);
	CHECK(strcmp(walked, "d d/d ") == 0);
	CHECK(leads_to(find("d/sub", "a.h"), "d/sub/a.h", "1"));
	CHECK(node(f)->stamp > s && disk_file_stamp(disk, f) > s);
	end();
}

static void link_to_folder_moves(void)
{
	begin();
	folder("one");
	folder("two");
	put("one/a.h", "one");
	put("two/a.h", "two");
	link_to("one", "inc");
	const struct scan_file *f = find("inc", "a.h");

	CHECK(leads_to(f, "one/a.h", "one"));
	CHECK(strcmp(walk_file(f), "d l/inc d/one f/one/a.h ") == 0);
	link_to("two", "inc");
	again();
	CHECK(leads_to(f, "two/a.h", "two"));
	drop("inc");
	folder("inc");
	put("inc/a.h", "three");
	again();
	CHECK(leads_to(f, "inc/a.h", "three"));
	end();
}

static void dots_behind_a_link(void)
{
	begin();
	folder("deep");
	folder("deep/dir");
	put("deep/a.h", "right");
	put("a.h", "wrong");
	link_to("deep/dir", "l");
	const struct scan_file *f = find("l/..", "a.h");

	CHECK(leads_to(f, "deep/a.h", "right"));
	CHECK(strcmp(walk_file(f), "d l/l d/deep d/deep/dir f/deep/a.h ") == 0);
	CHECK(leads_to(find("", "l/../a.h"), "deep/a.h", "right"));
	CHECK(leads_to(find("deep/dir/..", "../a.h"), "a.h", "wrong"));
	CHECK(leads_to(find("deep/dir", "./.././a.h"), "deep/a.h", "right"));
	CHECK(!find("", "nothing/../a.h"));
	CHECK(!find("", "a.h/../a.h"));
	/* and the link is turned */
	folder("x");
	link_to("x", "l");
	again();
	CHECK(leads_to(f, "a.h", "wrong"));
	CHECK(leads_to(find("l/..", "a.h"), "a.h", "wrong"));
	end();
}

static void link_loops(void)
{
	begin();
	link_to("b", "a");
	link_to("a", "b");
	link_to("self/x", "self");
	/* Their names are taken, so that nothing behind them in a search list may be; but they are no files. */
	CHECK(find("", "a") && !node(find("", "a")));
	CHECK(!node(find("", "self")));
	CHECK(!find("self", "a.h") && !is_dir("", "a"));
	CHECK(disk_walk(disk, at("a/x"), note_node, NULL) != NODE_FILE);
	put("c", "1");
	link_to("c", "a");
	again();
	CHECK(leads_to(find("", "a"), "c", "1") && leads_to(find("", "b"), "c", "1"));
	end();
}

/* Several who all came before share one epoch. */
static void shared(void)
{
	begin();
	put("a.h", "one");
	const struct scan_file *f = find("", "a.h");
	uint32_t v = version(f);
	uint64_t s = disk_stamp(disk);

	disk_share(disk, true);
	again();
	CHECK(version(f) == v);
	put("a.h", "two");
	again();
	CHECK(version(f) == v &&
	      disk_file_fresh(disk, f, s)); /* it was so when they came */
	disk_share(disk, false);
	again();
	CHECK(version(f) != v && !disk_file_fresh(disk, f, s));
	v = version(f);
	put("b.h", "1");
	disk_share(disk, true); /* begins with a look at what there is by then */
	again();
	CHECK(find("", "b.h") && version(f) == v);
	disk_share(disk, false);
	end();
}

/* A look of long before is believed by who asked for that, and by nobody else, not in the same epoch either. */
static void believed(void)
{
	static const int64_t hour = (int64_t)3600 * 1000000000;

	begin();
	put("a.h", "one");
	link_to("a.h", "l.h");
	const struct scan_file *f = find("", "a.h"), *l = find("", "l.h");
	uint32_t v = version(f);
	uint64_t s = disk_stamp(disk);

	node(f)->racy = false; /* as if it had changed long before it was looked at */
	disk_share(disk, true);
	put("a.h", "two");
	again();
	disk_believe(disk, hour);
	CHECK(version(f) == v && disk_file_fresh(disk, f, s));
	again();
	CHECK(!disk_file_fresh(disk, f, s) && version(f) != v && version(l) == version(f));
	disk_share(disk, false);
	/* names, and where links lead, are not believed */
	put("b.h", "other");
	link_to("b.h", "l.h");
	again();
	disk_believe(disk, hour);
	CHECK(find("", "b.h") && leads_to(find("", "l.h"), "b.h", "other"));
	end();
}

/* The text that is scanned is the one that the digest is of. */
static void text_of_the_digest(void)
{
	const char *text;
	size_t n;

	begin();
	put("a.h", "one");
	const struct scan_file *f = find("", "a.h");
	uint32_t v = version(f);

	put("a.h", "two");
	CHECK(fs()->text(fs()->ctx, f, &text, &n) == 0 && n == 3 &&
	      memcmp(text, "one", 4) == 0);
	fs()->done(fs()->ctx, f, text, n);
	CHECK(fs()->text(fs()->ctx, f, &text, &n) ==
	      -1); /* and not that of another moment */
	CHECK(version(f) != v);
	v = version(f);
	put("a.h", "one");
	again();
	CHECK(version(f) == v || leads_to(f, "a.h", "one"));
	CHECK(fs()->text(fs()->ctx, f, &text, &n) == 0 && memcmp(text, "one", 4) == 0);
	fs()->done(fs()->ctx, f, text, n);
	end();
}

TESTS({"a file appears, goes, comes back", appears_and_goes}, {"other bytes", other_bytes},
      {"the same bytes with another time or mode", other_time},
      {"removed and made anew with equal content", same_again},
      {"changes within one tick of the clock", racy},
      {"names that come and go within one tick", racy_folder},
      {"a node looked at again at once", node_same}, {"files by their digest", by_digest},
      {"a link is turned", link_moves},
      {"a link is turned to what is known", link_moves_to_known},
      {"what a link leads to comes and goes", link_dangles},
      {"a folder becomes a file and back", folder_becomes_file},
      {"a folder becomes a link and back", folder_becomes_link},
      {"a link to a folder is turned, or becomes one", link_to_folder_moves},
      {".. is where the link leads", dots_behind_a_link}, {"links in a circle", link_loops},
      {"an epoch is shared", shared}, {"a look of long before is believed", believed},
      {"a text and its digest", text_of_the_digest})

/* Folders as they are remembered: what appears in them, what is only tracked, what walks pass. */
#include "disk_bed.h"
#include "test.h"

enum {
	NOBODY = 65534
};

/* -- below folders --------------------------------------------------------------------------- */

static void subfolder_appears(void)
{
	begin();
	CHECK(!find("", "a/b.h") && !find("", "a/c/d.h") && !is_dir("", "a") && !is_dir("", "a/c"));
	uint64_t g = generation();

	again();
	CHECK(generation() == g);
	folder("a");
	again();
	CHECK(generation() != g && is_dir("", "a") && !find("", "a/b.h"));
	g = generation();
	put("a/b.h", "1");
	again();
	CHECK(generation() != g && leads_to(find("", "a/b.h"), "a/b.h", "1"));
	CHECK(find("", "a/b.h") == find("a", "b.h")); /* one spelling, one object */
	g = generation();
	folder("a/c");
	put("a/c/d.h", "2");
	again();
	CHECK(generation() != g && is_dir("", "a/c") && is_dir("a", "c"));
	const struct scan_file *f = find("", "a/c/d.h");

	CHECK(leads_to(f, "a/c/d.h", "2"));
	g = generation();
	drop("a/c/d.h");
	drop("a/c");
	again();
	CHECK(generation() != g && version(f) == 0 && !find("", "a/c/d.h") && !is_dir("", "a/c"));
	CHECK(is_gone("a/c/d.h"));
	folder("a/c");
	put("a/c/d.h", "2");
	again();
	CHECK(find("", "a/c/d.h") == f && leads_to(f, "a/c/d.h", "2") && is_dir("", "a/c"));
	end();
}

static void search_folder_appears(void)
{
	begin();
	CHECK(!find("inc", "a.h") && !find("inc/deep", "a.h"));
	uint64_t g = generation();

	folder("inc");
	again();
	CHECK(generation() != g && !find("inc", "a.h"));
	g = generation();
	folder("inc/deep");
	put("inc/deep/a.h", "1");
	again();
	CHECK(generation() != g && leads_to(find("inc/deep", "a.h"), "inc/deep/a.h", "1"));
	g = generation();
	fs_remove_tree(at("inc"), NULL);
	again();
	CHECK(generation() != g && !find("inc/deep", "a.h") && !is_dir("", "inc"));
	CHECK(is_gone("inc/deep/a.h"));
	end();
}

/* The whole folder goes and comes back with equal content and times. */
static void folder_again(void)
{
	begin();
	folder("inc");
	put("inc/a.h", "1");
	const struct scan_file *f = find("inc", "a.h");
	uint32_t v = version(f);

	for (int i = 0; i < 3; i++) {
		fs_remove_tree(at("inc"), NULL);
		again();
		CHECK(version(f) == 0 && !find("inc", "a.h"));
		uint64_t s = disk_stamp(disk), g = generation();

		folder("inc");
		put("inc/a.h", "1");
		again();
		CHECK(generation() != g && find("inc", "a.h") == f && version(f) && version(f) != v);
		CHECK(disk_file_stamp(disk, f) > s);
		v = version(f);
	}
	/* … and between two looks, which need not be seen, but must not be believed wrongly */
	fs_remove_tree(at("inc"), NULL);
	folder("inc");
	put("inc/b.h", "2");
	again();
	CHECK(!find("inc", "a.h") && version(f) == 0);
	CHECK(leads_to(find("inc", "b.h"), "inc/b.h", "2"));
	end();
}

/* The name of a subfolder stands there all the time; what it leads to comes later. Two search lists look
 * there, and each must notice by its own track. */
static void linked_folder_appears(void)
{
	begin();
	struct track *other = track_new(disk);

	folder("inc");
	folder("gen");
	link_to("../gen/sub", "inc/sub");
	CHECK(!find("inc", "sub/a.h"));
	disk_begin(disk, other);
	CHECK(!find("inc", "sub/a.h"));
	uint64_t g = generation();

	folder("gen/sub");
	put("gen/sub/a.h", "1");
	disk_begin(disk, other);
	CHECK(generation() != g);
	CHECK(leads_to(find("inc", "sub/a.h"), "gen/sub/a.h", "1"));
	end();
}

static void only_what_is_tracked(void)
{
	begin();
	struct track *other = track_new(disk);

	folder("one");
	folder("two");
	CHECK(!find("one", "a.h"));
	disk_begin(disk, other);
	CHECK(!find("two", "a.h"));
	uint64_t g = generation();

	put("one/a.h", "1");
	disk_begin(disk, other);
	CHECK(generation() == g); /* nothing that this search list has looked at */
	disk_begin(disk, track);
	CHECK(generation() != g && leads_to(find("one", "a.h"), "one/a.h", "1"));
	g = generation();
	disk_begin(disk, NULL);
	put("two/a.h", "2");
	disk_begin(disk, NULL);
	CHECK(generation() == g);
	disk_begin(disk, other);
	CHECK(generation() != g && leads_to(find("two", "a.h"), "two/a.h", "2"));
	end();
}

/* A folder that one list has found is tracked by the next one that uses it, too. */
static void tracked_twice(void)
{
	begin();
	struct track *other = track_new(disk);

	folder("inc");
	CHECK(!find("inc", "a.h"));
	disk_begin(disk, other);
	CHECK(!find("inc", "a.h"));
	uint64_t g = generation();

	put("inc/a.h", "1");
	disk_begin(disk, other);
	CHECK(generation() != g && find("inc", "a.h"));
	end();
}

static void names_as_spelled(void)
{
	begin();
	folder("inc");
	put("inc/a.h", "1");
	CHECK(leads_to(find("inc/", "a.h"), "inc/a.h", "1"));
	CHECK(leads_to(find("", "inc//a.h"), "inc/a.h", "1"));
	CHECK(leads_to(find("", "./inc/./a.h"), "inc/a.h", "1"));
	CHECK(leads_to(find("nowhere", at("inc/a.h")), "inc/a.h", "1"));
	CHECK(!find("inc", "") && !find("inc", "..") && !find("", "inc") && !find("", "inc/"));
	CHECK(is_dir("", "inc") && is_dir("nowhere", at("inc")) && !is_dir("", "inc/a.h"));
	CHECK(strcmp(find("", "./inc/./a.h")->path, at("./inc/./a.h")) == 0);
	end();
}

/* -- what cannot be read --------------------------------------------------------------------- */

static void become_nobody(void)
{
	if (geteuid() == 0 && (chown(top, NOBODY, NOBODY) || setresgid(NOBODY, NOBODY, NOBODY) ||
			       setresuid(NOBODY, NOBODY, NOBODY)))
		abort();
}

static void unreadable_file(void)
{
	begin();
	become_nobody();
	put("a.h", "1");
	const struct scan_file *f = find("", "a.h");
	uint32_t v = version(f);
	struct digest d = node(f)->digest;

	CHECK(v);
	chmod(at("a.h"), 0);
	again();
	uint32_t closed = version(f);

	CHECK(closed != v && !node(f) && !disk_by_digest(disk, &d));
	CHECK(!disk_file_fresh(disk, f, disk_stamp(disk)));
	const char *text;
	size_t n;

	/* For the scan it is empty: whoever makes a plan sees that it has no node, and stays here. */
	CHECK(fs()->text(fs()->ctx, f, &text, &n) == 0 && n == 0);
	fs()->done(fs()->ctx, f, text, n);
	chmod(at("a.h"), 0644);
	again();
	CHECK(find("", "a.h") == f && leads_to(f, "a.h", "1") && version(f) != closed);
	end();
}

/* A folder that may be passed but not listed: only trying tells. */
static void unlistable_folder(void)
{
	begin();
	become_nobody();
	folder("inc");
	put("inc/a.h", "1");
	chmod(at("inc"), 0311);
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "1") && !find("inc", "b.h"));
	uint64_t g = generation();

	put("inc/b.h", "2");
	again();
	CHECK(generation() != g && leads_to(find("inc", "b.h"), "inc/b.h", "2"));
	drop("inc/b.h");
	again();
	CHECK(!find("inc", "b.h"));
	chmod(at("inc"), 0); /* not even passed */
	again();
	CHECK(!find("inc", "a.h") || !node(find("inc", "a.h")));
	chmod(at("inc"), 0755);
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "1") && !find("inc", "b.h"));
	end();
}

static void odd_things(void)
{
	begin();
	if (mkfifo(at("a.h"), 0644))
		abort();
	/* never opened: that would wait for a writer */
	CHECK(!find("", "a.h") || !node(find("", "a.h")));
	drop("a.h");
	put("a.h", "1");
	again();
	CHECK(leads_to(find("", "a.h"), "a.h", "1"));
	end();
}

static void texts(void)
{
	const char *text;
	size_t n;

	begin();
	put("a.h", "int x;\n");
	put("empty.h", "");
	CHECK(fs()->text(fs()->ctx, find("", "a.h"), &text, &n) == 0);
	CHECK(n == 7 && memcmp(text, "int x;\n", 8) == 0); /* with a NUL behind it */
	fs()->done(fs()->ctx, find("", "a.h"), text, n);
	CHECK(fs()->text(fs()->ctx, find("", "empty.h"), &text, &n) == 0 && n == 0 && !*text);
	fs()->done(fs()->ctx, find("", "empty.h"), text, n);
	const struct scan_file *f = find("", "a.h");

	drop("a.h");
	CHECK(fs()->text(fs()->ctx, f, &text, &n) == -1);
	end();
}

/* -- walks to places ------------------------------------------------------------------------- */

static enum node_kind walk(const char *name)
{
	walked[0] = 0;
	return disk_walk(disk, at(name), note_node, NULL);
}

static void places(void)
{
	begin();
	CHECK(walk("a/b") == NODE_GONE && strcmp(walked, "d ") == 0);
	folder("a");
	CHECK(walk("a/b") == NODE_GONE && strcmp(walked, "d d/a ") == 0);
	folder("a/b");
	CHECK(walk("a/b") == NODE_DIR && strcmp(walked, "d d/a d/a/b ") == 0);
	CHECK(walk("a/b/") == NODE_DIR && walk("a/./b/.") == NODE_DIR && walk("a/b/..") == NODE_DIR);
	drop("a/b");
	again();
	CHECK(walk("a/b") == NODE_GONE && strcmp(walked, "d d/a ") == 0);
	CHECK(is_gone("a/b"));
	put("a/b", "1");
	again();
	CHECK(walk("a/b") == NODE_FILE && strcmp(walked, "d d/a f/a/b ") == 0);
	CHECK(walk("a/b/c") == NODE_GONE);
	CHECK(disk_walk(disk, "/", note_node, NULL) == NODE_DIR);
	end();
}

static const struct node *last;

static void keep_node(void *ctx, struct node *n)
{
	(void)ctx;
	last = n;
}

/* A file that no scan asks for, a profile say: it is looked at when it is walked to, in each epoch. */
static void place_changes(void)
{
	struct digest d;

	begin();
	put("x.gcda", "one");
	CHECK(disk_walk(disk, at("x.gcda"), keep_node, NULL) == NODE_FILE);
	uint64_t s = last->stamp;

	put("x.gcda", "two");
	again();
	CHECK(disk_walk(disk, at("x.gcda"), keep_node, NULL) == NODE_FILE);
	hash_bytes("two", 3, &d);
	CHECK(digest_equal(&last->digest, &d) && last->stamp > s);
	drop("x.gcda");
	again();
	CHECK(walk("x.gcda") == NODE_GONE && is_gone("x.gcda"));
	end();
}

TESTS({"a subfolder of a name appears and goes", subfolder_appears},
      {"a folder of the search list appears and goes", search_folder_appears},
      {"a folder comes back with equal content", folder_again},
      {"what a linked folder leads to appears", linked_folder_appears},
      {"a track holds what its list has looked at", only_what_is_tracked},
      {"a folder in two tracks", tracked_twice}, {"names as they are spelled", names_as_spelled},
      {"a file that cannot be read", unreadable_file},
      {"a folder that cannot be listed", unlistable_folder},
      {"a pipe where a header should be", odd_things}, {"texts", texts},
      {"walks to places", places}, {"a place that changes", place_changes})
